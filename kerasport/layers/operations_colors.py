"""Operations on image colours, under Keras 3's names; TensorFlow's own under ``tf.`` names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kerasport.errors import LayerError
from kerasport.layers.arguments import Arguments, Parser, Result, Step, dtype_name, register
from kerasport.layers.base import Value
from kerasport.layers.operations import binary, choice, then, unary
from kerasport.layers.operations_axes import reduced
from kerasport.layers.operations_convolutions import is_channels_first
from kerasport.layers.operations_shapes import moved
from kerasport.layers.operators import GetItem, Join
from kerasport.layers.ops import CastTo, Unchanged
from kerasport.layers.products import Matmul
from kerasport.layers.shaping import Tile

OnImages = Callable[[Arguments, Value], Step | Value]

_GRAY = (0.2989, 0.587, 0.114)
# tensorflow/python/ops/image_ops_impl.py, from the red, green and blue of a row's channel.
_MATRICES = {
    "tf.image.rgb_to_yuv": (
        (0.299, -0.14714119, 0.61497538), (0.587, -0.28886916, -0.51496512), (0.114, 0.43601035, -0.10001026),
    ),
    "tf.image.yuv_to_rgb": ((1.0, 1.0, 1.0), (0.0, -0.394642334, 2.03206185), (1.13988303, -0.58062185, 0.0)),
    "tf.image.rgb_to_yiq": (
        (0.299, 0.59590059, 0.2115), (0.587, -0.27455667, -0.52273617), (0.114, -0.32134392, 0.31119955),
    ),
    "tf.image.yiq_to_rgb": (
        (1.0, 1.0, 1.0), (0.95598634, -0.27201283, -1.10674021), (0.6208248, -0.64720424, 1.70423049),
    ),
}  # fmt: skip


def on_images(*names: str) -> Callable[[OnImages], OnImages]:
    """Registers a function of images with their channels last; it gets and gives others as if they were so."""

    def add(parser: OnImages) -> OnImages:
        def parse(call: Arguments) -> Result:
            x = call.tensor("images", 0)
            if x.type.rank not in (3, 4):
                raise LayerError(f"images of rank {x.type.rank} are not supported")
            if not is_channels_first(call):
                return parser(call, x)
            batch = x.type.rank - 3
            found = parser(call, then(call, moved(x, (*range(batch), batch + 1, batch + 2, batch))))
            y = found if isinstance(found, Value) else then(call, found)
            rest = range(batch + 3, y.type.rank)
            return moved(y, (*range(batch), batch + 2, batch, batch + 1, *rest))

        register(*names)(parse)
        return parser

    return add


def is_whole(x: Value) -> bool:
    """Whether the values are whole numbers."""
    return not x.type.dtype.startswith("float")


def as_fractions(call: Arguments, x: Value) -> Value:
    """Whole numbers as parts of the largest of their type, as TensorFlow's ``convert_image_dtype`` does."""
    if not is_whole(x):
        return x
    return then(call, binary(call, "multiply", call.floating(x), 1.0 / np.iinfo(x.type.dtype).max))


def as_before(call: Arguments, y: Step, dtype: str) -> Step:
    """Parts of the largest number of a type as whole numbers of it, cut off at the limits."""
    if dtype.startswith("float"):
        return y
    limits = np.iinfo(dtype)
    scaled = then(call, binary(call, "multiply", then(call, y), limits.max + 0.5))
    return saturated(call, scaled, dtype)


def saturated(call: Arguments, x: Value, dtype: str) -> Step:
    """A cast to whole numbers, the limits for what is beyond them."""
    limits = np.iinfo(dtype)
    kept = then(call, unary(call, "clip", call.floating(x), float(limits.min), float(limits.max)))
    return Step(CastTo(dtype=dtype), (kept,))


def _channels(call: Arguments, x: Value) -> list[Value]:
    """The three channels, each with an axis of size 1."""
    if x.type.shape[-1] != 3:
        raise LayerError(f"images of {x.type.shape[-1]} channels are not supported where 3 are needed")
    return [call.emit(GetItem(index=(Ellipsis, (i, i + 1, None))), x) for i in range(3)]


@on_images("RGBToGrayscale")
def _grayscale(call: Arguments, x: Value) -> Step:
    """Whole numbers are computed with as they are, and cut off."""
    if x.type.shape[-1] == 1:
        return Step(Unchanged(), (x,))
    gray = _gray(call, call.floating(x))
    return Step(CastTo(dtype=x.type.dtype), (then(call, gray),)) if is_whole(x) else gray


@on_images("tf.image.rgb_to_grayscale")
def _tf_grayscale(call: Arguments, x: Value) -> Step:
    return as_before(call, _gray(call, as_fractions(call, x)), x.type.dtype)


def _gray(call: Arguments, x: Value) -> Step:
    if x.type.shape[-1] != 3:
        raise LayerError("images of other than 3 channels are not supported")
    return reduced(call, "sum", then(call, binary(call, "multiply", x, _GRAY)), (-1,), keepdims=True)


@on_images("tf.image.grayscale_to_rgb")
def _to_rgb(call: Arguments, x: Value) -> Step:
    return Step(Tile(repeats=(*[1] * (x.type.rank - 1), 3)), (x,))


def _matrix(matrix: Sequence[Sequence[float]]) -> Parser:
    def parse(call: Arguments) -> Step:
        x = call.floating(call.tensor("images", 0))
        return Step(Matmul(), (x, call.value([list(row) for row in matrix])))

    return parse


for _name, _numbers in _MATRICES.items():
    register(_name)(_matrix(_numbers))


def _arithmetic(call: Arguments) -> Callable[[str, Any, Any], Value]:
    return lambda name, left, right: then(call, binary(call, name, left, right))


def _to_hsv(call: Arguments, x: Value) -> list[Value]:
    """Hue, saturation and value; of gray pixels the hue is 0."""
    do, (r, g, b) = _arithmetic(call), _channels(call, x)
    high = then(call, reduced(call, "max", x, (-1,), keepdims=True))
    spread = do("subtract", high, then(call, reduced(call, "min", x, (-1,), keepdims=True)))
    saturation = then(
        call, choice(call, do("greater", high, 0.0), do("divide", spread, _one_for_zero(call, high)), 0.0)
    )
    sixth = do("divide", 1 / 6, _one_for_zero(call, spread))
    sides = [do("multiply", sixth, do("subtract", *pair)) for pair in ((g, b), (b, r), (r, g))]
    from_green, from_blue = do("add", sides[1], 1 / 3), do("add", sides[2], 2 / 3)
    hue = then(call, choice(call, do("equal", g, high), from_green, from_blue))
    hue = then(call, choice(call, do("equal", r, high), sides[0], hue))
    hue = then(call, choice(call, do("greater", spread, 0.0), hue, 0.0))
    return [then(call, choice(call, do("less", hue, 0.0), do("add", hue, 1.0), hue)), saturation, high]


def _one_for_zero(call: Arguments, x: Value) -> Value:
    return then(call, choice(call, then(call, binary(call, "equal", x, 0.0)), 1.0, x))


def _from_hsv(call: Arguments, hue: Value, saturation: Value, value: Value) -> Step:
    do = _arithmetic(call)
    turn, rest, parts = do("multiply", hue, 6.0), do("subtract", 1.0, saturation), []
    for middle, sign, offset in ((3.0, 1.0, -1.0), (2.0, -1.0, 2.0), (4.0, -1.0, 2.0)):
        distance = then(call, unary(call, "abs", do("subtract", turn, middle)))
        share = then(call, unary(call, "clip", do("add", do("multiply", distance, sign), offset), 0.0, 1.0))
        parts.append(do("multiply", do("add", rest, do("multiply", saturation, share)), value))
    return Step(Join(axis=-1), tuple(parts))


@on_images("RGBToHSV", "tf.image.rgb_to_hsv")
def _rgb_to_hsv(call: Arguments, x: Value) -> Step:
    return Step(Join(axis=-1), tuple(_to_hsv(call, call.floating(x))))


@on_images("HSVToRGB", "tf.image.hsv_to_rgb")
def _hsv_to_rgb(call: Arguments, x: Value) -> Step:
    return _from_hsv(call, *_channels(call, call.floating(x)))


@register("tf.image.adjust_hue")
def _adjust_hue(call: Arguments) -> Step:
    x = call.tensor("image", 0)
    hue, saturation, value = _to_hsv(call, as_fractions(call, x))
    turned = then(call, binary(call, "add", hue, call.number("delta", 1)))
    turned = then(call, binary(call, "mod", turned, 1.0))
    return as_before(call, _from_hsv(call, turned, saturation, value), x.type.dtype)


@register("tf.image.adjust_saturation")
def _adjust_saturation(call: Arguments) -> Step:
    x = call.tensor("image", 0)
    hue, saturation, value = _to_hsv(call, as_fractions(call, x))
    scaled = then(call, binary(call, "multiply", saturation, call.number("saturation_factor", 1)))
    kept = then(call, unary(call, "clip", scaled, 0.0, 1.0))
    return as_before(call, _from_hsv(call, hue, kept, value), x.type.dtype)


@register("tf.image.adjust_gamma")
def _adjust_gamma(call: Arguments) -> Step:
    x = call.tensor("image", 0)
    powers = then(call, binary(call, "power", as_fractions(call, x), call.number("gamma", 1, 1.0)))
    return as_before(call, binary(call, "multiply", powers, call.number("gain", 2, 1.0)), x.type.dtype)


@register("tf.image.adjust_contrast")
def _adjust_contrast(call: Arguments) -> Step:
    x, factor = call.tensor("images", 0), call.number("contrast_factor", 1)
    y = as_fractions(call, x)
    mean = then(call, reduced(call, "mean", y, (-3, -2), keepdims=True))
    centered = then(call, binary(call, "subtract", y, mean))
    spread = binary(call, "add", then(call, binary(call, "multiply", centered, factor)), mean)
    return as_before(call, spread, x.type.dtype)


@register("tf.image.adjust_brightness")
def _adjust_brightness(call: Arguments) -> Step:
    x = call.tensor("image", 0)
    return as_before(call, binary(call, "add", as_fractions(call, x), call.number("delta", 1)), x.type.dtype)


@register("tf.image.convert_image_dtype")
def _convert(call: Arguments) -> Step:
    x, dtype = call.tensor("image", 0), dtype_name(call.get("dtype", 1)) or "float32"
    if is_whole(x) and not dtype.startswith("float"):
        raise LayerError(f"a conversion from {x.type.dtype} to {dtype} is not supported")
    call.get("saturate", 2)  # what is beyond the limits has no meaning otherwise
    return as_before(call, Step(Unchanged(), (as_fractions(call, x),)), dtype)
