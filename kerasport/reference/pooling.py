"""Pooling in NumPy: a running maximum or sum over the taps of the window."""

from __future__ import annotations

import math
from itertools import product

import numpy as np

from kerasport.layers import pooling
from kerasport.reference.registry import REFERENCE, Array, Context
from kerasport.reference.spatial import channels_last, padded, padding_around_centres, restored, same_padding, taps


@REFERENCE.register(pooling.MaxPooling1D, pooling.MaxPooling2D, pooling.MaxPooling3D)
def max_pooling(spec: pooling.MaxPooling, context: Context, x: Array) -> Array:
    """The largest value; padding is minus infinity."""
    return restored(spec, _reduced(np.maximum, _views(spec, channels_last(spec, x), -np.inf)), x)


@REFERENCE.register(pooling.AveragePooling1D, pooling.AveragePooling2D, pooling.AveragePooling3D)
def average_pooling(spec: pooling.AveragePooling, context: Context, x: Array) -> Array:
    """The sum divided by the number of positions that are not padding, or by that of all."""
    data = channels_last(spec, x)
    if spec.counts_padding:
        return restored(spec, _reduced(np.add, _views(spec, data, 0.0)) / math.prod(spec.pool_size), x)
    present = np.ones((1, *data.shape[1:-1], 1), data.dtype)
    total, count = (_reduced(np.add, _views(spec, array, 0.0)) for array in (data, present))
    return restored(spec, total / count, x)


def _reduced(function: np.ufunc, views: list[Array]) -> Array:
    y = views[0].copy()
    for view in views[1:]:
        function(y, view, out=y)
    return y


def _views(spec: pooling.Pooling, x: Array, padding: float) -> list[Array]:
    """What each tap of the window sees, for all windows at once."""
    axes = list(zip(x.shape[1:-1], spec.pool_size, spec.strides, strict=True))
    if spec.edges:
        x = padded(x, spec.edges, padding)
        counts = [(sum(edges) + n - k) // s + 1 for (n, k, s), edges in zip(axes, spec.edges, strict=True)]
    elif spec.padding == "same":
        counts = [math.ceil(n / s) for n, _, s in axes]
        pads = [same_padding(n, count, k, s) for (n, k, s), count in zip(axes, counts, strict=True)]
        x = padded(x, pads, padding)
    elif spec.padding == "centered":
        counts = [math.ceil(n / s) for n, _, s in axes]
        x = padded(x, [padding_around_centres(n, k, s) for n, k, s in axes], padding)
    else:
        counts = [(n - k) // s + 1 for n, k, s in axes]
    return [taps(x, tap, spec.strides, counts) for tap in product(*map(range, spec.pool_size))]


@REFERENCE.register(pooling.GlobalMaxPooling1D, pooling.GlobalMaxPooling2D, pooling.GlobalMaxPooling3D)
def global_max(spec: pooling.GlobalMaxPooling, context: Context, x: Array) -> Array:
    """The maximum over all positions."""
    return np.asarray(x.max(axis=spec.space(x.ndim), keepdims=spec.keepdims))


@REFERENCE.register(pooling.GlobalAveragePooling1D, pooling.GlobalAveragePooling2D, pooling.GlobalAveragePooling3D)
def global_average(spec: pooling.GlobalAveragePooling, context: Context, x: Array) -> Array:
    """The mean over all positions, of those steps only that the mask keeps."""
    space = spec.space(x.ndim)
    if context.mask is None:
        return np.asarray(x.mean(axis=space, keepdims=spec.keepdims))
    kept = np.expand_dims(context.mask, spec.channel_axis(x.ndim)).astype(x.dtype)
    total, count = (array.sum(axis=space, keepdims=spec.keepdims) for array in (x * kept, kept))
    with np.errstate(invalid="ignore"):  # NaN where all steps are masked, as in Keras
        return np.asarray(total / count)


@REFERENCE.register(pooling.AdaptiveMaxPooling1D, pooling.AdaptiveMaxPooling2D, pooling.AdaptiveMaxPooling3D)
def adaptive_max(spec: pooling.AdaptiveMaxPooling, context: Context, x: Array) -> Array:
    """The maximum of each window, axis after axis."""
    for axis, size in zip(spec.space(x.ndim), spec.output_size, strict=True):
        x = np.stack([part.max(axis) for part in _parts(x, axis, size)], axis)
    return x


@REFERENCE.register(
    pooling.AdaptiveAveragePooling1D, pooling.AdaptiveAveragePooling2D, pooling.AdaptiveAveragePooling3D
)
def adaptive_average(spec: pooling.AdaptiveAveragePooling, context: Context, x: Array) -> Array:
    """The mean of each window, axis after axis: all windows of an axis hold as many positions of the others."""
    for axis, size in zip(spec.space(x.ndim), spec.output_size, strict=True):
        x = np.stack([part.mean(axis) for part in _parts(x, axis, size)], axis)
    return x


def _parts(x: Array, axis: int, size: int) -> list[Array]:
    n = x.shape[axis]
    return [x.take(range(i * n // size, -(-(i + 1) * n // size)), axis) for i in range(size)]
