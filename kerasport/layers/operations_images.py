"""Operations on images, by Keras 3's names; those that only TensorFlow has by ``tf.`` names."""

from __future__ import annotations

from typing import Any

from kerasport.errors import LayerError
from kerasport.layers.arguments import Arguments, Parser, Step, has_slots, register
from kerasport.layers.base import Value
from kerasport.layers.image import INTERPOLATIONS, Resizing
from kerasport.layers.operations import binary, then, unary
from kerasport.layers.operations_axes import reduced, variance
from kerasport.layers.operations_shapes import WHOLE, flipped, moved
from kerasport.layers.operators import GetItem
from kerasport.layers.ops import Unchanged
from kerasport.layers.pixels import BlockShuffle, ResizeTo
from kerasport.layers.pooling import (
    AveragePooling1D,
    AveragePooling2D,
    AveragePooling3D,
    MaxPooling1D,
    MaxPooling2D,
    MaxPooling3D,
    Pooling,
)
from kerasport.layers.shaping import Pad, Tile

_GRAY = (0.2989, 0.587, 0.114)
_POOLS: dict[bool, tuple[type[Pooling], ...]] = {
    True: (MaxPooling1D, MaxPooling2D, MaxPooling3D),
    False: (AveragePooling1D, AveragePooling2D, AveragePooling3D),
}


def _images(call: Arguments, name: str = "images") -> Value:
    x = call.tensor(name, 0)
    if x.type.rank not in (3, 4):
        raise LayerError(f"images of rank {x.type.rank} are not supported")
    if call.get("data_format") not in (None, "channels_last", "NHWC"):
        raise LayerError("images with their channels first are not supported")
    return x


def _space(x: Value) -> tuple[int, int]:
    """The axes of height and width."""
    return x.type.rank - 3, x.type.rank - 2


def _resized(call: Arguments, x: Value, size: Any, method: str, antialias: bool, fit: str = "stretch") -> Step:
    row = call.value(size, "size") if has_slots(size) else None
    if row is not None and row.type.content and None not in row.type.content:
        size, row = row.type.content, None
    if row is not None:
        if method not in ("nearest", "bilinear") or antialias or fit != "stretch":
            raise LayerError(f"method={method!r} with a size that is computed is not supported")
        return Step(ResizeTo(nearest=method == "nearest"), (call.floating(x), row))
    if method not in INTERPOLATIONS or x.type.rank != 4:
        raise LayerError(f"method={method!r} on images of rank {x.type.rank} is not supported")
    size = (int(size[0]), int(size[1]))
    return Step(Resizing(size=size, interpolation=method, antialias=antialias, fit=fit), (call.floating(x),))


@register("Resize")
def _resize(call: Arguments) -> Step:
    x, method = _images(call), call.text("interpolation", None, "bilinear")
    flags = {name: call.flag(f"{name}_to_aspect_ratio") for name in ("crop", "pad")}
    if call.text("fill_mode", None, "constant") != "constant" or call.get("fill_value", default=0):
        raise LayerError("a fill_mode or fill_value is not supported")
    fit = next((name for name, on in flags.items() if on), "stretch")
    return _resized(call, x, call.get("size", 1), method, call.flag("antialias"), fit)


@register("tf.image.resize")
def _tf_resize(call: Arguments) -> Step:
    x, method = _images(call), call.text("method", 2, "bilinear")
    if call.flag("preserve_aspect_ratio", 3):
        raise LayerError("preserve_aspect_ratio is not supported")
    return _resized(call, x, call.get("size", 1), method, call.flag("antialias", 4))


def _raw_resize(method: str) -> Parser:
    def parse(call: Arguments) -> Step:
        if call.flag("align_corners") or not call.flag("half_pixel_centers"):
            raise LayerError("align_corners, or corners that are not half pixels, is not supported")
        return _resized(call, _images(call), call.get("size", 1), method, antialias=False)

    return parse


register("tf.raw_ops.ResizeBilinear")(_raw_resize("bilinear"))
register("tf.raw_ops.ResizeNearestNeighbor")(_raw_resize("nearest"))
register("tf.raw_ops.ResizeBicubic")(_raw_resize("bicubic"))


def _pool(largest: bool) -> Parser:
    def parse(call: Arguments) -> Step:
        x = call.floating(call.tensor("inputs", 0))
        first, dimensions = call.text("data_format", 4) in ("channels_first", "NCHW"), x.type.rank - 2
        raw = call.get("strides", 2)
        size = _window(call.integers("pool_size", 1), dimensions)
        strides = size if raw is None else _window(call.integers("strides", 2), dimensions)
        padding = call.text("padding", 3, "valid").lower()
        if padding not in ("valid", "same") or not 1 <= dimensions <= 3:
            raise LayerError(f"padding={padding!r} is not supported")
        pool = _POOLS[largest][dimensions - 1]
        return Step(pool(channels_first=first, pool_size=size, strides=strides, padding=padding), (x,))

    return parse


register("MaxPool")(_pool(largest=True))
register("AveragePool")(_pool(largest=False))


def _window(sizes: tuple[int, ...], dimensions: int) -> tuple[int, ...]:
    """One number for each spatial axis, from one for all, or from those of batch and channels as well."""
    if len(sizes) == dimensions + 2 and sizes[0] == sizes[-1] == 1:
        return sizes[1:-1]
    sizes = sizes * dimensions if len(sizes) == 1 else sizes
    if len(sizes) != dimensions:
        raise LayerError(f"a window of {list(sizes)} is not supported")
    return sizes


def _shuffle(to_space: bool) -> Parser:
    def parse(call: Arguments) -> Step:
        first = call.text("data_format", 2) in ("channels_first", "NCHW")
        block = call.integer("block_size", 1)
        return Step(BlockShuffle(block=block, to_space=to_space, channels_first=first), (call.tensor("x", 0),))

    return parse


register("DepthToSpace")(_shuffle(to_space=True))
register("SpaceToDepth")(_shuffle(to_space=False))


@register("tf.image.flip_left_right")
def _flip_left_right(call: Arguments) -> Step:
    return flipped(_images(call), (-2,))


@register("tf.image.flip_up_down")
def _flip_up_down(call: Arguments) -> Step:
    return flipped(_images(call), (-3,))


def _transposed(x: Value) -> Step:
    rank = x.type.rank
    return moved(x, (*range(rank - 3), rank - 2, rank - 3, rank - 1))


@register("tf.image.transpose")
def _transpose(call: Arguments) -> Step:
    return _transposed(_images(call))


@register("tf.image.rot90")
def _rot90(call: Arguments) -> Step:
    x, turns = _images(call), call.integer("k", 1, 1) % 4
    if turns == 2:
        return flipped(x, (-3, -2))
    if turns == 0:
        return Step(Unchanged(), (x,))
    if turns == 1:
        return _transposed(then(call, flipped(x, (-2,))))
    return flipped(then(call, _transposed(x)), (-2,))


@register("RGBToGrayscale", "tf.image.rgb_to_grayscale")
def _grayscale(call: Arguments) -> Step:
    x = _images(call)
    if x.type.shape[-1] != 3:
        raise LayerError("images of other than 3 channels are not supported")
    return reduced(call, "sum", then(call, binary(call, "multiply", x, _GRAY)), (-1,), keepdims=True)


@register("tf.image.grayscale_to_rgb")
def _to_rgb(call: Arguments) -> Step:
    x = _images(call)
    return Step(Tile(repeats=(*[1] * (x.type.rank - 1), 3)), (x,))


def _cut(x: Value, top: int, left: int, height: int, width: int) -> Step:
    before = [WHOLE] * (x.type.rank - 3)
    return Step(GetItem(index=(*before, (top, top + height, None), (left, left + width, None))), (x,))


def _known_space(x: Value) -> tuple[int, int]:
    height, width = (x.type.shape[axis] for axis in _space(x))
    if height is None or width is None:
        raise LayerError("images of unknown size are not supported")
    return height, width


def _edged(x: Value, rows: tuple[int, int], columns: tuple[int, int]) -> Step:
    return Step(Pad(pairs=(*[(0, 0)] * (x.type.rank - 3), rows, columns, (0, 0))), (x,))


def _edges(call: Arguments, x: Value, what: str) -> list[tuple[int, int]]:
    """What goes before and after height and width, of which two numbers of before, after and the result are given."""
    found = []
    sides = (("top", "bottom", "height"), ("left", "right", "width"))
    for (first, last, name), length in zip(sides, _known_space(x), strict=True):
        before, after, target = call.get(f"{first}_{what}"), call.get(f"{last}_{what}"), call.get(f"target_{name}")
        change = None if target is None else target - length if what == "padding" else length - target
        if before is None and change is not None and after is not None:
            before = change - after
        if after is None and change is not None and before is not None:
            after = change - before
        found.append((int(before or 0), int(after or 0)))
    return found


@register("PadImages")
def _pad_images(call: Arguments) -> Step:
    x = _images(call)
    rows, columns = _edges(call, x, "padding")
    return _edged(x, rows, columns)


@register("CropImages")
def _crop_images(call: Arguments) -> Step:
    x = _images(call)
    (top, bottom), (left, right) = _edges(call, x, "cropping")
    height, width = _known_space(x)
    return _cut(x, top, left, height - top - bottom, width - left - right)


@register("tf.image.pad_to_bounding_box")
def _pad_to_box(call: Arguments) -> Step:
    x = call.tensor("image", 0)
    top, left = call.integer("offset_height", 1), call.integer("offset_width", 2)
    height, width = _known_space(x)
    rows, columns = call.integer("target_height", 3), call.integer("target_width", 4)
    return _edged(x, (top, rows - top - height), (left, columns - left - width))


@register("tf.image.crop_to_bounding_box")
def _crop_to_box(call: Arguments) -> Step:
    x = call.tensor("image", 0)
    names = ("offset_height", "offset_width", "target_height", "target_width")
    return _cut(x, *(call.integer(name, i) for i, name in enumerate(names, 1)))


@register("tf.image.central_crop")
def _central_crop(call: Arguments) -> Step:
    x, share = call.tensor("image", 0), call.number("central_fraction", 1)
    starts = [int((length - length * share) / 2) for length in _known_space(x)]
    sizes = [length - 2 * start for length, start in zip(_known_space(x), starts, strict=True)]
    return _cut(x, *starts, *sizes)


@register("tf.image.resize_with_crop_or_pad")
def _crop_or_pad(call: Arguments) -> Step:
    x = call.tensor("image", 0)
    targets = [call.integer(f"target_{name}", i) for i, name in enumerate(("height", "width"), 1)]
    pairs = list(zip(_known_space(x), targets, strict=True))
    starts = [max((length - target) // 2, 0) for length, target in pairs]
    cut = then(call, _cut(x, *starts, *(min(pair) for pair in pairs)))
    before = [max((target - length) // 2, 0) for length, target in pairs]
    after = [max(t - n, 0) - b for (n, t), b in zip(pairs, before, strict=True)]
    return _edged(cut, (before[0], after[0]), (before[1], after[1]))


@register("tf.image.per_image_standardization")
def _standardization(call: Arguments) -> Step:
    x = call.floating(call.tensor("image", 0))
    axes, (height, width) = (-3, -2, -1), _known_space(x)
    mean = then(call, reduced(call, "mean", x, axes, keepdims=True))
    deviation = then(call, unary(call, "sqrt", then(call, variance(call, x, axes, keepdims=True))))
    floor = float(height * width * (x.type.shape[-1] or 1)) ** -0.5
    centered = then(call, binary(call, "subtract", x, mean))
    return binary(call, "divide", centered, then(call, binary(call, "maximum", deviation, floor)))


@register("tf.image.adjust_contrast")
def _adjust_contrast(call: Arguments) -> Step:
    x, factor = call.floating(_images(call)), call.number("contrast_factor", 1)
    mean = then(call, reduced(call, "mean", x, (-3, -2), keepdims=True))
    centered = then(call, binary(call, "subtract", x, mean))
    return binary(call, "add", then(call, binary(call, "multiply", centered, factor)), mean)


@register("tf.image.adjust_brightness")
def _adjust_brightness(call: Arguments) -> Step:
    return binary(call, "add", call.floating(call.tensor("image", 0)), call.number("delta", 1))
