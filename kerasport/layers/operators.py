"""Operations between layers: arithmetic, comparisons, and moving or joining data."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from kerasport.errors import LayerError
from kerasport.layers.base import Dim, TensorType, normalize_axis
from kerasport.layers.frozen import frozen
from kerasport.layers.ops import Op, broadcast_shape, promoted

# A constant array as nested tuples of numbers, so that specs can be compared.
Literal = Any
ARITHMETIC = frozenset(
    ["add", "subtract", "multiply", "divide", "power", "maximum", "minimum", "floor_divide", "mod", "fmod", "arctan2"]
)
COMPARISONS = frozenset(["equal", "not_equal", "greater", "greater_equal", "less", "less_equal"])
_FRACTIONAL = frozenset(["divide", "arctan2"])
_EXACT: dict[str, Callable[[int, int], int]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "floor_divide": operator.floordiv,
    "maximum": max,
    "minimum": min,
}


@frozen
class Binary(Op):
    """``left (op) right``, elementwise, broadcast as NumPy does; one side may be a constant.

    ``mod`` has the sign of the right side, ``fmod`` that of the left one.

    Attributes:
        function: One of ARITHMETIC or COMPARISONS.
        left: The constant on the left, or None where the first input stands there.
        right: The constant on the right, or None where an input stands there.
    """

    function: str
    left: Literal = None
    right: Literal = None

    @property
    def widens(self) -> bool:
        """It calculates, or compares."""
        return True

    @property
    def constant(self) -> Literal:
        """The constant side, or None."""
        return self.right if self.left is None else self.left

    def operand_dtype(self, *inputs: TensorType) -> str:
        """What both sides are computed in.

        float32 where a side, or the function, is fractional; int32 for bool beside an integer constant.
        """
        dtypes = [x.dtype for x in inputs]
        fractional = self.constant is not None and np.asarray(self.constant).dtype.kind == "f"
        if fractional or self.function in _FRACTIONAL or any(dtype.startswith("float") for dtype in dtypes):
            return "float32"
        if self.constant is not None and np.asarray(self.constant).dtype.kind in "iu":
            dtypes = ["int32" if dtype == "bool" else dtype for dtype in dtypes]
        return promoted(dtypes)

    def infer(self, *inputs: TensorType) -> TensorType:
        """The broadcast shape; bool for comparisons."""
        constants = [np.shape(self.constant)] if self.constant is not None else []
        shape = broadcast_shape(*(x.shape for x in inputs), *constants)
        if self.function in COMPARISONS:
            return TensorType(shape, "bool")
        return TensorType(shape, self.operand_dtype(*inputs), self._content(inputs))

    def _content(self, inputs: Sequence[TensorType]) -> tuple[Dim, ...] | None:
        rows = iter(x.content for x in inputs)
        sides = [_row(side) if side is not None else next(rows) for side in (self.left, self.right)]
        left, right = sides
        if left is None or right is None or self.function not in _EXACT:
            return None
        size = max(len(left), len(right))
        pairs = zip(left * (size // len(left)), right * (size // len(right)), strict=True)
        return tuple(None if a is None or b is None else _EXACT[self.function](a, b) for a, b in pairs)


def _row(constant: Literal) -> tuple[Dim, ...] | None:
    array = np.asarray(constant)
    return tuple(array.ravel().tolist()) if array.dtype.kind == "i" and array.ndim < 2 and array.size else None


@frozen
class ExpandDims(Op):
    """New axes of size 1 at ``axes`` of the result."""

    axes: tuple[int, ...]
    moves_values: ClassVar[bool] = True

    def places(self, rank: int) -> list[int]:
        """The new axes as non-negative numbers, ascending, for an input of this rank.

        Raises:
            LayerError: One is given twice, or is not in the result.
        """
        places = sorted(normalize_axis(axis, rank + len(self.axes)) for axis in self.axes)
        if len(set(places)) < len(places):
            raise LayerError(f"axes {self.axes} name one axis twice")
        return places

    def infer(self, *inputs: TensorType) -> TensorType:
        """The input's shape with 1 put in."""
        shape = list(inputs[0].shape)
        for axis in self.places(inputs[0].rank):
            shape.insert(axis, 1)
        return TensorType(tuple(shape), inputs[0].dtype, inputs[0].content if len(shape) < 2 else None)


@frozen
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


@frozen
class Join(Op):
    """Tensors one behind the other along an axis; unlike the layer Concatenate, masks do not matter."""

    axis: int

    def infer(self, *inputs: TensorType) -> TensorType:
        """The inputs' shape with the axis summed."""
        axis = normalize_axis(self.axis, inputs[0].rank)
        sizes = [x.shape[axis] for x in inputs]
        total: Dim = None if None in sizes else sum(size or 0 for size in sizes)
        if len({x.rank for x in inputs}) > 1:
            raise LayerError(f"it joins tensors of different ranks, {[x.shape for x in inputs]}")
        rest = broadcast_shape(*((*x.shape[:axis], *x.shape[axis + 1 :]) for x in inputs))
        rows = [_content_of(x) for x in inputs]
        known = any(x.content is not None for x in inputs) and all(row is not None for row in rows)
        content = tuple(entry for row in rows for entry in row or ()) if known else None
        return TensorType((*rest[:axis], total, *rest[axis:]), inputs[0].dtype, content)


def _content_of(row: TensorType) -> tuple[Dim, ...] | None:
    """What a row holds; as many unknown numbers where only its length is known."""
    if row.content is not None or row.rank != 1 or row.shape[0] is None:
        return row.content
    return (None,) * row.shape[0]


@dataclass(frozen=True)
class Given:
    """In an index: the place of one of the call's tensors, a whole number."""

    input: int


@frozen
class GetItem(Op):
    """``x[index]`` with basic indexing.

    Attributes:
        index: Whole numbers, None for a new axis, Ellipsis, and slices as (start, stop, step); instead of a
            number (but a step), Given stands for that input.
    """

    index: tuple[Any, ...]
    moves_values: ClassVar[bool] = True

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
                _check(next(dims), entry)
        return TensorType(tuple(shape), inputs[0].dtype, self._content(inputs[0].content))

    def _content(self, content: tuple[Dim, ...] | None) -> tuple[Dim, ...] | None:
        entry = self.index[0] if len(self.index) == 1 else None
        if content is None or isinstance(entry, Given) or (isinstance(entry, tuple) and not _is_known(entry)):
            return None
        if isinstance(entry, tuple):
            return content[slice(*entry)]
        return (content[entry],) if isinstance(entry, int) else None


def _is_known(entry: tuple[Any, ...]) -> bool:
    return not any(isinstance(part, Given) for part in entry)


def _check(dim: Dim, entry: int | Given) -> None:
    if isinstance(entry, int) and dim is not None and not -dim <= entry < dim:
        raise LayerError(f"index {entry} is beyond an axis of {dim}")


def _sliced(dim: Dim, entry: tuple[Any, Any, int | None]) -> Dim:
    if entry[:2] == (None, None) and entry[2] in (None, 1, -1):
        return dim
    return None if dim is None or not _is_known(entry) else len(range(dim)[slice(*entry)])
