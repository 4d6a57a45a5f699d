"""Locally connected layers in ONNX: each position's window times its own kernel."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasport.export.activation import apply
from kerasport.export.arrays import Lazy
from kerasport.export.builder import Scope
from kerasport.export.layout import Tensor
from kerasport.export.ops import reshape
from kerasport.export.registry import EXPORT
from kerasport.layers import locally


@EXPORT.register(locally.LocallyConnected1D, locally.LocallyConnected2D)
def locally_connected(spec: locally.LocallyConnected, b: Scope, x: Tensor) -> Tensor:
    """Gather of the windows and a MatMul with as many matrices as there are positions; channels last."""
    lengths, outputs, channels = spec.sizes(x.type)
    seen = spec.connected(lengths)
    positions, taps = seen.shape
    order = (0, *spec.space(x.type.rank), spec.channel_axis(x.type.rank))
    value = b.arrange(x, order)
    if spec.dimensions > 1:
        value = reshape(b, value, [0, prod(lengths), channels])
    # What lies outside has a weight of zero, so that any position will do.
    windows = b.op("Gather", value, b.constant(np.maximum(seen, 0), "windows"), axis=1)
    windows = reshape(b, windows, [0, positions, 1, taps * channels])
    y = b.op("MatMul", windows, b.initializer(_kernel(spec, b.weight("kernel"), seen, channels), "kernel"))
    y = reshape(b, y, [0, *outputs, spec.filters])
    if spec.use_bias:
        y = b.op("Add", y, b.initializer(_bias(spec, b.weight("bias"), outputs), "bias"))
    type_ = x.type.with_shape([(x.type.shape[0], *outputs, spec.filters)[order.index(i)] for i in range(len(order))])
    return apply(b, spec.activation, Tensor(y, type_, order))


def _bias(spec: locally.LocallyConnected, bias: Lazy, outputs: tuple[int, ...]) -> Lazy:
    """Keras reshapes it, and does not turn it, where the channels come first."""
    if not spec.channels_first:
        return bias
    return bias.reshape(spec.filters, *outputs).transpose(*range(1, len(outputs) + 1), 0)


def _kernel(spec: locally.LocallyConnected, kernel: Lazy, seen: NDArray[np.int64], channels: int) -> Lazy:
    """(positions, taps * channels, filters)."""
    positions, taps = seen.shape
    shape = (positions, taps * channels, spec.filters)
    if spec.implementation == 1:
        if not spec.channels_first:
            return kernel
        return kernel.reshape(positions, channels, taps, spec.filters).transpose(0, 2, 1, 3).reshape(*shape)
    gather = _from_dense if spec.implementation == 2 else _from_list

    def load(array: NDArray[Any]) -> NDArray[Any]:
        own = gather(spec, array, seen, channels)
        return np.where((seen >= 0)[:, :, None, None], own, 0).astype(array.dtype).reshape(shape)

    return kernel.map(("own", spec, channels), load, shape)


def _from_dense(
    spec: locally.LocallyConnected, array: NDArray[Any], seen: NDArray[np.int64], channels: int
) -> NDArray[Any]:
    """(positions, taps, channels, filters) out of a kernel between all of the input and all of the output."""
    outputs = np.arange(len(seen))[:, None]
    if spec.channels_first:
        return np.asarray(array.reshape(channels, -1, spec.filters, len(seen))[:, seen, :, outputs])
    return np.asarray(array.reshape(-1, channels, len(seen), spec.filters)[seen, :, outputs])


def _from_list(
    spec: locally.LocallyConnected, array: NDArray[Any], seen: NDArray[np.int64], channels: int
) -> NDArray[Any]:
    """(positions, taps, channels, filters) out of the values of what is connected, output by output."""
    positions, taps = seen.shape
    if spec.channels_first:
        grid, mask, axes = (spec.filters, positions, channels, taps), seen[None, :, None, :] >= 0, (1, 3, 2, 0)
    else:
        grid, mask, axes = (positions, spec.filters, taps, channels), seen[:, None, :, None] >= 0, (0, 2, 3, 1)
    own = np.zeros(grid, array.dtype)
    own[np.broadcast_to(mask, grid)] = array
    return own.transpose(axes)
