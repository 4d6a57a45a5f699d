"""Folding time into the batch and back, in ONNX: Reshapes that keep the storage order of the other axes."""

from __future__ import annotations

from kerasport.export.builder import Scope
from kerasport.export.layout import Perm, Tensor
from kerasport.export.ops import reshape
from kerasport.export.registry import EXPORT
from kerasport.layers import wrappers


@EXPORT.register(wrappers.FoldTime)
def fold_time(spec: wrappers.FoldTime, b: Scope, x: Tensor) -> Tensor:
    """Reshape to (-1, ...), with the other dimensions read from the value where they are unknown."""
    perm = (0, 1, *(axis for axis in x.perm if axis > 1))
    value, rest = b.arrange(x, perm), [x.type.shape[axis] for axis in perm[2:]]
    known = [dim for dim in rest if dim is not None]
    folded = _without(perm, 1)
    if len(known) == len(rest):
        return Tensor(reshape(b, value, [-1, *known]), b.output_type, folded)
    shape = b.op("Concat", b.constant([-1], "free"), _sizes(b, value, 2, x.type.rank), axis=0)
    return Tensor(b.op("Reshape", value, shape), b.output_type, folded)


@EXPORT.register(wrappers.UnfoldTime)
def unfold_time(spec: wrappers.UnfoldTime, b: Scope, x: Tensor, like: Tensor) -> Tensor:
    """Reshape to (batch, time, ...)."""
    perm = (0, *(axis for axis in x.perm if axis))
    value, rest = b.arrange(x, perm), [x.type.shape[axis] for axis in perm[1:]]
    unfolded = (0, 1, *(axis + 1 for axis in perm[1:]))
    known = [dim for dim in rest if dim is not None]
    batch, time = like.type.shape[:2]
    if len(known) == len(rest) and (batch, time) != (None, None):
        sizes = [-1 if batch is None else batch, -1 if time is None else time]
        return Tensor(reshape(b, value, [*sizes, *known]), b.output_type, unfolded)
    shape = _sizes(b, b.arrange(like, (0, 1, *(axis for axis in like.perm if axis > 1))), 0, 2)
    if rest:
        tail = b.constant(known, "tail") if len(known) == len(rest) else _sizes(b, value, 1, x.type.rank)
        shape = b.op("Concat", shape, tail, axis=0)
    return Tensor(b.op("Reshape", value, shape), b.output_type, unfolded)


def _without(perm: Perm, axis: int) -> Perm:
    return tuple(a - (a > axis) for a in perm if a != axis)


def _sizes(b: Scope, value: str, start: int, end: int) -> str:
    """Some stored dimensions of a value, one behind the other."""
    if b.opset >= 15:
        return b.once("Shape", value, start=start, end=end)
    positions = b.constant(list(range(start, end)), "positions")
    return b.once("Gather", b.once("Shape", value), positions, axis=0)
