"""Operations that move, join, split and repeat, under Keras 3's names; TensorFlow's own under ``tf.`` names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kerasport.errors import LayerError
from kerasport.layers.arguments import Arguments, Parser, Result, Step, dtype_name, register
from kerasport.layers.base import Value, known_product, normalize_axis
from kerasport.layers.operations import binary, then
from kerasport.layers.operators import ExpandDims, GetItem, Given, Join
from kerasport.layers.ops import CastTo, Unchanged
from kerasport.layers.products import Gather
from kerasport.layers.reductions import Reduce
from kerasport.layers.shaping import (
    Band,
    BroadcastTo,
    Filled,
    Pad,
    Range,
    Reshape,
    ShapeOf,
    Squeeze,
    Tile,
    Transpose,
)
from kerasport.layers.slots import Entry, Slot, has_slots

WHOLE = (None, None, None)


def sized(call: Arguments, name: str, position: int | None) -> tuple[tuple[int, ...] | None, tuple[Value, ...]]:
    """A shape or other row of numbers: constant, or as a tensor."""
    raw = call.get(name, position)
    if has_slots(raw):
        return None, (call.value(raw, name),)
    return call.integers(name, position), ()


@register("Reshape")
def _reshape(call: Arguments) -> Step:
    x, name = call.tensor("x", 0), "newshape" if call.get("newshape", 1) is not None else "shape"
    shape, row = sized(call, name, 1)
    return Step(Reshape(shape=shape), (x, *row))


@register("Ravel")
def _ravel(call: Arguments) -> Step:
    return Step(Reshape(shape=(-1,)), (call.tensor("x", 0),))


@register("tf.keras.backend.batch_flatten")
def _batch_flatten(call: Arguments) -> Step:
    x = call.tensor("x", 0)
    rest = [dim for dim in x.type.shape[1:] if dim is not None]
    if len(rest) < x.type.rank - 1:
        raise LayerError(f"a tensor of shape {x.type.shape} cannot be flattened")
    size = 1
    for dim in rest:
        size *= dim
    return Step(Reshape(shape=(-1, size)), (x,))


@register("ExpandDims")
def _expand_dims(call: Arguments) -> Step:
    return Step(ExpandDims(axes=call.integers("axis", 1)), (call.tensor("x", 0),))


@register("Squeeze")
def _squeeze(call: Arguments) -> Step:
    x, raw = call.tensor("x", 0), call.get("axis", 1)
    given = () if raw is None else call.integers("axis", 1)
    return Step(Squeeze(axes=given or tuple(i for i, dim in enumerate(x.type.shape) if dim == 1)), (x,))


@register("Transpose")
def _transpose(call: Arguments) -> Step:
    x, raw = call.tensor("x", 0), call.get("axes", 1)
    return moved(x, range(x.type.rank)[::-1] if raw is None else call.integers("axes", 1))


@register("Swapaxes")
def _swapaxes(call: Arguments) -> Step:
    x = call.tensor("x", 0)
    one, two = (normalize_axis(call.integer(f"axis{i}", i), x.type.rank) for i in (1, 2))
    perm = list(range(x.type.rank))
    perm[one], perm[two] = two, one
    return moved(x, perm)


@register("Moveaxis")
def _moveaxis(call: Arguments) -> Step:
    x = call.tensor("x", 0)
    pairs = zip(*(call.integers(name, i) for i, name in enumerate(("destination", "source"), 1)), strict=True)
    places = sorted(tuple(normalize_axis(axis, x.type.rank) for axis in pair) for pair in pairs)
    perm = [axis for axis in range(x.type.rank) if axis not in {source for _, source in places}]
    for destination, source in places:
        perm.insert(destination, source)
    return moved(x, perm)


def moved(x: Value, perm: Sequence[int]) -> Step:
    """The axes in another order."""
    return Step(Transpose(perm=tuple(normalize_axis(axis, x.type.rank) for axis in perm)), (x,))


@register("Concatenate")
def _concatenate(call: Arguments) -> Step:
    values = call.tensors("xs", 0)
    if len(values) == 1:
        return Step(Unchanged(), tuple(values))
    return joined(call, values, call.axis(1, 0))


def joined(call: Arguments, values: Sequence[Value], axis: int) -> Step:
    """Tensors one behind the other, in one dtype."""
    dtypes = [value.type.dtype for value in values]
    dtype = "float32" if "float32" in dtypes else max(dtypes)
    return Step(Join(axis=axis), tuple(call.cast(value, dtype) for value in values))


@register("Append")
def _append(call: Arguments) -> Step:
    values, axis = [call.tensor(name, i) for i, name in enumerate(("x1", "x2"))], call.get("axis", 2)
    if axis is None:
        values = [call.emit(Reshape(shape=(-1,)), value) for value in values]
    return joined(call, values, 0 if axis is None else call.axis(2))


@register("Hstack")
def _hstack(call: Arguments) -> Step:
    values = call.tensors("xs", 0)
    return joined(call, values, min(values[0].type.rank - 1, 1))


@register("Vstack")
def _vstack(call: Arguments) -> Step:
    values = [call.emit(ExpandDims(axes=(0,)), v) if v.type.rank < 2 else v for v in call.tensors("xs", 0)]
    return joined(call, values, 0)


@register("Stack")
def _stack(call: Arguments) -> Step:
    values, axis = call.tensors("x", 0), call.axis(1, 0)
    return joined(call, [call.emit(ExpandDims(axes=(axis,)), value) for value in values], axis)


@register("Unstack")
def _unstack(call: Arguments) -> Result:
    x = call.tensor("x", 0)
    axis = normalize_axis(call.axis(2, 0), x.type.rank)
    size = x.type.shape[axis]
    if size is None or call.get("num", 1) not in (None, size):
        raise LayerError(f"an axis of {size or 'unknown size'} cannot be unstacked")
    return [Step(GetItem(index=(*[WHOLE] * axis, place)), (x,)) for place in range(size)]


@register("Tile")
def _tile(call: Arguments) -> Step:
    x = call.tensor("x", 0)
    repeats, row = sized(call, "repeats", 1)
    rank = x.type.rank
    if repeats is not None and len(repeats) > rank:
        x = call.emit(ExpandDims(axes=tuple(range(len(repeats) - rank))), x)
    return Step(Tile(repeats=repeats and (*[1] * (rank - len(repeats)), *repeats)), (x, *row))


@register("BroadcastTo")
def _broadcast_to(call: Arguments) -> Step:
    x = call.tensor("x", 0)
    shape, row = sized(call, "shape", 1)
    return Step(BroadcastTo(shape=shape), (x, *row))


@register("Repeat")
def _repeat(call: Arguments) -> Step:
    x, repeats, axis = call.tensor("x", 0), call.integers("repeats", 1), call.get("axis", 2)
    if axis is None:
        x, axis = call.emit(Reshape(shape=(-1,)), x), 0
    axis = normalize_axis(axis, x.type.rank)
    size = x.type.shape[axis]
    if size is not None and len(repeats) in (1, size):
        each = repeats * (size if len(repeats) == 1 else 1)
        places = call.value([place for place, count in enumerate(each) for _ in range(count)])
    elif len(repeats) == 1:
        length = then(call, binary(call, "multiply", length_of(call, x, axis), repeats[0]))
        places = then(call, binary(call, "floor_divide", counted(call, length), repeats[0]))
    else:
        raise LayerError(f"{len(repeats)} repetitions of an axis of {size}")
    return Step(Gather(axis=axis), (x, places))


def length_of(call: Arguments, x: Value, axis: int) -> Value:
    """The size of an axis."""
    return call.emit(GetItem(index=(axis,)), call.emit(ShapeOf(), x))


def counted(call: Arguments, stop: Value) -> Value:
    """0, 1, 2 ... up to a number."""
    return call.emit(Range(), call.value(0), stop, call.value(1))


@register("Roll")
def _roll(call: Arguments) -> Step:
    x, shifts, raw = call.tensor("x", 0), call.integers("shift", 1), call.get("axis", 2)
    if raw is None:
        flat = call.emit(Reshape(shape=(-1,)), x)
        whole = call.emit(ShapeOf(), x)
        return Step(Reshape(), (then(call, _rolled(call, flat, shifts, (0,))), whole))
    return _rolled(call, x, shifts, call.integers("axis", 2))


def _rolled(call: Arguments, x: Value, shifts: Sequence[int], over: Sequence[int]) -> Step:
    result: Step | None = None
    axes = (normalize_axis(axis, x.type.rank) for axis in over)
    for shift, axis in zip(shifts, axes, strict=True):
        x = then(call, result) if result else x
        size = x.type.shape[axis]
        if size is not None:
            places = call.value([(place - shift) % size for place in range(size)])
        else:
            length = length_of(call, x, axis)
            moved_by = then(call, binary(call, "subtract", counted(call, length), shift))
            places = then(call, binary(call, "mod", moved_by, length))
        result = Step(Gather(axis=axis), (x, places))
    return result or Step(Unchanged(), (x,))


@register("Flip")
def _flip(call: Arguments) -> Step:
    x, raw = call.tensor("x", 0), call.get("axis", 1)
    return flipped(x, range(x.type.rank) if raw is None else call.integers("axis", 1))


def flipped(x: Value, axes: Sequence[int]) -> Step:
    """Some axes from the end to the start."""
    turned = {normalize_axis(axis, x.type.rank) for axis in axes}
    index = ((None, None, -1) if axis in turned else WHOLE for axis in range(x.type.rank))
    return Step(GetItem(index=tuple(index)), (x,))


@register("Rot90")
def _rot90(call: Arguments) -> Step:
    x, turns, (first, second) = call.tensor("x", 0), call.integer("k", 1, 1) % 4, call.integers("axes", 2, (0, 1))
    first, second = (normalize_axis(axis, x.type.rank) for axis in (first, second))
    swapped = list(range(x.type.rank))
    swapped[first], swapped[second] = second, first
    if turns == 0:
        return Step(Unchanged(), (x,))
    if turns == 2:
        return flipped(x, (first, second))
    if turns == 1:
        return moved(then(call, flipped(x, (second,))), swapped)
    return flipped(then(call, moved(x, swapped)), (second,))


@register("Pad")
def _pad(call: Arguments) -> Step:
    x, raw = call.tensor("x", 0), call.get("pad_width", 1)
    mode, value = call.text("mode", 2, "constant").lower(), call.get("constant_values", 3)
    if isinstance(raw, int):
        raw = [[raw, raw]]
    pairs = tuple((int(a), int(b)) for a, b in raw) * (x.type.rank if len(raw) == 1 else 1)
    if mode not in ("constant", "reflect", "symmetric"):
        raise LayerError(f"mode={mode!r} is not supported")
    return Step(Pad(pairs=pairs, mode=mode, value=float(value or 0)), (x,))


@register("GetItem")
def _get_item(call: Arguments) -> Step:
    x, key = call.tensor("x", 0), call.get("key", 1)
    entries = key if isinstance(key, list | tuple) else [key]
    tensors = [x]

    def number(raw: Any) -> Any:
        if isinstance(raw, Slot | Entry):
            value = call.value(raw.row if isinstance(raw, Entry) else raw)
            if isinstance(raw, Entry):
                value = call.emit(GetItem(index=(raw.place,)), value)
            if value.type.rank or not value.type.dtype.startswith(("int", "uint")):
                raise LayerError("an index that is not one whole number is not supported")
            if value.type.content and value.type.content[0] is not None:
                return value.type.content[0]
            tensors.append(value)
            return Given(len(tensors) - 1)
        if raw is None or (isinstance(raw, int) and not isinstance(raw, bool)):
            return raw
        raise LayerError(f"the index {str(raw)[:60]!r} is not supported")

    def entry(raw: Any) -> Any:
        if isinstance(raw, slice):
            return number(raw.start), number(raw.stop), number(raw.step)
        return raw if raw is Ellipsis else number(raw)

    return Step(GetItem(index=tuple(entry(raw) for raw in entries)), tuple(tensors))


@register("Slice")
def _slice(call: Arguments) -> Step:
    x, sizes = call.tensor("inputs", 0), call.integers("shape", 2)
    row, tensors = sized(call, "start_indices", 1)
    if row is not None:
        ends = (None if size == -1 else start + size for start, size in zip(row, sizes, strict=True))
        return Step(GetItem(index=tuple((a, b, None) for a, b in zip(row, ends, strict=True))), (x,))
    starts = [call.emit(GetItem(index=(place,)), *tensors) for place in range(len(sizes))]
    stops = [then(call, binary(call, "add", start, size)) for start, size in zip(starts, sizes, strict=True)]
    cuts = ((Given(2 * i + 1), None if size == -1 else Given(2 * i + 2), None) for i, size in enumerate(sizes))
    pairs = (value for pair in zip(starts, stops, strict=True) for value in pair)
    found = call.emit(GetItem(index=tuple(cuts)), x, *pairs)
    known = tuple(dim if size == -1 else size for dim, size in zip(found.type.shape, sizes, strict=True))
    return Step(Reshape(shape=tuple(-1 if dim is None else dim for dim in known)), (found,))


@register("tf.strided_slice")
def _strided_slice(call: Arguments) -> Step:
    x, starts, ends = call.tensor("input_", 0), call.integers("begin", 1), call.integers("end", 2)
    steps = call.integers("strides", 3, [1] * len(starts))
    return Step(GetItem(index=tuple(zip(starts, ends, steps, strict=True))), (x,))


@register("tf.shape")
def _shape(call: Arguments) -> Step:
    x, dtype = call.tensor("input", 0), dtype_name(call.get("out_type", 1, "int32"))
    row = Step(ShapeOf(), (x,))
    return row if dtype == "int32" else Step(CastTo(dtype=dtype or "int32"), (then(call, row),))


def _filled(value: float) -> Parser:
    def parse(call: Arguments) -> Step:
        raw = call.get("shape", 0)
        return Step(Filled(value=value, dtype=dtype_name(call.get("dtype", 1)) or "float32"), (call.value(raw),))

    return parse


register("tf.zeros")(_filled(0.0))
register("tf.ones")(_filled(1.0))


@register("tf.fill")
def _fill(call: Arguments) -> Step:
    row, value = call.value(call.get("dims", 0)), call.get("value", 1)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise LayerError(f"value={str(value)[:40]} is not supported")
    dtype = dtype_name(call.get("dtype")) or ("int32" if isinstance(value, int) else "float32")
    return Step(Filled(value=float(value), dtype=dtype), (row,))


@register("tf.range")
def _range(call: Arguments) -> Step:
    start, stop, step = call.get("start", 0), call.get("limit", 1), call.get("delta", 2, 1)
    if stop is None:
        start, stop = 0, start
    values = [call.value(raw) for raw in (start, stop, 1 if step is None else step)]
    dtype = dtype_name(call.get("dtype", 3)) or values[1].type.dtype
    return Step(Range(), tuple(call.cast(value, dtype) for value in values))


@register("Tril")
def _tril(call: Arguments) -> Step:
    return Step(Band(upper=call.integer("k", 1, 0)), (call.tensor("x", 0),))


@register("Triu")
def _triu(call: Arguments) -> Step:
    return Step(Band(lower=-call.integer("k", 1, 0)), (call.tensor("x", 0),))


@register("tf.linalg.band_part")
def _band_part(call: Arguments) -> Step:
    lower, upper = (call.integer(name, i) for i, name in enumerate(("num_lower", "num_upper"), 1))
    band = Band(lower=lower if lower >= 0 else None, upper=upper if upper >= 0 else None)
    return Step(band, (call.tensor("input", 0),))


@register("tf.ensure_shape")
def _ensure_shape(call: Arguments) -> Step:
    call.get("shape", 1)
    return Step(Unchanged(), (call.tensor("x", 0),))


@register("tf.size")
def _size(call: Arguments) -> Step:
    size = size_of(call, call.tensor("input", 0))
    return Step(CastTo(dtype=dtype_name(call.get("out_type", 1, "int32")) or "int32"), (size,))


def size_of(call: Arguments, x: Value) -> Value:
    """The number of a tensor's values."""
    size = known_product(x.type.shape)
    return call.value(size) if size is not None else call.emit(Reduce(function="prod"), call.emit(ShapeOf(), x))
