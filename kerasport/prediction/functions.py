"""Functions for other engines: for Spark's ``predict_batch_udf``, and from data frame to data frame.

    from pyspark.ml.functions import predict_batch_udf
    score = predict_batch_udf(kerasport.batch_function("model.onnx"), return_type=FloatType(), batch_size=1024)
    frame.withColumn("score", score("age", "income"))

    frame.join(kerasport.frame_function("model.onnx")(frame))      pandas
    spark_frame.mapInPandas(lambda frames: map(function, frames), schema)

Both are pickled to where they run, and open the model there when they are first called: the model file has to be there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kerasport.errors import InputError
from kerasport.prediction.predictor import Predictor
from kerasport.prediction.rows import Array
from kerasport.runtime.sessions import Port

if TYPE_CHECKING:
    import pandas as pd


class _Opened:
    """A model that is opened where it is first needed, and left behind when it is pickled."""

    def __init__(self, model: str | Path, batch_size: int | None, options: Mapping[str, Any]) -> None:
        self._model, self._batch_size, self._options = model, batch_size, dict(options)
        self._predictor: Predictor | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_predictor": None}

    def predictor(self) -> Predictor:
        if self._predictor is None:
            self._predictor = Predictor(self._model, **self._options)
        return self._predictor

    def outputs(self, arrays: Mapping[str, Array]) -> dict[str, Array]:
        """By name; a column of one number is an array of numbers."""
        predictor = self.predictor()
        outputs = zip(predictor.outputs, predictor.predict(arrays, self._batch_size), strict=True)
        return {port.name: array[:, 0] if array.shape[1:] == (1,) else array for port, array in outputs}


class BatchFunction(_Opened):
    """Makes a function of a batch, as Spark's ``predict_batch_udf`` wants it."""

    def __call__(self) -> Callable[..., Array | dict[str, Array]]:
        """The function: one array for each input, in order, to the output, or to outputs by name."""

        def predict(*arrays: Array) -> Array | dict[str, Array]:
            outputs = self.outputs(_inputs(self.predictor().inputs, arrays))
            return outputs if len(outputs) > 1 else next(iter(outputs.values()))

        return predict


class FrameFunction(_Opened):
    """Predicts the rows of a data frame."""

    def __init__(
        self,
        model: str | Path,
        columns: Mapping[str, Sequence[str]],
        batch_size: int | None,
        options: Mapping[str, Any],
    ) -> None:
        super().__init__(model, batch_size, options)
        self._columns = columns

    def __call__(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The outputs, with the frame's index; an output of k numbers a row makes k columns, ``NAME_0`` and on.

        Raises:
            InputError: The frame lacks columns, or its rows cannot be used.
        """
        import pandas as pd

        arrays = {port.name: self._array(port, frame) for port in self.predictor().inputs}
        columns: dict[str, Any] = {}
        for name, array in self.outputs(arrays).items():
            if array.ndim == 1:
                columns[name] = array
            else:
                flat = array.reshape(len(array), -1)
                columns |= {f"{name}_{index}": flat[:, index] for index in range(flat.shape[1])}
        return pd.DataFrame(columns, index=frame.index)

    def _array(self, port: Port, frame: pd.DataFrame) -> Array:
        """An input: the columns that were named, the one of its name, or all of them."""
        names = list(self._columns.get(port.name, [port.name] if port.name in frame else frame.columns))
        missing = [name for name in names if name not in frame]
        if missing:
            there = ", ".join(map(str, frame.columns))
            raise InputError(f"The data frame has no column {missing[0]!r}; it has {there}.")
        values = frame[names].to_numpy() if len(names) > 1 else frame[names[0]].to_numpy()
        stacked = np.stack(list(values)) if values.dtype == object and len(values) else values
        return stacked[:, None] if stacked.ndim == 1 and len(port.shape) == 2 else stacked


def batch_function(model: str | Path, *, batch_size: int | None = None, **options: Any) -> BatchFunction:
    """What ``pyspark.ml.functions.predict_batch_udf`` takes as ``make_predict_fn``.

    Args:
        model: An ONNX file, or a Keras file, where the workers can read it.
        batch_size: Rows at a time; None lets kerasport choose among those that Spark gives at once.
        **options: Those of ``Predictor``; ``threads=1`` suits executors with one core a task.
    """
    return BatchFunction(model, batch_size, options)


def frame_function(
    model: str | Path,
    *,
    columns: Mapping[str, Sequence[str]] | None = None,
    batch_size: int | None = None,
    **options: Any,
) -> FrameFunction:
    """A function from a pandas data frame to one of the predictions, with the same index.

    Args:
        model: An ONNX file, or a Keras file.
        columns: For an input, the columns that make it up; otherwise the column of its name, or all columns.
        batch_size: Rows at a time; None lets kerasport choose.
        **options: Those of ``Predictor``.
    """
    return FrameFunction(model, columns or {}, batch_size, options)


def _inputs(ports: Sequence[Port], arrays: Sequence[Array]) -> dict[str, Array]:
    """The arrays by input: one for each, or for a single input one for each of its features."""
    if len(ports) == 1 and len(arrays) > 1:
        arrays = [np.stack(arrays, axis=1)]
    if len(ports) != len(arrays):
        names = ", ".join(port.name for port in ports)
        raise InputError(f"The model has {len(ports)} inputs ({names}) and {len(arrays)} columns are given.")
    return {
        port.name: array[:, None] if array.ndim == 1 and len(port.shape) == 2 else array
        for port, array in zip(ports, arrays, strict=True)
    }
