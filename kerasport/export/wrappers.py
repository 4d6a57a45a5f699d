"""Folding and unfolding time, in ONNX."""

from __future__ import annotations

from kerasport.export.builder import Scope, Tensor
from kerasport.export.ops import reshape, slice_
from kerasport.export.registry import EXPORT
from kerasport.layers import wrappers


@EXPORT.register(wrappers.FoldTime)
def fold_time(spec: wrappers.FoldTime, b: Scope, x: Tensor) -> Tensor:
    """Reshape to (-1, ...), with the other dimensions read from the value where they are unknown."""
    rest = x.type.shape[2:]
    if None not in rest:
        return b.tensor(reshape(b, b.logical(x), [-1, *(dim or 0 for dim in rest)]))
    value = b.logical(x)
    tail = slice_(b, b.op("Shape", value), 0, 2, x.type.rank)
    return b.tensor(b.op("Reshape", value, b.op("Concat", b.constant([-1], "free"), tail, axis=0)))


@EXPORT.register(wrappers.UnfoldTime)
def unfold_time(spec: wrappers.UnfoldTime, b: Scope, x: Tensor, like: Tensor) -> Tensor:
    """Reshape to (batch, time, ...)."""
    rest, time = x.type.shape[1:], like.type.shape[1]
    if None not in rest and time is not None:
        return b.tensor(reshape(b, b.logical(x), [-1, time, *(dim or 0 for dim in rest)]))
    value = b.logical(x)
    head = slice_(b, b.op("Shape", b.logical(like)), 0, 0, 2)
    if x.type.rank == 1:
        return b.tensor(b.op("Reshape", value, head))
    tail = slice_(b, b.op("Shape", value), 0, 1, x.type.rank)
    return b.tensor(b.op("Reshape", value, b.op("Concat", head, tail, axis=0)))
