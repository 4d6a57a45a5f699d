"""Operations by index: scattering, segments, counts, searches; names as in ``operations``."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np

from kerasport.errors import LayerError
from kerasport.layers.arguments import Arguments, Parser, Result, Step, dtype_name, register
from kerasport.layers.base import Value
from kerasport.layers.operations import applied, binary, choice, chosen, combined, then
from kerasport.layers.operations_axes import reduced, total
from kerasport.layers.operations_products import tensordot
from kerasport.layers.operations_shapes import counted, length_of
from kerasport.layers.operators import ExpandDims, GetItem, Given, Join
from kerasport.layers.ops import CastTo, Logical, LogicalNot
from kerasport.layers.products import TakeAlong
from kerasport.layers.scatter import NonZero, Scatter
from kerasport.layers.shaping import Filled, Reshape
from kerasport.layers.slots import has_slots

_WHOLE = (None, None, None)


# --- scattering


@register("Scatter")
def _scatter(call: Arguments) -> Step:
    return scattered(call, call.tensor("indices", 0), call.tensor("values", 1), call.get("shape", 2))


@register("tf.scatter_nd")
def _scatter_nd(call: Arguments) -> Step:
    return scattered(call, call.tensor("indices", 0), call.tensor("updates", 1), call.get("shape", 2))


def scattered(call: Arguments, places: Value, updates: Value, shape: Any) -> Step:
    """The updates added to zeros of a shape."""
    zeros = call.emit(Filled(value=0.0, dtype=updates.type.dtype), call.value(shape))
    return Step(Scatter(reduction="add"), (zeros, call.cast(places, "int64"), updates))


@register("ScatterUpdate")
def _scatter_update(call: Arguments) -> Step:
    reduction = call.text("reduction", 3, "none")
    if reduction not in ("none", "add", "max", "min", "mul"):
        raise LayerError(f"reduction={reduction!r} is not supported")
    x, places, updates = (call.tensor(name, i) for i, name in enumerate(("inputs", "indices", "updates")))
    return Step(Scatter(reduction=reduction), (x, call.cast(places, "int64"), call.cast(updates, x.type.dtype)))


def _tensor_scatter(reduction: str, sign: int = 1) -> Parser:
    def parse(call: Arguments) -> Step:
        x, places, updates = (call.tensor(name, i) for i, name in enumerate(("tensor", "indices", "updates")))
        updates = updates if sign > 0 else applied(call, "negative", updates)
        return Step(Scatter(reduction=reduction), (x, call.cast(places, "int64"), updates))

    return parse


register("tf.tensor_scatter_nd_update")(_tensor_scatter("none"))
register("tf.tensor_scatter_nd_add")(_tensor_scatter("add"))
register("tf.tensor_scatter_nd_sub")(_tensor_scatter("add", sign=-1))
register("tf.tensor_scatter_nd_max")(_tensor_scatter("max"))
register("tf.tensor_scatter_nd_min")(_tensor_scatter("min"))


@register("SliceUpdate")
def _slice_update(call: Arguments) -> Step:
    x, raw, updates = call.tensor("inputs", 0), call.get("start_indices", 1), call.tensor("updates", 2)
    updates = call.cast(updates, x.type.dtype)
    if not has_slots(raw):
        return _pasted(call, x, updates, call.integers("start_indices", 1), 0)
    sizes, spans = x.type.shape, updates.type.shape
    if None in sizes or None in spans:
        raise LayerError("an update at a computed place of a tensor of unknown shape is not supported")
    rooms = tuple((size or 0) - (span or 0) for size, span in zip(sizes, spans, strict=True))
    start = combined(call, "minimum", call.cast(call.value(raw), "int32"), rooms)
    grid = [list(place) for place in product(*(range(span or 0) for span in spans))]
    places = combined(call, "add", call.value(grid), combined(call, "maximum", start, 0))
    flat = call.emit(Reshape(shape=(-1,)), updates)
    return Step(Scatter(reduction="none"), (x, call.cast(places, "int64"), flat))


def _pasted(call: Arguments, x: Value, updates: Value, starts: tuple[int, ...], axis: int) -> Step:
    """What is before, the same for the axes behind, and what is after."""
    if axis == x.type.rank:
        return Step(CastTo(dtype=x.type.dtype), (updates,))
    size, span = x.type.shape[axis], updates.type.shape[axis]
    if size is not None and size == span:
        return _pasted(call, x, updates, starts, axis + 1)
    if size is not None and span is not None:
        start = max(min(starts[axis], size - span), 0)
        bounds: list[tuple[Any, Any]] = [(0, start), (start, start + span), (start + span, size)]
    elif starts[axis] <= 0:  # the update may end before an axis of unknown size does
        end = span if span is not None else length_of(call, updates, axis)
        bounds = [(0, 0), (0, end), (end, None)]
    else:
        what = f"an update of shape {updates.type.shape} at {list(starts)} in a tensor of shape {x.type.shape}"
        raise LayerError(f"{what} is not supported")
    before, middle, after = (_cut(call, x, axis, *pair) for pair in bounds)
    changed = then(call, _pasted(call, middle, updates, starts, axis + 1))
    parts = [part for part in (before, changed, after) if part is not None and part.type.shape[axis] != 0]
    return Step(Join(axis=axis), tuple(parts))


def _cut(call: Arguments, x: Value, axis: int, start: Any, stop: Any) -> Value:
    """Part of an axis, between numbers or one that is computed."""
    given = [bound for bound in (start, stop) if isinstance(bound, Value)]
    places = (Given(1) if isinstance(bound, Value) else bound for bound in (start, stop))
    return call.emit(GetItem(index=(*[_WHOLE] * axis, (*places, None))), x, *given)


# --- segments


def _segments(name: str, neutral: float) -> Parser:
    def parse(call: Arguments) -> Step:
        data, ids = call.tensor("data", 0), call.tensor("segment_ids", 1)
        in_order, given = call.flag("sorted", 3), call.get("num_segments", 2) is not None
        if not given and name == "sum" and not in_order:
            raise LayerError("a number of segments that is not given is not supported", "give num_segments in Keras")
        count = call.integer("num_segments", 2) if given else None
        return segments(
            call, name, data, ids, _rows(call, ids, count), 0.0 if in_order and name in _EXTREMES else neutral
        )

    return parse


def _sorted_segments(name: str, empty: float) -> Parser:
    """Of TensorFlow: as many as the ids, which ascend, tell."""

    def parse(call: Arguments) -> Step:
        data, ids = call.tensor("data", 0), call.tensor("segment_ids", 1)
        return segments(call, name, data, ids, _rows(call, ids, None), empty)

    return parse


def _rows(call: Arguments, ids: Value, count: int | None) -> Value:
    """The numbers of all segments."""
    if count is not None:
        return call.value(list(range(count)))
    return counted(call, combined(call, "add", total(call, "max", call.cast(ids, "int32"), None), 1))


def segments(call: Arguments, name: str, data: Value, ids: Value, rows: Value, empty: float) -> Step:
    """A reduction of what has the same number; ``empty`` where nothing has it."""
    rank, leading = data.type.rank, ids.type.rank
    if leading > 1:
        rest = data.type.shape[leading:]
        if None in rest:
            raise LayerError(f"segments of a tensor of shape {data.type.shape} are not supported")
        data = call.emit(Reshape(shape=(-1, *(dim or 0 for dim in rest))), data)
        ids, rank = call.emit(Reshape(shape=(-1,)), ids), rank - leading + 1
    column = call.emit(ExpandDims(axes=(-1,)), call.cast(rows, ids.type.dtype))
    members = combined(call, "equal", column, ids)
    if name == "sum" and data.type.dtype.startswith("float"):
        return tensordot(call, call.floating(members), data, [1], [0])
    inside = call.emit(ExpandDims(axes=tuple(range(2, rank + 1))), members) if rank > 1 else members
    neutral = _NEUTRAL[name]
    if not data.type.dtype.startswith("float"):
        limits = np.iinfo(data.type.dtype)
        neutral, empty = (int(np.clip(number, limits.min, limits.max)) for number in (neutral, empty))
    result = reduced(call, name, chosen(call, inside, call.emit(ExpandDims(axes=(0,)), data), neutral), (1,))
    if empty == neutral:
        return result
    return choice(call, total(call, "any", inside, (1,)), then(call, result), empty)


_HIGHEST = 3.4028234663852886e38
_NEUTRAL = {"sum": 0.0, "prod": 1.0, "max": -_HIGHEST, "min": _HIGHEST}
_EXTREMES = ("max", "min")
for _name, _neutral in _NEUTRAL.items():
    register(f"Segment{_name.capitalize()}", f"tf.math.unsorted_segment_{_name}")(_segments(_name, _neutral))
    register(f"tf.math.segment_{_name}")(_sorted_segments(_name, 0.0 if _name in _EXTREMES else _neutral))


def _segment_ratio(power: float, in_order: bool = False) -> Parser:
    """The sums by their numbers, or the roots of these."""

    def parse(call: Arguments) -> Step:
        data, ids = call.floating(call.tensor("data", 0)), call.tensor("segment_ids", 1)
        rows = _rows(call, ids, None if in_order else call.integer("num_segments", 2))
        sums = then(call, segments(call, "sum", data, ids, rows, 0.0))
        ones = combined(call, "add", combined(call, "multiply", call.floating(ids), 0.0), 1.0)
        members = then(call, segments(call, "sum", ones, ids, rows, 0.0))
        members = combined(call, "power", combined(call, "maximum", members, 1.0), power)
        if sums.type.rank > 1:
            members = call.emit(ExpandDims(axes=tuple(range(1, sums.type.rank))), members)
        return binary(call, "divide", sums, members)

    return parse


register("tf.math.unsorted_segment_mean")(_segment_ratio(1.0))
register("tf.math.unsorted_segment_sqrt_n")(_segment_ratio(0.5))
register("tf.math.segment_mean")(_segment_ratio(1.0, in_order=True))


# --- counts and searches


@register("Bincount")
def _bincount(call: Arguments) -> Step:
    return _counts(call, call.tensor("x", 0))


@register("tf.math.bincount")
def _tf_bincount(call: Arguments) -> Step:
    x = call.tensor("arr", 0)
    if call.get("axis") not in (None, -1, x.type.rank - 1):
        raise LayerError("another axis than the last is not supported")
    return _counts(call, x if call.get("axis") is not None else call.emit(Reshape(shape=(-1,)), x))


@register("tf.raw_ops.Bincount")
def _raw_bincount(call: Arguments) -> Step:
    """As TensorFlow's bincount becomes: the size is computed before, weights are an empty list where there are none."""
    x = call.emit(Reshape(shape=(-1,)), call.tensor("arr", 0))
    if call.get("weights", 2):
        raise LayerError("weights are not supported")
    rows = counted(call, call.cast(call.tensor("size", 1), "int32"))
    same = combined(call, "equal", call.emit(ExpandDims(axes=(-1,)), call.cast(x, "int32")), rows)
    dtype = dtype_name(call.get("T")) or "float32"
    return Step(CastTo(dtype=dtype), (total(call, "sum", call.cast(same, "int32"), (0,)),))


def _counts(call: Arguments, x: Value) -> Step:
    """How often each number, up to the largest one of all, stands along the last axis."""
    least, most = call.get("minlength") or 0, call.get("maxlength")
    weights = call.value(call.get("weights")) if call.get("weights") is not None else None
    if not x.type.rank or (weights is not None and weights.type.rank != x.type.rank):
        raise LayerError("a single number, or weights of another shape, is not supported")
    dtype = dtype_name(call.get("dtype")) or ("int32" if weights is None else weights.type.dtype)
    size = combined(call, "add", total(call, "max", call.cast(x, "int32"), None), 1)
    size = combined(call, "maximum", size, least) if least else size
    size = combined(call, "minimum", size, most) if most is not None else size
    same = combined(call, "equal", call.emit(ExpandDims(axes=(-1,)), call.cast(x, "int32")), counted(call, size))
    counts = call.cast(same, "int32" if weights is None else weights.type.dtype)
    if weights is not None:
        counts = combined(call, "multiply", counts, call.emit(ExpandDims(axes=(-1,)), weights))
    name = "max" if call.flag("binary_output") else "sum"
    return Step(CastTo(dtype=dtype), (total(call, name, counts, (-2,)),))


@register("IsIn")
def _is_in(call: Arguments) -> Step:
    x, y = call.tensor("x1", 0), call.emit(Reshape(shape=(-1,)), call.tensor("x2", 1))
    call.get("assume_unique")
    found = total(call, "any", combined(call, "equal", call.emit(ExpandDims(axes=(-1,)), x), y), (-1,))
    inverted = call.flag("invert")
    return Step(LogicalNot(), (found,)) if inverted else Step(CastTo(dtype="bool"), (found,))


@register("SearchSorted")
def _search_sorted(call: Arguments) -> Step:
    side = call.text("side", 2, "left")
    if side not in ("left", "right"):
        raise LayerError(f"side={side!r} is not supported")
    return _bound(call, side)


@register("tf.raw_ops.UpperBound")
def _upper_bound(call: Arguments) -> Step:
    return _bound(call, "right")


def _bound(call: Arguments, side: str) -> Step:
    """How many values in order are less than each value, or not larger."""
    row, x = call.tensor("sorted_sequence", 0), call.tensor("values", 1)
    dtype = str(call.get("out_type", default="int32"))
    row = call.emit(ExpandDims(axes=(-2,)), row) if row.type.rank > 1 else row
    column = call.emit(ExpandDims(axes=(-1,)), x)
    before = combined(call, "greater" if side == "left" else "greater_equal", column, row)
    return Step(CastTo(dtype=dtype), (total(call, "sum", call.cast(before, "int32"), (-1,)),))


@register("InTopK")
def _in_top_k(call: Arguments) -> Step:
    return ahead_in_row(call, call.tensor("targets", 0), call.tensor("predictions", 1), call.integer("k", 2))


def ahead_in_row(call: Arguments, places: Value, x: Value, k: int) -> Step:
    """Whether fewer than k values of each row are larger than the one at its place, which must be finite."""
    x = call.floating(x)
    chosen_one = call.emit(TakeAlong(axis=1), x, call.emit(ExpandDims(axes=(1,)), call.cast(places, "int64")))
    ahead = total(call, "sum", call.cast(combined(call, "greater", x, chosen_one), "int32"), (1,))
    finite = total(call, "all", applied(call, "isfinite", chosen_one), (1,))
    return Step(Logical(function="and"), (combined(call, "less", ahead, k), finite))


@register("CDist")
def _cdist(call: Arguments) -> Step:
    x, y = call.floating(call.tensor("x", 0)), call.floating(call.tensor("y", 1))
    rows, columns = call.emit(ExpandDims(axes=(-2,)), x), call.emit(ExpandDims(axes=(-3,)), y)
    return reduced(call, "l2", combined(call, "subtract", rows, columns), (-1,))


@register("Nonzero")
def _nonzero(call: Arguments) -> Result:
    places = non_zero(call, call.tensor("x", 0))
    return [call.cast(call.emit(GetItem(index=(axis,)), places), "int32") for axis in range(places.type.shape[0] or 0)]


def non_zero(call: Arguments, x: Value) -> Value:
    """The places of what is not zero, coordinates along the first axis."""
    return call.emit(NonZero(), x)
