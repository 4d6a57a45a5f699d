"""A model that predicts: ONNX or Keras, with one of two engines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, Unpack

import numpy as np
from numpy.typing import NDArray

from kerasport import notes
from kerasport.errors import InputError, NotAModelError, OptionError
from kerasport.loading import LoadedModel, Reading, load
from kerasport.prediction.carrying import Carrying, Engine, carrying
from kerasport.prediction.checks import check, check_rows, check_widths, named
from kerasport.reader.sniff import HDF5_MAGIC
from kerasport.runtime import Port, Session, port_of
from kerasport.states import with_states

Array = NDArray[Any]
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

        return reference.run(self._graph, inputs)


class Predictor:
    """A model ready to predict; a context manager.

    Args:
        model: An ONNX file, or a Keras file, which is converted in memory.
        engine: "onnxruntime", or "reference" for the NumPy reference (Keras files only).
        threads: Threads of ONNX Runtime; 0 lets it choose.
        states: For a Keras file, "reset": stateful layers start every batch from zero states; "carry": they start from
            those that the batch before left, as in Keras, until ``reset_states``. An ONNX file says itself.
        **reading: How a Keras file is read, as in ``kerasport.loading.Reading``.

    Raises:
        FileError: The file cannot be read.
        UnsupportedModelError: The Keras file has layers that are not supported.
        OptionError: The engine cannot run this file.
    """

    def __init__(
        self,
        model: str | Path,
        *,
        engine: str = "onnxruntime",
        threads: int = 0,
        states: str = "reset",
        **reading: Unpack[Reading],
    ) -> None:
        if engine not in ENGINES:
            raise OptionError(f"There is no engine {engine!r}.", f"Choose one of {', '.join(ENGINES)}.")
        path = Path(model)
        self._loaded: LoadedModel | None = None
        if _is_onnx(path):
            if engine == "reference":
                raise OptionError(f"{path} is an ONNX file; the reference runs Keras files only.")
            if reading.get("weights") is not None:
                raise OptionError(f"{path} is an ONNX file, which has its weights in it.")
            session = Session(path, threads=threads)
            self._engine: Engine = carrying(session, notes.states(session.metadata))
            return
        self._loaded = load(path, **reading)
        try:
            self._engine = _of_keras(self._loaded, engine, threads, states)
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
        """The only number of rows that the model takes at a time, if there is one: stateful ones have it."""
        return next((port.shape[0] for port in self.inputs if port.shape and port.shape[0]), None)

    def batches(self, batches: Iterable[Sequence[Array]]) -> Iterator[list[Array]]:
        """The outputs of each batch, in order.

        Args:
            batches: For each batch, one array per input, in order.

        Raises:
            InputError: A batch does not fit, or holds NaN, or its outputs are not as wide as those before; the message
                counts rows from 0 over all batches.
        """
        start = 0
        shapes: list[tuple[int, ...]] = []
        for batch in batches:
            arrays = [check_rows(port, array, start) for port, array in zip(self.inputs, batch, strict=True)]
            outputs = self._engine.run(arrays)
            shapes = shapes or [output.shape[1:] for output in outputs]
            check_widths(self.outputs, shapes, outputs, start)
            yield outputs
            start += len(batch[0]) if batch else 0

    def predict(self, data: Array | Sequence[Array] | Mapping[str, Array], batch_size: int = 32) -> list[Array]:
        """The outputs for whole arrays, in the model's order."""
        arrays = named(self.inputs, data)
        for port, array in zip(self.inputs, arrays, strict=True):
            check(port, array.shape, array.dtype)
        rows = {len(array) for array in arrays}
        if len(rows) != 1:
            raise InputError(f"The inputs have different numbers of rows: {sorted(rows)}.")
        (count,) = rows
        size = self.fixed_batch or batch_size
        results = list(self.batches([a[i : i + size] for a in arrays] for i in range(0, max(count, 1), size)))
        if len(results) == 1:
            return list(results[0])
        for port, first in zip(self.outputs, results[0], strict=True):
            if first.ndim == 0:
                hint = f"Give all {count:,} rows in one batch, with --batch-size {count}."
                raise InputError(f"The output {port.name!r} is one number for a whole batch.", hint)
        return [np.concatenate(parts) for parts in zip(*results, strict=True)]

    def reset_states(self) -> None:
        """Lets the next batch start from zero states, where states are carried."""
        if isinstance(self._engine, Carrying):
            self._engine.reset()

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


def predict(
    model: str | Path,
    data: Array | Sequence[Array] | Mapping[str, Array],
    *,
    batch_size: int = 32,
    engine: str = "onnxruntime",
    states: str = "reset",
    **reading: Unpack[Reading],
) -> Array | list[Array]:
    """Predictions for arrays.

    Args:
        model: An ONNX file, or a Keras file, which is converted in memory.
        data: An array, a list of arrays in the order of the inputs, or arrays by input name; batch first.
        batch_size: Rows at a time.
        engine: "onnxruntime" or "reference".
        states: "reset" or "carry": whether stateful layers of a Keras file start every batch from zero states.
        **reading: How a Keras file is read, as in ``kerasport.loading.Reading``.

    Returns:
        The output, or a list of them when the model has several.

    Raises:
        FileError: The file cannot be read.
        UnsupportedModelError: The Keras file has layers that are not supported.
        InputError: The data does not fit the model.
    """
    with Predictor(model, engine=engine, states=states, **reading) as predictor:
        outputs = predictor.predict(data, batch_size)
    return outputs[0] if len(outputs) == 1 else outputs


def _of_keras(model: LoadedModel, engine: str, threads: int, states: str) -> Engine:
    """The engine for a Keras file."""
    if engine == "reference":
        reference = _Reference(model, states)
        return carrying(reference, reference.states)
    from kerasport.conversion import to_onnx_bytes

    session = Session(to_onnx_bytes(model, states), threads=threads)
    return carrying(session, notes.states(session.metadata))


def _is_onnx(path: Path) -> bool:
    """By content; what is neither HDF5 nor ONNX is left to the Keras reader, which says what it is."""
    from kerasport.reader import sniff

    if not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(4096)
    if head.startswith(HDF5_MAGIC):
        return False
    what, hint = sniff.describe(path, head, path.stat().st_size)
    if "ONNX" in what:
        return True
    if path.suffix == ".onnx":
        raise NotAModelError(f"{path} is not an ONNX file: it is {what}.", hint)
    return False
