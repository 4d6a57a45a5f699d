"""Scattering and gathering by index, and the indices of values."""

from __future__ import annotations

from collections.abc import Sequence

from kerasport.errors import LayerError
from kerasport.layers.base import Domain, TensorType, axis_places
from kerasport.layers.frozen import frozen
from kerasport.layers.ops import Op


@frozen
class Scatter(Op):
    """The first input with the third put at the places of its leading axes that the second has along its last axis.

    Attributes:
        reduction: "none" takes the new value; "add", "mul", "max" and "min" take in what stands there, so that
            every one of several values for one place counts.
    """

    reduction: str = "none"

    def infer(self, *inputs: TensorType) -> TensorType:
        """The first input's type."""
        x, places, _ = inputs
        depth = places.shape[-1] if places.rank else None
        if depth is None or depth > x.rank:
            raise LayerError(f"places of shape {places.shape} in a tensor of rank {x.rank}")
        return x.with_dtype(x.dtype)


@frozen
class NonZero(Op):
    """The places of what is not zero, in order: along the first axis their coordinates; int64."""

    def infer(self, *inputs: TensorType) -> TensorType:
        """(rank, unknown)."""
        if not inputs[0].rank:
            raise LayerError("a single number has no places")
        return TensorType((inputs[0].rank, None), "int64")


@frozen
class GatherPlaces(Op):
    """What stands at the places of leading axes that the second input has along its last axis.

    Attributes:
        batch_axes: How many axes before these both have in common.
    """

    batch_axes: int = 0

    def infer(self, *inputs: TensorType) -> TensorType:
        """The places' shape without the last axis, and the axes behind those that it tells."""
        x, places = inputs
        depth = places.shape[-1] if places.rank else None
        if depth is None or self.batch_axes + depth > x.rank or self.batch_axes >= places.rank:
            raise LayerError(f"places of shape {places.shape} in a tensor of shape {x.shape}")
        return x.with_shape((*places.shape[:-1], *x.shape[self.batch_axes + depth :]))

    def domain_of(self, index: int, inputs: Sequence[TensorType]) -> Domain | None:
        """Places on all these axes."""
        depth = inputs[1].shape[-1] or 0
        lengths = inputs[0].shape[self.batch_axes : self.batch_axes + depth]
        return axis_places(min((length or 1 for length in lengths), default=1)) if index == 1 else None
