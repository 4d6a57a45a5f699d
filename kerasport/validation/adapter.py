"""An ONNX model seen through the inputs and outputs of the Keras model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kerasport.errors import InputError
from kerasport.graph import Graph
from kerasport.layers.base import TensorType, Value
from kerasport.validation.foreign import End, Ends, check_nchw, matched

if TYPE_CHECKING:
    from kerasport.runtime.sessions import Session

Array = NDArray[Any]


class Adapter:
    """An ONNX model with the inputs and outputs of the Keras model, in their number, order and axis order.

    Args:
        session: The ONNX model.
        inputs: Where the inputs are.
        outputs: Where the outputs are.
    """

    def __init__(self, session: Session, inputs: Sequence[End], outputs: Sequence[End]) -> None:
        self._session, self.inputs, self.outputs = session, tuple(inputs), tuple(outputs)

    def without_optimizer(self) -> Adapter:
        """The same model, run as it is written."""
        return Adapter(self._session.without_optimizer(), self.inputs, self.outputs)

    def read(self, inputs: Sequence[Array]) -> list[Array]:
        """The arrays as they are once they have the ONNX model's dtypes.

        Raises:
            InputError: Whole numbers are taken, and fractions given.
        """
        return [_read(end, np.asarray(array)) for end, array in zip(self.inputs, inputs, strict=True)]

    def feeds(self, inputs: Sequence[Array]) -> dict[str, Array]:
        """One array per input of the Keras model, as the ONNX model takes them."""
        return self._session.feeds(self._stored(inputs))

    def run(self, inputs: Sequence[Array]) -> list[Array]:
        """The outputs of the Keras model.

        Raises:
            InputError: ONNX Runtime refuses the inputs.
        """
        results = self._session.run(self._stored(inputs), [end.port.name for end in self.outputs])
        return [
            array if end.perm is None else array.transpose(np.argsort(end.perm))
            for end, array in zip(self.outputs, results, strict=True)
        ]

    def _stored(self, inputs: Sequence[Array]) -> list[Array]:
        pairs = zip(self.inputs, map(np.asarray, inputs), strict=True)
        arrays = {end.port.name: _arranged(end, array) for end, array in pairs}
        return [arrays[port.name] for port in self._session.inputs]


def _arranged(end: End, array: Array) -> Array:
    return array if end.perm is None or array.ndim != len(end.perm) else array.transpose(end.perm)


def _read(end: End, array: Array) -> Array:
    there = np.dtype(end.port.dtype)
    if array.dtype == there or array.dtype.kind not in "fiub" or there.kind not in "fiub":
        return array
    with np.errstate(over="ignore", invalid="ignore"):
        read = array.astype(there).astype(array.dtype)
    if there.kind != "f" and not np.array_equal(read, array):
        raise InputError(f"The ONNX model's input {end.port.name!r} takes {end.port.dtype}; other numbers are given.")
    return read


def adapted(graph: Graph, session: Session, ends: Ends, own: bool) -> Adapter:
    """Finds the inputs and outputs of a Keras model in an ONNX model.

    Args:
        graph: The Keras model.
        session: The ONNX model.
        ends: What the user says of them.
        own: Whether kerasport made the ONNX model, with inputs and outputs in Keras's order.

    Raises:
        InputError: They cannot be told, or are not there.
        OptionError: There are no such names.
    """
    outputs = [Value(name, value.type) for name, value in zip(graph.output_names, graph.outputs, strict=True)]
    check_nchw(ends.nchw, [*graph.inputs, *outputs], [*session.inputs, *session.outputs])
    if own and ends == Ends():
        same = len(session.inputs) == len(graph.inputs), len(session.outputs) == len(outputs)
        if all(same):
            pairs = zip([*graph.inputs, *outputs], [*session.inputs, *session.outputs], strict=True)
            found = [End(value.name, port) for value, port in pairs]
            return Adapter(session, found[: len(graph.inputs)], found[len(graph.inputs) :])
    return Adapter(
        session,
        matched("input", graph.inputs, session.inputs, ends.inputs, ends.nchw),
        matched("output", outputs, session.outputs, ends.outputs, ends.nchw),
    )


def as_fixed(graph: Graph, ends: Sequence[End]) -> Graph:
    """The graph with those sizes of its inputs that only the ONNX model fixes, as of the batch."""
    fixed = [replace(value, type=_fixed(value.type, end)) for value, end in zip(graph.inputs, ends, strict=True)]
    return replace(graph, inputs=tuple(fixed))


def _fixed(type_: TensorType, end: End) -> TensorType:
    order = range(type_.rank) if end.perm is None else np.argsort(end.perm)
    there = [end.port.shape[axis] for axis in order] if end.port.shape else type_.shape
    return type_.with_shape([dim if dim is not None else other for dim, other in zip(type_.shape, there, strict=True)])
