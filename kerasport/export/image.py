"""Resizing, cropping and contrast of images, in ONNX."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from kerasport.errors import LayerError
from kerasport.export.builder import Scope
from kerasport.export.layout import Tensor
from kerasport.export.ops import cast, reduce
from kerasport.export.registry import EXPORT
from kerasport.export.resampling import KERNELS, TABLE_STEPS
from kerasport.export.sampling import matrix_by_shape
from kerasport.export.spatial import channels_first_order, weighted
from kerasport.layers import image
from kerasport.layers.image import Size, ToSize, crop_to_ratio, pad_to_ratio

# Resize's attributes.
_How = Mapping[str, str | float]
_BILINEAR: _How = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
_BICUBIC: _How = {
    "mode": "cubic", "coordinate_transformation_mode": "half_pixel", "cubic_coeff_a": -0.5, "exclude_outside": 1,
}  # fmt: skip
_NEAREST: _How = {
    "mode": "nearest",
    "coordinate_transformation_mode": "half_pixel",
    "nearest_mode": "round_prefer_ceil",
}


@EXPORT.register(image.Resizing)
def resizing(spec: image.Resizing, b: Scope, x: Tensor) -> Tensor:
    """Slice or Pad to the new aspect ratio, then Resize, Gather or weights; integers as float32 and back."""
    dtype = x.type.dtype
    y = _fitted(spec, b, x if dtype.startswith("float") else _retyped(x, cast(b, x.name, "float32"), "float32"))
    if dtype.startswith("float") or not spec.keeps(dtype):
        y = _resized(spec, b, y, spec.size, spec.interpolation, spec.antialias)
        return b.tensor(y.name, perm=y.perm)
    y = _resized_exactly(spec, b, y)
    return b.tensor(_as_integers(b, y.name, dtype, spec), perm=y.perm)


@EXPORT.register(image.CenterCrop)
def center_crop(spec: image.CenterCrop, b: Scope, x: Tensor) -> Tensor:
    """Slice; of smaller images, Slice and Resize; with unknown sizes, Slice by the shape and Resize."""
    lengths = spec.known_lengths(x.type)
    if lengths is None:
        return _resized(spec, b, _sliced_by_shape(spec, b, x, fits_whole=True), spec.size)
    if lengths[0] >= spec.size[0] and lengths[1] >= spec.size[1]:
        return _central(spec, b, x, lengths, spec.size)
    return _resized(spec, b, _central(spec, b, x, lengths, crop_to_ratio(lengths, spec.size)), spec.size)


@EXPORT.register(image.RandomCrop)
def random_crop(spec: image.RandomCrop, b: Scope, x: Tensor) -> Tensor:
    """What the writer's Keras does at inference."""
    lengths = spec.known_lengths(x.type)
    if spec.inference == "nothing":
        return x
    if spec.inference == "crop_and_resize":
        return _resized(spec, b, _cropped(spec, b, x), spec.size)
    if lengths is None:
        raise LayerError("this version's RandomCrop is not supported for images of unknown size")
    if spec.inference == "crop_beside_centre":
        return _resized(spec, b, _part(spec, b, x, *spec.beside_centre(lengths)), spec.size)
    size = spec.covering(lengths)
    return _central(spec, b, _resized(spec, b, x, size), size, spec.size)


@EXPORT.register(image.AutoContrast)
def auto_contrast(spec: image.AutoContrast, b: Scope, x: Tensor) -> Tensor:
    """(x - min) / (max - min) on the range; x itself where that is no number."""
    axes = sorted(x.stored_axis(axis) for axis in (1, 2))
    low, high = (reduce(b, op, x.name, axes, keepdims=True) for op in ("ReduceMin", "ReduceMax"))
    y = b.op("Div", b.op("Sub", x.name, low), b.op("Sub", high, low))
    if spec.high - spec.low != 1:
        y = b.op("Mul", y, b.constant(spec.high - spec.low, "range"))
    if spec.low:
        y = b.op("Add", y, b.constant(spec.low, "low"))
    return b.tensor(b.op("Where", b.op("Equal", low, high), x.name, y), perm=x.perm)


def _retyped(x: Tensor, name: str, dtype: str) -> Tensor:
    return Tensor(name, x.type.with_dtype(dtype), x.perm)


def _fitted(spec: image.Resizing, b: Scope, x: Tensor) -> Tensor:
    if spec.fit == "stretch":
        return x
    return _cropped(spec, b, x) if spec.fit == "crop" else _padded(spec, b, x)


# --- slices and pads


def _cropped(spec: ToSize, b: Scope, x: Tensor) -> Tensor:
    """The central part with the new aspect ratio."""
    lengths = spec.known_lengths(x.type)
    if lengths is None:
        return _sliced_by_shape(spec, b, x)
    return _central(spec, b, x, lengths, crop_to_ratio(lengths, spec.size))


def _central(spec: ToSize, b: Scope, x: Tensor, lengths: Size, size: Size) -> Tensor:
    """The middle of an image, in any layout."""
    top, left = ((length - part) // 2 for length, part in zip(lengths, size, strict=True))
    return _part(spec, b, x, (top, left), size)


def _part(spec: ToSize, b: Scope, x: Tensor, start: Size, size: Size) -> Tensor:
    """A part of an image, in any layout."""
    places = zip(spec.space(x.type.rank), spec.lengths(x.type), start, size, strict=True)
    cut = [(x.stored_axis(axis), first, first + part) for axis, n, first, part in places if n != part]
    type_ = spec.resized(x.type, size, spec.channels(x.type))
    if not cut:
        return x
    axes, starts, ends = ([entry[i] for entry in cut] for i in range(3))
    names = (b.constant(starts, "starts"), b.constant(ends, "ends"), b.constant(axes, "axes"))
    return Tensor(b.op("Slice", x.name, *names), type_, x.perm)


def _sliced_by_shape(spec: ToSize, b: Scope, x: Tensor, fits_whole: bool = False) -> Tensor:
    """The central part with the new aspect ratio, or, if it ``fits_whole``, of the new size, of unknown lengths."""
    axes = [x.stored_axis(axis) for axis in spec.space(x.type.rank)]
    lengths, part = _lengths(b, x, axes), _by_ratio(spec, b, x, axes)
    part = b.op("Max", b.op("Min", lengths, part), b.constant(1, "one"))
    if fits_whole:
        size = b.constant(spec.size, "size")
        smaller = b.op("ReduceMin", b.op("Sub", lengths, size), keepdims=1)
        part = b.op("Where", b.op("Less", smaller, b.constant(0, "zero")), part, size)
    starts = b.op("Div", b.op("Sub", lengths, part), b.constant(2, "two"))
    name = b.op("Slice", x.name, starts, b.op("Add", starts, part), b.constant(axes, "axes"))
    return Tensor(name, spec.resized(x.type, (None, None), spec.channels(x.type)), x.perm)


def _lengths(b: Scope, x: Tensor, axes: list[int]) -> str:
    return b.op("Gather", b.once("Shape", x.name), b.constant(axes, "axes"))


def _by_ratio(spec: ToSize, b: Scope, x: Tensor, axes: list[int]) -> str:
    """What each axis would be by the other one's length and the new aspect ratio."""
    others = b.op("Mul", _lengths(b, x, axes[::-1]), b.constant(spec.size, "size"))
    return b.op("Div", others, b.constant(spec.size[::-1], "other_size"))


def _padded(spec: image.Resizing, b: Scope, x: Tensor) -> Tensor:
    """As much on both sides as gives the new aspect ratio."""
    order = channels_first_order(spec, x.type.rank)
    value = b.constant(spec.fill_value, "fill_value")
    lengths = spec.known_lengths(x.type)
    if lengths is None:
        x = Tensor(b.arrange(x, order), x.type, order)
        more = b.op("Sub", _by_ratio(spec, b, x, [2, 3]), _lengths(b, x, [2, 3]))
        half = b.op("Div", b.op("Max", more, b.constant(0, "zero")), b.constant(2, "two"))
        none = b.constant([0, 0], "none")
        name = b.op("Pad", x.name, b.op("Concat", none, half, none, half, axis=0), value)
        return Tensor(name, spec.resized(x.type, (None, None), spec.channels(x.type)), order)
    amounts = pad_to_ratio(lengths, spec.size)
    pads = np.zeros((2, x.type.rank), np.int64)
    for axis, amount in zip(spec.space(x.type.rank), amounts, strict=True):
        pads[:, x.stored_axis(axis)] = amount
    if not pads.any():
        return x
    new = [length + 2 * amount for length, amount in zip(lengths, amounts, strict=True)]
    type_ = spec.resized(x.type, new, spec.channels(x.type))
    return Tensor(b.op("Pad", x.name, b.constant(pads.ravel(), "pads"), value), type_, x.perm)


# --- sampling


def _resized(
    spec: ToSize, b: Scope, x: Tensor, size: Size, interpolation: str = "bilinear", antialias: bool = False
) -> Tensor:
    """The height and width sampled anew."""
    lengths = spec.known_lengths(x.type)
    type_ = spec.resized(x.type, size, spec.channels(x.type))
    blurs = interpolation in ("gaussian", "mitchellcubic")
    if lengths == size and not blurs:
        return x
    how = _operator(interpolation, antialias, lengths, size)
    if how is not None:
        order = channels_first_order(spec, x.type.rank)
        x = Tensor(b.arrange(x, order), x.type, order)
        return Tensor(_resize(b, x, lengths, size, how), type_, order)
    if lengths is None:
        axes = zip(spec.space(x.type.rank), size, strict=True)
        found = {axis: matrix_by_shape(b, x, axis, new, interpolation, antialias) for axis, new in axes}
        return Tensor(weighted(b, x, found), type_, x.perm)
    changed = [
        (axis, length, new)
        for axis, length, new in zip(spec.space(x.type.rank), lengths, size, strict=True)
        if length != new or blurs
    ]
    if interpolation == "nearest":
        name = x.name
        for axis, length, new in changed:
            name = b.op("Gather", name, b.constant(_nearest(length, new), "pixels"), axis=x.stored_axis(axis))
        return Tensor(name, type_, x.perm)
    matrices = {axis: _matrix(interpolation, antialias, length, new) for axis, length, new in changed}
    return Tensor(weighted(b, x, matrices), type_, x.perm)


def _resized_exactly(spec: image.Resizing, b: Scope, x: Tensor) -> Tensor:
    """Bilinear with TensorFlow's own roundings, which decide what becomes of halves; the others as they are."""
    lengths = spec.known_lengths(x.type)
    plain = spec.interpolation == "bilinear" and not spec.antialias
    if lengths is None or not plain:
        return _resized(spec, b, x, spec.size, spec.interpolation, spec.antialias)
    height, width = (x.stored_axis(axis) for axis in spec.space(x.type.rank))
    name = _between_pixels(b, x, x.name, width, lengths[1], spec.size[1])
    name = _between_pixels(b, x, name, height, lengths[0], spec.size[0])
    return Tensor(name, spec.resized(x.type, spec.size, spec.channels(x.type)), x.perm)


def _between_pixels(b: Scope, x: Tensor, name: str, axis: int, length: int, size: int) -> str:
    """``lower + (upper - lower) * share`` along a stored axis."""
    if length == size:
        return name
    points = _points(length, size, 0.5)
    ends = [np.clip(ends, 0, length - 1).astype(np.int64) for ends in (np.floor(points), np.ceil(points))]
    lower, upper = (b.op("Gather", name, b.constant(pixels, "pixels"), axis=axis) for pixels in ends)
    share = (points - np.floor(points)).reshape(-1, *[1] * (x.type.rank - axis - 1))
    return b.op("Add", lower, b.op("Mul", b.op("Sub", upper, lower), b.constant(share, "share")))


def _operator(interpolation: str, antialias: bool, lengths: Size | None, size: Size) -> _How | None:
    """Resize's attributes, where it computes what TensorFlow does; None else."""
    pairs = list(zip(lengths, size, strict=True)) if lengths else []
    shrinks = not pairs or any(length > new for length, new in pairs)
    if interpolation == "nearest" and not any(_has_ties(length, new) for length, new in pairs):
        return _NEAREST
    if interpolation == "bilinear" and not (antialias and shrinks):
        return _BILINEAR
    # Behind a Transpose, ONNX Runtime makes of a cubic Resize that shrinks one that it refuses itself.
    cubic = interpolation == "bicubic" and not antialias and not shrinks
    return _BICUBIC if cubic and all(_in_table(length, new) for length, new in pairs) else None


def _has_ties(length: int, size: int) -> bool:
    """Whether some points lie between two pixels, where rounding errors decide, but for halves, quarters ..."""
    common = np.gcd(length, size)
    step, parts = length // common, size // common
    return bool(step % 2 == 0 and parts % 2 == 1 and (parts > 1 or step & (step - 1)))


def _in_table(length: int, size: int) -> bool:
    """Whether TensorFlow's table of cubic weights has an entry for every point."""
    return bool(TABLE_STEPS % (2 * size // np.gcd(length, size)) == 0)


def _resize(b: Scope, x: Tensor, lengths: Size | None, size: Size, how: _How) -> str:
    """Resize of channels-first images to a size; by scales where they are known, which takes no other node."""
    if lengths is not None:
        scales = [_scale(length, new) for length, new in zip(lengths, size, strict=True)]
        return b.op("Resize", x.name, "", b.constant(np.array([1, 1, *scales], np.float32), "scales"), **how)
    head = b.op("Slice", b.once("Shape", x.name), b.constant([0], "start"), b.constant([2], "stop"))
    return b.op("Resize", x.name, "", "", b.op("Concat", head, b.constant(size, "size"), axis=0), **how)


def _scale(length: int, size: int) -> np.float32:
    """The ratio that gives the new size when the product is rounded down."""
    scale = np.float32(size) / np.float32(length)
    while float(length) * float(scale) < size:
        scale = np.nextafter(scale, np.float32(np.inf))
    return np.float32(scale)


def _points(length: int, size: int, shift: float) -> NDArray[np.float32]:
    """Where the new pixels lie among the old ones, in TensorFlow's own precision."""
    steps = np.arange(size, dtype=np.float32) + np.float32(0.5)
    return np.asarray(steps * (np.float32(length) / np.float32(size)) - np.float32(shift))


def _nearest(length: int, size: int) -> NDArray[np.int64]:
    return np.minimum(_points(length, size, 0).astype(np.int64), length - 1)


def _matrix(interpolation: str, antialias: bool, length: int, size: int) -> NDArray[np.float32]:
    """The weight (new pixel, old pixel), scaled to a sum of 1."""
    pixels = np.arange(length)
    if interpolation == "area":
        edges = np.arange(size + 1)[:, None] * length / size
        weights = np.maximum(np.minimum(edges[1:], pixels + 1) - np.maximum(edges[:-1], pixels), 0)
    else:
        wide = max(length / size, 1.0) if antialias else 1.0
        points = _points(length, size, 0.5).astype(np.float64)[:, None]
        if interpolation == "bicubic" and not antialias:
            points = np.floor(points) + np.round((points - np.floor(points)) * TABLE_STEPS) / TABLE_STEPS
        distance = np.abs(points - pixels) / wide
        radius, kernel = _TRIANGLE if interpolation == "bilinear" else KERNELS[interpolation]
        weights = np.where(distance < radius, kernel(distance), 0)
    return np.asarray(weights / weights.sum(1, keepdims=True), np.float32)


_TRIANGLE = (1.0, lambda distance: 1 - distance)


def _as_integers(b: Scope, name: str, dtype: str, spec: image.Resizing) -> str:
    """Cast, which truncates; or Round, Clip where values may lie beyond the limits, and Cast."""
    if spec.integers == "rounded":
        name = b.op("Round", name)
        if spec.interpolation not in ("nearest", "bilinear", "area"):
            limits = np.iinfo(dtype)
            name = b.op("Clip", name, b.constant(float(limits.min), "min"), b.constant(float(limits.max), "max"))
    return cast(b, name, dtype)
