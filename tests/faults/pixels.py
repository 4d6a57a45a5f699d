"""Why a fault in a Resize by the nearest pixel cannot change any result."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil, floor
from typing import Any

from tests.faults.subject import Subject, attributes

SAME_PIXELS = "the same pixel is the nearest for every position"


def same_pixels(subject: Subject, index: int, changed: Mapping[str, str]) -> str:
    """Whether a Resize by the nearest pixel takes the same pixels all the same."""
    node = subject.proto.graph.node[index]
    given = {name: v.decode() if isinstance(v, bytes) else v for name, v in attributes(node).items()}
    scales = subject.constants.get(node.input[2]) if len(node.input) > 2 else None
    shape = subject.shapes.get(node.input[0], ())
    if given.get("mode", "nearest") != "nearest" or scales is None or not scales.size:
        return ""
    for scale, length in zip(scales.tolist(), shape, strict=True):
        # A length that is unknown is not proved for, unless whole multiples repeat the same pattern anyway.
        n = length if length is not None else 64
        if length is None and scale != 1 and changed.get("coordinate_transformation_mode") == "align_corners":
            return ""
        if length is None and scale != int(scale):
            return ""
        made = floor(n * scale)
        if [_nearest(o, scale, n, made, given) for o in range(made)] != [
            _nearest(o, scale, n, made, {**given, **changed}) for o in range(made)
        ]:
            return ""
    return SAME_PIXELS


def _nearest(place: int, scale: float, length: int, made: int, given: Mapping[str, Any]) -> int:
    """The pixel that a Resize takes (https://onnx.ai/onnx/operators/onnx__Resize.html)."""
    if scale == 1:
        return place
    mode = given.get("coordinate_transformation_mode", "half_pixel")
    if mode == "asymmetric":
        x = place / scale
    elif mode == "align_corners":
        x = place * (length - 1) / (made - 1) if made > 1 else 0.0
    else:
        x = (place + 0.5) / scale - 0.5
    rounding = given.get("nearest_mode", "round_prefer_floor")
    down = {
        "floor": floor(x),
        "ceil": ceil(x),
        "round_prefer_floor": ceil(x - 0.5),
        "round_prefer_ceil": floor(x + 0.5),
    }
    return min(max(down[rounding], 0), length - 1)
