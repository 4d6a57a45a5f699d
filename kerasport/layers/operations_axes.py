"""Operations along axes, under Keras 3's names; TensorFlow's own under ``tf.`` names."""

from __future__ import annotations

from itertools import pairwise

from kerasport.errors import LayerError
from kerasport.layers.arguments import Arguments, Parser, Result, Step, dtype_name, register
from kerasport.layers.base import Value, normalize_axis
from kerasport.layers.operations import binary, then, unary
from kerasport.layers.operators import ExpandDims, GetItem, Given
from kerasport.layers.ops import NARROW, CastTo, NotEqualTo, ReduceAny, Unchanged
from kerasport.layers.reductions import ArgExtreme, Cumulative, Reduce, TopK
from kerasport.layers.shaping import Pad, Reshape, Split
from kerasport.layers.slots import has_slots

_REDUCTIONS = {
    "Sum": "sum", "Mean": "mean", "Amax": "max", "Amin": "min", "Prod": "prod",
    "All": "all", "Logsumexp": "logsumexp", "tf.math.reduce_euclidean_norm": "l2",
}  # fmt: skip
_FRACTIONAL = frozenset(["mean", "logsumexp", "l1", "l2"])


def axes(call: Arguments, name: str = "axis", position: int | None = 1) -> tuple[int, ...] | None:
    """The axes to reduce, None for all."""
    raw = call.get(name, position)
    return None if raw is None else call.integers(name, position)


def reduced(call: Arguments, name: str, x: Value, over: tuple[int, ...] | None, keepdims: bool = False) -> Step:
    """A reduction."""
    if name in _FRACTIONAL:
        x = call.floating(x)
    elif name in ("any", "all"):
        x = call.cast(x, "bool")
    elif x.type.dtype == "bool":
        x = call.cast(x, "int32")
    elif name in ("sum", "prod") and x.type.dtype in NARROW:
        what = f"{name} of {x.type.dtype} wraps around in TensorFlow, and not in Keras 3"
        raise LayerError(what, "Cast its input to int32 or float32 before it")
    if name in ("max", "min") and 0 in [x.type.shape[axis] for axis in _places(x, over)]:
        raise LayerError("nothing, along an axis of size 0, has no extreme", "give ops.max or ops.min an initial value")
    return Step(Reduce(function=name, axes=over, keepdims=keepdims), (x,))


def _places(x: Value, over: tuple[int, ...] | None) -> list[int]:
    """The axes to reduce as numbers that are not negative."""
    return [normalize_axis(axis, x.type.rank) for axis in (range(x.type.rank) if over is None else over)]


def total(call: Arguments, name: str, x: Value, over: tuple[int, ...] | None, keepdims: bool = False) -> Value:
    """The value of a reduction on the way to the result."""
    return then(call, reduced(call, name, x, over, keepdims))


def variance(call: Arguments, x: Value, over: tuple[int, ...] | None, keepdims: bool) -> Step:
    """The mean squared distance from the mean."""
    x = call.floating(x)
    mean = then(call, reduced(call, "mean", x, over, keepdims=True))
    squares = then(call, unary(call, "square", then(call, binary(call, "subtract", x, mean))))
    return reduced(call, "mean", squares, over, keepdims)


def _reduction(name: str) -> Parser:
    def parse(call: Arguments) -> Step:
        return reduced(call, name, call.tensor("x", 0), axes(call), call.flag("keepdims", 2))

    return parse


def _extreme_of(name: str, with_initial: str) -> Parser:
    def parse(call: Arguments) -> Step:
        x, over, keepdims = call.tensor("x", 0), axes(call), call.flag("keepdims", 2)
        if call.get("initial", 3) is None:
            return reduced(call, name, x, over, keepdims)
        number = call.number("initial", 3)
        initial = number if x.type.dtype.startswith("float") else int(number)
        if 0 in x.type.shape:
            return reduced(call, name, _and_one_more(call, x, over, initial), over, keepdims)
        return binary(call, with_initial, total(call, name, x, over, keepdims), initial)

    return parse


def _and_one_more(call: Arguments, x: Value, over: tuple[int, ...] | None, value: float) -> Value:
    """The tensor with a value behind what is to be reduced: nothing alone has no extreme."""
    places = _places(x, over)
    pairs = tuple((0, int(axis in places)) for axis in range(x.type.rank))
    return call.emit(Pad(pairs=pairs, value=value), x)


register("Max")(_extreme_of("max", "maximum"))
register("Min")(_extreme_of("min", "minimum"))
for _name, _function in _REDUCTIONS.items():
    register(_name)(_reduction(_function))


@register("Any")
def _any(call: Arguments) -> Step:
    x, over, keepdims = call.cast(call.tensor("x", 0), "bool"), axes(call), call.flag("keepdims", 2)
    if over is None:
        return reduced(call, "any", x, None, keepdims)
    return Step(ReduceAny(axes=over, keepdims=keepdims), (x,))


@register("Var")
def _var(call: Arguments) -> Step:
    return variance(call, call.tensor("x", 0), axes(call), call.flag("keepdims", 2))


@register("Std")
def _std(call: Arguments) -> Step:
    found = variance(call, call.tensor("x", 0), axes(call), call.flag("keepdims", 2))
    return unary(call, "sqrt", then(call, found))


@register("Moments")
def _moments(call: Arguments) -> Result:
    x, over, keepdims = call.tensor("x", 0), axes(call, "axes"), call.flag("keepdims", 2)
    return reduced(call, "mean", x, over, keepdims), variance(call, x, over, keepdims)


@register("Ptp")
def _ptp(call: Arguments) -> Step:
    x, over, keepdims = call.tensor("x", 0), axes(call), call.flag("keepdims", 2)
    extremes = (then(call, reduced(call, name, x, over, keepdims)) for name in ("max", "min"))
    return binary(call, "subtract", *extremes)


@register("CountNonzero")
def _count_nonzero(call: Arguments) -> Step:
    x, over, keepdims = call.tensor("x", 0), axes(call), call.flag("keepdims", 2)
    counted = call.cast(call.emit(NotEqualTo(value=0.0), x), "int32")
    return reduced(call, "sum", counted, over, keepdims)


@register("tf.math.l2_normalize")
def _l2_normalize(call: Arguments) -> Step:
    x, over, epsilon = call.floating(call.tensor("x", 0)), axes(call), call.number("epsilon", 2, 1e-12)
    squares = then(call, reduced(call, "sum", then(call, unary(call, "square", x)), over, keepdims=True))
    floor = then(call, binary(call, "maximum", squares, epsilon))
    return binary(call, "multiply", x, then(call, unary(call, "rsqrt", floor)))


@register("tf.clip_by_norm")
def _clip_by_norm(call: Arguments) -> Step:
    x, limit = call.floating(call.tensor("x", 0)), call.number("clip_norm", 1)
    norm = then(call, reduced(call, "l2", x, axes(call, "axes", 2), keepdims=True))
    scaled = then(call, binary(call, "multiply", x, limit))
    return binary(call, "divide", scaled, then(call, binary(call, "maximum", norm, limit)))


def _extreme(largest: bool) -> Parser:
    def parse(call: Arguments) -> Step:
        x, axis, keepdims = call.tensor("x", 0), call.get("axis", 1), call.flag("keepdims", 2)
        dtype = str(call.get("output_type", default="int32"))
        if axis is None:
            place = call.emit(ArgExtreme(axis=0, largest=largest), call.emit(Reshape(shape=(-1,)), x))
            if keepdims:
                place = call.emit(ExpandDims(axes=tuple(range(x.type.rank))), place)
        else:
            place = call.emit(ArgExtreme(axis=call.axis(1), largest=largest, keepdims=keepdims), x)
        return Step(CastTo(dtype=dtype), (place,))

    return parse


register("Argmax")(_extreme(largest=True))
register("Argmin")(_extreme(largest=False))


def _cumulative(product: bool) -> Parser:
    def parse(call: Arguments) -> Step:
        x, axis = call.tensor("x", 0), call.get("axis", 1)
        if axis is None:
            x, axis = call.emit(Reshape(shape=(-1,)), x), 0
        flags = {"exclusive": call.flag("exclusive"), "reverse": call.flag("reverse")}
        dtype = dtype_name(call.get("dtype", 2))
        x = call.cast(x, dtype) if dtype else x
        return Step(Cumulative(axis=call.axis(1, axis), product=product, **flags), (x,))

    return parse


register("Cumsum")(_cumulative(product=False))
register("Cumprod")(_cumulative(product=True))


@register("TopK")
def _top_k(call: Arguments) -> Result:
    x, raw = call.tensor("x", 0), call.get("k", 1, 1)
    call.get("sorted", 2)
    value = call.value(raw) if has_slots(raw) else None
    if value is None or value.type.content not in (None, (None,)):
        return Step(TopK(k=call.integer("k", 1, 1)), (x,))
    parts = call.emit_all(TopK(k=None), x)
    return [Step(GetItem(index=(Ellipsis, (None, Given(1), None))), (part, value)) for part in parts]


def ordered(call: Arguments, x: Value, axis: int, largest: bool = False) -> tuple[Value, Value]:
    """All values along an axis in order, and their places."""
    values, places = call.emit_all(TopK(k=x.type.shape[axis], axis=axis, largest=largest), x)
    return values, places


def _descending(call: Arguments) -> bool:
    direction = call.text("direction", None, "ASCENDING")
    if direction not in ("ASCENDING", "DESCENDING"):
        raise LayerError(f"direction={direction!r} is not supported")
    return direction == "DESCENDING"


def _row(call: Arguments) -> tuple[Value, int]:
    """What is put in order: along an axis, or all values in one row."""
    x = call.tensor("x", 0)
    if "axis" in call.options and call.get("axis") is None:
        return call.emit(Reshape(shape=(-1,)), x), 0
    return x, call.axis(1)


@register("Sort")
def _sort(call: Arguments) -> Result:
    return ordered(call, *_row(call), _descending(call))[0]


@register("Argsort")
def _argsort(call: Arguments) -> Result:
    call.get("stable")
    places = ordered(call, *_row(call), _descending(call))[1]
    return Step(CastTo(dtype="int32"), (places,))


@register("Diff")
def _diff(call: Arguments) -> Step:
    x, axis = call.tensor("a", 0), normalize_axis(call.axis(2), call.tensor("a", 0).type.rank)
    whole = [(None, None, None)] * axis
    result = Step(Unchanged(), (x,))
    for _ in range(call.integer("n", 1, 1)):
        x = then(call, result)
        later, earlier = (call.emit(GetItem(index=(*whole, (a, b, None))), x) for a, b in ((1, None), (None, -1)))
        result = binary(call, "subtract", later, earlier)
    return result


@register("Digitize")
def _digitize(call: Arguments) -> Step:
    x, bins = call.tensor("x", 0), call.operand("bins", 1)
    if not isinstance(bins, tuple) or list(bins) != sorted(bins):
        raise LayerError("bins that are not constants in ascending order are not supported")
    column = call.emit(ExpandDims(axes=(-1,)), x)
    above = call.cast(then(call, binary(call, "greater_equal", column, bins)), "int32")
    return reduced(call, "sum", above, (-1,))


@register("Split")
def _split(call: Arguments) -> Result:
    return cut_at(call, call.tensor("x", 0), call.axis(2, 0))


def cut_at(call: Arguments, x: Value, axis: int) -> Result:
    """The parts of an axis: as many equal ones as ``indices_or_sections`` says, or between its places."""
    size = x.type.shape[normalize_axis(axis, x.type.rank)]
    parts = call.get("indices_or_sections", 1)
    if isinstance(parts, int):
        if size is None or size % parts:
            raise LayerError(f"an axis of {size or 'unknown size'} cannot be split into {parts} equal parts")
        return Step(Split(sizes=(size // parts,) * parts, axis=axis), (x,))
    if size is None:
        raise LayerError("an axis of unknown size cannot be split")
    ends = [0, *call.integers("indices_or_sections", 1), size]
    return Step(Split(sizes=tuple(b - a for a, b in pairwise(ends)), axis=axis), (x,))


@register("tf.split")
def _split_sizes(call: Arguments) -> Result:
    x, axis = call.tensor("value", 0), call.axis(2, 0)
    size = x.type.shape[normalize_axis(axis, x.type.rank)]
    parts = call.get("num_or_size_splits", 1)
    if size is None:
        raise LayerError("an axis of unknown size cannot be split")
    sizes = [size // parts] * parts if isinstance(parts, int) else list(call.integers("num_or_size_splits", 1))
    rest = size - sum(part for part in sizes if part != -1)
    return Step(Split(sizes=tuple(rest if part == -1 else part for part in sizes), axis=axis), (x,))


@register("ArraySplit")
def _array_split(call: Arguments) -> Result:
    x, parts, axis = call.tensor("x", 0), call.integer("indices_or_sections", 1), call.axis(2, 0)
    size = x.type.shape[normalize_axis(axis, x.type.rank)]
    if size is None:
        raise LayerError("an axis of unknown size cannot be split")
    sizes = tuple(size // parts + (i < size % parts) for i in range(parts))
    return Step(Split(sizes=sizes, axis=axis), (x,))
