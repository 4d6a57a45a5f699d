"""Operations that resize images, under Keras 3's names; TensorFlow's own under ``tf.`` names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasport.errors import LayerError
from kerasport.layers.arguments import Arguments, Parser, Step, literal, register
from kerasport.layers.base import Value, normalize_axis
from kerasport.layers.image import INTERPOLATIONS, Resizing
from kerasport.layers.operations import then
from kerasport.layers.operations_colors import is_whole, on_images
from kerasport.layers.operators import ExpandDims
from kerasport.layers.pixels import LegacyResize, ResizeTo
from kerasport.layers.products import Einsum
from kerasport.layers.shaping import Pad, Squeeze
from kerasport.layers.slots import has_slots

# The numbers of tf.compat.v1.image.ResizeMethod.
_NUMBERED = ("bilinear", "nearest", "bicubic", "area")


def _resized(call: Arguments, x: Value, size: Any, method: str, antialias: bool, **fit: Any) -> Step:
    """Images (batch, height, width, channels) in a size that is constant, or a tensor."""
    size, row = _known_or_row(call, size)
    if row is not None:
        if method not in ("nearest", "bilinear") or antialias or "fit" in fit:
            raise LayerError(f"method={method!r} with a size that is computed is not supported")
        return Step(ResizeTo(nearest=method == "nearest"), (call.floating(x), row))
    if method not in INTERPOLATIONS:
        raise LayerError(f"method={method!r} is not supported")
    wanted = (int(size[0]), int(size[1]))
    if method == "nearest":
        fit = {"integers": "truncated"} | fit
    return Step(Resizing(size=wanted, interpolation=method, antialias=antialias, **fit), (x,))


def _known_or_row(call: Arguments, size: Any) -> tuple[Any, Value | None]:
    """A size, and the tensor that has it where it is not known."""
    row = call.value(size, "size") if has_slots(size) else None
    if row is not None and row.type.content and None not in row.type.content:
        return row.type.content, None
    return size, row


def _batched(call: Arguments, x: Value, resize: Callable[[Value], Step]) -> Step:
    """A function of a batch of images, for one image, too."""
    if x.type.rank == 4:
        return resize(x)
    return Step(Squeeze(axes=(0,)), (then(call, resize(call.emit(ExpandDims(axes=(0,)), x))),))


@on_images("Resize")
def _resize(call: Arguments, x: Value) -> Step:
    method = call.text("interpolation", None, "bilinear")
    flags = {name: call.flag(f"{name}_to_aspect_ratio") for name in ("crop", "pad")}
    if call.text("fill_mode", None, "constant") != "constant" or all(flags.values()):
        raise LayerError("another fill_mode than 'constant', or cropping and padding together, is not supported")
    fit: dict[str, Any] = {"fit": "crop"} if flags["crop"] else {}
    if flags["pad"]:
        fit = {"fit": "pad", "fill_value": call.number("fill_value", default=0.0)}
    call.get("fill_value")
    fit["integers"] = call.text("integers", None, "rounded")
    size, antialias = call.get("size", 1), call.flag("antialias")
    return _batched(call, x, lambda images: _resized(call, images, size, method, antialias, **fit))


@on_images("tf.image.resize")
def _tf_resize(call: Arguments, x: Value) -> Step:
    method, size = call.text("method", 2, "bilinear"), call.get("size", 1)
    if call.flag("preserve_aspect_ratio", 3):
        size = _of_ratio(x, call.integers("size", 1))
    antialias = call.flag("antialias", 4)
    return _batched(call, x, lambda images: _resized(call, images, size, method, antialias))


def _known(x: Value) -> tuple[int, int]:
    height, width = x.type.shape[-3:-1]
    if height is None or width is None:
        raise LayerError("the aspect ratio of images of unknown size is not supported")
    return height, width


def _of_ratio(x: Value, size: tuple[int, ...]) -> tuple[int, int]:
    """The largest size within one that has the aspect ratio of the images."""
    height, width = _known(x)
    scale = min(size[0] / height, size[1] / width)
    return round(scale * height), round(scale * width)


@on_images("tf.image.resize_with_pad")
def _with_pad(call: Arguments, x: Value) -> Step:
    """Resized within a size, and in the middle of it."""
    lengths = [np.float32(length) for length in _known(x)]
    wanted = [call.integer(f"target_{name}", i) for i, name in enumerate(("height", "width"), 1)]
    ratio = max(length / np.float32(target) for length, target in zip(lengths, wanted, strict=True))
    exact = [length / ratio for length in lengths]
    before = [max(int(np.floor((target - length) / 2)), 0) for target, length in zip(wanted, exact, strict=True)]
    size = [int(length) for length in np.floor(exact)]
    method, antialias = call.text("method", 3, "bilinear"), call.flag("antialias", 4)
    y = then(call, _batched(call, x, lambda images: _resized(call, images, size, method, antialias)))
    pairs = [(b, target - length - b) for b, target, length in zip(before, wanted, size, strict=True)]
    return Step(Pad(pairs=(*[(0, 0)] * (x.type.rank - 3), *pairs, (0, 0))), (y,))


def _legacy(method: str) -> Parser:
    def parse(call: Arguments) -> Step:
        x, size = call.tensor("images", 0), call.get("size", 1)
        return _old(call, x, size, method, call.flag("align_corners", 2), call.flag("half_pixel_centers", 3))

    return parse


register("tf.compat.v1.image.resize_bilinear")(_legacy("bilinear"))
register("tf.compat.v1.image.resize_nearest_neighbor")(_legacy("nearest"))
register("tf.compat.v1.image.resize_bicubic")(_legacy("bicubic"))
register("tf.compat.v1.image.resize_area")(_legacy("area"))


def _old(call: Arguments, x: Value, size: Any, method: str, corners: bool, centers: bool) -> Step:
    """As in TensorFlow 1: pixel i samples at ``i * length / size``, unless the corners or the centres are aligned."""
    if centers or (method == "area" and not corners):
        return _resized(call, x, size, method, antialias=False)
    size, row = _known_or_row(call, size)
    if method == "area" or (method == "bicubic" and row is not None) or x.type.rank != 4:
        what = "by areas with align_corners, or by 'bicubic' to a computed size"
        raise LayerError(f"resizing as in TensorFlow 1 {what} is not supported")
    if method != "nearest":
        x = call.floating(x)
    if row is not None:
        return Step(ResizeTo(nearest=method == "nearest", aligned="corners" if corners else "starts"), (x, row))
    wanted = (int(size[0]), int(size[1]))
    return Step(LegacyResize(size=wanted, method=method, align_corners=corners), (x,))


@register("tf.compat.v1.image.resize")
def _any_legacy(call: Arguments) -> Step:
    x, raw = call.tensor("images", 0), call.get("method", 2, 0)
    method = _NUMBERED[raw] if isinstance(raw, int) and raw in range(4) else str(raw)
    size = call.get("size", 1)
    if call.flag("preserve_aspect_ratio", 4):
        size = _of_ratio(x, call.integers("size", 1))
    if method not in _NUMBERED:
        return _resized(call, x, size, method, antialias=False)
    if not has_slots(size) and tuple(size) == x.type.shape[-3:-1]:
        return Step(Resizing(size=tuple(size), interpolation="nearest", integers="truncated"), (x,))
    return _old(call, x, size, method, call.flag("align_corners", 3), centers=False)


@register("tf.raw_ops.ScaleAndTranslate")
def _scaled(call: Arguments) -> Step:
    """What ``tf.image.resize`` was in TensorFlow 2.2 where no operator resizes so; the scale is that of the sizes."""
    x, size, kernel = call.tensor("images", 0), call.get("size", 1), call.text("kernel_type", None, "lanczos3")
    scale, translation = call.get("scale", 2), call.get("translation", 3)
    known = tuple(float(n) / m for n, m in zip(size, _known(x), strict=True)) if not has_slots(size) else ()
    if has_slots(translation) or any(translation) or not (has_slots(scale) or np.allclose(scale, known, 1e-5)):
        raise LayerError("a translation, or another scale than that of the sizes, is not supported")
    method = {"triangle": "bilinear", "keyscubic": "bicubic"}.get(kernel, kernel)
    antialias = call.flag("antialias", default=True)
    if method == "bicubic" and not antialias:
        raise LayerError("a cubic kernel without antialias is not supported")
    return _resized(call, x, size, method, antialias)


@register("ScaleAndTranslate")
def _scale_and_translate(call: Arguments) -> Step | Value:
    """Sampled along some axes at ``(i + 0.5 - translation) / scale - 0.5``, by weighted sums."""
    x, names = call.tensor("images", 0), ("output_shape", "scale", "translation")
    raw = [call.get(name, i) for i, name in enumerate(names, 1)]
    if has_slots(raw):
        raise LayerError("a shape, scale or translation that is computed is not supported", "give it as a constant")
    method, antialias = (
        call.text("method", None, "linear").removeprefix("bi").removeprefix("tri"),
        call.flag("antialias"),
    )
    if method not in ("linear", "triangle", "cubic", "lanczos3", "lanczos5") or is_whole(x):
        raise LayerError(f"method={method!r} of {x.type.dtype} is not supported")
    sizes, scales, moves = (np.asarray(literal(row), np.float32) for row in raw)
    for i, axis in enumerate(call.integers("spatial_dims")):
        place = normalize_axis(axis, x.type.rank)
        length = x.type.shape[place]
        if length is None:
            raise LayerError("an axis of unknown size is not supported")
        weights = _weights(length, int(sizes[place]), scales[i], moves[i], method, antialias)
        letters = "abcdefgh"[: x.type.rank]
        result = letters.replace(letters[place], "z")
        x = call.emit(Einsum(terms=(letters, letters[place] + "z"), output=result), x, call.value(weights.tolist()))
    return x


def _weights(
    length: int, size: int, scale: np.float32, move: np.float32, method: str, antialias: bool
) -> NDArray[np.float32]:
    """What each pixel (length, size) counts; nothing for points beyond the image."""
    inverse = np.float32(1) / scale
    points = (np.arange(size, dtype=np.float32) + np.float32(0.5)) * inverse - move * inverse - np.float32(0.5)
    wide = max(inverse, np.float32(1)) if antialias else np.float32(1)
    weights = _kernel(method, np.abs(points - np.arange(length, dtype=np.float32)[:, None]) / wide)
    total = weights.sum(0, keepdims=True)
    inside = (points >= -0.5) & (points <= length - 0.5) & (np.abs(total) > 1000 * np.finfo(np.float32).eps)
    return np.where(inside, weights / np.where(total == 0, 1, total), 0).astype(np.float32)


def _kernel(method: str, x: NDArray[np.float32]) -> NDArray[Any]:
    """The weight by distance."""
    if method in ("linear", "triangle"):
        return np.maximum(1 - x, 0)
    if method == "cubic":
        far = np.where(x >= 2, 0, ((-0.5 * x + 2.5) * x - 4) * x + 2)
        return np.where(x >= 1, far, (1.5 * x - 2.5) * x * x + 1)
    radius = int(method[-1])
    return np.where(x > radius, 0, np.sinc(x) * np.sinc(x / radius))
