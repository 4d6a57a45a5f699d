"""Auxiliary operations in the graph: mask computations, casts, logic. Arithmetic is in ``operators``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import numpy as np

from kerasport.errors import LayerError
from kerasport.layers.base import Dim, Shape, Spec, TensorType
from kerasport.layers.frozen import frozen

NARROW = frozenset(("bool", "int8", "uint8", "int16", "uint16"))


@frozen
class Op(Spec):
    """The base of operations; they carry no mask and take integers as they are."""

    carries_mask: ClassVar[bool] = False
    float_only: ClassVar[bool] = False

    @property
    def widens(self) -> bool:
        """Whether it is computed in int32 for ``NARROW`` inputs.

        ONNX does not define its operator for them, or ONNX Runtime does not implement it; casting the result back
        wraps around as the narrow type does.
        """
        return False


@frozen
class Unchanged(Op):
    """The input itself."""

    def infer(self, *inputs: TensorType) -> TensorType:
        """The input's type."""
        return inputs[0]


@frozen
class NotEqualTo(Op):
    """``x != value``, elementwise; bool."""

    value: float

    def infer(self, *inputs: TensorType) -> TensorType:
        """The input's shape, bool."""
        return inputs[0].with_dtype("bool")


@frozen
class ReduceAny(Op):
    """Whether anything is true along some axes; bool.

    Attributes:
        axes: May be negative.
        keepdims: Whether they stay, with size 1.
    """

    axes: tuple[int, ...] = (-1,)
    keepdims: bool = False

    def infer(self, *inputs: TensorType) -> TensorType:
        """The input's shape without the axes, or with 1 there; bool."""
        return TensorType(reduced_shape(inputs[0].shape, self.axes, self.keepdims), "bool")


@frozen
class Logical(Op):
    """``and``, ``or`` or ``xor`` of two bool tensors, broadcast as NumPy does; bool."""

    function: str

    def infer(self, *inputs: TensorType) -> TensorType:
        """The broadcast shape, bool."""
        return TensorType(broadcast_shape(*(x.shape for x in inputs)), "bool")


@frozen
class LogicalNot(Op):
    """``not x``, elementwise; bool."""

    def infer(self, *inputs: TensorType) -> TensorType:
        """The input's shape, bool."""
        return inputs[0].with_dtype("bool")


@frozen
class CastTo(Op):
    """The same values in another dtype."""

    dtype: str
    moves_values: ClassVar[bool] = True

    def infer(self, *inputs: TensorType) -> TensorType:
        """The input's shape in the new dtype."""
        content = inputs[0].content if self.dtype in ("int32", "int64") else None
        return TensorType(inputs[0].shape, self.dtype, content)


def reduced_shape(shape: Shape, axes: tuple[int, ...], keepdims: bool) -> Shape:
    """The shape after reducing some axes."""
    reduced = {axis % len(shape) for axis in axes}
    if keepdims:
        return tuple(1 if axis in reduced else dim for axis, dim in enumerate(shape))
    return tuple(dim for axis, dim in enumerate(shape) if axis not in reduced)


def broadcast_shape(*shapes: Shape) -> Shape:
    """The shape that these come to under NumPy's rules; None where two unknown dimensions meet.

    Raises:
        LayerError: They do not fit together.
    """
    rank = max(map(len, shapes))
    padded = [(1,) * (rank - len(shape)) + shape for shape in shapes]
    return tuple(_broadcast_dim(dims, shapes) for dims in zip(*padded, strict=True))


def promoted(dtypes: Iterable[str]) -> str:
    """The dtype that holds what several hold: NumPy's, with float32 for whole numbers of 64 bits with and without sign.

    Args:
        dtypes: Of whole numbers, or all one.
    """
    found = sorted(set(dtypes))
    if len(found) == 1:
        return found[0]
    dtype = np.result_type(*found)
    return "float32" if dtype.kind == "f" else str(dtype)


def _broadcast_dim(dims: tuple[Dim, ...], shapes: tuple[Shape, ...]) -> Dim:
    sizes = {dim for dim in dims if dim is not None and dim != 1}
    if len(sizes) > 1:
        raise LayerError(f"shapes {' and '.join(map(str, shapes))} do not broadcast")
    return sizes.pop() if sizes else (None if None in dims else 1)
