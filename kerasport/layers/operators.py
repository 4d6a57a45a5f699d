"""Keras's operations between layers: arithmetic, comparisons, and what moves or joins data without being a layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from kerasport.errors import LayerError
from kerasport.layers.base import Dim, TensorType, normalize_axis
from kerasport.layers.ops import Op, broadcast_shape

# A constant array as nested tuples of numbers, so that specs can be compared.
Literal = Any
ARITHMETIC = frozenset(["add", "subtract", "multiply", "divide", "power", "maximum", "minimum"])
COMPARISONS = frozenset(["equal", "not_equal", "greater", "greater_equal", "less", "less_equal"])


@dataclass(frozen=True, kw_only=True)
class Binary(Op):
    """``left (op) right``, elementwise, broadcast as NumPy does; one side may be a constant.

    Attributes:
        function: One of ARITHMETIC or COMPARISONS.
        left: The constant on the left, or None where the first input stands there.
        right: The constant on the right, or None where an input stands there.
    """

    function: str
    left: Literal = None
    right: Literal = None

    @property
    def constant(self) -> Literal:
        """The constant side, or None."""
        return self.right if self.left is None else self.left

    def operand_dtype(self, *inputs: TensorType) -> str:
        """What both sides are computed in: float32 where one side or the function is fractional."""
        dtypes = [x.dtype for x in inputs]
        fractional = self.constant is not None and np.asarray(self.constant).dtype.kind == "f"
        if fractional or self.function == "divide" or any(dtype.startswith("float") for dtype in dtypes):
            return "float32"
        return max(dtypes, key=lambda dtype: np.dtype(dtype).itemsize)

    def infer(self, *inputs: TensorType) -> TensorType:
        """The broadcast shape; bool for comparisons."""
        constants = [np.shape(self.constant)] if self.constant is not None else []
        shape = broadcast_shape(*(x.shape for x in inputs), *constants)
        return TensorType(shape, "bool" if self.function in COMPARISONS else self.operand_dtype(*inputs))


@dataclass(frozen=True, kw_only=True)
class ExpandDims(Op):
    """A new axis of size 1 at ``axis`` of the result."""

    axis: int

    def infer(self, *inputs: TensorType) -> TensorType:
        """The input's shape with 1 put in."""
        shape = list(inputs[0].shape)
        shape.insert(normalize_axis(self.axis, len(shape) + 1), 1)
        return inputs[0].with_shape(shape)


@dataclass(frozen=True, kw_only=True)
class FilledLike(Op):
    """One value everywhere, in the input's shape: ``zeros_like`` and ``ones_like``.

    Attributes:
        value: The value.
        dtype: Its dtype; None for the input's.
    """

    value: float
    dtype: str | None = None

    def infer(self, *inputs: TensorType) -> TensorType:
        """The input's shape."""
        return inputs[0].with_dtype(self.dtype or inputs[0].dtype)


@dataclass(frozen=True, kw_only=True)
class Join(Op):
    """Tensors one behind the other along an axis; unlike the layer Concatenate, masks do not matter."""

    axis: int

    def infer(self, *inputs: TensorType) -> TensorType:
        """The inputs' shape with the axis summed."""
        axis = normalize_axis(self.axis, inputs[0].rank)
        sizes = [x.shape[axis] for x in inputs]
        total: Dim = None if None in sizes else sum(size or 0 for size in sizes)
        return inputs[0].with_shape((*inputs[0].shape[:axis], total, *inputs[0].shape[axis + 1 :]))


@dataclass(frozen=True, kw_only=True)
class GetItem(Op):
    """``x[index]`` with basic indexing.

    Attributes:
        index: Whole numbers, None for a new axis, Ellipsis, and slices as (start, stop, step).
    """

    index: tuple[Any, ...]

    def expanded(self, rank: int) -> list[Any]:
        """The index with the Ellipsis written out, one entry per axis (and None for new axes)."""
        given = sum(entry is not None and entry is not Ellipsis for entry in self.index)
        if given > rank:
            raise LayerError(f"{given} indices for a tensor of rank {rank}")
        whole = [(None, None, None)] * (rank - given)
        if Ellipsis not in self.index:
            return [*self.index, *whole]
        place = self.index.index(Ellipsis)
        return [*self.index[:place], *whole, *self.index[place + 1 :]]

    def infer(self, *inputs: TensorType) -> TensorType:
        """NumPy's rules, dimension by dimension."""
        dims = iter(inputs[0].shape)
        shape: list[Dim] = []
        for entry in self.expanded(inputs[0].rank):
            if entry is None:
                shape.append(1)
            elif isinstance(entry, tuple):
                shape.append(_sliced(next(dims), entry))
            else:
                next(dims)
        return inputs[0].with_shape(shape)


def _sliced(dim: Dim, entry: tuple[int | None, int | None, int | None]) -> Dim:
    if entry[:2] == (None, None) and entry[2] in (None, 1, -1):
        return dim
    return None if dim is None else len(range(dim)[slice(*entry)])
