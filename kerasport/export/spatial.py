"""What spatial layers need in ONNX: channels-first order, and several batch axes merged into one."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from kerasport.export.builder import Scope
from kerasport.export.layout import Perm, Tensor
from kerasport.export.ops import reshape, slice_
from kerasport.layers.base import Shape, TensorType
from kerasport.layers.spatial import Spatial

# (before, after) for each spatial axis.
Pairs = list[tuple[int, int]]


def channels_first_order(spec: Spatial, rank: int) -> Perm:
    """Batch axes, channels, space: the stored order that convolutions and pools take."""
    return (*range(rank - spec.dimensions - 1), spec.channel_axis(rank), *spec.space(rank))


def as_one_batch(spec: Spatial, b: Scope, x: Tensor) -> str:
    """The value as (batch, channels, *space), with all batch axes in one."""
    order = channels_first_order(spec, x.type.rank)
    value, shape = b.arrange(x, order), [x.type.shape[axis] for axis in order]
    batches = x.type.rank - spec.dimensions - 1
    if batches == 1:
        return value
    tail = tuple(shape[batches:])
    if None not in tail:
        return reshape(b, value, [-1, *_known(tail)])
    rest = slice_(b, b.op("Shape", value), 0, batches, x.type.rank)
    return b.op("Reshape", value, b.op("Concat", b.constant([-1], "free"), rest, axis=0))


def as_more_batches(spec: Spatial, b: Scope, y: str, like: Tensor, type_: TensorType) -> str:
    """A (batch, channels, *space) value of this type with the batch axes of ``like`` again."""
    batches = type_.rank - spec.dimensions - 1
    if batches == 1:
        return y
    shape = tuple(type_.shape[axis] for axis in channels_first_order(spec, type_.rank))
    if shape.count(None) < 2:
        return reshape(b, y, _known(shape))
    head = slice_(b, b.op("Shape", b.logical(like)), 0, 0, batches)
    tail = slice_(b, b.op("Shape", y), 0, 1, spec.dimensions + 2)
    return b.op("Reshape", y, b.op("Concat", head, tail, axis=0))


def padding_attributes(pads: Pairs | None) -> dict[str, object]:
    """Explicit pads where they are known and not all zero; else auto_pad, which finds out at run time."""
    if pads is None:
        return {"auto_pad": "SAME_UPPER"}
    return {"pads": [before for before, _ in pads] + [after for _, after in pads]} if any(map(any, pads)) else {}


def without_outermost(b: Scope, value: str, pads: Pairs | None) -> tuple[str, Pairs | None]:
    """A channels-first value without what negative pads cut off at the starts of its axes, and the pads that are left.

    At an end the windows leave out on their own what a negative pad stands for.
    """
    if pads is None:
        return value, pads
    cut = {axis: -before for axis, (before, _) in enumerate(pads, 2) if before < 0}
    if cut:
        ends = b.constant([(1 << 31) - 1] * len(cut), "ends")
        value = b.op("Slice", value, b.constant(list(cut.values()), "starts"), ends, b.constant(list(cut), "axes"))
    return value, [(max(before, 0), max(after, 0)) for before, after in pads]


def weighted(b: Scope, x: Tensor, matrices: Mapping[int, NDArray[np.float32] | str]) -> str:
    """Einsum that multiplies logical axes by matrices (new length, length), or by values that are, in x's layout."""
    letters = {axis: chr(ord("a") + x.stored_axis(axis)) for axis in range(x.type.rank)}
    stored = "".join(letters[axis] for axis in x.perm)
    result, terms = stored, [stored]
    for axis in matrices:
        terms.append(letters[axis].upper() + letters[axis])
        result = result.replace(letters[axis], letters[axis].upper())
    names = [m if isinstance(m, str) else b.constant(m, "weights") for m in matrices.values()]
    return b.op("Einsum", x.name, *names, equation=f"{','.join(terms)}->{result}")


def _known(shape: Shape) -> list[int]:
    return [-1 if dim is None else dim for dim in shape]
