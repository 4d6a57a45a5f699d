"""Weight arrays that are computed only when they are written, whole or tile by tile."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING, Any

from kerasport.tiles import Index, everything

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from kerasport.reader.weights import Weight


@dataclass(frozen=True, eq=False)
class Lazy:
    """An array to be: a weight of the file, with the changes on its way into the ONNX model.

    Attributes:
        shape: Its shape when read.
        dtype: Its NumPy dtype name when read.
        key: Equal keys mean equal values, so that a shared layer's weights are written once.
        read: Gives a part of it.
        order: Its axes from the slowest to the fastest in the file; None where a part costs as much as the whole.
        weight: What it is in another shape, if it is just that.
        flat: The same bytes in a shape that has an order, if its own has none.
    """

    shape: tuple[int, ...]
    dtype: str
    key: Hashable
    read: Callable[[Index], NDArray[Any]]
    order: tuple[int, ...] | None = None
    weight: Weight | None = None
    flat: Lazy | None = None

    def load(self) -> NDArray[Any]:
        """The whole array."""
        return self.read(everything(self.shape))

    def map(self, tag: Hashable, function: Callable[[NDArray[Any]], NDArray[Any]], shape: tuple[int, ...]) -> Lazy:
        """``function`` of the array; ``tag`` tells it apart from other functions."""
        return Lazy(shape, self.dtype, (self.key, tag), lambda index: function(self.load())[index])

    def transpose(self, *axes: int) -> Lazy:
        """The axes in another order."""

        def read(index: Index) -> NDArray[Any]:
            return self.read(tuple(index[axes.index(axis)] for axis in range(len(axes)))).transpose(axes)

        shape = tuple(self.shape[axis] for axis in axes)
        order = None if self.order is None else tuple(axes.index(axis) for axis in self.order)
        return Lazy(shape, self.dtype, (self.key, "transpose", axes), read, order)

    def reshape(self, *shape: int) -> Lazy:
        """Another shape of the same size, all dimensions given."""
        if shape == self.shape:
            return self
        if self.weight is not None:
            return from_weight(self.weight, self.dtype, shape)
        flat = self.flat or (self if self.order is not None else None)
        key = (self.key, "reshape", shape)
        return Lazy(shape, self.dtype, key, lambda index: self.load().reshape(shape)[index], flat=flat)

    def take(self, positions: Sequence[int], axis: int) -> Lazy:
        """These positions of one axis, in this order."""
        shape = (*self.shape[:axis], len(positions), *self.shape[axis + 1 :])

        def read(index: Index) -> NDArray[Any]:
            wanted = positions[index[axis]]
            start, stop = min(wanted), max(wanted) + 1
            around = self.read((*index[:axis], slice(start, stop), *index[axis + 1 :]))
            return around.take([position - start for position in wanted], axis)

        return Lazy(shape, self.dtype, (self.key, "take", axis, *positions), read, self.order)

    def scaled(self, factors: Callable[[], NDArray[Any]], axis: int, key: Hashable) -> Lazy:
        """Times factors along one axis, rounded once.

        Args:
            factors: Gives them, one for each position, in float64.
            axis: The axis.
            key: Equal keys mean equal factors.
        """
        import numpy as np

        if self.flat is not None:
            kept = _same_axis(self.shape, self.flat.shape, axis)
            if kept is not None:
                return self.flat.scaled(factors, kept, key).reshape(*self.shape)

        def read(index: Index) -> NDArray[Any]:
            part = self.read(index)
            rest = [-1 if other == axis else 1 for other in range(part.ndim)]
            by = factors()[index[axis]].reshape(rest)
            result = np.empty_like(part)
            np.multiply(part, by, out=result, dtype=np.float64, casting="same_kind")
            return result

        return replace(self, key=(self.key, "scaled", axis, key), read=read, weight=None, flat=None)

    @property
    def size(self) -> int:
        """The number of values."""
        return prod(self.shape)


def from_weight(weight: Weight, dtype: str = "float32", shape: tuple[int, ...] | None = None) -> Lazy:
    """A weight of the file in the dtype that the graph computes in; integers stay as they are.

    Args:
        weight: The weight.
        dtype: What floating-point values become.
        shape: The shape to see it in; its own by default.
    """
    wanted = dtype if weight.dtype.kind in "fV" else weight.dtype.name
    seen = weight.shape if shape is None else shape

    def read(index: Index) -> NDArray[Any]:
        array = weight.read().reshape(seen) if index == everything(seen) else weight.read_part(seen, index)
        return array.astype(wanted, copy=False)

    key = weight.path if seen == weight.shape else (weight.path, "reshape", seen)
    return Lazy(seen, wanted, key, read, tuple(range(len(seen))) if weight.in_parts else None, weight)


def from_array(array: np.ndarray[Any, Any]) -> Lazy:
    """A constant that is known now."""
    return Lazy(
        array.shape,
        array.dtype.name,
        (array.dtype.str, array.shape, array.tobytes()),
        lambda index: array[index] if index else array,
    )


def combine(
    tag: Hashable, function: Callable[..., NDArray[Any]], arrays: Sequence[Lazy], shape: tuple[int, ...]
) -> Lazy:
    """``function`` of several arrays, as float32; ``tag`` tells it apart from other functions."""

    def read(index: Index) -> NDArray[Any]:
        return function(*(array.load() for array in arrays)).astype("float32", copy=False)[index]

    return Lazy(shape, "float32", (tag, *(array.key for array in arrays)), read)


def stack(arrays: Sequence[Lazy]) -> Lazy:
    """Arrays of one shape along a new first axis."""
    import numpy as np

    first = arrays[0]
    shape = (len(arrays), *first.shape)
    if len(arrays) == 1:
        return first.reshape(*shape)
    flat = [array.flat for array in arrays if array.flat is not None]
    if len({array.shape for array in flat}) == 1 and len(flat) == len(arrays):
        return stack(flat).reshape(*shape)

    def read(index: Index) -> NDArray[Any]:
        return np.stack([array.read(index[1:]) for array in arrays[index[0]]])

    order = None if first.order is None else (0, *(axis + 1 for axis in first.order))
    return Lazy(shape, first.dtype, ("stack", *(array.key for array in arrays)), read, order)


def _same_axis(shape: tuple[int, ...], other: tuple[int, ...], axis: int) -> int | None:
    """Which axis of the same bytes in another shape runs over the same elements; None where there is none."""
    before, size = prod(shape[:axis]), shape[axis]
    return next((i for i, n in enumerate(other) if n == size and prod(other[:i]) == before), None)
