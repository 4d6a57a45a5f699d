"""Locally connected layers in NumPy: one kernel per window, or one large matrix."""

from __future__ import annotations

from math import prod

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from kerasport.layers import locally
from kerasport.layers.base import TensorType
from kerasport.reference.activation import apply
from kerasport.reference.registry import REFERENCE, Array, Context


@REFERENCE.register(locally.LocallyConnected1D, locally.LocallyConnected2D)
def locally_connected(spec: locally.LocallyConnected, context: Context, x: Array) -> Array:
    """``activation(x . kernel + bias)`` in the layout of the data."""
    lengths, outputs, channels = spec.sizes(TensorType(x.shape))
    if spec.implementation == 1:
        y = _windows(spec, context.weights["kernel"], x, outputs, channels)
    else:
        matrix = _matrix(spec, context.weights["kernel"], lengths, outputs, channels)
        shape = (spec.filters, *outputs) if spec.channels_first else (*outputs, spec.filters)
        y = (x.reshape(len(x), -1) @ matrix).reshape(-1, *shape)
    if spec.use_bias:
        bias = context.weights["bias"]  # Keras reshapes it, and does not turn it, where the channels come first
        y = y + (bias.reshape(spec.filters, *outputs) if spec.channels_first else bias)
    return apply(spec.activation, y)


def _windows(spec: locally.LocallyConnected, kernel: Array, x: Array, outputs: tuple[int, ...], channels: int) -> Array:
    n = spec.dimensions
    axes = spec.space(x.ndim)
    windows = sliding_window_view(x, spec.kernel_size, axis=axes)
    steps: list[slice] = [slice(None)] * windows.ndim
    for axis, stride in zip(axes, spec.strides, strict=True):
        steps[axis] = slice(None, None, stride)
    space, taps = "xyz"[:n], "uvw"[:n]
    if spec.channels_first:
        own = kernel.reshape(*outputs, channels, *spec.kernel_size, spec.filters)
        equation = f"bc{space}{taps},{space}c{taps}f->bf{space}"
    else:
        own = kernel.reshape(*outputs, *spec.kernel_size, channels, spec.filters)
        equation = f"b{space}c{taps},{space}{taps}cf->b{space}f"
    return np.asarray(np.einsum(equation, windows[tuple(steps)], own))


def _matrix(
    spec: locally.LocallyConnected, kernel: Array, lengths: tuple[int, ...], outputs: tuple[int, ...], channels: int
) -> Array:
    """(input, output), both flat in the layout of the data."""
    positions, made = prod(lengths), prod(outputs)
    connected = np.zeros((positions + 1, made), bool)
    connected[spec.connected(lengths), np.arange(made)[:, None]] = True
    if spec.channels_first:
        shape = (channels, positions, spec.filters, made)
        mask = np.broadcast_to(connected[None, :-1, None, :], shape)
    else:
        shape = (positions, channels, made, spec.filters)
        mask = np.broadcast_to(connected[:-1, None, :, None], shape)
    rows = mask.reshape(positions * channels, made * spec.filters)
    if spec.implementation == 2:
        return np.asarray(kernel.reshape(rows.shape) * rows)
    matrix = np.zeros(rows.T.shape, kernel.dtype)
    matrix[rows.T] = kernel
    return matrix.T
