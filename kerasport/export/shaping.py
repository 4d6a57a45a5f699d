"""Operations that move, repeat and slice data, in ONNX."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kerasport.export import ops
from kerasport.export.builder import Scope
from kerasport.export.layout import Tensor
from kerasport.export.ops import cast
from kerasport.export.registry import EXPORT
from kerasport.layers import shaping
from kerasport.layers.base import Dim, normalize_axis
from kerasport.layers.ops import NARROW

# Types for which ONNX Runtime has no Pad.
_NOT_PADDED = frozenset(("int16", "uint16"))


@EXPORT.register(shaping.Constant)
def constant(spec: shaping.Constant, b: Scope) -> Tensor:
    """An initializer."""
    return b.tensor(b.constant(np.asarray(spec.value, spec.dtype), "value"))


@EXPORT.register(shaping.ShapeOf)
def shape_of(spec: shaping.ShapeOf, b: Scope, x: Tensor) -> Tensor:
    """Shape of the logical value; a constant where all is known."""
    if None not in x.type.shape:
        return b.tensor(b.constant(np.array(x.type.shape, np.int32), "shape"))
    row = b.once("Shape", x.name)
    if not x.is_logical:
        row = b.once("Gather", row, b.constant([x.stored_axis(axis) for axis in range(x.type.rank)], "order"))
    return b.tensor(b.once("Cast", row, to=ops.ONNX_TYPES["int32"]))


def row_of(b: Scope, constant_row: Sequence[int] | None, row: Sequence[Tensor], free: Dim = None) -> str:
    """A shape as int64: constant where it is known, with -1 for one dimension that is not, where that is allowed."""
    known = constant_row if constant_row is not None else row[0].type.content
    if known is not None and None not in known:
        return b.constant([int(dim or 0) for dim in known], "shape")
    if known is not None and free is not None and [dim in (None, -1) for dim in known].count(True) == 1:
        return b.constant([free if dim is None else dim for dim in known], "shape")
    return ops.cast(b, row[0].name, "int64")


@EXPORT.register(shaping.Reshape)
def reshape(spec: shaping.Reshape, b: Scope, x: Tensor, *row: Tensor) -> Tensor:
    """Reshape."""
    return b.tensor(b.op("Reshape", b.logical(x), row_of(b, spec.shape, row, free=-1)))


@EXPORT.register(shaping.Squeeze)
def squeeze(spec: shaping.Squeeze, b: Scope, x: Tensor) -> Tensor:
    """Squeeze."""
    if not spec.axes:
        return x
    return b.tensor(ops.squeeze(b, b.logical(x), [normalize_axis(axis, x.type.rank) for axis in spec.axes]))


@EXPORT.register(shaping.Transpose)
def transpose(spec: shaping.Transpose, b: Scope, x: Tensor) -> Tensor:
    """No node: the same stored value has its logical axes in another order."""
    return b.tensor(x.name, perm=tuple(spec.perm.index(axis) for axis in x.perm))


@EXPORT.register(shaping.Split)
def split(spec: shaping.Split, b: Scope, x: Tensor) -> tuple[Tensor, ...]:
    """Split, in any layout."""
    types = [output.type for output in b.call.outputs]
    if len(types) == 1:
        return (Tensor(x.name, types[0], x.perm),)
    axis = x.stored_axis(spec.axis)
    names = b.op_n("Split", len(types), x.name, b.constant(list(spec.sizes), "sizes"), axis=axis)
    return tuple(Tensor(name, type_, x.perm) for name, type_ in zip(names, types, strict=True))


@EXPORT.register(shaping.Tile)
def tile(spec: shaping.Tile, b: Scope, x: Tensor, *row: Tensor) -> Tensor:
    """Tile."""
    return b.tensor(b.op("Tile", b.logical(x), row_of(b, spec.repeats, row)))


@EXPORT.register(shaping.BroadcastTo)
def broadcast_to(spec: shaping.BroadcastTo, b: Scope, x: Tensor, *row: Tensor) -> Tensor:
    """Expand."""
    return b.tensor(b.op("Expand", b.logical(x), row_of(b, spec.shape, row)))


@EXPORT.register(shaping.Pad)
def pad(spec: shaping.Pad, b: Scope, x: Tensor) -> Tensor:
    """Pad, in any layout; with the edges themselves mirrored, Slice and Concat axis by axis."""
    if not any(map(any, spec.pairs)):
        return x
    if spec.mode == "symmetric":
        return b.tensor(_mirrored(spec, b, x), perm=x.perm)
    pads = [spec.pairs[axis][side] for side in (0, 1) for axis in x.perm]
    wide = x.type.dtype in _NOT_PADDED
    dtype = "int32" if wide else x.type.dtype
    value = b.constant(np.array(spec.value, dtype), "value") if spec.value else ""
    mode = None if spec.mode == "constant" else spec.mode
    y = b.op("Pad", ops.cast(b, x.name, dtype) if wide else x.name, b.constant(pads, "pads"), value, mode=mode)
    return b.tensor(ops.cast(b, y, x.type.dtype) if wide else y, perm=x.perm)


def _mirrored(spec: shaping.Pad, b: Scope, x: Tensor) -> str:
    y, end = x.name, np.iinfo(np.int64)
    for axis, (before, after) in enumerate(spec.pairs):
        stored = x.stored_axis(axis)
        parts = [y]
        if before:
            parts.insert(0, ops.slice_(b, y, stored, before - 1, int(end.min), -1))
        if after:
            parts.append(ops.slice_(b, y, stored, -1, -after - 1, -1))
        y = b.op("Concat", *parts, axis=stored) if len(parts) > 1 else y
    return y


@EXPORT.register(shaping.Filled)
def filled(spec: shaping.Filled, b: Scope, row: Tensor) -> Tensor:
    """ConstantOfShape."""
    value = b.constant(np.array(spec.value, spec.dtype), "fill")
    return b.tensor(b.op("Expand", value, row_of(b, None, [row])))


@EXPORT.register(shaping.Range)
def range_(spec: shaping.Range, b: Scope, start: Tensor, stop: Tensor, step: Tensor) -> Tensor:
    """Range."""
    return b.tensor(b.op("Range", start.name, stop.name, step.name))


@EXPORT.register(shaping.Band)
def band(spec: shaping.Band, b: Scope, x: Tensor) -> Tensor:
    """Trilu (14), at most one for each side; before, a Where by the distance from the diagonal."""
    if b.opset < 14:
        return _masked(spec, b, x)
    narrow = x.type.dtype in NARROW - {"bool"}  # for which ONNX Runtime has no Trilu
    y = cast(b, b.logical(x), "int32") if narrow else b.logical(x)
    for upper, distance in ((1, spec.lower), (0, spec.upper)):
        if distance is not None:
            offset = b.constant(-distance if upper else distance, "diagonal")
            y = b.op("Trilu", y, offset, upper=upper)
    return b.tensor(cast(b, y, x.type.dtype) if narrow else y)


def _masked(spec: shaping.Band, b: Scope, x: Tensor) -> Tensor:
    value = b.logical(x)
    sizes = b.once("Shape", value)
    steps = []
    for axis in (x.type.rank - 2, x.type.rank - 1):
        length = b.once("Gather", sizes, b.constant(axis, "axis"))
        steps.append(b.once("Range", b.constant(0, "start"), length, b.constant(1, "step")))
    below = b.op("Sub", b.op("Unsqueeze", steps[0], b.constant([1], "axes")), steps[1])
    for op, distance in (("LessOrEqual", spec.lower), ("GreaterOrEqual", spec.upper)):
        if distance is not None:
            limit = distance if op == "LessOrEqual" else -distance
            kept = b.op(op, below, b.constant(limit, "diagonal"))
            value = b.op("Where", kept, value, b.constant(np.array(0, x.type.dtype), "zero"))
    return b.tensor(value)
