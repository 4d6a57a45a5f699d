"""Image patches as operations, under Keras 3's names; TensorFlow's own under ``tf.`` names."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from kerasport.errors import LayerError
from kerasport.layers.arguments import Arguments, Parser, Step, register
from kerasport.layers.base import Value
from kerasport.layers.conv import Conv2DTranspose
from kerasport.layers.kernels import Convolved
from kerasport.layers.operations import then
from kerasport.layers.operations_convolutions import is_channels_first
from kerasport.layers.operations_shapes import moved
from kerasport.layers.operators import GetItem
from kerasport.layers.products import Gather
from kerasport.layers.shaping import Pad, Reshape
from kerasport.layers.spatial import Window

_WHOLE = (None, None, None)


def _cut(call: Arguments, x: Value, axis: int, window: Window, padding: str) -> Value:
    """The axis as two: the windows, and their positions."""
    length = x.type.shape[axis]
    if length is None:
        raise LayerError("patches of images of unknown size are not supported")
    edges = window.pads(length, padding) or (0, 0)
    if any(edges):
        pairs = [(0, 0)] * x.type.rank
        pairs[axis] = edges
        x = call.emit(Pad(pairs=tuple(pairs)), x)
    starts = np.arange(window.output_length(length, padding) or 0) * window.stride
    places = starts[:, None] + np.arange(window.size) * window.dilation
    return call.emit(Gather(axis=axis), x, call.value(places.tolist()))


def _patches(call: Arguments, x: Value, axes: Sequence[int], windows: Sequence[Window], padding: str) -> Value:
    """Each spatial axis as two: the windows, and their positions; the last axis first, so that the others stay."""
    for axis, window in reversed(list(zip(axes, windows, strict=True))):
        x = _cut(call, x, axis, window, padding)
    return x


def _joined(call: Arguments, x: Value, order: Sequence[int], kept: int, last: int) -> Step:
    """The axes in an order; the first ``kept`` and the ``last`` ones stay, those between become one."""
    moved_ = then(call, moved(x, order))
    shape = moved_.type.shape
    size = math.prod(dim or 0 for dim in shape[kept : len(shape) - last])
    wanted = [*shape[:kept], size, *shape[len(shape) - last :]]
    return Step(Reshape(shape=tuple(-1 if dim is None else dim for dim in wanted)), (moved_,))


def _channels_last(call: Arguments, x: Value, windows: Sequence[Window], padding: str) -> Step:
    """(..., *space, channels) to (..., *windows, positions * channels)."""
    n, batch = len(windows), x.type.rank - len(windows) - 1
    y = _patches(call, x, range(batch, batch + n), windows, padding)
    counts, positions = (range(batch + first, batch + 2 * n, 2) for first in (0, 1))
    return _joined(call, y, (*range(batch), *counts, *positions, y.type.rank - 1), batch + n, 0)


def _channels_first(call: Arguments, x: Value, windows: Sequence[Window], padding: str) -> Step:
    """(..., channels, *space) to (..., positions * channels, *windows)."""
    n, batch = len(windows), x.type.rank - len(windows) - 1
    y = _patches(call, x, range(batch + 1, batch + 1 + n), windows, padding)
    counts, positions = (range(batch + 1 + first, batch + 1 + 2 * n, 2) for first in (0, 1))
    return _joined(call, y, (*range(batch), *positions, batch, *counts), batch, n)


def _windows(
    sizes: Sequence[int], strides: Sequence[int], rates: Sequence[int], edges: Sequence[int] | None = None
) -> list[Window]:
    n = len(sizes)
    rows = [values * n if len(values) == 1 else values for values in (list(strides), list(rates))]
    pads = [(edge, edge) for edge in edges] if edges else [None] * n
    return [Window(*values) for values in zip(sizes, *rows, pads, strict=True)]


def _extract(dimensions: int) -> Parser:
    def parse(call: Arguments) -> Step:
        x, sizes = call.floating(call.tensor("images", 0)), call.integers("size")
        sizes = sizes * dimensions if len(sizes) == 1 else sizes
        strides = sizes if not call.get("strides") else call.integers("strides")
        windows = _windows(sizes, strides, call.integers("dilation_rate", default=1))
        if x.type.rank not in (len(sizes) + 1, len(sizes) + 2):
            raise LayerError(f"patches of {list(sizes)} of images of rank {x.type.rank} are not supported")
        extract = _channels_first if is_channels_first(call) else _channels_last
        return extract(call, x, windows, call.text("padding", default="valid").lower())

    return parse


register("ExtractPatches")(_extract(2))
register("ExtractPatches3D")(_extract(3))


@register("tf.image.extract_patches")
def _tf_extract(call: Arguments) -> Step:
    x = call.tensor("images", 0)
    rows = [call.integers(name, i) for i, name in enumerate(("sizes", "strides", "rates"), 1)]
    if x.type.rank != 4 or any(len(row) != 4 or (row[0], row[3]) != (1, 1) for row in rows):
        raise LayerError(f"patches of {rows[0]} of images of rank {x.type.rank} are not supported")
    windows = _windows(*(row[1:3] for row in rows))
    return _channels_last(call, x, windows, call.text("padding", 4).lower())


def _pair(call: Arguments, name: str, default: int | None = None) -> tuple[int, int]:
    first, *rest = call.integers(name, default=default)
    return first, rest[0] if rest else first


@register("Unfold")
def _unfold(call: Arguments) -> Step:
    """(batch, channels, height, width) to (batch, channels * positions, windows)."""
    x = call.tensor("x", 0)
    sizes, strides, rates = _pair(call, "kernel_size"), _pair(call, "stride", 1), _pair(call, "dilation", 1)
    windows = _windows(sizes, strides, rates, _pair(call, "padding", 0))
    y = _patches(call, x, (2, 3), windows, "valid")
    y = then(call, moved(y, (0, 1, 3, 5, 2, 4)))
    batch, *rest = (-1 if dim is None else dim for dim in y.type.shape)
    return Step(Reshape(shape=(batch, math.prod(rest[:3]), math.prod(rest[3:]))), (y,))


@register("Fold")
def _fold(call: Arguments) -> Step:
    """(batch, channels * positions, windows) to (batch, channels, height, width): what overlaps is added.

    A transposed convolution, of each channel alone, whose kernel puts each position in its place.
    """
    x = call.tensor("x", 0)
    size, kernel, edges = _pair(call, "output_size"), _pair(call, "kernel_size"), _pair(call, "padding", 0)
    strides, rates = _pair(call, "stride", 1), _pair(call, "dilation", 1)
    whole = [length + 2 * edge for length, edge in zip(size, edges, strict=True)]
    windows = [Window(*sizes) for sizes in zip(kernel, strides, rates, strict=True)]
    counts = [w.output_length(length, "valid") or 0 for w, length in zip(windows, whole, strict=True)]
    places = math.prod(kernel)
    channels = (x.type.shape[1] or 0) // places
    layer = Conv2DTranspose(
        channels_first=True, kernel_size=kernel, strides=strides, dilations=rates, use_bias=False, filters=1,
        output_size=tuple(whole),
    )  # fmt: skip
    taps = np.eye(places).reshape(*kernel, 1, places)
    planes = call.emit(Reshape(shape=(-1, places, *counts)), call.floating(x))
    y = call.emit(Convolved(layer=layer), planes, call.value(taps.tolist()))
    y = call.emit(Reshape(shape=(-1, channels, *whole)), y)
    inner = [(edge, edge + length, None) for edge, length in zip(edges, size, strict=True)]
    return Step(GetItem(index=(_WHOLE, _WHOLE, *inner)), (y,))
