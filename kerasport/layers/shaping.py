"""Operations that move, repeat and slice data, and those that compute shapes."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np

from kerasport.errors import LayerError
from kerasport.layers.base import Dim, Shape, TensorType, free_once, known_product, normalize_axis
from kerasport.layers.frozen import frozen
from kerasport.layers.ops import Op, broadcast_shape


@frozen
class Constant(Op):
    """A constant array, without inputs.

    Attributes:
        value: Nested tuples of numbers.
        dtype: Its dtype: bool, int32 or float32.
    """

    value: Any
    dtype: str

    @classmethod
    def of(cls, value: Any) -> Self:
        """The constant in the dtype that TensorFlow gives such numbers.

        Raises:
            LayerError: The numbers make no array.
        """
        try:
            kind = np.asarray(value).dtype.kind if np.size(value) else "i"
        except ValueError as error:
            raise LayerError(f"the constant {str(value)[:60]} is not an array") from error
        return cls(value=value, dtype={"b": "bool", "i": "int32"}.get(kind, "float32"))

    def infer(self, *inputs: TensorType) -> TensorType:
        """Its shape."""
        array = np.asarray(self.value, self.dtype)
        row = tuple(array.ravel().tolist()) if array.dtype.kind == "i" and array.ndim < 2 else None
        return TensorType(array.shape, self.dtype, row)


@frozen
class ShapeOf(Op):
    """The input's shape as a row of whole numbers; int32."""

    def infer(self, *inputs: TensorType) -> TensorType:
        """(rank,)."""
        return TensorType((inputs[0].rank,), "int32", inputs[0].shape)


@frozen
class Reshape(Op):
    """The same values in another shape.

    Attributes:
        shape: At most one -1 is inferred; None where the second input gives it.
    """

    shape: tuple[int, ...] | None = None
    moves_values: ClassVar[bool] = True

    def wanted(self, *inputs: TensorType) -> Shape:
        """The shape asked for, None where it is not known."""
        if self.shape is not None:
            return free_once(self.shape)
        return given_shape(inputs[1])

    def infer(self, *inputs: TensorType) -> TensorType:
        """The shape asked for, -1 replaced where everything is known."""
        wanted = self.wanted(*inputs)
        rest = known_product([dim for dim in wanted if dim != -1])
        size = known_product(inputs[0].shape)
        free = size // rest if size is not None and rest and -1 in wanted else None
        if size is not None and rest is not None and size != rest * (free or 1):
            raise LayerError(f"an input of shape {inputs[0].shape} cannot have the shape {list(wanted)}")
        shape = tuple(free if dim == -1 else dim for dim in wanted)
        return TensorType(shape, inputs[0].dtype, inputs[0].content if len(shape) < 2 else None)


@frozen
class Squeeze(Op):
    """Without some axes of size 1."""

    axes: tuple[int, ...]
    moves_values: ClassVar[bool] = True

    def infer(self, *inputs: TensorType) -> TensorType:
        """The input's shape without the axes."""
        x = inputs[0]
        gone = {normalize_axis(axis, x.rank) for axis in self.axes}
        if any(x.shape[axis] not in (1, None) for axis in gone):
            raise LayerError(f"axes {list(self.axes)} of a tensor of shape {x.shape} are not of size 1")
        return TensorType(tuple(dim for axis, dim in enumerate(x.shape) if axis not in gone), x.dtype, x.content)


@frozen
class Transpose(Op):
    """The axes in another order: axis i of the result is axis ``perm[i]`` of the input."""

    perm: tuple[int, ...]
    moves_values: ClassVar[bool] = True

    def infer(self, *inputs: TensorType) -> TensorType:
        """The dimensions in that order."""
        if sorted(self.perm) != list(range(inputs[0].rank)):
            raise LayerError(f"the order {list(self.perm)} does not fit a tensor of rank {inputs[0].rank}")
        return inputs[0].with_shape([inputs[0].shape[axis] for axis in self.perm])


@frozen
class Split(Op):
    """Parts of an axis, one after the other; as many outputs."""

    sizes: tuple[int, ...]
    axis: int
    moves_values: ClassVar[bool] = True

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        """The input's shape with the axis of each part's size."""
        x, axis = inputs[0], normalize_axis(self.axis, inputs[0].rank)
        if x.shape[axis] != sum(self.sizes):
            raise LayerError(f"an axis of {x.shape[axis]} cannot be split into {list(self.sizes)}")
        return tuple(x.with_shape((*x.shape[:axis], size, *x.shape[axis + 1 :])) for size in self.sizes)


@frozen
class Tile(Op):
    """The whole repeated along each axis.

    Attributes:
        repeats: How often, for each axis; None where the second input says it.
    """

    repeats: tuple[int, ...] | None = None
    moves_values: ClassVar[bool] = True

    def infer(self, *inputs: TensorType) -> TensorType:
        """Each dimension times its repetitions."""
        x = inputs[0]
        repeats = self.repeats if self.repeats is not None else given_shape(inputs[1])
        if len(repeats) != x.rank:
            raise LayerError(f"{len(repeats)} repetitions for a tensor of rank {x.rank}")
        return x.with_shape([known_product(pair) for pair in zip(x.shape, repeats, strict=True)])


@frozen
class BroadcastTo(Op):
    """Axes of size 1 repeated to a shape.

    Attributes:
        shape: The shape; None where the second input gives it.
    """

    shape: tuple[int, ...] | None = None
    moves_values: ClassVar[bool] = True

    def infer(self, *inputs: TensorType) -> TensorType:
        """The shape."""
        shape = self.shape if self.shape is not None else given_shape(inputs[1])
        return inputs[0].with_shape(broadcast_shape(inputs[0].shape, shape))


@frozen
class Pad(Op):
    """More positions before and after each axis.

    Attributes:
        pairs: (before, after) for each axis.
        mode: "constant", "reflect" (without the edge itself) or "symmetric" (with it).
        value: What is put there in the mode "constant".
    """

    pairs: tuple[tuple[int, int], ...]
    mode: str = "constant"
    value: float = 0.0

    def infer(self, *inputs: TensorType) -> TensorType:
        """Each dimension longer by its pair."""
        x = inputs[0]
        if len(self.pairs) != x.rank:
            raise LayerError(f"{len(self.pairs)} pairs of padding for a tensor of rank {x.rank}")
        if self.mode == "symmetric":
            for dim, pair in zip(x.shape, self.pairs, strict=True):
                if dim is not None and max(pair) > dim:
                    raise LayerError(f"symmetric padding of {pair} on an axis of {dim}")
        pairs = zip(x.shape, self.pairs, strict=True)
        return x.with_shape([None if dim is None else dim + sum(pair) for dim, pair in pairs])


@frozen
class Filled(Op):
    """One value everywhere, in the shape that the first input gives.

    Attributes:
        value: The value.
        dtype: Its dtype.
    """

    value: float
    dtype: str

    def infer(self, *inputs: TensorType) -> TensorType:
        """The shape given."""
        return TensorType(given_shape(inputs[0]), self.dtype)


@frozen
class Range(Op):
    """``start, start + step ...`` up to, without, ``stop``; the three inputs, of one dtype."""

    def infer(self, *inputs: TensorType) -> TensorType:
        """(number of values,)."""
        ends = [x.content[0] if x.content else None for x in inputs]
        start, stop, step = ends
        size: Dim = None if start is None or stop is None or not step else len(range(start, stop, step))
        return TensorType((size,), inputs[1].dtype)


@frozen
class Band(Op):
    """The last two axes with zeros outside a band around the diagonal.

    Attributes:
        lower: How many diagonals below the main one stay; None for all, negative ones take from the main one.
        upper: The same above.
    """

    lower: int | None = None
    upper: int | None = None

    def infer(self, *inputs: TensorType) -> TensorType:
        """The input's type."""
        if inputs[0].rank < 2:
            raise LayerError("it needs a matrix")
        return inputs[0]


def given_shape(row: TensorType) -> Shape:
    """The shape that a row of whole numbers gives.

    Raises:
        LayerError: Not even the number of dimensions is known.
    """
    if row.content is not None and row.rank == 1:
        return row.content
    if row.rank != 1 or row.shape[0] is None:
        raise LayerError("a shape is computed in a way that leaves the number of its dimensions unknown")
    return (None,) * row.shape[0]
