"""What layers over spatial axes share: the position of the axes, and sliding-window arithmetic."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from kerasport.errors import LayerError
from kerasport.layers.base import Dim, Spec, TensorType
from kerasport.layers.config import Config
from kerasport.layers.frozen import frozen


@dataclass(frozen=True, slots=True)
class Window:
    """A window that slides along one axis.

    Attributes:
        size: How many positions it sees.
        stride: How far it is moved.
        dilation: The distance of these positions.
        edges: What is added before and after the axis, if that is not what a padding's name says.
    """

    size: int
    stride: int = 1
    dilation: int = 1
    edges: tuple[int, int] | None = None

    @property
    def extent(self) -> int:
        """How many positions it spans, holes included."""
        return (self.size - 1) * self.dilation + 1

    def output_length(self, length: Dim, padding: str) -> Dim:
        """How often it fits on an axis: ``ceil(n / stride)``, for "valid" of the positions where it fits whole."""
        if length is None:
            return None
        if self.edges:
            length, padding = length + sum(self.edges), "valid"
        positions = length - self.extent + 1 if padding == "valid" else length
        if positions <= 0:
            raise LayerError(f"a window of {self.extent} does not fit on an axis of {length}")
        return -(-positions // self.stride)

    def pads(self, length: Dim, padding: str) -> tuple[int, int] | None:
        """The padding before and after the axis; None where it depends on a length that is unknown.

        "same" pads ``max((ceil(n / stride) - 1) * stride + extent - n, 0)``, the odd one at the end. "centered" has
        as many windows, and puts their centres evenly over the axis: windows smaller than their stride may leave
        out positions at its ends, which counts as negative padding.
        """
        if self.edges:
            return self.edges
        if padding == "centered":
            return self._around_centres(length)
        if padding != "same":
            return (self.extent - 1 if padding == "causal" else 0), 0
        if length is None and self.stride >= self.extent and self.extent <= 2:
            return 0, self.extent - 1  # only ever at the end, where no window sees what is too much
        if length is None and self.stride > 1:
            return None
        covered = length or 1
        total = max((-(-covered // self.stride) - 1) * self.stride + self.extent - covered, 0)
        return total // 2, total - total // 2

    def _around_centres(self, length: Dim) -> tuple[int, int] | None:
        if length is None and self.stride > 1:
            return None
        left_over = ((length or 1) - 1) % self.stride
        before = (self.extent - 1) // 2 - left_over // 2
        return before, self.extent - 1 - left_over - before


@frozen
class Spatial(Spec):
    """The base of layers over (batch, *space, channels), or (batch, channels, *space).

    Attributes:
        dimensions: The number of spatial axes.
        more_batch: Whether there may be more than one batch axis.
    """

    dimensions: ClassVar[int]
    more_batch: ClassVar[bool] = False
    carries_mask: ClassVar[bool] = False
    channels_first: bool = False

    def check_rank(self, rank: int) -> None:
        """Raises LayerError where an input of this rank cannot be taken."""
        least = self.dimensions + 2
        if rank < least or (rank > least and not self.more_batch):
            raise LayerError(f"its input has {rank} axes where {least} are needed")

    def channel_axis(self, rank: int) -> int:
        """The axis of the channels."""
        return rank - self.dimensions - 1 if self.channels_first else rank - 1

    def space(self, rank: int) -> tuple[int, ...]:
        """The spatial axes."""
        last = rank if self.channels_first else rank - 1
        return tuple(range(last - self.dimensions, last))

    def lengths(self, x: TensorType) -> tuple[Dim, ...]:
        """The sizes of the spatial axes."""
        self.check_rank(x.rank)
        return tuple(x.shape[axis] for axis in self.space(x.rank))

    def channels(self, x: TensorType) -> Dim:
        """The number of channels."""
        self.check_rank(x.rank)
        return x.shape[self.channel_axis(x.rank)]

    def resized(self, x: TensorType, lengths: Sequence[Dim], channels: Dim) -> TensorType:
        """The type with other spatial sizes and channels."""
        sizes = dict(zip(self.space(x.rank), lengths, strict=True)) | {self.channel_axis(x.rank): channels}
        return x.with_shape([sizes.get(axis, dim) for axis, dim in enumerate(x.shape)])


def padding_options(config: Config, names: Collection[str], count: int) -> dict[str, Any]:
    """The fields ``padding`` and ``edges``; the dialect may give "centered", or the edges instead of a name."""
    if not isinstance(config.get("padding", "valid"), list):
        return {"padding": config.choice("padding", (*names, "centered"), "valid")}
    edges = config.pairs("padding", count)
    if min(map(min, edges)) < 0:
        raise LayerError(f"Theano's padding of {edges} is negative")
    return {"edges": edges}


def positive(config: Config, key: str, count: int, **default: Any) -> tuple[int, ...]:
    """``count`` whole numbers above 0; one number stands for equal ones."""
    numbers = config.integers(key, count, **default)
    if min(numbers) < 1:
        raise LayerError(f"{key} is {numbers}, which must be positive")
    return numbers
