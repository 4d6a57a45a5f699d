"""Convolutions in NumPy: a matrix product per kernel row; the transposed ones by scattering, tap by tap."""

from __future__ import annotations

import math
from itertools import product

import numpy as np

from kerasport.layers import conv
from kerasport.reference import stored
from kerasport.reference.activation import apply
from kerasport.reference.registry import REFERENCE, Array, Context
from kerasport.reference.spatial import channels_last, padded, padding_around_centres, restored, same_padding, taps


@REFERENCE.register(conv.Conv1D, conv.Conv2D, conv.Conv3D)
def convolution(spec: conv.Conv, context: Context, x: Array) -> Array:
    """``activation(x * kernel + bias)``, group by group."""
    data = channels_last(spec, x)
    kernel = stored.kernel(spec.stored, spec.layout(data.shape[-1]), context)
    y = _correlate(spec, _with_padding(spec, data), kernel, spec.groups)
    return _finished(spec, context, y, x)


@REFERENCE.register(conv.DepthwiseConv1D, conv.DepthwiseConv2D)
def depthwise(spec: conv.DepthwiseConv, context: Context, x: Array) -> Array:
    """Every channel with its own kernels."""
    return _finished(spec, context, _depthwise(spec, context, x), x)


@REFERENCE.register(conv.SeparableConv1D, conv.SeparableConv2D)
def separable(spec: conv.SeparableConv, context: Context, x: Array) -> Array:
    """Depthwise, then a product over the channels."""
    pointwise = context.weights["pointwise_kernel"]
    y = _depthwise(spec, context, x) @ pointwise.reshape(pointwise.shape[-2:])
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
        y = y + context.weights["bias"]
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
    """The kernel's last spatial axis is gathered beside the channels, so that each outer tap is one product.

    Memory stays at a kernel row times the input where gathering the whole kernel would take all of it.
    """
    counts, width = _counts(spec, x), spec.kernel_size[-1]
    share, filters = kernel.shape[-2:]
    positions = len(x) * math.prod(counts)
    y = np.zeros((groups, positions, filters // groups), x.dtype)
    for outer in product(*map(range, spec.kernel_size[:-1])):
        offsets = [i * d for i, d in zip(outer, spec.dilations[:-1], strict=True)]
        columns = [taps(x, [*offsets, i * spec.dilations[-1]], spec.strides, counts) for i in range(width)]
        rows = np.stack(columns, -2) if width > 1 else columns[0][..., None, :]
        rows = np.moveaxis(rows.reshape(positions, width, groups, share), 2, 0).reshape(groups, positions, -1)
        matrices = np.moveaxis(kernel[outer].reshape(width, share, groups, -1), 2, 0)
        y += rows @ matrices.reshape(groups, width * share, -1)
    return np.moveaxis(y, 0, 1).reshape(len(x), *counts, filters)


def _depthwise(spec: conv.DepthwiseConv | conv.SeparableConv, context: Context, x: Array) -> Array:
    kernel, data = context.weights["depthwise_kernel"], _with_padding(spec, channels_last(spec, x))
    counts = _counts(spec, data)
    y = np.zeros((len(data), *counts, *kernel.shape[-2:]), data.dtype)
    for tap in product(*map(range, spec.kernel_size)):
        offsets = [i * d for i, d in zip(tap, spec.dilations, strict=True)]
        y += taps(data, offsets, spec.strides, counts)[..., None] * kernel[tap]
    return y.reshape(len(data), *counts, -1)
