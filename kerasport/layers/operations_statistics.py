"""Statistics under Keras 3's names: quantiles, and reductions that ignore NaN."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kerasport.errors import LayerError
from kerasport.layers.arguments import Arguments, Parser, Result, Step, register
from kerasport.layers.base import Value, known_product, normalize_axis
from kerasport.layers.operations import applied, binary, choice, chosen, combined, then, unary
from kerasport.layers.operations_axes import axes, ordered, reduced, total
from kerasport.layers.operations_products import tensordot
from kerasport.layers.operations_shapes import length_of
from kerasport.layers.operators import ExpandDims, GetItem
from kerasport.layers.ops import CastTo, Logical, LogicalNot
from kerasport.layers.products import Gather, TakeAlong
from kerasport.layers.reductions import ArgExtreme, Cumulative
from kerasport.layers.shaping import Reshape, Transpose
from kerasport.layers.slots import has_slots

METHODS = ("linear", "lower", "higher", "nearest", "midpoint")


# --- quantiles


@dataclass(frozen=True)
class _Wanted:
    """Which quantiles of what: ``shares`` is a number or a row of them, in float32 as Keras has them."""

    shares: Any
    method: str
    over: tuple[int, ...] | None
    keepdims: bool


@register("Quantile")
def _quantile(call: Arguments) -> Result:
    """Always by the method "linear": Keras's operation forgets its method when it is called (3.0 to 3.15)."""
    return _quantiles(call, replace(_wanted(call, 1.0), method="linear"))


@register("Percentile")
def _percentile(call: Arguments) -> Result:
    return _quantiles(call, _wanted(call, 100.0))


@register("Median")
def _median(call: Arguments) -> Result:
    return _quantiles(call, _Wanted(np.float32(0.5), "linear", axes(call), call.flag("keepdims", 2)))


@register("Nanquantile")
def _nanquantile(call: Arguments) -> Result:
    return _quantiles(call, _wanted(call, 1.0), without_nan=True)


@register("Nanpercentile")
def _nanpercentile(call: Arguments) -> Result:
    return _quantiles(call, _wanted(call, 100.0), without_nan=True)


@register("Nanmedian")
def _nanmedian(call: Arguments) -> Result:
    wanted = _Wanted(np.float32(0.5), "linear", axes(call), call.flag("keepdims", 2))
    return _quantiles(call, wanted, without_nan=True)


def _wanted(call: Arguments, whole: float) -> _Wanted:
    raw, method = call.get("q", 1), call.text("method", None, "linear")
    if method not in METHODS:
        raise LayerError(f"method={method!r} is not supported")
    if has_slots(raw):
        raise LayerError("quantiles at places that are computed are not supported")
    shares = np.asarray(raw, np.float32) / np.float32(whole)
    if shares.ndim > 1:
        raise LayerError("a table of quantiles is not supported")
    return _Wanted(shares, method, axes(call), call.flag("keepdims"))


def _quantiles(call: Arguments, wanted: _Wanted, without_nan: bool = False) -> Value:
    x = call.floating(call.tensor("x", 0))
    over = range(x.type.rank) if wanted.over is None else wanted.over
    gone = sorted({normalize_axis(axis, x.type.rank) for axis in over})
    row = _last(call, x, gone)
    unknown = applied(call, "isnan", row)
    if without_nan:
        known = call.emit(LogicalNot(), unknown)
        count = total(call, "sum", call.floating(known), (-1,), keepdims=True)
        row = chosen(call, unknown, math.inf, row)
        values, _ = ordered(call, row, -1)
        y = _interpolated(call, values, wanted, count)
    else:
        values, _ = ordered(call, row, -1)
        y = _interpolated(call, values, wanted, _count(call, row))
        y = chosen(call, total(call, "any", unknown, (-1,), keepdims=True), math.nan, y)
    rank = y.type.rank
    y = call.emit(Transpose(perm=(rank - 1, *range(rank - 1))), y)
    if wanted.keepdims:
        y = call.emit(ExpandDims(axes=tuple(axis + 1 for axis in gone)), y)
    return y if wanted.shares.ndim else call.emit(GetItem(index=(0,)), y)


def _last(call: Arguments, x: Value, over: Sequence[int]) -> Value:
    """The axes as one, behind the others."""
    others = [axis for axis in range(x.type.rank) if axis not in over]
    moved = call.emit(Transpose(perm=(*others, *over)), x)
    if len(over) == 1:
        return moved
    sizes = [x.type.shape[axis] for axis in others] + [known_product([x.type.shape[axis] for axis in over])]
    if sizes.count(None) > 1:
        raise LayerError(f"axis={list(over)} of a tensor of shape {x.type.shape} is not supported")
    return call.emit(Reshape(shape=tuple(-1 if size is None else size for size in sizes)), moved)


def _count(call: Arguments, row: Value) -> Any:
    size = row.type.shape[-1]
    return float(size) if size is not None else call.floating(length_of(call, row, row.type.rank - 1))


def _interpolated(call: Arguments, values: Value, wanted: _Wanted, count: Any) -> Value:
    """The quantiles along the last axis of ordered values, of which as many count."""
    if isinstance(count, float):
        return _at_constants(call, values, wanted, count - 1)
    last = combined(call, "subtract", count, 1.0)
    exact = combined(call, "multiply", last, tuple(np.atleast_1d(wanted.shares).tolist()))
    low, high = applied(call, "floor", exact), applied(call, "ceil", exact)

    def at(places: Value) -> Value:
        places = call.cast(places, "int64")
        return call.emit(TakeAlong(axis=-1) if places.type.rank > 1 else Gather(axis=-1), values, places)

    if wanted.method in ("lower", "higher", "nearest"):
        return at({"lower": low, "higher": high}.get(wanted.method) or applied(call, "round", exact))
    share: Any = 0.5 if wanted.method == "midpoint" else combined(call, "subtract", exact, low)
    below, above = at(low), at(high)
    rise = combined(call, "multiply", combined(call, "subtract", above, below), share)
    return chosen(call, combined(call, "equal", above, below), below, combined(call, "add", below, rise))


def _at_constants(call: Arguments, values: Value, wanted: _Wanted, last: float) -> Value:
    exact = np.atleast_1d(wanted.shares).astype(np.float64) * last

    def at(places: Any) -> Value:
        clipped = np.clip(places, 0, last).astype(int)
        return call.emit(Gather(axis=-1), values, call.value(clipped.tolist()))

    low, high = at(np.floor(exact)), at(np.ceil(exact))
    if wanted.method in ("lower", "higher", "nearest"):
        return {"lower": low, "higher": high}.get(wanted.method) or at(np.round(exact))
    share = np.full(exact.shape, 0.5) if wanted.method == "midpoint" else exact - np.floor(exact)
    left = combined(call, "multiply", low, tuple((1 - share).tolist()))
    return combined(call, "add", left, combined(call, "multiply", high, tuple(share.tolist())))


# --- without NaN


def _filled(call: Arguments, x: Value, number: float) -> Value:
    return chosen(call, applied(call, "isnan", x), number, x)


def _summed(name: str, neutral: float) -> Parser:
    def parse(call: Arguments) -> Step:
        x, over, keepdims = call.tensor("x", 0), axes(call), call.flag("keepdims", 2)
        x = _filled(call, x, neutral) if x.type.dtype.startswith("float") else x
        return reduced(call, name, x, over, keepdims)

    return parse


register("Nansum")(_summed("sum", 0.0))
register("Nanprod")(_summed("prod", 1.0))


def _mean(call: Arguments, x: Value, over: tuple[int, ...] | None, keepdims: bool) -> Step:
    known = call.floating(call.emit(LogicalNot(), applied(call, "isnan", x)))
    sums = total(call, "sum", _filled(call, x, 0.0), over, keepdims)
    return binary(call, "divide", sums, total(call, "sum", known, over, keepdims))


def _variance(call: Arguments) -> Step:
    x, over, keepdims = call.floating(call.tensor("x", 0)), axes(call), call.flag("keepdims", 2)
    distance = combined(call, "subtract", x, then(call, _mean(call, x, over, keepdims=True)))
    return _mean(call, applied(call, "square", distance), over, keepdims)


@register("Nanmean")
def _nanmean(call: Arguments) -> Step:
    return _mean(call, call.floating(call.tensor("x", 0)), axes(call), call.flag("keepdims", 2))


@register("Nanvar")
def _nanvar(call: Arguments) -> Step:
    return _variance(call)


@register("Nanstd")
def _nanstd(call: Arguments) -> Step:
    return unary(call, "sqrt", then(call, _variance(call)))


def _nan_extreme(name: str, worst: float) -> Parser:
    def parse(call: Arguments) -> Step:
        x, over, keepdims = call.tensor("x", 0), axes(call), call.flag("keepdims", 2)
        if not x.type.dtype.startswith("float"):
            return reduced(call, name, x, over, keepdims)
        nothing = total(call, "all", applied(call, "isnan", x), over, keepdims)
        return choice(call, nothing, math.nan, total(call, name, _filled(call, x, worst), over, keepdims))

    return parse


register("Nanmax")(_nan_extreme("max", -math.inf))
register("Nanmin")(_nan_extreme("min", math.inf))


def _nan_place(largest: bool) -> Parser:
    def parse(call: Arguments) -> Step:
        x, raw, keepdims = call.floating(call.tensor("x", 0)), call.get("axis", 1), call.flag("keepdims", 2)
        if raw is None:
            if keepdims:
                raise LayerError("keepdims without an axis is not supported")
            x = call.emit(Reshape(shape=(-1,)), x)
        axis = 0 if raw is None else call.axis(1)
        nothing = total(call, "all", applied(call, "isnan", x), (axis,), keepdims)
        filled = _filled(call, x, -math.inf if largest else math.inf)
        place = call.emit(ArgExtreme(axis=axis, largest=largest, keepdims=keepdims), filled)
        return choice(call, nothing, -1, call.cast(place, "int32"))

    return parse


register("Nanargmax")(_nan_place(largest=True))
register("Nanargmin")(_nan_place(largest=False))


def _nan_cumulative(product: bool) -> Parser:
    def parse(call: Arguments) -> Step:
        x, raw = call.tensor("x", 0), call.get("axis", 1)
        x = _filled(call, x, float(product)) if x.type.dtype.startswith("float") else x
        if raw is None:
            x = call.emit(Reshape(shape=(-1,)), x)
        return Step(Cumulative(axis=0 if raw is None else call.axis(1), product=product), (x,))

    return parse


register("Nancumsum")(_nan_cumulative(product=False))
register("Nancumprod")(_nan_cumulative(product=True))


# --- weighted means and integrals


@register("Average")
def _average(call: Arguments) -> Step:
    x, over = call.floating(call.tensor("x", 0)), axes(call)
    if call.get("weights", 1) is None:
        return reduced(call, "mean", x, over)
    weights = call.floating(call.tensor("weights", 1))
    if over is None or weights.type.rank == x.type.rank:
        sums = total(call, "sum", combined(call, "multiply", x, weights), over)
        return binary(call, "divide", sums, total(call, "sum", weights, over))
    sums = then(call, tensordot(call, x, weights, list(over), [0]))
    return binary(call, "divide", sums, total(call, "sum", weights, None))


@register("Trapezoid")
def _trapezoid(call: Arguments) -> Step:
    y, axis = call.floating(call.tensor("y", 0)), call.axis(None)
    step, whole = call.get("dx", default=1.0), [(None, None, None)] * normalize_axis(axis, y.type.rank)
    if call.get("x") is not None:
        raise LayerError("places that are not at equal distances (x) are not supported")
    later, earlier = (call.emit(GetItem(index=(*whole, (a, b, None))), y) for a, b in ((1, None), (None, -1)))
    heights = combined(call, "multiply", combined(call, "add", later, earlier), 0.5 * float(step))
    return reduced(call, "sum", heights, (axis,))


@register("Corrcoef")
def _corrcoef(call: Arguments) -> Step:
    x = call.floating(call.tensor("x", 0))
    if x.type.rank != 2:
        raise LayerError(f"correlations of a tensor of rank {x.type.rank} are not supported")
    centered = combined(call, "subtract", x, total(call, "mean", x, (-1,), keepdims=True))
    products = then(call, tensordot(call, centered, centered, [1], [1]))
    norms = applied(call, "sqrt", total(call, "sum", applied(call, "square", centered), (1,), keepdims=True))
    scales = combined(call, "multiply", norms, call.emit(Transpose(perm=(1, 0)), norms))
    return unary(call, "clip", combined(call, "divide", products, scales), -1.0, 1.0)


@register("Histogram")
def _histogram(call: Arguments) -> Result:
    x, bins, given = call.tensor("x", 0), call.integer("bins", None, 10), call.get("range")
    ends: list[Any] = [total(call, name, call.floating(x), None) for name in ("min", "max")]
    if given is not None:
        ends = [call.emit(CastTo(dtype="float32"), call.value(float(end))) for end in given]
    low, high = ends
    shares = tuple((np.arange(bins + 1) / bins).tolist())
    edges = combined(call, "add", low, combined(call, "multiply", combined(call, "subtract", high, low), shares))
    column = call.emit(ExpandDims(axes=(-1,)), call.emit(Reshape(shape=(-1,)), call.floating(x)))
    first, last = (call.emit(GetItem(index=((a, b, None),)), edges) for a, b in ((None, -1), (1, None)))
    above = combined(call, "greater_equal", column, first)
    final = tuple([False] * (bins - 1) + [True])
    below = combined(call, "less", column, last)
    at_end = combined(call, "equal", column, high)
    inside = chosen(call, call.value(final), call.emit(Logical(function="or"), below, at_end), below)
    both = combined(call, "multiply", call.floating(above), call.floating(inside))
    return call.cast(total(call, "sum", both, (0,)), x.type.dtype), call.cast(edges, x.type.dtype)
