"""How a layer's weights are stored, if not simply by role: Keras 1's arrays, Theano's flipped kernels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from kerasport.errors import DamagedFileError
from kerasport.reader.weights import DerivedWeight, Weight

if TYPE_CHECKING:
    from numpy.typing import NDArray

Arrays = Mapping[str, Weight]


@dataclass(frozen=True)
class Storage:
    """Where a layer's weights come from.

    Attributes:
        names: What the stored arrays are called here, in the file's order; empty where they are the roles.
        roles: For each role that is not a stored array as it is, its weight from the stored arrays by name.
        objects: The objects below the layer's own that have the rest of its arrays in an archive, in this order.
    """

    names: tuple[str, ...] = ()
    roles: Mapping[str, Callable[[Arrays], Weight]] = field(default_factory=dict)
    objects: tuple[str, ...] = ()

    @property
    def non_trainable(self) -> frozenset[str]:
        """Those stored arrays beside the roles that Keras lists after all trainable ones."""
        return frozenset()

    def stored(self, roles: Iterable[str]) -> list[str]:
        """The names of the stored arrays of a layer with these roles."""
        return list(self.names or roles)

    def weights(self, stored: Arrays, roles: Iterable[str]) -> dict[str, Weight]:
        """The weights by role."""
        return {role: self.roles[role](stored) if role in self.roles else stored[role] for role in roles}

    def in_archive(self) -> Storage:
        """How an archive has the same weights, where that is something else."""
        return self


PLAIN = Storage()


def beside(storages: Mapping[str, Storage]) -> Storage:
    """That of a wrapper whose layers' arrays follow each other, with a prefix before their roles."""
    return Storage(
        tuple(prefix + name for prefix, storage in storages.items() for name in storage.names),
        {
            prefix + role: partial(_under, prefix, function)
            for prefix, storage in storages.items()
            for role, function in storage.roles.items()
        },
    )


def _under(prefix: str, function: Callable[[Arrays], Weight], stored: Arrays) -> Weight:
    return function({name.removeprefix(prefix): weight for name, weight in stored.items() if name.startswith(prefix)})


def as_float(weight: Weight) -> Weight:
    """Numbers as they are; whole ones in float32."""
    if weight.dtype.kind in "fV":
        return weight
    import numpy as np

    dtype = np.dtype("float32")
    return DerivedWeight(weight.path, weight.shape, dtype, (weight,), lambda array: array.astype(dtype))


def transposed(weight: Weight, *axes: int) -> Weight:
    """The axes in another order."""
    _check_rank(weight, len(axes))
    shape = tuple(weight.shape[axis] for axis in axes)
    return _derived(weight, f"transposed {axes}", shape, lambda array: array.transpose(axes))


def without_axis(weight: Weight, axis: int) -> Weight:
    """Without an axis of size 1."""
    if weight.shape[axis] != 1:
        raise DamagedFileError(f"The weight {weight.path!r} has the shape {weight.shape}, with {axis=} not of size 1.")
    shape = weight.shape[:axis] + weight.shape[axis + 1 :]
    return _derived(weight, f"without axis {axis}", shape, lambda array: array.reshape(shape))


def flipped(weight: Weight) -> Weight:
    """A kernel (*space, in, out) the other way round in space: Theano's convolutions go over it backwards."""
    axes = tuple(range(len(weight.shape) - 2))
    return _derived(weight, "flipped", weight.shape, lambda array: array[tuple(slice(None, None, -1) for _ in axes)])


def joined(weights: Iterable[Weight]) -> Weight:
    """Several weights along their last axis."""
    import numpy as np

    parts = tuple(weights)
    rest = {part.shape[:-1] for part in parts}
    if len(rest) > 1:
        raise DamagedFileError(f"The weights {parts[0].path!r} ... have different shapes, {sorted(rest)}.")
    shape = (*rest.pop(), sum(part.shape[-1] for part in parts))
    path = f"{parts[0].path} and {len(parts) - 1} more"
    return DerivedWeight(path, shape, parts[0].dtype, parts, lambda *arrays: np.concatenate(arrays, axis=-1))


def mapped(weight: Weight, what: str, function: Callable[[NDArray[Any]], NDArray[Any]]) -> Weight:
    """``function`` of the array, of the same shape; ``what`` tells it apart from other functions."""
    return _derived(weight, what, weight.shape, function)


def _derived(
    weight: Weight, what: str, shape: tuple[int, ...], function: Callable[[NDArray[Any]], NDArray[Any]]
) -> Weight:
    return DerivedWeight(f"{weight.path} {what}", shape, weight.dtype, (weight,), function)


def _check_rank(weight: Weight, rank: int) -> None:
    if len(weight.shape) != rank:
        raise DamagedFileError(f"The weight {weight.path!r} has the shape {weight.shape} where {rank} axes are needed.")
