"""What the reference's spatial layers share: channels-last arrays with one batch axis, and padding."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kerasport.layers.spatial import Spatial
from kerasport.reference.registry import Array


def channels_last(spec: Spatial, x: Array) -> Array:
    """The data as (batch, *space, channels), all batch axes in one."""
    if spec.channels_first:
        x = np.moveaxis(x, spec.channel_axis(x.ndim), -1)
    return x.reshape(-1, *x.shape[x.ndim - spec.dimensions - 1 :])


def restored(spec: Spatial, y: Array, like: Array) -> Array:
    """A channels-last result in the layout, and with the batch axes, of the layer's input."""
    y = y.reshape(*like.shape[: like.ndim - spec.dimensions - 1], *y.shape[1:])
    return np.moveaxis(y, -1, spec.channel_axis(like.ndim)) if spec.channels_first else y


def padded(x: Array, pairs: Sequence[tuple[int, int]], value: float = 0.0) -> Array:
    """Channels-last data with more positions before and after each spatial axis, or less where a number is negative."""
    if not any(map(any, pairs)):
        return x
    kept = [slice(max(-before, 0), n - max(-after, 0)) for n, (before, after) in zip(x.shape[1:-1], pairs, strict=True)]
    added = [(max(before, 0), max(after, 0)) for before, after in pairs]
    return np.pad(x[(slice(None), *kept)], [(0, 0), *added, (0, 0)], constant_values=value)


def same_padding(length: int, output: int, extent: int, stride: int) -> tuple[int, int]:
    """What ``output`` windows need beyond an axis; the odd position goes to the end."""
    missing = max((output - 1) * stride + extent - length, 0)
    return missing // 2, missing - missing // 2


def padding_around_centres(length: int, extent: int, stride: int) -> tuple[int, int]:
    """What the windows need whose centres lie at ``first, first + stride, ...``, as far from both ends of the axis.

    The centre of an even window is the first of the two positions in its middle; the odd position that is left
    over goes to the end.
    """
    first = (length - 1) % stride // 2
    last = first + (length - 1) // stride * stride
    start, end = first - (extent - 1) // 2, last + extent // 2
    return -start, end - (length - 1)


def taps(x: Array, offsets: Sequence[int], strides: Sequence[int], counts: Sequence[int]) -> Array:
    """The positions that one tap of a window sees: ``x[:, offset : : stride, ...]``, ``count`` of them per axis."""
    steps = zip(offsets, strides, counts, strict=True)
    return x[(slice(None), *(slice(o, o + (n - 1) * s + 1, s) for o, s, n in steps))]
