"""Layers of keras-retinanet."""

from __future__ import annotations

from typing import Any

import numpy as np

from kerasport.plugins import CustomLayer, Tensor, compose, ops


@compose("UpsampleLike", mask="dropped")
def upsample_like(layer: CustomLayer, source: Tensor, target: Tensor) -> Tensor:
    """Pixels repeated, or left out, up to the height and width of another tensor."""
    for axis in (1, 2):
        source = ops.take(source, _rows(source, target, axis), axis=axis)
    return source


def _rows(source: Tensor, target: Tensor, axis: int) -> Any:
    """Which row each row of the target is taken from."""
    given, wanted = source.shape[axis], target.shape[axis]
    if given is not None and wanted is not None:
        scaled = np.arange(wanted, dtype=np.float32) * np.float32(given / wanted)
        return np.floor(scaled).astype(int).tolist()
    lines = [_line(x, axis) for x in (source, target)]
    scale = ops.sum(lines[0]) / ops.sum(lines[1])
    return ops.cast(ops.floor((ops.cumsum(lines[1]) - 1.0) * scale), "int32")


def _line(x: Tensor, axis: int) -> Tensor:
    """A line of ones as long as an axis of the tensor."""
    index = [slice(None) if place == axis else 0 for place in range(x.rank)]
    return ops.ones_like(x[tuple(index)])


@compose("Anchors", mask="dropped")
def anchors(layer: CustomLayer, x: Tensor) -> Tensor:
    """For each pixel boxes of several sizes and shapes around it: (x1, y1, x2, y2)."""
    config, stride = layer.config, layer.config.number("stride")
    ratios, scales = (np.asarray(config.get(key), np.float64) for key in ("ratios", "scales"))
    sizes = config.number("size") * np.tile(scales, len(ratios))
    shapes = np.sqrt(np.repeat(ratios, len(scales)))
    half = np.stack([sizes / shapes, sizes * shapes], axis=1) / 2
    boxes = np.concatenate([-half, half], axis=1).astype(np.float32)
    ones = ops.ones_like(x[:, :, :, 0])
    columns, rows = (ops.cumsum(ones, axis=axis) - 0.5 for axis in (2, 1))
    centers = ops.stack([columns, rows, columns, rows], axis=-1) * stride
    found = ops.expand_dims(centers, 3) + boxes
    return layer.part("flat", "Reshape", target_shape=[-1, 4])(found)


@compose("RegressBoxes", mask="dropped")
def regress_boxes(layer: CustomLayer, boxes: Tensor, deltas: Tensor) -> Tensor:
    """Boxes moved by fractions of their own sizes."""
    mean, std = (np.asarray(layer.config.get(key), np.float32) for key in ("mean", "std"))
    sizes = boxes[:, :, 2:] - boxes[:, :, :2]
    return boxes + (deltas * std + mean) * ops.concatenate([sizes, sizes], axis=-1)


@compose("ClipBoxes", mask="dropped")
def clip_boxes(layer: CustomLayer, image: Tensor, boxes: Tensor) -> Tensor:
    """Boxes cut at the image's edges."""
    height, width = (_last(image, axis) for axis in (1, 2))
    sides = [boxes[:, :, place] for place in range(4)]
    limits = [width, height, width, height]
    cut = [ops.minimum(ops.maximum(side, 0.0), limit) for side, limit in zip(sides, limits, strict=True)]
    return ops.stack(cut, axis=2)


def _last(x: Tensor, axis: int) -> Any:
    """The number of the last row or column."""
    size = x.shape[axis]
    return float(size - 1) if size is not None else ops.sum(ops.cast(_line(x, axis), "float32")) - 1.0
