"""Image layers: resizing, cropping, contrast; and augmentations, which do nothing at inference."""

from __future__ import annotations

from typing import ClassVar, Self

from kerasport.errors import LayerError
from kerasport.layers import LAYERS
from kerasport.layers.base import Spec, TensorType
from kerasport.layers.config import Config
from kerasport.layers.core import Identity
from kerasport.layers.frozen import frozen
from kerasport.layers.registry import EVERYTHING
from kerasport.layers.spatial import Spatial

INTERPOLATIONS = ("nearest", "area", "bilinear", "bicubic", "lanczos3", "lanczos5", "gaussian", "mitchellcubic")
RANDOM_CROPS = ("nothing", "crop_and_resize", "resize_and_crop", "crop_beside_centre")
Size = tuple[int, int]  # height and width

_AUGMENTATIONS = (
    "AugMix CutMix Equalization MaxNumBoundingBoxes MixUp RandAugment RandomBrightness RandomColorDegeneration "
    "RandomColorJitter RandomContrast RandomElasticTransform RandomErasing RandomFlip RandomGaussianBlur "
    "RandomGrayscale RandomHeight RandomHue RandomInvert RandomPerspective RandomPosterization RandomRotation "
    "RandomSaturation RandomSharpness RandomShear RandomTranslation RandomWidth RandomZoom Solarization"
)


@LAYERS.register(*_AUGMENTATIONS.split(), ignored=EVERYTHING)
@frozen
class Augmentation(Identity):
    """A change of images in training that leaves them alone at inference."""

    carries_mask: ClassVar[bool] = False
    float_only: ClassVar[bool] = True


@frozen
class ToSize(Spatial):
    """The base of layers that give images of a fixed size.

    Attributes:
        size: The new (height, width).
    """

    dimensions: ClassVar[int] = 2
    size: Size

    def infer(self, *inputs: TensorType) -> TensorType:
        """The input with the new height and width."""
        return self.resized(inputs[0], self.size, self.channels(inputs[0]))

    def sampled_axes(self, rank: int) -> tuple[int, ...]:
        """Height and width."""
        return self.space(rank)

    def known_lengths(self, x: TensorType) -> Size | None:
        """The input's height and width, None when one of them is unknown."""
        height, width = self.lengths(x)
        return None if height is None or width is None else (height, width)


def crop_to_ratio(lengths: Size, size: Size) -> Size:
    """The height and width of the largest part of an image with the aspect ratio of ``size``."""
    (height, width), (rows, columns) = lengths, size
    return max(min(height, width * rows // columns), 1), max(min(width, height * columns // rows), 1)


def pad_to_ratio(lengths: Size, size: Size) -> Size:
    """How much goes before, and as much behind, each axis of an image to give it the aspect ratio of ``size``."""
    (height, width), (rows, columns) = lengths, size
    return max(width * rows // columns - height, 0) // 2, max(height * columns // rows - width, 0) // 2


@LAYERS.register("Resizing")
@frozen
class Resizing(ToSize):
    """Samples the input at ``(i + 0.5) * length / size - 0.5``, by TensorFlow's ``tf.image.resize``.

    Attributes:
        interpolation: One of INTERPOLATIONS. TensorFlow reads the weights of "bicubic" from a table with 1024
            steps a pixel, unless ``antialias`` is on.
        antialias: Whether the kernel widens with the steps when an axis shrinks; "nearest" and "area" do not care.
        fit: "stretch"; "crop", which first takes the central part with the new aspect ratio; or "pad", which
            first pads to that ratio.
        fill_value: What is padded.
        integers: What becomes of integers: they are computed with and given as "float", or brought back to their
            dtype "rounded" or "truncated".
    """

    interpolation: str = "bilinear"
    antialias: bool = False
    fit: str = "stretch"
    fill_value: float = 0.0
    integers: str = "float"
    float_only: ClassVar[bool] = False

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's keys: height, width, interpolation, antialias, crop_/pad_to_aspect_ratio, fill_value, data_format.

        ``integers`` is from the dialect.
        """
        crop, pad = config.flag("crop_to_aspect_ratio"), config.flag("pad_to_aspect_ratio")
        if crop and pad:
            raise LayerError("crop_to_aspect_ratio and pad_to_aspect_ratio exclude each other")
        config.expect("fill_mode", "constant")
        config.expect("bounding_box_format", None)
        return cls(
            channels_first=config.channels_first(),
            size=target_size(config),
            interpolation=config.choice("interpolation", INTERPOLATIONS, "bilinear"),
            antialias=config.flag("antialias"),
            fit="crop" if crop else "pad" if pad else "stretch",
            fill_value=config.number("fill_value", 0.0),
            integers=config.choice("integers", ("float", "rounded", "truncated"), "float"),
        )

    def infer(self, *inputs: TensorType) -> TensorType:
        """The new height and width; integers stay what they are where the writer's Keras did so."""
        x = super().infer(*inputs)
        return x if self.keeps(x.dtype) else x.with_dtype("float32")

    def sampled_axes(self, rank: int) -> tuple[int, ...]:
        """None where the nearest pixel is taken."""
        return () if self.interpolation == "nearest" else super().sampled_axes(rank)

    @property
    def cuts_to_whole_numbers(self) -> bool:
        """Where integers stay integers."""
        return self.integers != "float"

    def keeps(self, dtype: str) -> bool:
        """Whether values of this dtype are given in it."""
        return dtype.startswith("float") or self.integers != "float"


@LAYERS.register("CenterCrop", ignored="bounding_box_format")
@frozen
class CenterCrop(ToSize):
    """The central part of an image; smaller images are cropped to the new aspect ratio and resized, bilinearly."""

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's keys: height, width, data_format."""
        return cls(channels_first=config.channels_first(), size=target_size(config))


@LAYERS.register("RandomCrop", ignored="seed bounding_box_format factor")
@frozen
class RandomCrop(ToSize):
    """At inference: a crop to the new aspect ratio and a bilinear resize, or nothing, by version.

    Attributes:
        inference: "crop_and_resize"; "resize_and_crop", which resizes by whole pixels until the image covers
            the new size and takes the central part; "crop_beside_centre", which crops to the new size from where the
            part with its aspect ratio would start, and resizes what is too small; or "nothing".
    """

    inference: str = "nothing"

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's keys: height, width, data_format; ``inference`` is from the dialect."""
        return cls(
            channels_first=config.channels_first(),
            size=target_size(config),
            inference=config.choice("inference", RANDOM_CROPS, "nothing"),
        )

    def infer(self, *inputs: TensorType) -> TensorType:
        """The input's type, or with the new height and width."""
        return inputs[0] if self.inference == "nothing" else super().infer(*inputs)

    def beside_centre(self, lengths: Size) -> tuple[Size, Size]:
        """Where the part of an image that Keras 3.6 and 3.7 take starts, and its size."""
        centred = crop_to_ratio(lengths, self.size)
        top, left = ((length - part) // 2 for length, part in zip(lengths, centred, strict=True))
        return (top, left), (min(self.size[0], lengths[0] - top), min(self.size[1], lengths[1] - left))

    def covering(self, lengths: Size) -> Size:
        """The smallest size with the image's aspect ratio that covers the new one."""
        (height, width), (rows, columns) = lengths, self.size
        if height / width > rows / columns:
            return int(columns * height / width), columns
        return rows, int(rows * width / height)


@LAYERS.register("AutoContrast", ignored="bounding_box_format factor data_format")
@frozen
class AutoContrast(Spec):
    """Spreads each channel of each image over the whole range; a channel of one value stays.

    ``low + (x - min) / (max - min) * (high - low)`` with the extremes over the axes 1 and 2, whatever the
    data format.

    Attributes:
        low: The lowest value of the range.
        high: The highest.
    """

    low: float = 0.0
    high: float = 255.0
    carries_mask: ClassVar[bool] = False

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's key: value_range."""
        value_range = config.get("value_range", (0, 255))
        if not isinstance(value_range, list | tuple) or len(value_range) != 2:
            raise LayerError(f"value_range is {str(value_range)[:40]} where two numbers are needed")
        low, high = sorted(float(value) for value in value_range)
        return cls(low=low, high=high)

    def infer(self, *inputs: TensorType) -> TensorType:
        """The input's type."""
        if inputs[0].rank != 4:
            raise LayerError(f"its input has {inputs[0].rank} axes where 4 are needed")
        return inputs[0]


def target_size(config: Config) -> Size:
    """Keras's keys height and width."""
    height, width = config.integer("height"), config.integer("width")
    if height < 1 or width < 1:
        raise LayerError(f"its size is {height} x {width}, which must be positive")
    return height, width
