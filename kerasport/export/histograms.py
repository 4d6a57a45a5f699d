"""Image operations based on histograms of pixel values, in ONNX."""

from __future__ import annotations

import numpy as np

from kerasport.export.builder import Scope
from kerasport.export.layout import Tensor
from kerasport.export.ops import cast, reduce, reshape
from kerasport.export.registry import EXPORT
from kerasport.export.spatial import channels_first_order
from kerasport.layers import histograms
from kerasport.layers.histograms import LEVELS


@EXPORT.register(histograms.AdaptiveEqualization)
def adaptive_equalization(spec: histograms.AdaptiveEqualization, b: Scope, x: Tensor) -> Tensor:
    """Counts by OneHot and ReduceSum, running ones by CumSum, and four GatherElements."""
    order = channels_first_order(spec, 4)
    lengths = [length or 0 for length in spec.lengths(x.type)]
    value, channels = b.arrange(x, order), spec.channels(x.type) or 0
    if spec.scales:
        value = _rescaled(b, value, spec.low, 255 / (spec.high - spec.low), 0.0)
    tile = spec.tiles(tuple(lengths))
    for axis, (length, size, count) in enumerate(zip(lengths, tile, spec.grid, strict=True), 2):
        if size * count > length:
            mirrored = np.pad(np.arange(length), (0, size * count - length), mode="symmetric")
            value = b.op("Gather", value, b.constant(mirrored, "mirrored"), axis=axis)
    bounds = b.constant(0.0, "zero"), b.constant(float(LEVELS - 1), "highest")
    levels = cast(b, b.op("Clip", value, *bounds), "int64")
    y = _looked_up(spec, b, levels, _curves(spec, b, levels, channels, tile), channels, tile)
    for axis, (length, size, count) in enumerate(zip(lengths, tile, spec.grid, strict=True), 2):
        if size * count > length:
            names = [b.constant([number], label) for number, label in ((0, "start"), (length, "end"), (axis, "axis"))]
            y = b.op("Slice", y, *names)
    if spec.scales:
        y = _rescaled(b, y, 0.0, (spec.high - spec.low) / 255, spec.low)
    return b.tensor(y, perm=order)


def _rescaled(b: Scope, value: str, before: float, factor: float, after: float) -> str:
    if before:
        value = b.op("Sub", value, b.constant(before, "low"))
    value = b.op("Mul", value, b.constant(float(factor), "factor"))
    return b.op("Add", value, b.constant(after, "low")) if after else value


def _curves(spec: histograms.AdaptiveEqualization, b: Scope, levels: str, channels: int, tile: tuple[int, int]) -> str:
    """What each level becomes, (batch, channels, tiles down, tiles across, levels)."""
    (down, across), pixels = spec.grid, tile[0] * tile[1]
    split = b.op(
        "Transpose", reshape(b, levels, [-1, channels, down, tile[0], across, tile[1]]), perm=[0, 1, 2, 4, 3, 5]
    )
    flat = reshape(b, split, [-1, channels, down, across, pixels])
    off_on = b.constant(np.array([0, 1], np.float32), "off_on")
    counts = reduce(b, "ReduceSum", b.op("OneHot", flat, b.constant(LEVELS, "levels"), off_on), [4], keepdims=False)
    if spec.limit > 0:
        kept = b.op("Min", counts, b.constant(spec.limit * pixels / LEVELS, "limit"))
        excess = reduce(b, "ReduceMean", b.op("Sub", counts, kept), [4], keepdims=True)
        counts = b.op("Add", kept, excess)
    running = b.op("CumSum", counts, b.constant(4, "axis"))
    least = b.op("Slice", running, b.constant([0], "start"), b.constant([1], "end"), b.constant([4], "axis"))
    rest = b.op("Sub", b.constant(float(pixels), "pixels"), least)
    rest = b.op("Where", b.op("Equal", rest, b.constant(0.0, "zero")), b.constant(1.0, "one"), rest)
    part = b.op("Mul", b.op("Sub", running, least), b.constant(255.0, "highest"))
    return b.op("Clip", b.op("Div", part, rest), b.constant(0.0, "zero"), b.constant(255.0, "highest"))


def _looked_up(
    spec: histograms.AdaptiveEqualization, b: Scope, levels: str, curves: str, channels: int, tile: tuple[int, int]
) -> str:
    """The mean of what the four curves around give, (batch, channels, height, width)."""
    table = reshape(b, curves, [-1, channels, spec.grid[0] * spec.grid[1] * LEVELS])
    whole = [size * count for size, count in zip(tile, spec.grid, strict=True)]
    flat = reshape(b, levels, [-1, channels, whole[0] * whole[1]])
    places = [(np.arange(n, dtype=np.float32) - size / 2) / size for n, size in zip(whole, tile, strict=True)]
    terms = []
    for down in (0, 1):
        for across in (0, 1):
            tiles, shares = [], []
            for place, step, count in zip(places, (down, across), spec.grid, strict=True):
                first = np.floor(place)
                tiles.append(np.clip(first + step, 0, count - 1).astype(np.int64))
                shares.append(place - first if step else 1 - place + first)
            offsets = ((tiles[0][:, None] * spec.grid[1] + tiles[1]) * LEVELS).ravel()
            index = b.op("Add", flat, b.constant(offsets, "offsets"))
            weights = np.outer(*shares).astype(np.float32).ravel()
            found = b.op("GatherElements", table, index, axis=2)
            terms.append(b.op("Mul", found, b.constant(weights, "weights")))
    return reshape(b, b.op("Sum", *terms), [-1, channels, *whole])
