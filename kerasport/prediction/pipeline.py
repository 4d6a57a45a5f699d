"""Runs rows through a model; reading and preparing, inference, and postprocessing overlap."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from kerasport.errors import InputError, OptionError
from kerasport.prediction.checks import check_batch, check_widths
from kerasport.prediction.durations import Durations
from kerasport.prediction.engine import Engine
from kerasport.prediction.preparing import Before, prepared
from kerasport.prediction.rows import Array, BadRow, Column, Reader, Rows
from kerasport.prediction.stages import stage
from kerasport.runtime.sessions import Port

After = Callable[[Mapping[str, Array]], Mapping[str, Array]]
ON_ERROR = ("stop", "skip", "null")
_CHUNK = 1 << 20  # bytes of inputs, or of outputs, that are handed on at once, so that small batches cost no handing on
_WAITING = 8 << 20  # bytes that may wait between two stages, beyond one chunk


@dataclass(frozen=True)
class Plan:
    """How rows go through a model.

    Attributes:
        batch_size: Rows that the model takes at a time.
        start: The first row.
        stop: The row after the last; None for all.
        before: Steps between reading and inference: other values in the same rows.
        after: Steps between inference and writing: other columns of the same rows.
        on_error: What becomes of rows that cannot be used: "stop" with an error, "skip" them, or "null", which gives
            NaN and empty strings in their places.
    """

    batch_size: int
    start: int = 0
    stop: int | None = None
    before: Sequence[Before] = ()
    after: Sequence[After] = ()
    on_error: str = "stop"


@dataclass(frozen=True)
class Predicted:
    """What came of consecutive rows.

    Attributes:
        start: The number of the first row.
        read: How many rows were read.
        columns: The columns that are kept, and then the outputs.
        bad: The rows that could not be used.
    """

    start: int
    read: int
    columns: Mapping[str, Array]
    bad: tuple[BadRow, ...]

    @property
    def end(self) -> int:
        """The number of the row after the last."""
        return self.start + self.read


class Pipeline:
    """One pass of rows through a model.

    Args:
        engine: The model.
        reader: Gives a column for each input, by its name; further columns are carried through.
        plan: How.

    Attributes:
        durations: How long each batch took.
    """

    def __init__(self, engine: Engine, reader: Reader, plan: Plan) -> None:
        self._engine, self._reader, self._plan = engine, reader, plan
        self._inputs = {port.name for port in engine.inputs}
        self._widths: list[tuple[int, ...]] = []
        self.durations = Durations()

    def run(self) -> Generator[Predicted, None, None]:
        """All rows, in order; an empty chunk if there are none.

        Raises:
            InputError: A row cannot be used, or outputs depend on the batch.
        """
        size = whole_batches(_CHUNK, self._plan.batch_size, self._reader.columns, self._engine.outputs)
        row = max(_row_bytes(self._reader.columns), 1)
        depth = max(1, min(8, _WAITING // (size * row)))
        prepared = stage(self._prepare, chunks(self._reader, size, self._plan), depth)
        with closing(stage(self._infer, prepared, depth)) as inferred:
            for predicted in inferred:
                yield self._finished(predicted)

    def _prepare(self, rows: Rows) -> Rows:
        return prepared(rows, self._engine.inputs, self._plan.before, self._plan.on_error)

    def _infer(self, rows: Rows) -> Predicted:
        parts = list(self._batches(rows))
        outputs = [results[0] if len(parts) == 1 else np.concatenate(results) for results in zip(*parts, strict=True)]
        columns = {name: array for name, array in rows.columns.items() if name not in self._inputs}
        names = [port.name for port in self._engine.outputs]
        return Predicted(rows.start, len(rows), columns | dict(zip(names, outputs, strict=True)), rows.bad)

    def _batches(self, rows: Rows) -> Iterator[list[Array]]:
        """The outputs of each batch."""
        size = self._plan.batch_size
        for at in range(0, max(len(rows), 1), size):
            batch = [rows.columns[port.name][at : at + size] for port in self._engine.inputs]
            for port, array in zip(self._engine.inputs, batch, strict=True):
                check_batch(port, len(array), rows.start + at)
            began = time.perf_counter()
            outputs = self._engine.run(batch)
            self.durations.add(time.perf_counter() - began)
            self._check(outputs, len(batch[0]), rows.start + at)
            yield outputs

    def _check(self, outputs: Sequence[Array], rows: int, start: int) -> None:
        """Raises InputError where outputs are not one row for each row, or not as wide as those before."""
        for port, output in zip(self._engine.outputs, outputs, strict=True):
            if output.ndim == 0 or len(output) != rows:
                what = "one number" if output.ndim == 0 else f"{len(output)} rows"
                raise InputError(
                    f"The output {port.name!r} is {what} for a batch of {rows} rows; it cannot be returned row by row.",
                    "From Python, Predictor.predict returns it for a single batch.",
                )
        self._widths = self._widths or [output.shape[1:] for output in outputs]
        check_widths(self._engine.outputs, self._widths, outputs, start)

    def _finished(self, predicted: Predicted) -> Predicted:
        """The steps that follow, and the bad rows left out, or without values."""
        columns = predicted.columns
        if self._plan.on_error == "null":
            kept = {column.name for column in self._reader.columns} - self._inputs
            columns = {n: array if n in kept else nulled(n, array, predicted) for n, array in columns.items()}
        for step in self._plan.after:
            columns = step(columns)
        if predicted.bad and self._plan.on_error != "null":
            good = np.ones(predicted.read, bool)
            good[[row.row - predicted.start for row in predicted.bad]] = False
            columns = {name: array[good] for name, array in columns.items()}
        return Predicted(predicted.start, predicted.read, columns, predicted.bad)


def nulled(name: str, array: Array, predicted: Predicted) -> Array:
    """An output with NaN, or empty strings, in the bad rows.

    Raises:
        OptionError: It has no such values.
    """
    if array.dtype.kind not in "fU":
        raise OptionError(
            f"The output {name!r} holds {array.dtype}, which has no NaN, so --on-error null cannot be used.",
            "Use --on-error skip, which leaves such rows out.",
        )
    if not predicted.bad:
        return array
    array = array.copy()
    array[[row.row - predicted.start for row in predicted.bad]] = "" if array.dtype.kind == "U" else np.nan
    return array


def chunks(reader: Reader, size: int, plan: Plan) -> Generator[Rows, None, None]:
    """The rows of a plan, so many at a time; an empty chunk if there are none.

    Raises:
        InputError: They cannot be read.
    """
    empty = True
    try:
        for rows in reader.batches(size, plan.start, plan.stop):
            yield rows
            empty = False
    except OSError as error:
        raise InputError(f"{reader.name} cannot be read: {error.strerror or error}.") from error
    if empty:
        yield Rows(plan.start, {c.name: np.empty((0, *c.shape), c.dtype) for c in reader.columns})


def whole_batches(size: int, batch_size: int, columns: Sequence[Column], outputs: Sequence[Port]) -> int:
    """The rows of as many batches as have so many bytes, of inputs or of outputs; of one at least."""
    made = [Column(port.name, tuple(dim or 1 for dim in port.shape[1:]), np.dtype(port.dtype)) for port in outputs]
    row = max(_row_bytes(columns), _row_bytes(made), 1)
    return batch_size * max(1, size // (row * batch_size))


def _row_bytes(columns: Sequence[Column]) -> int:
    return sum(column.dtype.itemsize * math.prod(column.shape) for column in columns)
