"""A model that predicts, from an ONNX or Keras file, with one of two engines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self, TypeAlias, Unpack

import numpy as np

from kerasport.errors import InputError, NotAModelError, OptionError
from kerasport.finite import NotFinite
from kerasport.loading import LoadedModel, Reading, load
from kerasport.onnxfile import notes
from kerasport.parts.states import with_states
from kerasport.prediction.batch_size import default, fastest, worth_trying
from kerasport.prediction.checks import check, check_rows, check_widths, named
from kerasport.prediction.engine import Engine, StatefulEngine, carrying_states
from kerasport.prediction.memory import Arrays
from kerasport.prediction.padding import Padded
from kerasport.prediction.pipeline import Pipeline, Plan
from kerasport.prediction.preparing import Before, prepared
from kerasport.prediction.rows import Array, Reader, Table
from kerasport.reader.sniff import HDF5_MAGIC
from kerasport.runtime.processors import usable_cores
from kerasport.runtime.sessions import Port, Session, port_of

Data: TypeAlias = Array | Sequence[Array] | Mapping[str, Array]
ENGINES = ("onnxruntime", "reference")


class _Reference:
    """The NumPy reference as an engine."""

    def __init__(self, model: LoadedModel, states: str) -> None:
        graph = self._graph = with_states(model.graph, states)
        self.states = {state.output: state.input for state in graph.states}
        self.inputs = tuple(port_of(v.name, v.type) for v in graph.inputs)
        self.outputs = tuple(port_of(name, v.type) for name, v in zip(graph.output_names, graph.outputs, strict=True))

    def run(self, inputs: Sequence[Array]) -> list[Array]:
        from kerasport import reference

        with np.errstate(all="ignore"):  # as ONNX Runtime, which says nothing of NaN
            return reference.run(self._graph, inputs)


class Predictor:
    """A model ready to predict; a context manager.

    Args:
        model: An ONNX file, or a Keras file, which is converted in memory.
        engine: "onnxruntime", or "reference" for the NumPy reference (Keras files only).
        threads: Threads of ONNX Runtime; 0 for one per core that the process may use.
        provider: The execution provider of ONNX Runtime: "cpu", "cuda", "coreml", "openvino" or "directml".
        states: For a Keras file, "reset": stateful layers start every batch from zero states; "carry": they start from
            the states of the previous batch, as in Keras, until ``reset_states``. An ONNX file records which.
        **reading: How a Keras file is read; see ``kerasport.loading.Reading``.

    Attributes:
        files: The model's files.
        opening: Opens the same model again.
        threads: Threads of ONNX Runtime.
        provider: Its execution provider.
        settings: The options that affect results, if only in the last digit, by name.

    Raises:
        FileError: The file cannot be read.
        UnsupportedModelError: The Keras file has unsupported layers.
        OptionError: The engine cannot run this file, or the provider is not available.
    """

    def __init__(
        self,
        model: str | Path,
        *,
        engine: str = "onnxruntime",
        threads: int = 0,
        provider: str = "cpu",
        states: str = "reset",
        **reading: Unpack[Reading],
    ) -> None:
        if engine not in ENGINES:
            raise OptionError(f"There is no engine {engine!r}.", f"Choose one of {', '.join(ENGINES)}.")
        path = Path(model)
        self._loaded: LoadedModel | None = None
        weights = reading.get("weights")
        self.files = (path, *([] if weights is None else [Path(weights)]))
        self.threads, self.provider = threads or usable_cores(), provider
        self.settings = {"--engine": engine, "--threads": self.threads, "--provider": provider, "--states": states}
        self.settings |= {name: str(value) for name, value in reading.items()}
        self.opening = partial(
            Predictor, path, engine=engine, threads=self.threads, provider=provider, states=states, **reading
        )
        if _is_onnx(path):
            if engine == "reference":
                raise OptionError(f"{path} is an ONNX file; the reference runs Keras files only.")
            if weights is not None:
                raise OptionError(f"{path} is an ONNX file, which contains its weights.")
            self._engine = self._session(path)
            return
        self._loaded = load(path, **reading)
        try:
            self._engine = self._of_keras(self._loaded, engine, states)
        except BaseException:
            self._loaded.close()
            raise

    @property
    def inputs(self) -> tuple[Port, ...]:
        """The model's inputs in order."""
        return self._engine.inputs

    @property
    def outputs(self) -> tuple[Port, ...]:
        """The model's outputs in order."""
        return self._engine.outputs

    @property
    def fixed_batch(self) -> int | None:
        """The only batch size that the model takes, if it is fixed, as in stateful models."""
        return next((port.shape[0] for port in self.inputs if port.shape and port.shape[0]), None)

    @property
    def stateful(self) -> bool:
        """Whether each batch starts from the states of the previous one."""
        return isinstance(self._engine, StatefulEngine)

    def batches(self, batches: Iterable[Data]) -> Iterator[list[Array]]:
        """Yields the outputs of each batch, in order, as the batches come.

        Args:
            batches: For each batch an array, one array per input in order, or arrays by input name.

        Raises:
            InputError: A batch does not fit or contains NaN, or its outputs have another shape than those before; the
                message counts rows from 0 over all batches.
        """
        start = 0
        shapes: list[tuple[int, ...]] = []
        for batch in batches:
            given = named(self.inputs, batch)
            arrays = [check_rows(port, array, start) for port, array in zip(self.inputs, given, strict=True)]
            outputs = self._engine.run(arrays)
            shapes = shapes or [output.shape[1:] for output in outputs]
            check_widths(self.outputs, shapes, outputs, start)
            yield outputs
            start += len(arrays[0]) if arrays else 0

    def predict(self, data: Data, batch_size: int | None = None) -> list[Array]:
        """Returns the outputs for whole arrays, in the model's order.

        Args:
            data: An array, a list of arrays in the order of the inputs, or arrays by input name; batch first.
            batch_size: Rows per batch; None lets kerasport choose.

        Raises:
            InputError: The data does not fit the model, or contains unusable rows.
        """
        return self.read(self.table(data), batch_size)

    def table(self, data: Data) -> Arrays:
        """Whole arrays as a table of the inputs.

        Raises:
            InputError: The data does not fit the model.
        """
        arrays = named(self.inputs, data)
        for port, array in zip(self.inputs, arrays, strict=True):
            check(port, array.shape, array.dtype)
        rows = {len(array) for array in arrays}
        if len(rows) != 1:
            raise InputError(f"The inputs have different numbers of rows: {sorted(rows)}.")
        return Arrays({port.name: array for port, array in zip(self.inputs, arrays, strict=True)})

    def read(self, table: Table, batch_size: int | None = None, before: Sequence[Before] = ()) -> list[Array]:
        """The outputs for all rows of a table, after some steps, in the model's order."""
        size = self.batch_size(table, batch_size, before)
        if isinstance(table, Arrays) and table.rows <= size and not before:
            return next(self.batches([table.arrays]))
        names = [port.name for port in self.outputs]
        chunks = self.pipeline(table, Plan(size, before=before)).run()
        parts = [[predicted.columns[name] for name in names] for predicted in chunks]
        return [np.concatenate(outputs) for outputs in zip(*parts, strict=True)]

    def pipeline(self, reader: Reader, plan: Plan) -> Pipeline:
        """A pass of rows through the model; the reader has a column for each input, by its name."""
        as_it_comes = self.provider == "cpu" or self.stateful or self.fixed_batch
        return Pipeline(self._engine if as_it_comes else Padded(self._engine, plan.batch_size), reader, plan)

    def batch_size(self, reader: Table, wanted: int | None = None, before: Sequence[Before] = ()) -> int:
        """The batch size: what the model requires, else what is wanted, else the fastest one found.

        Args:
            reader: What will be read; its first rows are used for timing, if there are many and they can be read twice.
            wanted: The user's choice, if any.
            before: The steps between reading and inference.
        """
        given = self.fixed_batch or wanted
        if given:
            return given
        size = default(reader.columns)
        if not isinstance(self._engine, Session) or not worth_trying(reader):
            return size
        rows = prepared(next(iter(reader.batches(size))), self.inputs, before, "skip")
        return fastest(self._engine, [rows.columns[port.name] for port in self.inputs])

    def reset_states(self) -> None:
        """Makes the next batch start from zero states, if states are carried."""
        if isinstance(self._engine, StatefulEngine):
            self._engine.reset()

    @property
    def not_finite(self) -> tuple[NotFinite, ...]:
        """The weights of a Keras file with NaN or infinite values, as far as weights were read."""
        return self._loaded.not_finite if self._loaded is not None else ()

    def close(self) -> None:
        """Closes the model file."""
        if self._loaded is not None:
            self._loaded.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _of_keras(self, model: LoadedModel, engine: str, states: str) -> Engine:
        """The engine for a Keras file."""
        if engine == "reference":
            model.saved.check()
            reference = _Reference(model, states)
            return carrying_states(reference, reference.states)
        from kerasport.conversion import to_onnx_bytes

        return self._session(to_onnx_bytes(model, states))

    def _session(self, model: Path | bytes) -> Engine:
        session = Session(model, threads=self.threads, provider=self.provider)
        self.settings["onnxruntime"] = session.version
        return carrying_states(session, notes.states(session.metadata))


def _is_onnx(path: Path) -> bool:
    """By content; what is neither HDF5 nor ONNX is left to the Keras reader, which says what it is."""
    from kerasport.reader import others

    if not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(4096)
    if head.startswith(HDF5_MAGIC):
        return False
    what, hint = others.describe(path, head, path.stat().st_size)
    if "ONNX" in what:
        return True
    if path.suffix == ".onnx":
        raise NotAModelError(f"{path} is not an ONNX file: it is {what}.", hint)
    return False
