"""Operations on boxes, under TensorFlow's names."""

from __future__ import annotations

import math

from kerasport.layers.arguments import Arguments, Step, register
from kerasport.layers.suppression import CombinedSuppression, NonMaxSuppression


def _limits(call: Arguments) -> tuple[float, float | None]:
    """The largest overlap, and the score above which a box counts."""
    least = call.number("score_threshold", default=-math.inf)
    return call.number("iou_threshold", default=0.5), None if least == -math.inf else least


@register("tf.image.non_max_suppression")
def _non_max_suppression(call: Arguments) -> Step:
    values = [call.floating(call.tensor(name, i)) for i, name in enumerate(("boxes", "scores"))]
    overlap, least = _limits(call)
    most = call.integer("max_output_size", 2)
    return Step(NonMaxSuppression(most=most, overlap=overlap, least=least), tuple(values))


@register("tf.image.combined_non_max_suppression")
def _combined(call: Arguments) -> Step:
    boxes, scores = (call.floating(call.tensor(name, i)) for i, name in enumerate(("boxes", "scores")))
    overlap, least = _limits(call)
    most, total = call.integer("max_output_size_per_class", 2), call.integer("max_total_size", 3)
    if call.flag("pad_per_class"):
        total = min(total, most * (scores.type.shape[-1] or 1))
    clips = call.flag("clip_boxes", default=True)
    return Step(CombinedSuppression(most=most, total=total, overlap=overlap, least=least, clips=clips), (boxes, scores))
