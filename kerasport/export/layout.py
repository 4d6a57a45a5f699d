"""The layout rules: in which order the axes of a value are stored, and how to convert between orders.

Nothing here adds a node. A permutation ``perm`` says that stored axis i is logical (Keras) axis ``perm[i]``; an
order ``order`` says that axis i of the result is axis ``order[i]`` of what there is, as NumPy's and ONNX's
transpose take it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kerasport.layers.base import Dim, TensorType

Perm = tuple[int, ...]


def identity_perm(rank: int) -> Perm:
    """The logical order."""
    return tuple(range(rank))


def channels_first_perm(rank: int) -> Perm:
    """The order in which ONNX's convolutions want channels-last data stored: batch, channels, space."""
    return (0, rank - 1, *range(1, rank - 1))


def order_between(stored: Perm, wanted: Perm) -> Perm:
    """What to transpose a value stored as ``stored`` by, to have it stored as ``wanted``."""
    return tuple(stored.index(axis) for axis in wanted)


def inverse(order: Perm) -> Perm:
    """What undoes a transpose."""
    return tuple(order.index(axis) for axis in range(len(order)))


def moves_only_ones(shape: Sequence[Dim], stored: Perm, wanted: Perm) -> bool:
    """Whether no two axes longer than 1 change places, so that the elements stay where they are.

    Args:
        shape: The logical shape; unknown dimensions count as longer than 1.
        stored: The order that there is.
        wanted: The order to be.
    """
    before, after = ([axis for axis in perm if shape[axis] != 1] for perm in (stored, wanted))
    return before == after


def reshaping(shape: Sequence[Dim], stored: Perm, wanted: Perm) -> list[int] | None:
    """The shape that a Reshape (0 copies a dimension, one -1 is inferred) takes in place of a Transpose.

    Args:
        shape: The logical shape.
        stored: The order that there is.
        wanted: The order to be.

    Returns:
        None where elements move, or where more than one dimension is neither known nor in its place.
    """
    if 0 in shape or not moves_only_ones(shape, stored, wanted):
        return None
    sizes = [0 if axis == there else shape[axis] or -1 for there, axis in zip(stored, wanted, strict=True)]
    return sizes if sizes.count(-1) < 2 else None


def common_perm(perms: Sequence[Perm], wanted: Sequence[Perm] = ()) -> Perm:
    """The order in which values of equal rank meet: that for which the fewest values move, now and later.

    Args:
        perms: The orders that they are stored in.
        wanted: The orders that the readers of the result want it in.

    Returns:
        One of ``perms``; of equally good ones the first that is not the logical one.
    """

    def cost(perm: Perm) -> tuple[int, bool]:
        return sum(other != perm for other in (*perms, *wanted)), perm == identity_perm(len(perm))

    return min(dict.fromkeys(perms), key=cost)


def alignment(axes: Sequence[int], shape: Sequence[int], perm: Perm) -> tuple[Perm, tuple[int, ...]]:
    """How an array broadcasts against a stored value.

    Args:
        axes: The logical axes (negative ones allowed) of the value that the array's axes are.
        shape: The array's shape.
        perm: The order in which the value is stored.

    Returns:
        What to transpose the array by, and the shape to give it then, without leading ones.
    """
    rank = len(perm)
    places = [perm.index(axis % rank) for axis in axes]
    order = tuple(sorted(range(len(axes)), key=places.__getitem__))
    sizes = dict(zip(places, shape, strict=True))
    return order, tuple(sizes.get(place, 1) for place in range(min(places, default=rank), rank))


@dataclass(frozen=True)
class Tensor:
    """A value of the ONNX graph.

    Attributes:
        name: The ONNX value's name.
        type: The logical type, in Keras's axis order.
        perm: Stored axis i is logical axis ``perm[i]``; -1 for one of size 1 that the logical value has not.
        mask: The graph's value of a mask over the first two logical axes: stored are, along the first axis, the steps
            that count, and then zeros. "" where all are stored as they are.
    """

    name: str
    type: TensorType
    perm: Perm
    mask: str = ""

    @property
    def is_logical(self) -> bool:
        """Whether it is stored in Keras's axis order."""
        return self.perm == identity_perm(self.type.rank)

    def stored_axis(self, axis: int) -> int:
        """Where a logical axis (negative ones allowed) is stored."""
        return self.perm.index(axis % self.type.rank)


@dataclass(frozen=True)
class Form:
    """A value before it was brought to its layer's axes: readers that want it so take it in place of that one.

    Attributes:
        name: The ONNX value.
        order: Its axis i is axis ``order[i]`` of that one; -1 for one of size 1 that that one has not.
        packing: The ONNX value of the mask by which its steps are packed, (batch, time); "" where they are not.
        mask: The graph's value of that mask.
    """

    name: str
    order: Perm
    packing: str = ""
    mask: str = ""

    def of(self, tensor: Tensor) -> Tensor:
        """Where a tensor stands that is held by the other value."""
        perm = tuple(tensor.perm[axis] if axis >= 0 else -1 for axis in self.order)
        return Tensor(self.name, tensor.type, perm, self.mask)


@dataclass(frozen=True)
class Flattened:
    """What stands behind a value that a Flatten layer gave, when its input was stored in another order.

    Attributes:
        source: The value before, as it is stored.
        dims: The sizes of the wanted axes, the batch left out.
        order: Wanted axis i is stored axis ``order[i]``.
    """

    source: str
    dims: tuple[int, ...]
    order: Perm
