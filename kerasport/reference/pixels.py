"""Operations that move values between channels and spatial axes, in NumPy."""

from __future__ import annotations

import numpy as np

from kerasport.layers import pixels
from kerasport.reference.registry import REFERENCE, Array, Context


@REFERENCE.register(pixels.BlockShuffle)
def block_shuffle(spec: pixels.BlockShuffle, context: Context, x: Array) -> Array:
    """Strided slices, one for each place in a block."""
    x = np.moveaxis(x, 1, -1) if spec.channels_first else x
    n, (batch, height, width, channels) = spec.block, x.shape
    if spec.to_space:
        y = np.empty((batch, height * n, width * n, channels // n**2), x.dtype)
    else:
        y = np.empty((batch, height // n, width // n, channels * n**2), x.dtype)
    wide, narrow = (x, y) if spec.to_space else (y, x)
    depth = narrow.shape[-1]
    for place in range(n * n):
        channel = slice(place * depth, (place + 1) * depth)
        if spec.to_space:
            narrow[:, place // n :: n, place % n :: n] = wide[..., channel]
        else:
            wide[..., channel] = narrow[:, place // n :: n, place % n :: n]
    return np.moveaxis(y, -1, 1) if spec.channels_first else y


@REFERENCE.register(pixels.ResizeTo)
def resize_to(spec: pixels.ResizeTo, context: Context, x: Array, size: Array) -> Array:
    """Height, then width, by the pixels around each sampled point."""
    for axis, wanted in ((1, int(size[0])), (2, int(size[1]))):
        length = x.shape[axis]
        points = _points(spec, length, wanted)
        if spec.nearest:
            nearest = points if spec.aligned == "starts" else points + points.dtype.type(0.5)
            x = np.take(x, np.clip(np.floor(nearest).astype(int), 0, length - 1), axis)
            continue
        first = np.floor(points).astype(int)
        share = (points - first).astype(x.dtype).reshape(-1, *[1] * (3 - axis))
        low, high = (np.take(x, np.clip(first + step, 0, length - 1), axis) for step in (0, 1))
        x = low * (1 - share) + high * share
    return x


def _points(spec: pixels.ResizeTo, length: int, size: int) -> Array:
    """Where the pixels of the result lie; those that TensorFlow 1 samples, in its own precision."""
    if spec.aligned == "centers":
        return np.asarray((np.arange(size) + 0.5) * length / size - 0.5)
    span, steps = (length - 1, max(size - 1, 1)) if spec.aligned == "corners" else (length, size)
    return np.asarray(np.arange(size, dtype=np.float32) * (np.float32(span) / np.float32(steps)))


@REFERENCE.register(pixels.LegacyResize)
def legacy_resize(spec: pixels.LegacyResize, context: Context, x: Array) -> Array:
    """Axis by axis, tap by tap."""
    for axis, size in zip((1, 2), spec.size, strict=True):
        x = np.moveaxis(_sampled_before(spec, np.moveaxis(x, axis, 0), size), 0, axis)
    return x


def _sampled_before(spec: pixels.LegacyResize, x: Array, size: int) -> Array:
    """The first axis sampled at ``i * step``; steps and points in TensorFlow's own precision."""
    length = len(x)
    span, steps = (length - 1, size - 1) if spec.moves(length, size) else (length, size)
    points = np.arange(size, dtype=np.float32) * (np.float32(span) / np.float32(steps))
    if spec.method == "nearest":
        nearest = points + np.float32(0.5) if spec.align_corners else points
        return np.asarray(x[np.minimum(nearest.astype(int), length - 1)])
    start = points.astype(int)
    share = (points - start).astype(np.float64)
    if spec.method == "bilinear":
        weights = [(0, 1 - share), (1, share)]
    else:
        share = np.round(share * 1024) / 1024
        weights = [(tap, _keys(np.abs(share - tap))) for tap in range(-1, 3)]
    y = np.zeros((size, *x.shape[1:]), x.dtype)
    for tap, weight in weights:
        y += weight.reshape(-1, *[1] * (x.ndim - 1)).astype(x.dtype) * x[np.clip(start + tap, 0, length - 1)]
    return y


def _keys(distance: Array, a: float = -0.75) -> Array:
    """Keys's cubic convolution kernel, https://doi.org/10.1109/TASSP.1981.1163711, equation 15."""
    near = (a + 2) * distance**3 - (a + 3) * distance**2 + 1
    far = a * distance**3 - 5 * a * distance**2 + 8 * a * distance - 4 * a
    return np.where(distance <= 1, near, np.where(distance < 2, far, 0.0))
