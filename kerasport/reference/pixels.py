"""Operations that move values between channels and space, in NumPy."""

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
        points = (np.arange(wanted) + 0.5) * length / wanted - 0.5
        if spec.nearest:
            x = np.take(x, np.clip(np.floor(points + 0.5).astype(int), 0, length - 1), axis)
            continue
        first = np.floor(points).astype(int)
        share = (points - first).astype(x.dtype).reshape(-1, *[1] * (3 - axis))
        low, high = (np.take(x, np.clip(first + step, 0, length - 1), axis) for step in (0, 1))
        x = low * (1 - share) + high * share
    return x
