"""Tensor products and gathering."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from kerasport.errors import LayerError
from kerasport.layers.base import Dim, Domain, TensorType, axis_places, normalize_axis
from kerasport.layers.frozen import frozen
from kerasport.layers.ops import NARROW, Op, broadcast_shape


@frozen
class Matmul(Op):
    """The matrix product over the last two axes; the axes before broadcast."""

    contracts: ClassVar[bool] = True

    def infer(self, *inputs: TensorType) -> TensorType:
        """NumPy's rules; at least one axis each."""
        require_wide(inputs)
        x, y = inputs
        if not x.rank or not y.rank:
            raise LayerError("a product with a single number")
        left = x.shape if x.rank > 1 else (1, *x.shape)
        right = y.shape if y.rank > 1 else (*y.shape, 1)
        if None not in (left[-1], right[-2]) and left[-1] != right[-2]:
            raise LayerError(f"shapes {x.shape} and {y.shape} cannot be multiplied")
        rows = left[-2:-1] if x.rank > 1 else ()
        columns = right[-1:] if y.rank > 1 else ()
        return x.with_shape((*broadcast_shape(left[:-2], right[:-2], ()), *rows, *columns))


@frozen
class Einsum(Op):
    """Einstein's sum; one term of letters per input, without ellipses.

    Attributes:
        terms: The letters of each input's axes.
        output: The letters of the result's.
    """

    contracts: ClassVar[bool] = True

    terms: tuple[str, ...]
    output: str

    @property
    def equation(self) -> str:
        """NumPy's notation."""
        return f"{','.join(self.terms)}->{self.output}"

    def infer(self, *inputs: TensorType) -> TensorType:
        """The size of each letter of the output."""
        require_wide(inputs)
        sizes: dict[str, Dim] = {}
        for term, x in zip(self.terms, inputs, strict=True):
            if len(term) != x.rank:
                raise LayerError(f"the equation {self.equation!r} does not fit a tensor of rank {x.rank}")
            for letter, dim in zip(term, x.shape, strict=True):
                known = sizes.get(letter)
                sizes[letter] = dim if known is None or known == 1 else known
        if not set(self.output) <= set(sizes):
            raise LayerError(f"the equation {self.equation!r} has letters in the output alone")
        return inputs[0].with_shape([sizes[letter] for letter in self.output])


def require_wide(inputs: Sequence[TensorType]) -> None:
    """Refuses what Keras's backends multiply differently: some saturate, some wrap around."""
    narrow = sorted({x.dtype for x in inputs} & NARROW)
    if narrow:
        raise LayerError(f"matrix products of {', '.join(narrow)} are not supported", "Cast to int32 or float32 before")


@frozen
class Gather(Op):
    """The values of the first input at the places, along an axis, that the second names; negative ones from the end.

    Attributes:
        axis: Of the first input.
        batch_axes: How many leading axes both have in common.
    """

    axis: int
    batch_axes: int = 0

    def infer(self, *inputs: TensorType) -> TensorType:
        """The shape with the axis replaced by the places' axes."""
        x, places = inputs
        axis = normalize_axis(self.axis, x.rank)
        if self.batch_axes > min(axis, places.rank):
            raise LayerError(f"batch_dims={self.batch_axes} with axis={self.axis} is not supported")
        return x.with_shape((*x.shape[:axis], *places.shape[self.batch_axes :], *x.shape[axis + 1 :]))

    def domain_of(self, index: int, inputs: Sequence[TensorType]) -> Domain | None:
        """Places on the axis."""
        return axis_places(inputs[0].shape[self.axis]) if index == 1 else None


@frozen
class TakeAlong(Op):
    """``y[.., i, ..] = x[.., places[.., i, ..], ..]`` along an axis; the other axes broadcast."""

    axis: int

    def infer(self, *inputs: TensorType) -> TensorType:
        """The places' size on the axis, the others broadcast."""
        x, places = inputs
        if x.rank != places.rank:
            raise LayerError(f"places of rank {places.rank} in a tensor of rank {x.rank}")
        axis = normalize_axis(self.axis, x.rank)
        rest = broadcast_shape(*((*t.shape[:axis], *t.shape[axis + 1 :]) for t in (x, places)))
        return x.with_shape((*rest[:axis], places.shape[axis], *rest[axis:]))

    def domain_of(self, index: int, inputs: Sequence[TensorType]) -> Domain | None:
        """Places on the axis."""
        return axis_places(inputs[0].shape[self.axis]) if index == 1 else None


@frozen
class OneHot(Op):
    """``on`` at each value's place along a new axis, ``off`` elsewhere; values out of range have no place.

    Attributes:
        depth: The size of the new axis.
        axis: Where it is in the result.
        on: The value at the place.
        off: The value elsewhere.
        dtype: The result's dtype.
    """

    depth: int
    axis: int = -1
    on: float = 1.0
    off: float = 0.0
    dtype: str = "float32"

    @property
    def widens(self) -> bool:
        """It compares with places that narrow integers may not reach."""
        return True

    def infer(self, *inputs: TensorType) -> TensorType:
        """The shape with the new axis."""
        shape = list(inputs[0].shape)
        shape.insert(normalize_axis(self.axis, len(shape) + 1), self.depth)
        return TensorType(tuple(shape), self.dtype)
