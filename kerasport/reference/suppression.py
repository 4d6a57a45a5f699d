"""Non-maximum suppression of boxes, in NumPy."""

from __future__ import annotations

import numpy as np

from kerasport.layers import suppression
from kerasport.reference.registry import REFERENCE, Array, Context


@REFERENCE.register(suppression.NonMaxSuppression)
def non_max_suppression(spec: suppression.NonMaxSuppression, context: Context, boxes: Array, scores: Array) -> Array:
    """One after the other."""
    return np.array(_chosen(boxes, scores, spec.most, spec.overlap, spec.least), np.int32)


@REFERENCE.register(suppression.CombinedSuppression)
def combined_suppression(
    spec: suppression.CombinedSuppression, context: Context, boxes: Array, scores: Array
) -> tuple[Array, ...]:
    """Image by image, class by class; then all by their scores."""
    batch, total = len(scores), spec.total
    corners, counts = np.zeros((batch, total, 4), scores.dtype), np.zeros(batch, np.int32)
    best, classes = np.zeros((batch, total), scores.dtype), np.zeros((batch, total), scores.dtype)
    for image in range(batch):
        found = []
        for label in range(scores.shape[2]):
            own = boxes[image, :, label if boxes.shape[2] > 1 else 0]
            places = _chosen(own, scores[image, :, label], spec.most, spec.overlap, spec.least)
            found += [(scores[image, place, label], label, own[place]) for place in places]
        found = sorted(found, key=lambda entry: -entry[0])[:total]
        counts[image] = len(found)
        for i, (score, label, box) in enumerate(found):
            best[image, i], classes[image, i] = score, label
            corners[image, i] = np.clip(box, 0, 1) if spec.clips else box
    return corners, best, classes, counts


def _chosen(boxes: Array, scores: Array, most: int, overlap: float, least: float | None) -> list[int]:
    chosen: list[int] = []
    for place in np.argsort(-scores, kind="stable"):
        counts = least is None or scores[place] > least
        if len(chosen) < most and counts and all(_overlap(boxes[place], boxes[i]) <= overlap for i in chosen):
            chosen.append(int(place))
    return chosen


def _overlap(a: Array, b: Array) -> float:
    """The intersection divided by the union, whichever corners are given."""
    lows = [np.minimum(box[:2], box[2:]) for box in (a, b)]
    highs = [np.maximum(box[:2], box[2:]) for box in (a, b)]
    areas = [float(np.prod(high - low)) for high, low in zip(highs, lows, strict=True)]
    common = float(np.prod(np.maximum(np.minimum(*highs) - np.maximum(*lows), 0)))
    return common / (sum(areas) - common) if min(areas) > 0 else 0.0
