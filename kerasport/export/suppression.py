"""Non-maximum suppression of boxes, in ONNX."""

from __future__ import annotations

import numpy as np

from kerasport.export.builder import Scope
from kerasport.export.layout import Tensor
from kerasport.export.ops import cast, reduce, reshape, slice_, squeeze, unsqueeze
from kerasport.export.registry import EXPORT
from kerasport.layers import suppression

_NONE = float(np.finfo(np.float32).min)  # the score of what is not chosen


@EXPORT.register(suppression.NonMaxSuppression)
def non_max_suppression(spec: suppression.NonMaxSuppression, b: Scope, boxes: Tensor, scores: Tensor) -> Tensor:
    """NonMaxSuppression of one image with one class; the last column of its result."""
    batch = unsqueeze(b, b.logical(boxes), [0]), unsqueeze(b, b.logical(scores), [0, 1])
    chosen = _suppressed(b, spec, *batch)
    return b.tensor(cast(b, squeeze(b, slice_(b, chosen, 1, 2, 3), [1]), "int32"))


@EXPORT.register(suppression.CombinedSuppression)
def combined_suppression(
    spec: suppression.CombinedSuppression, b: Scope, boxes: Tensor, scores: Tensor
) -> tuple[Tensor, ...]:
    """NonMaxSuppression; the chosen scores, of all classes in a row, by TopK; their boxes by GatherND."""
    count, classes = (dim or 0 for dim in scores.type.shape[1:])
    own = boxes.type.shape[2] or 1
    by_class = b.arrange(scores, (0, 2, 1))
    corners = b.arrange(boxes, (0, 2, 1, 3))
    chosen = _chosen_scores(spec, b, by_class, corners, own)
    rows = reshape(b, chosen, [-1, classes * count])
    size = min(spec.total, classes * count)
    best, places = b.op_n("TopK", 2, rows, b.constant([size], "size"), axis=1)
    valid = b.op("Greater", best, b.constant(_NONE, "none"))
    label = b.op("Div", places, b.constant(count, "count"))
    spot = places if own > 1 else b.op("Mod", places, b.constant(count, "count"))
    flat = reshape(b, corners, [-1, own * count, 4])
    found = b.op("GatherND", flat, unsqueeze(b, spot, [2]), batch_dims=1)
    if spec.clips:
        found = b.op("Clip", found, b.constant(0.0, "zero"), b.constant(1.0, "one"))
    kept = cast(b, valid, "float32")
    outputs = [b.op("Where", unsqueeze(b, valid, [2]), found, b.constant(0.0, "zero"))]
    outputs += [b.op("Where", valid, value, b.constant(0.0, "zero")) for value in (best, cast(b, label, "float32"))]
    outputs = [_padded(b, value, spec.total - size, rank) for value, rank in zip(outputs, (3, 2, 2), strict=True)]
    outputs.append(cast(b, reduce(b, "ReduceSum", kept, [1], keepdims=False), "int32"))
    return tuple(b.tensor(name, value.type) for name, value in zip(outputs, b.call.outputs, strict=True))


def _chosen_scores(spec: suppression.CombinedSuppression, b: Scope, scores: str, corners: str, own: int) -> str:
    """The scores (batch, classes, n) with the least number for all that are not chosen."""
    values, boxes = scores, squeeze(b, corners, [1]) if own == 1 else corners
    if own > 1:  # every class has boxes of its own, and is an image
        count = b.call.inputs[0].type.shape[1] or 0
        values, boxes = reshape(b, scores, [-1, 1, count]), reshape(b, corners, [-1, count, 4])
    places = _suppressed(b, spec, boxes, values)
    nothing = b.op("Expand", b.constant(_NONE, "none"), b.op("Shape", values))
    return b.op("ScatterND", nothing, places, b.op("GatherND", values, places))


def _suppressed(
    b: Scope, spec: suppression.NonMaxSuppression | suppression.CombinedSuppression, boxes: str, scores: str
) -> str:
    least = "" if spec.least is None else b.constant(float(spec.least), "least")
    most, overlap = b.constant([spec.most], "most"), b.constant(float(spec.overlap), "overlap")
    return b.op("NonMaxSuppression", boxes, scores, most, overlap, least)


def _padded(b: Scope, value: str, missing: int, rank: int) -> str:
    if not missing:
        return value
    pads = np.zeros((2, rank), np.int64)
    pads[1, 1] = missing
    return b.op("Pad", value, b.constant(pads.ravel(), "pads"))
