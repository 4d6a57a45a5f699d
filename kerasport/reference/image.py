"""Resizing, cropping and contrast of images, in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

from kerasport.layers import image
from kerasport.layers.image import Size, crop_to_ratio, pad_to_ratio
from kerasport.reference.registry import REFERENCE, Array, Context
from kerasport.reference.resampling import KERNELS
from kerasport.reference.spatial import channels_last, padded, restored


@REFERENCE.register(image.Resizing)
def resizing(spec: image.Resizing, context: Context, x: Array) -> Array:
    """Padded or cropped to the new aspect ratio, then sampled; integers in floating point and back."""
    y = channels_last(spec, x)
    if spec.fit == "crop":
        y = _central(y, crop_to_ratio(_lengths(y), spec.size))
    if spec.fit == "pad":
        y = padded(y, [(amount, amount) for amount in pad_to_ratio(_lengths(y), spec.size)], spec.fill_value)
    is_float = x.dtype.kind == "f"
    y = _resized(y if is_float else y.astype(context.dtype), spec.size, spec.interpolation, spec.antialias)
    y = restored(spec, y, x)
    return y if is_float or spec.integers == "float" else _as_integers(y, x.dtype, spec.integers == "rounded")


@REFERENCE.register(image.CenterCrop)
def center_crop(spec: image.CenterCrop, context: Context, x: Array) -> Array:
    """The middle; of smaller images a crop and a resize."""
    y = channels_last(spec, x)
    fits = all(length >= size for length, size in zip(_lengths(y), spec.size, strict=True))
    return restored(spec, _central(y, spec.size) if fits else _cropped_and_resized(y, spec.size), x)


@REFERENCE.register(image.RandomCrop)
def random_crop(spec: image.RandomCrop, context: Context, x: Array) -> Array:
    """What the writer's Keras does at inference."""
    if spec.inference == "nothing":
        return x
    y = channels_last(spec, x)
    if spec.inference == "crop_and_resize":
        return restored(spec, _cropped_and_resized(y, spec.size), x)
    if spec.inference == "crop_beside_centre":
        (top, left), (height, width) = spec.beside_centre(_lengths(y))
        return restored(spec, _resized(y[:, top : top + height, left : left + width], spec.size), x)
    return restored(spec, _central(_resized(y, spec.covering(_lengths(y))), spec.size), x)


@REFERENCE.register(image.AutoContrast)
def auto_contrast(spec: image.AutoContrast, context: Context, x: Array) -> Array:
    """Each channel of each image on the whole range."""
    low, high = x.min(axis=(1, 2), keepdims=True), x.max(axis=(1, 2), keepdims=True)
    flat = low == high
    scale = x.dtype.type(spec.high - spec.low) / np.where(flat, x.dtype.type(1), high - low)
    return np.where(flat, x, np.clip((x - low) * scale + x.dtype.type(spec.low), spec.low, spec.high))


def _lengths(x: Array) -> Size:
    return x.shape[1], x.shape[2]


def _central(x: Array, size: Size) -> Array:
    top, left = ((length - part) // 2 for length, part in zip(_lengths(x), size, strict=True))
    return x[:, top : top + size[0], left : left + size[1]]


def _cropped_and_resized(x: Array, size: Size) -> Array:
    return _resized(_central(x, crop_to_ratio(_lengths(x), size)), size)


def _resized(x: Array, size: Size, interpolation: str = "bilinear", antialias: bool = False) -> Array:
    for axis, length in ((2, size[1]), (1, size[0])):
        lines = np.moveaxis(x, axis, 0)
        if interpolation == "nearest":
            lines = lines[_points(len(lines), length, 0.0).astype(int)]
        elif interpolation == "bilinear" and not (antialias and length < len(lines)):
            lines = _between(lines, length)
        elif interpolation == "area":
            lines = _averaged(lines, length)
        else:
            lines = _sampled(lines, length, interpolation, antialias)
        x = np.moveaxis(lines, 0, axis)
    return x


def _points(length: int, size: int, shift: float) -> Array:
    """Where the new pixels lie among the old ones, in TensorFlow's own precision."""
    scale = np.float32(length) / np.float32(size)
    return (np.arange(size, dtype=np.float32) + np.float32(0.5)) * scale - np.float32(shift)


def _between(x: Array, size: int) -> Array:
    """The first axis on the straight lines between its pixels, in the order of TensorFlow's roundings."""
    points = _points(len(x), size, 0.5)
    lower, upper = (np.clip(ends.astype(int), 0, len(x) - 1) for ends in (np.floor(points), np.ceil(points)))
    share = (points - np.floor(points)).astype(x.dtype).reshape(-1, *[1] * (x.ndim - 1))
    return np.asarray(x[lower] + (x[upper] - x[lower]) * share)


def _averaged(x: Array, size: int) -> Array:
    """The means over equal stretches of the first axis: differences of its integral."""
    integral = np.concatenate([np.zeros_like(x[:1], np.float64), np.cumsum(x, 0, np.float64)])
    edges = np.arange(size + 1) * len(x) / size
    whole = np.minimum(edges.astype(int), len(x) - 1)
    rest = (edges - whole).reshape(-1, *[1] * (x.ndim - 1))
    return np.asarray(np.diff(integral[whole] + rest * x[whole], axis=0) * size / len(x), x.dtype)


def _sampled(x: Array, size: int, interpolation: str, antialias: bool) -> Array:
    """The first axis sampled tap by tap: the pixels around each point, weighed by their distance.

    Pixels beyond the edges count for nothing; the weights of the others are scaled to a sum of 1.
    """
    kernel, radius = KERNELS[interpolation]
    wide = max(len(x) / size, 1.0) if antialias else 1.0
    points = _points(len(x), size, 0.5).astype(np.float64)
    if interpolation == "bicubic" and not antialias:  # TensorFlow's table of weights has 1024 steps a pixel
        points = np.floor(points) + np.round((points - np.floor(points)) * 1024) / 1024
    first = np.ceil(points - radius * wide).astype(int)
    y = np.zeros((size, *x.shape[1:]), x.dtype)
    total = np.zeros(size)
    for tap in range(int(2 * radius * wide) + 1):
        pixels = first + tap
        weights = np.where((pixels >= 0) & (pixels < len(x)), kernel(np.abs(points - pixels) / wide), 0.0)
        total += weights
        y += weights.reshape(-1, *[1] * (x.ndim - 1)).astype(x.dtype) * x[np.clip(pixels, 0, len(x) - 1)]
    return np.asarray(y / total.reshape(-1, *[1] * (x.ndim - 1)).astype(x.dtype))


def _as_integers(x: Array, dtype: np.dtype[Any], rounded: bool) -> Array:
    """In an integer dtype; rounded and kept within its limits, or cut off."""
    if not rounded:
        return np.trunc(x).astype(dtype)
    limits = np.iinfo(dtype)
    return np.clip(np.round(x), limits.min, limits.max).astype(dtype)
