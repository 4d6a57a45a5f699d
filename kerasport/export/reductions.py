"""Reductions and other operations along axes in ONNX, in any layout."""

from __future__ import annotations

import numpy as np

from kerasport.export import ops
from kerasport.export.builder import Scope
from kerasport.export.layout import Perm, Tensor
from kerasport.export.registry import EXPORT
from kerasport.layers import reductions
from kerasport.layers.base import normalize_axis

_NODES = {
    "sum": "ReduceSum", "mean": "ReduceMean", "max": "ReduceMax", "min": "ReduceMin", "prod": "ReduceProd",
    "logsumexp": "ReduceLogSumExp", "l1": "ReduceL1", "l2": "ReduceL2",
}  # fmt: skip


@EXPORT.register(reductions.Reduce)
def reduce(spec: reductions.Reduce, b: Scope, x: Tensor) -> Tensor:
    """ReduceSum ...; of bools, ReduceMax as any does, and all as not any not."""
    axes = spec.over(x.type.rank)
    if not axes:
        return Tensor(x.name, b.output_type, x.perm)
    stored = sorted(x.stored_axis(axis) for axis in axes)
    if spec.function in _NODES:
        name = ops.reduce(b, _NODES[spec.function], x.name, stored, spec.keepdims)
    elif spec.function == "any":
        name = ops.any_(b, x.name, stored, spec.keepdims)
    else:
        name = b.op("Not", ops.any_(b, b.op("Not", x.name), stored, spec.keepdims))
    return b.tensor(name, perm=x.perm if spec.keepdims else without(x.perm, axes))


def without(perm: Perm, axes: tuple[int, ...]) -> Perm:
    """The stored order when some logical axes are gone."""
    left = [axis for axis in range(len(perm)) if axis not in axes]
    return tuple(left.index(axis) for axis in perm if axis not in axes)


@EXPORT.register(reductions.ArgExtreme)
def arg_extreme(spec: reductions.ArgExtreme, b: Scope, x: Tensor) -> Tensor:
    """ArgMax, ArgMin."""
    axis = normalize_axis(spec.axis, x.type.rank)
    op = "ArgMax" if spec.largest else "ArgMin"
    name = b.op(op, x.name, axis=x.stored_axis(axis), keepdims=int(spec.keepdims))
    return b.tensor(name, perm=x.perm if spec.keepdims else without(x.perm, (axis,)))


@EXPORT.register(reductions.Cumulative)
def cumulative(spec: reductions.Cumulative, b: Scope, x: Tensor) -> Tensor:
    """CumSum; for products ReduceProd over each prefix."""
    if spec.product:
        return _products(spec, b, x)
    axis = b.constant(x.stored_axis(spec.axis), "axis")
    name = b.op("CumSum", x.name, axis, exclusive=int(spec.exclusive) or None, reverse=int(spec.reverse) or None)
    return b.tensor(name, perm=x.perm)


def _products(spec: reductions.Cumulative, b: Scope, x: Tensor) -> Tensor:
    """The axis twice: along the first the results, along the second the factors, 1 where they do not count."""
    stored = x.stored_axis(spec.axis)
    behind = x.type.rank - 1 - stored
    size = x.type.shape[spec.axis]
    if size is not None:
        steps = b.constant(np.arange(size), "steps")
    else:
        length = b.op("Gather", b.op("Shape", x.name), b.constant(stored, "axis"))
        steps = b.op("Range", b.constant(0, "start"), length, b.constant(1, "step"))
    across = b.op("Unsqueeze", steps, b.constant([1], "axes"))
    later = ("GreaterOrEqual", "Greater") if not spec.reverse else ("LessOrEqual", "Less")
    counts = b.op(later[spec.exclusive], across, steps)
    if behind:
        counts = b.op("Unsqueeze", counts, b.constant(list(range(2, 2 + behind)), "axes"))
    factors = b.op("Unsqueeze", x.name, b.constant([stored], "axes"))
    one = b.constant(np.array(1, x.type.dtype), "one")
    name = ops.reduce(b, "ReduceProd", b.op("Where", counts, factors, one), [stored + 1], keepdims=False)
    return b.tensor(name, perm=x.perm)


@EXPORT.register(reductions.TopK)
def top_k(spec: reductions.TopK, b: Scope, x: Tensor) -> tuple[Tensor, Tensor]:
    """TopK."""
    stored = x.stored_axis(spec.axis)
    if spec.k is not None:
        k = b.constant([spec.k], "k")
    else:
        k = b.op("Gather", b.op("Shape", x.name), b.constant([stored], "axis"))
    largest = None if spec.largest else 0
    values, places = b.op_n("TopK", 2, x.name, k, axis=stored, largest=largest)
    types = (output.type for output in b.call.outputs)
    first, second = (Tensor(name, type_, x.perm) for name, type_ in zip((values, places), types, strict=True))
    return first, second
