"""Image operations based on histograms of pixel values, in NumPy."""

from __future__ import annotations

import numpy as np

from kerasport.layers import histograms
from kerasport.layers.histograms import LEVELS
from kerasport.reference.registry import REFERENCE, Array, Context
from kerasport.reference.spatial import channels_last, restored


@REFERENCE.register(histograms.AdaptiveEqualization)
def adaptive_equalization(spec: histograms.AdaptiveEqualization, context: Context, x: Array) -> Array:
    """Image by image and channel by channel."""
    data, width = channels_last(spec, x), spec.high - spec.low
    scaled = (data - spec.low) / width * 255 if spec.scales else data
    y = np.empty_like(data)
    for image in range(len(data)):
        for channel in range(data.shape[-1]):
            y[image, ..., channel] = _equalized(spec, scaled[image, ..., channel])
    return restored(spec, y / 255 * width + spec.low if spec.scales else y, x)


def _equalized(spec: histograms.AdaptiveEqualization, plane: Array) -> Array:
    (rows, columns), (height, width) = spec.tiles(plane.shape), plane.shape
    ends = [(0, size * count - n) for size, count, n in zip((rows, columns), spec.grid, plane.shape, strict=True)]
    levels = np.clip(np.pad(plane, ends, mode="symmetric").astype(int), 0, LEVELS - 1)
    curves = np.empty((*spec.grid, LEVELS))
    for i in range(spec.grid[0]):
        for j in range(spec.grid[1]):
            tile = levels[i * rows : (i + 1) * rows, j * columns : (j + 1) * columns]
            curves[i, j] = _curve(spec.limit, tile)
    (top, down), (left, right) = _around(rows, spec.grid[0]), _around(columns, spec.grid[1])
    shares = [_share(size, count) for size, count in zip((rows, columns), spec.grid, strict=True)]
    down_share, right_share = shares[0][:, None], shares[1]
    corners = [[curves[i[:, None], j, levels] for j in (left, right)] for i in (top, down)]
    lines = [a * (1 - right_share) + b * right_share for a, b in corners]
    return np.asarray(lines[0] * (1 - down_share) + lines[1] * down_share)[:height, :width]


def _curve(limit: float, tile: Array) -> Array:
    counts = np.bincount(tile.ravel(), minlength=LEVELS).astype(np.float64)
    if limit > 0:
        kept = np.minimum(counts, limit * tile.size / LEVELS)
        counts = kept + (counts - kept).sum() / LEVELS
    running = np.cumsum(counts)
    rest = tile.size - running[0]
    return np.asarray(np.clip((running - running[0]) * 255 / (rest or 1), 0, 255))


def _centres(size: int, count: int) -> Array:
    """Where the pixels lie among the tiles' centres."""
    return (np.arange(size * count) - size / 2) / size


def _around(size: int, count: int) -> tuple[Array, Array]:
    first = np.floor(_centres(size, count)).astype(int)
    return np.clip(first, 0, count - 1), np.clip(first + 1, 0, count - 1)


def _share(size: int, count: int) -> Array:
    places = _centres(size, count)
    return np.asarray(places - np.floor(places))
