"""Scattering and gathering by index, in ONNX."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from kerasport.export import ops
from kerasport.export.builder import Scope
from kerasport.export.layout import Tensor
from kerasport.export.registry import EXPORT
from kerasport.layers import scatter

# The opset from which ScatterND reduces so.
_SINCE = {"none": 13, "add": 16, "mul": 16, "max": 18, "min": 18}


@EXPORT.register(scatter.Scatter)
def scattered(spec: scatter.Scatter, b: Scope, x: Tensor, places: Tensor, updates: Tensor) -> Tensor:
    """ScatterND; where it does not reduce yet, a reduction over all updates of each place."""
    value, where, new = b.logical(x), b.logical(places), b.logical(updates)
    if b.opset < _SINCE[spec.reduction]:
        return b.tensor(_reduced(spec, b, x, places, (value, where, new)))
    reduction = None if spec.reduction == "none" else spec.reduction
    return b.tensor(b.op("ScatterND", value, where, new, reduction=reduction))


def _reduced(spec: scatter.Scatter, b: Scope, x: Tensor, places: Tensor, values: tuple[str, str, str]) -> str:
    value, where, new = values
    depth = places.type.shape[-1] or 0
    sizes = b.op("Shape", value)
    leading, rest = (ops.slice_(b, sizes, 0, start, stop) for start, stop in ((0, depth), (depth, x.type.rank)))
    # How many places one step along each of the leading axes is.
    strides = b.constant([1])
    for axis in reversed(range(1, depth)):
        size = ops.slice_(b, sizes, 0, axis, axis + 1)
        strides = b.op("Concat", b.op("Mul", size, ops.slice_(b, strides, 0, 0, 1)), strides, axis=0)
    row = b.op("Reshape", ops.reduce(b, "ReduceSum", b.op("Mul", where, strides), [-1], False), b.constant([-1]))
    count = ops.reduce(b, "ReduceProd", leading, [0], keepdims=False)
    every = b.op("Range", b.constant(0), count, b.constant(1))
    hit = b.op("Equal", ops.unsqueeze(b, every, [1]), row)
    flat = b.op("Concat", b.constant([-1]), ops.reduce(b, "ReduceProd", rest, [0], keepdims=True), axis=0)
    rows, old = b.op("Reshape", new, flat), b.op("Reshape", value, flat)
    op, combine, neutral = _FORMS[spec.reduction]
    blank = b.constant(np.array(neutral(x.type.dtype), x.type.dtype), "neutral")
    wide = b.op("Where", ops.unsqueeze(b, hit, [2]), ops.unsqueeze(b, rows, [0]), blank)
    return b.op("Reshape", b.op(combine, old, ops.reduce(b, op, wide, [1], keepdims=False)), sizes)


def _limit(dtype: str, highest: bool) -> float:
    if dtype.startswith("float"):
        return np.inf if highest else -np.inf
    return np.iinfo(dtype).max if highest else np.iinfo(dtype).min


_FORMS: dict[str, tuple[str, str, Callable[[str], float]]] = {
    "add": ("ReduceSum", "Add", lambda dtype: 0),
    "mul": ("ReduceProd", "Mul", lambda dtype: 1),
    "max": ("ReduceMax", "Max", lambda dtype: _limit(dtype, highest=False)),
    "min": ("ReduceMin", "Min", lambda dtype: _limit(dtype, highest=True)),
}


@EXPORT.register(scatter.NonZero)
def non_zero(spec: scatter.NonZero, b: Scope, x: Tensor) -> Tensor:
    """NonZero."""
    return b.tensor(b.op("NonZero", b.logical(x)))


@EXPORT.register(scatter.GatherPlaces)
def gather_places(spec: scatter.GatherPlaces, b: Scope, x: Tensor, places: Tensor) -> Tensor:
    """GatherND."""
    return b.tensor(b.op("GatherND", b.logical(x), b.logical(places), batch_dims=spec.batch_axes or None))
