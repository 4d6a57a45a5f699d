"""Convolutions in NumPy: windows gathered for a matrix product; the transposed ones by scattering, tap by tap."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np

from kerasport.layers import conv
from kerasport.reference import stored
from kerasport.reference.activation import apply
from kerasport.reference.registry import REFERENCE, Array, Context
from kerasport.reference.spatial import channels_last, padded, padding_around_centres, restored, same_padding, taps

_BLOCK = 1 << 19  # numbers
# Sums over taps pass over their data again and again, and want it in a nearer cache.
_PASSES = 16


@REFERENCE.register(conv.Conv1D, conv.Conv2D, conv.Conv3D)
def convolution(spec: conv.Conv, context: Context, x: Array) -> Array:
    """``activation(x * kernel + bias)``, group by group."""
    data = channels_last(spec, x)
    kernel = stored.kernel(spec.stored, spec.layout(data.shape[-1]), context)
    padded_data = _with_padding(spec, data)
    if 1 < spec.groups == data.shape[-1]:
        y = _by_channel(spec, padded_data, kernel.reshape(*spec.kernel_size, spec.groups, -1))
    else:
        y = _correlate(spec, padded_data, kernel, spec.groups)
    return _finished(spec, context, y, x)


@REFERENCE.register(conv.DepthwiseConv1D, conv.DepthwiseConv2D)
def depthwise(spec: conv.DepthwiseConv, context: Context, x: Array) -> Array:
    """Every channel with its own kernels."""
    y = _by_channel(spec, _with_padding(spec, channels_last(spec, x)), context.weights["depthwise_kernel"])
    return _finished(spec, context, y, x)


@REFERENCE.register(conv.SeparableConv1D, conv.SeparableConv2D)
def separable(spec: conv.SeparableConv, context: Context, x: Array) -> Array:
    """Depthwise, then a product over the channels."""
    depthwise_kernel, pointwise = context.weights["depthwise_kernel"], context.weights["pointwise_kernel"]
    y = _by_channel(spec, _with_padding(spec, channels_last(spec, x)), depthwise_kernel)
    y = np.tensordot(y, pointwise.reshape(pointwise.shape[-2:]), 1)
    return _finished(spec, context, y, x)


@REFERENCE.register(conv.Conv1DTranspose, conv.Conv2DTranspose, conv.Conv3DTranspose)
def transposed(spec: conv.ConvTranspose, context: Context, x: Array) -> Array:
    """Every tap's share of the input is added to the output at stride; then Keras's cut."""
    kernel, data = context.weights["kernel"], channels_last(spec, x)
    lengths = data.shape[1:-1]
    extents = [(k - 1) * d + 1 for k, d in zip(spec.kernel_size, spec.dilations, strict=True)]
    whole = [(n - 1) * s + extent for n, s, extent in zip(lengths, spec.strides, extents, strict=True)]
    y = np.zeros((len(data), *whole, spec.filters), data.dtype)
    flat = data.reshape(-1, data.shape[-1])
    for tap in product(*map(range, spec.kernel_size)):
        share = (flat @ kernel[tap].T).reshape(*data.shape[:-1], spec.filters)
        offsets = [i * d for i, d in zip(tap, spec.dilations, strict=True)]
        taps(y, offsets, spec.strides, lengths)[...] += share
    return _finished(spec, context, _cut(spec, y, lengths, extents), x)


def _cut(spec: conv.ConvTranspose, y: Array, lengths: tuple[int, ...], extents: list[int]) -> Array:
    """Keras's output length for each axis: too much is cut on both sides, zeros fill what is missing."""
    for axis, (n, k, s) in enumerate(zip(lengths, extents, spec.strides, strict=True), 1):
        if spec.output_size is not None:
            wanted = spec.output_size[axis - 1]
        elif spec.output_padding is None:
            wanted = n * s if spec.padding == "same" else n * s + max(k - s, 0)
        else:
            wanted = (n - 1) * s + k - (2 * (k // 2) if spec.padding == "same" else 0) + spec.output_padding[axis - 1]
        start = spec.cut_before[axis - 1] if spec.cut_before else max(y.shape[axis] - wanted, 0) // 2
        if spec.shortened and spec.shortened[axis - 1]:
            wanted = min(wanted, math.ceil(n / s))
        positions = np.arange(start, start + wanted)
        there = (positions >= 0) & (positions < y.shape[axis])
        y = np.take(y, np.where(there, positions, 0), axis)
        y = np.where(there.reshape(-1, *[1] * (y.ndim - 1 - axis)), y, 0)
    return y


def _finished(spec: conv.Convolution, context: Context, y: Array, x: Array) -> Array:
    if spec.use_bias:
        y += context.weights["bias"]
    return apply(spec.activation, restored(spec, y, x))


def _with_padding(spec: conv.Convolution, x: Array) -> Array:
    axes = zip(x.shape[1:-1], spec.kernel_size, spec.strides, spec.dilations, strict=True)
    if spec.edges:
        return padded(x, spec.edges)
    if spec.padding == "valid":
        return x
    if spec.padding == "causal":
        return padded(x, [((k - 1) * d, 0) for _, k, _, d in axes])
    if spec.padding == "centered":
        return padded(x, [padding_around_centres(n, (k - 1) * d + 1, s) for n, k, s, d in axes])
    return padded(x, [same_padding(n, math.ceil(n / s), (k - 1) * d + 1, s) for n, k, s, d in axes])


def _counts(spec: conv.Convolution, x: Array) -> list[int]:
    """How many windows fit on each axis of padded data."""
    axes = zip(x.shape[1:-1], spec.kernel_size, spec.strides, spec.dilations, strict=True)
    return [(n - (k - 1) * d - 1) // s + 1 for n, k, s, d in axes]


def _correlate(spec: conv.Convolution, x: Array, kernel: Array, groups: int) -> Array:
    """What all windows see, a row for each, times the kernel as a matrix; as many windows at a time as fit a cache."""
    counts, (share, filters) = _counts(spec, x), kernel.shape[-2:]
    taken = list(product(*map(range, spec.kernel_size)))
    matrices = (
        kernel.reshape(len(taken), share, groups, -1).transpose(2, 0, 1, 3).reshape(groups, -1, filters // groups)
    )
    split = np.moveaxis(x.reshape(*x.shape[:-1], groups, share), -2, 0)
    y = np.empty((groups, len(x), *counts, filters // groups), np.result_type(x, kernel))
    for samples, rows, part in _blocks(len(x), counts, len(taken) * groups * share):
        seen = np.empty((groups, *part, len(taken), share), x.dtype)
        for index, tap in enumerate(taken):
            seen[..., index, :] = _tap(spec, split[:, samples], tap, rows, counts)
        out = seen.reshape(groups, math.prod(part), -1) @ matrices
        y[:, samples, rows] = out.reshape(groups, *part, -1)
    return np.moveaxis(y, 0, -2).reshape(len(x), *counts, filters)


def _blocks(samples: int, counts: Sequence[int], cost: int) -> Iterator[tuple[slice, slice, tuple[int, ...]]]:
    """Slices of the samples and of the first spatial axis, and the shape of what is between.

    Args:
        samples: The size of the batch.
        counts: How many windows fit on each spatial axis.
        cost: How many numbers are held for each window.
    """
    first, *rest = counts
    rows = min(max(_BLOCK // max(cost * math.prod(rest), 1), 1), first) or 1
    together = max(_BLOCK // max(cost * math.prod(counts), 1), 1) if rows == first else 1
    for sample in range(0, samples, together):
        for row in range(0, first, rows):
            part = (min(together, samples - sample), min(rows, first - row), *rest)
            yield slice(sample, sample + together), slice(row, row + rows), part


def _tap(spec: conv.Convolution, x: Array, tap: Sequence[int], rows: slice, counts: Sequence[int]) -> Array:
    """What one tap sees of (groups, samples, *space, channels) for some rows of windows."""
    first, *rest = counts
    starts = [i * d for i, d in zip(tap, spec.dilations, strict=True)]
    starts[0] += rows.start * spec.strides[0]
    lengths = [min(rows.stop, first) - rows.start, *rest]
    ends = [start + (n - 1) * s + 1 for start, n, s in zip(starts, lengths, spec.strides, strict=True)]
    return x[:, :, *(slice(*part) for part in zip(starts, ends, spec.strides, strict=True))]


def _by_channel(spec: conv.Convolution, x: Array, kernel: Array) -> Array:
    """The sum over the taps, each with its own kernels for every channel: (*kernel_size, channels, multiplier)."""
    counts, (channels, multiplier) = _counts(spec, x), kernel.shape[-2:]
    repeated = np.repeat(x, multiplier, -1)[None] if multiplier > 1 else x[None]
    y = np.zeros((1, len(x), *counts, channels * multiplier), np.result_type(x, kernel))
    for samples, rows, part in _blocks(len(x), counts, _PASSES * channels * multiplier):
        out, share = y[:, samples, rows], np.empty((1, *part, channels * multiplier), y.dtype)
        for tap in product(*map(range, spec.kernel_size)):
            seen = _tap(spec, repeated[:, samples], tap, rows, counts)
            out += np.multiply(seen, kernel[tap].reshape(-1), out=share)
    return np.asarray(y[0])
