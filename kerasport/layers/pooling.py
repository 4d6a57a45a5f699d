"""Pooling: windows, global and adaptive, over one to three spatial axes."""

from __future__ import annotations

from dataclasses import replace
from itertools import repeat
from typing import ClassVar, Self

from kerasport.errors import LayerError
from kerasport.layers import LAYERS
from kerasport.layers.base import Dim, TensorType
from kerasport.layers.config import Config
from kerasport.layers.frozen import frozen
from kerasport.layers.spatial import Spatial, Window, padding_options, positive


@frozen
class Pooling(Spatial):
    """One value per window and channel; padded positions count for nothing.

    Attributes:
        pool_size: One number per spatial axis, as for the next.
        strides: Of the windows.
        padding: "valid" or "same".
        edges: The padding of each spatial axis, where it is not what the name says.
    """

    pool_size: tuple[int, ...]
    strides: tuple[int, ...]
    padding: str = "valid"
    edges: tuple[tuple[int, int], ...] | None = None

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's keys: pool_size, strides (null: pool_size), padding, data_format."""
        pool_size = positive(config, "pool_size", cls.dimensions)
        strided = config.get("strides", None) is not None
        return cls(
            channels_first=config.channels_first(),
            pool_size=pool_size,
            strides=positive(config, "strides", cls.dimensions) if strided else pool_size,
            **padding_options(config, ("valid", "same"), cls.dimensions),
        )

    @property
    def windows(self) -> tuple[Window, ...]:
        """The pool along each spatial axis."""
        edges = self.edges or (None,) * self.dimensions
        return tuple(Window(*sizes) for sizes in zip(self.pool_size, self.strides, repeat(1), edges, strict=False))

    def infer(self, *inputs: TensorType) -> TensorType:
        """(batch, *space, channels), each spatial size by the windows' arithmetic."""
        x = inputs[0]
        axes = zip(self.windows, self.lengths(x), strict=True)
        return self.resized(x, [w.output_length(n, self.padding) for w, n in axes], self.channels(x))


class MaxPooling(Pooling):
    """The largest value in each window."""

    def whole_dtype(self, given: str) -> str:
        """The input's."""
        return given


@frozen
class AveragePooling(Pooling):
    """The mean of each window's positions that are not padding.

    Attributes:
        counts_padding: Whether padding counts as zeros.
    """

    counts_padding: bool = False

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's keys, and what a backend does with the padding."""
        return replace(super().parse(config), counts_padding=config.flag("counts_padding", default=False))


@LAYERS.register("MaxPooling1D")
class MaxPooling1D(MaxPooling):
    """Over (batch, steps, channels)."""

    dimensions = 1


@LAYERS.register("MaxPooling2D")
class MaxPooling2D(MaxPooling):
    """Over (batch, height, width, channels)."""

    dimensions = 2


@LAYERS.register("MaxPooling3D")
class MaxPooling3D(MaxPooling):
    """Over (batch, depth, height, width, channels)."""

    dimensions = 3


@LAYERS.register("AveragePooling1D")
class AveragePooling1D(AveragePooling):
    """Over (batch, steps, channels)."""

    dimensions = 1


@LAYERS.register("AveragePooling2D")
class AveragePooling2D(AveragePooling):
    """Over (batch, height, width, channels)."""

    dimensions = 2


@LAYERS.register("AveragePooling3D")
class AveragePooling3D(AveragePooling):
    """Over (batch, depth, height, width, channels)."""

    dimensions = 3


@frozen
class GlobalPooling(Spatial):
    """One value per channel, over all spatial positions.

    Attributes:
        keepdims: Whether the spatial axes stay, with size 1.
    """

    keepdims: bool = False

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's keys: keepdims, data_format."""
        return cls(channels_first=config.channels_first(), keepdims=config.flag("keepdims"))

    def infer(self, *inputs: TensorType) -> TensorType:
        """(batch, channels), or with the spatial axes of size 1."""
        x = inputs[0]
        channels = self.channels(x)
        if self.keepdims:
            return self.resized(x, [1] * self.dimensions, channels)
        return x.with_shape((x.shape[0], channels))


class GlobalMaxPooling(GlobalPooling):
    """The largest value of each channel."""

    def whole_dtype(self, given: str) -> str:
        """The input's."""
        return given


class GlobalAveragePooling(GlobalPooling):
    """The mean of each channel."""


@LAYERS.register("GlobalMaxPooling1D")
class GlobalMaxPooling1D(GlobalMaxPooling):
    """Over (batch, steps, channels); a mask is ignored."""

    dimensions = 1


@LAYERS.register("GlobalMaxPooling2D")
class GlobalMaxPooling2D(GlobalMaxPooling):
    """Over (batch, height, width, channels)."""

    dimensions = 2


@LAYERS.register("GlobalMaxPooling3D")
class GlobalMaxPooling3D(GlobalMaxPooling):
    """Over (batch, depth, height, width, channels)."""

    dimensions = 3


@LAYERS.register("GlobalAveragePooling1D")
class GlobalAveragePooling1D(GlobalAveragePooling):
    """Over (batch, steps, channels); with a mask ``sum(x * mask) / sum(mask)``, NaN where all is masked."""

    dimensions = 1
    uses_mask = True


@LAYERS.register("GlobalAveragePooling2D")
class GlobalAveragePooling2D(GlobalAveragePooling):
    """Over (batch, height, width, channels)."""

    dimensions = 2


@LAYERS.register("GlobalAveragePooling3D")
class GlobalAveragePooling3D(GlobalAveragePooling):
    """Over (batch, depth, height, width, channels)."""

    dimensions = 3


@frozen
class AdaptivePooling(Spatial):
    """A fixed output size: window i of o covers ``floor(i * n / o)`` up to ``ceil((i + 1) * n / o)``."""

    limits: ClassVar[str] = "axes of unknown size"
    output_size: tuple[int, ...]

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's keys: output_size, data_format."""
        output_size = positive(config, "output_size", cls.dimensions)
        return cls(channels_first=config.channels_first(), output_size=output_size)

    def infer(self, *inputs: TensorType) -> TensorType:
        """(batch, *output_size, channels)."""
        x = inputs[0]
        if None in self.lengths(x):
            raise LayerError("adaptive pooling needs an input of known size, as it does in Keras")
        sizes: tuple[Dim, ...] = self.output_size
        return self.resized(x, sizes, self.channels(x))


class AdaptiveMaxPooling(AdaptivePooling):
    """The largest value in each window."""

    def whole_dtype(self, given: str) -> str:
        """The input's."""
        return given


class AdaptiveAveragePooling(AdaptivePooling):
    """The mean of each window."""


@LAYERS.register("AdaptiveMaxPooling1D", limits=AdaptivePooling.limits)
class AdaptiveMaxPooling1D(AdaptiveMaxPooling):
    """Over (batch, steps, channels)."""

    dimensions = 1


@LAYERS.register("AdaptiveMaxPooling2D", limits=AdaptivePooling.limits)
class AdaptiveMaxPooling2D(AdaptiveMaxPooling):
    """Over (batch, height, width, channels)."""

    dimensions = 2


@LAYERS.register("AdaptiveMaxPooling3D", limits=AdaptivePooling.limits)
class AdaptiveMaxPooling3D(AdaptiveMaxPooling):
    """Over (batch, depth, height, width, channels)."""

    dimensions = 3


@LAYERS.register("AdaptiveAveragePooling1D", limits=AdaptivePooling.limits)
class AdaptiveAveragePooling1D(AdaptiveAveragePooling):
    """Over (batch, steps, channels)."""

    dimensions = 1


@LAYERS.register("AdaptiveAveragePooling2D", limits=AdaptivePooling.limits)
class AdaptiveAveragePooling2D(AdaptiveAveragePooling):
    """Over (batch, height, width, channels)."""

    dimensions = 2


@LAYERS.register("AdaptiveAveragePooling3D", limits=AdaptivePooling.limits)
class AdaptiveAveragePooling3D(AdaptiveAveragePooling):
    """Over (batch, depth, height, width, channels)."""

    dimensions = 3
