"""Operations that create arrays, and rarer ones that join and split, under Keras 3's names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasport.errors import LayerError
from kerasport.layers.arguments import Arguments, Parser, Result, Step, dtype_name, register
from kerasport.layers.base import Value, known_product
from kerasport.layers.operations import applied, binary, choice, chosen, combined, then
from kerasport.layers.operations_axes import cut_at
from kerasport.layers.operations_products import diagonal
from kerasport.layers.operations_shapes import flipped, joined, moved, size_of
from kerasport.layers.operators import ExpandDims, FilledLike, GetItem
from kerasport.layers.ops import CastTo, Unchanged, promoted
from kerasport.layers.shaping import BroadcastTo, Pad, Reshape, Transpose

# --- progressions


def progression(call: Arguments, start: Any, stop: Any, axis: int = 0) -> Value:
    """``num`` values at equal distances, along a new axis; with ``endpoint`` the last one is ``stop``."""
    num, endpoint = call.integer("num", 2, 50), bool(call.get("endpoint", default=True))
    dtype = dtype_name(call.get("dtype"))
    if call.get("retstep") or dtype not in (None, "float32"):
        raise LayerError(f"retstep or dtype={dtype} is not supported")
    start, stop = (side if isinstance(side, Value) else call.value(side) for side in (start, stop))
    distance = combined(call, "subtract", call.floating(stop), call.floating(start))
    parts = max(num - 1 if endpoint else num, 1)
    rank = max(start.type.rank, distance.type.rank)
    places = np.arange(max(num, 1)).reshape(-1, *[1] * rank) / parts
    shares = call.emit(ExpandDims(axes=(0,)), distance)
    rises = combined(call, "multiply", shares, _nested(places))
    values = combined(call, "add", rises, call.floating(start))
    values = values if num else call.emit(GetItem(index=((0, 0, None),)), values)
    return values if not axis else call.emit(Transpose(perm=_first_to(axis, values.type.rank)), values)


def _nested(array: np.ndarray[Any, Any]) -> Any:
    return tuple(map(_nested, array)) if array.ndim else array.item()


def _first_to(axis: int, rank: int) -> tuple[int, ...]:
    order = list(range(1, rank))
    order.insert(axis % rank, 0)
    return tuple(order)


@register("Linspace")
def _linspace(call: Arguments) -> Result:
    return progression(call, call.operand("start", 0), call.operand("stop", 1), call.axis(None, 0))


@register("Logspace")
def _logspace(call: Arguments) -> Step:
    exponents = progression(call, call.operand("start", 0), call.operand("stop", 1), call.axis(None, 0))
    return binary(call, "power", call.number("base", None, 10), exponents)


@register("Geomspace")
def _geomspace(call: Arguments) -> Step:
    start, stop = (call.floating(call.tensor(name, i)) for i, name in enumerate(("start", "stop")))
    low, high = (applied(call, "log", applied(call, "abs", end)) for end in (start, stop))
    values = applied(call, "exp", progression(call, low, high))
    values = combined(call, "multiply", values, applied(call, "sign", start))
    return moved(values, _first_to(call.axis(None, 0), values.type.rank))


@register("Vander")
def _vander(call: Arguments) -> Step:
    x, columns = call.tensor("x", 0), call.get("N")
    count = x.type.shape[0] if columns is None else call.integer("N")
    if count is None:
        raise LayerError("powers as many as a number of values that is not known are not supported")
    powers = range(count) if call.flag("increasing") else range(count)[::-1]
    column = call.floating(call.emit(ExpandDims(axes=(-1,)), x))
    return binary(call, "power", column, tuple(float(power) for power in powers))


# --- products that make larger arrays


@register("Full")
def _full(call: Arguments) -> Step:
    x, shape = call.tensor("fill_value", 0), call.integers("shape")
    dtype = dtype_name(call.get("dtype"))
    return Step(BroadcastTo(shape=shape), (call.cast(x, dtype) if dtype else x,))


@register("EmptyLike")
def _empty_like(call: Arguments) -> Step:
    return Step(FilledLike(value=0.0, dtype=dtype_name(call.get("dtype", 1))), (call.tensor("x", 0),))


@register("Meshgrid")
def _meshgrid(call: Arguments) -> Result:
    rows = call.tensors("arrays") if call.get("arrays") is not None else call.all_tensors()
    order = list(range(len(rows)))
    if call.text("indexing", None, "xy") == "xy" and len(rows) > 1:
        order[:2] = [1, 0]
    shaped = [
        call.emit(Reshape(shape=tuple(-1 if axis == place else 1 for axis in order)), row)
        for place, row in enumerate(rows)
    ]
    return [_spread(call, shaped, place) for place in range(len(rows))]


def _spread(call: Arguments, values: list[Value], place: int) -> Step:
    """One value over the shape that all broadcast to."""
    result = Step(Unchanged(), (values[place],))
    for other in values[:place] + values[place + 1 :]:
        zeros = call.emit(FilledLike(value=0.0, dtype=values[place].type.dtype), other)
        result = binary(call, "add", then(call, result), zeros)
    return result


@register("Kron")
def _kron(call: Arguments) -> Step:
    x, y = call.tensor("x1", 0), call.tensor("x2", 1)
    rank = max(x.type.rank, y.type.rank)
    x, y = (_of_rank(call, value, rank) for value in (x, y))
    sizes = [known_product(pair) for pair in zip(x.type.shape, y.type.shape, strict=True)]
    if sizes.count(None) > 1:
        raise LayerError("a Kronecker product of tensors with several unknown sizes is not supported")
    left = call.emit(ExpandDims(axes=tuple(range(1, 2 * rank, 2))), x)
    right = call.emit(ExpandDims(axes=tuple(range(0, 2 * rank, 2))), y)
    shape = tuple(-1 if size is None else size for size in sizes)
    return Step(Reshape(shape=shape), (combined(call, "multiply", left, right),))


def _of_rank(call: Arguments, x: Value, rank: int) -> Value:
    missing = tuple(range(rank - x.type.rank))
    return call.emit(ExpandDims(axes=missing), x) if missing else x


@register("Diag")
def _diag(call: Arguments) -> Step:
    x, offset = call.tensor("x", 0), call.integer("k", 1, 0)
    return with_diagonal(call, x, offset) if x.type.rank == 1 else diagonal(call, x, (0, 1), offset)


@register("Diagflat")
def _diagflat(call: Arguments) -> Step:
    flat = call.emit(Reshape(shape=(-1,)), call.tensor("x", 0))
    return with_diagonal(call, flat, call.integer("k", 1, 0))


def with_diagonal(call: Arguments, x: Value, offset: int = 0) -> Step:
    """Matrices with the values of the last axis on a diagonal, and zeros."""
    size = x.type.shape[-1]
    if size is None:
        raise LayerError("a diagonal of a length that is not known is not supported")
    kept = np.eye(size + abs(offset), k=offset, dtype=bool)
    row = call.emit(ExpandDims(axes=(-1,) if offset >= 0 else (-2,)), x)
    # Rows lack as many at the end as the diagonal is above, columns as many as it is below.
    kept = kept[:size] if offset >= 0 else kept[:, :size]
    part = chosen(call, call.value(kept.tolist()), row, 0 if x.type.dtype.startswith("int") else 0.0)
    if not offset:
        return Step(Unchanged(), (part,))
    pairs = [(0, 0)] * part.type.rank
    pairs[-2 if offset > 0 else -1] = (0, abs(offset))
    return Step(Pad(pairs=tuple(pairs)), (part,))


# --- joining and cutting


@register("Dstack")
def _dstack(call: Arguments) -> Step:
    def deep(x: Value) -> Value:
        places = {0: (0, 1, 2), 1: (0, 2), 2: (2,)}.get(x.type.rank)
        return call.emit(ExpandDims(axes=places), x) if places else x

    return joined(call, [deep(x) for x in call.tensors("xs", 0)], 2)


def _split_along(axis: int) -> Parser:
    def parse(call: Arguments) -> Result:
        x = call.tensor("x", 0)
        return cut_at(call, x, axis if x.type.rank > 1 else 0)

    return parse


register("Vsplit")(_split_along(0))
register("Hsplit")(_split_along(1))
register("Dsplit")(_split_along(2))


def _flip_along(axis: int) -> Parser:
    return lambda call: flipped(call.tensor("x", 0), (axis,))


register("Flipud")(_flip_along(0))
register("Fliplr")(_flip_along(1))


@register("Select")
def _select(call: Arguments) -> Step:
    conditions, values = call.tensors("condlist", 0), call.tensors("choicelist", 1)
    default = call.get("default", 2)
    rest: Any = call.operand("default", 2) if default is not None else 0
    dtype = promoted(value.type.dtype for value in values)
    if dtype == "bool" and isinstance(rest, int) and not isinstance(rest, bool):
        dtype = "int64"
    values = [call.cast(value, dtype) for value in values]
    result = Step(Unchanged(), (values[0],))
    for condition, value in list(zip(conditions, values, strict=True))[::-1]:
        result = choice(call, condition, value, rest)
        rest = then(call, result)
    return result


@register("UnravelIndex")
def _unravel_index(call: Arguments) -> Result:
    return coordinates(call, call.integers("shape", 1))


def coordinates(call: Arguments, shape: Sequence[int]) -> list[Value]:
    """The coordinates in an array of a shape of places among all its values."""
    x, parts = call.tensor("indices", 0), list[Value]()
    for size in shape[::-1]:
        parts.insert(0, combined(call, "mod", x, size))
        x = combined(call, "floor_divide", x, size)
    return parts


@register("Array")
def _array(call: Arguments) -> Step:
    dtype = dtype_name(call.get("dtype", 1))
    return Step(CastTo(dtype=dtype) if dtype else Unchanged(), (call.tensor("x", 0),))


@register("Ndim", "tf.rank")
def _ndim(call: Arguments) -> Step:
    return Step(Unchanged(), (call.value(call.tensor("x", 0).type.rank),))


@register("Size")
def _size(call: Arguments) -> Step:
    return Step(Unchanged(), (size_of(call, call.tensor("x", 0)),))


# --- Rearrange of einops


@register("Rearrange")
def _rearrange(call: Arguments) -> Step:
    x, pattern = call.tensor("tensor", 0), call.text("pattern", 1)
    before, arrow, after = pattern.partition("->")
    left, right = (re.findall(r"\([^)]*\)|[^\s()]+", side) for side in (before, after))
    if not arrow or "..." in pattern or len(left) != x.type.rank:
        raise LayerError(f"the pattern {pattern[:60]!r} is not supported for a tensor of rank {x.type.rank}")
    sizes: dict[str, int] = {}
    parts: list[list[str]] = [_letters(group) for group in left]
    for names, dim in zip(parts, x.type.shape, strict=True):
        given = {name: call.integer(name) for name in names if call.get(name) is not None}
        free = [name for name in names if name not in given]
        known = known_product(list(given.values())) or 1
        sizes |= given | ({free[0]: -1 if dim is None else dim // known} if len(free) == 1 else {})
    whole = tuple(sizes[name] for names in parts for name in names)
    flat = [name for names in parts for name in names]
    wanted = [name for group in right for name in _letters(group)]
    apart = call.emit(Reshape(shape=whole), x) if flat != left else x
    turned = call.emit(Transpose(perm=tuple(flat.index(name) for name in wanted if name in flat)), apart)
    joint = tuple(known_product([sizes.get(name, 1) for name in _letters(group)]) or 0 for group in right)
    return Step(Reshape(shape=tuple(-1 if size < 0 else size for size in joint)), (turned,))


def _letters(group: str) -> list[str]:
    return group.strip("()").split()
