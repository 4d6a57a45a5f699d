"""Zero padding, cropping and upsampling over one to three spatial axes."""

from __future__ import annotations

from typing import ClassVar, Self

from kerasport.errors import LayerError
from kerasport.layers import LAYERS
from kerasport.layers.base import TensorType, refuse_whole_numbers
from kerasport.layers.config import Config
from kerasport.layers.frozen import frozen
from kerasport.layers.spatial import Spatial, positive


def _pairs(config: Config, key: str, count: int) -> tuple[tuple[int, int], ...]:
    pairs = config.pairs(key, count, default=1)
    if min(min(pair) for pair in pairs) < 0:
        raise LayerError(f"{key} is {pairs}, which must not be negative")
    return pairs


@frozen
class ZeroPadding(Spatial):
    """Zeros before and after each spatial axis."""

    float_only: ClassVar[bool] = False
    padding: tuple[tuple[int, int], ...]

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's keys: padding, data_format."""
        return cls(channels_first=config.channels_first(), padding=_pairs(config, "padding", cls.dimensions))

    def infer(self, *inputs: TensorType) -> TensorType:
        """Each spatial axis longer by its padding."""
        x = inputs[0]
        pairs = zip(self.lengths(x), self.padding, strict=True)
        return self.resized(x, [n if n is None else n + sum(pair) for n, pair in pairs], self.channels(x))


@LAYERS.register("ZeroPadding1D")
class ZeroPadding1D(ZeroPadding):
    """Over (batch, steps, channels)."""

    dimensions = 1


@LAYERS.register("ZeroPadding2D")
class ZeroPadding2D(ZeroPadding):
    """Over (batch, height, width, channels)."""

    dimensions = 2


@LAYERS.register("ZeroPadding3D")
class ZeroPadding3D(ZeroPadding):
    """Over (batch, depth, height, width, channels)."""

    dimensions = 3


@frozen
class Cropping(Spatial):
    """The spatial axes without some positions at their starts and ends."""

    float_only: ClassVar[bool] = False
    cropping: tuple[tuple[int, int], ...]

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's keys: cropping, data_format."""
        return cls(channels_first=config.channels_first(), cropping=_pairs(config, "cropping", cls.dimensions))

    def infer(self, *inputs: TensorType) -> TensorType:
        """Each spatial axis shorter by its cropping."""
        x = inputs[0]
        left = []
        for n, pair in zip(self.lengths(x), self.cropping, strict=True):
            if n is not None and n <= sum(pair):
                raise LayerError(f"cropping {pair} leaves nothing of an axis of {n}")
            left.append(n if n is None else n - sum(pair))
        return self.resized(x, left, self.channels(x))


@LAYERS.register("Cropping1D")
class Cropping1D(Cropping):
    """Over (batch, steps, channels)."""

    dimensions = 1


@LAYERS.register("Cropping2D")
class Cropping2D(Cropping):
    """Over (batch, height, width, channels)."""

    dimensions = 2


@LAYERS.register("Cropping3D")
class Cropping3D(Cropping):
    """Over (batch, depth, height, width, channels)."""

    dimensions = 3


@frozen
class UpSampling(Spatial):
    """Every spatial axis ``size`` times as long.

    Attributes:
        size: One factor per spatial axis.
        interpolation: "nearest" repeats; the others weigh the neighbours of each sampled point. "area" repeats
            too: with a whole factor, each new pixel lies within one old pixel.
            TensorFlow reads the weights of "bicubic" from a table with 1024 steps a pixel.
        half_pixel: Whether pixel i of the output samples the input at ``(i + 0.5) / size - 0.5``, else ``i / size``.
        fades: Whether pixels beyond the edges are zero (on PlaidML); else those within weigh the more.
        cuts_integers: Whether whole numbers give whole numbers, however they are weighed (in Keras 3).
    """

    interpolations: ClassVar[tuple[str, ...]] = ("nearest",)
    size: tuple[int, ...]
    interpolation: str = "nearest"
    half_pixel: bool = True
    fades: bool = False
    cuts_integers: bool = False

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's keys: size, data_format, interpolation; and half_pixel and fades, from the dialect."""
        return cls(
            channels_first=config.channels_first(),
            size=positive(config, "size", cls.dimensions),
            interpolation=config.choice("interpolation", cls.interpolations, "nearest"),
            half_pixel=config.flag("half_pixel", True),
            fades=config.flag("fades"),
            cuts_integers=config.flag("cuts_integers"),
        )

    def check_given(self, *inputs: TensorType) -> None:
        """Refuses whole numbers where the mean of such would be cut off."""
        super().check_given(*inputs)
        if self.cuts_integers and not self.repeats:
            refuse_whole_numbers(inputs, "to which Keras would cut off the result")

    def whole_dtype(self, given: str) -> str:
        """The input's, where values are repeated; TensorFlow's "area" makes floats of them."""
        return given if self.repeats and (self.cuts_integers or self.interpolation == "nearest") else ""

    @property
    def repeats(self) -> bool:
        """Whether the values are only repeated."""
        return self.interpolation in ("nearest", "area")

    @property
    def blurs(self) -> bool:
        """Whether even a point at a pixel's centre gets something of the pixels around."""
        return self.interpolation in ("gaussian", "mitchellcubic")

    def sampled_axes(self, rank: int) -> tuple[int, ...]:
        """Those of space, unless values are only repeated."""
        return () if self.repeats else self.space(rank)

    def infer(self, *inputs: TensorType) -> TensorType:
        """Each spatial axis times its factor."""
        x = inputs[0]
        pairs = zip(self.lengths(x), self.size, strict=True)
        return self.resized(x, [n if n is None else n * size for n, size in pairs], self.channels(x))


@LAYERS.register("UpSampling1D")
class UpSampling1D(UpSampling):
    """Over (batch, steps, channels)."""

    dimensions = 1


@LAYERS.register("UpSampling2D")
class UpSampling2D(UpSampling):
    """Over (batch, height, width, channels)."""

    dimensions = 2
    interpolations = ("nearest", "area", "bilinear", "bicubic", "lanczos3", "lanczos5", "gaussian", "mitchellcubic")


@LAYERS.register("UpSampling3D")
class UpSampling3D(UpSampling):
    """Over (batch, depth, height, width, channels)."""

    dimensions = 3
