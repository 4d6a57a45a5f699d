"""Products, gathering and normalization, under Keras 3's names; TensorFlow's own under ``tf.`` names."""

from __future__ import annotations

import re
from collections.abc import Sequence

from kerasport.errors import LayerError
from kerasport.layers.arguments import Arguments, Step, dtype_name, register
from kerasport.layers.base import Value, normalize_axis
from kerasport.layers.operations import binary, combined, then
from kerasport.layers.operations_axes import reduced
from kerasport.layers.operators import ExpandDims, GetItem, Join
from kerasport.layers.ops import CastTo, Unchanged
from kerasport.layers.products import Einsum, Gather, Matmul, OneHot, TakeAlong
from kerasport.layers.shaping import Pad, Reshape, Transpose

_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def _same_dtype(call: Arguments, *values: Value) -> tuple[Value, ...]:
    dtypes = {value.type.dtype for value in values}
    return values if len(dtypes) == 1 else tuple(call.floating(value) for value in values)


def _swapped(call: Arguments, x: Value, wanted: bool) -> Value:
    rank = x.type.rank
    return call.emit(Transpose(perm=(*range(rank - 2), rank - 1, rank - 2)), x) if wanted else x


@register("Matmul")
def _matmul(call: Arguments) -> Step:
    flags = [call.flag(f"transpose_{side}") or call.flag(f"adjoint_{side}") for side in "ab"]
    sides = (call.tensor(name, i) for i, name in enumerate(("x1", "x2")))
    swapped = (_swapped(call, side, flag) for side, flag in zip(sides, flags, strict=True))
    return Step(Matmul(), _same_dtype(call, *swapped))


@register("Einsum")
def _einsum(call: Arguments) -> Step:
    equation, listed = call.text("subscripts").replace(" ", ""), call.get("operands")
    operands = listed or [call.get(f"argument {i}", i) for i in range(len(call.args))]
    if call.flag("by_appearance"):
        _require_one_order(equation)
    values = [call.value(raw) for raw in operands]
    return Step(einsum(equation, values), _same_dtype(call, *values))


def _require_one_order(equation: str) -> None:
    """Refuses an output that TensorFlow as a backend of Keras 3 orders by appearance, and others by the alphabet."""
    letters = [letter for letter in equation if letter.isalpha() and equation.count(letter) == 1]
    if "->" not in equation and letters != sorted(letters):
        what = f"the equation {equation[:60]!r} leaves the order of its output to the backend, and these do not agree"
        raise LayerError(what, "write the output behind '->' in Keras")


def einsum(equation: str, values: Sequence[Value]) -> Einsum:
    """The sum, with letters for the axes of an ellipsis and the output that goes without saying."""
    given, arrow, output = equation.partition("->")
    terms = given.split(",")
    if not re.fullmatch(r"[a-zA-Z.,]+", given) or len(terms) != len(values):
        raise LayerError(f"the equation {equation[:60]!r} is not supported")
    elided = [value.type.rank - len(term.replace("...", "")) for term, value in zip(terms, values, strict=True)]
    count = max(elide if "..." in term else 0 for term, elide in zip(terms, elided, strict=True))
    free = "".join(letter for letter in _LETTERS if letter not in equation)[:count]
    letters = [t.replace("...", free[count - e :] if e > 0 else "") for t, e in zip(terms, elided, strict=True)]
    if not arrow:
        plain = given.replace(",", "").replace(".", "")
        output = ("..." if count else "") + "".join(c for c in sorted(set(plain)) if plain.count(c) == 1)
    return Einsum(terms=tuple(letters), output=output.replace("...", free))


@register("Tensordot")
def _tensordot(call: Arguments) -> Step:
    x, y, axes = call.tensor("x1", 0), call.tensor("x2", 1), call.get("axes", 2, 2)
    if isinstance(axes, int):
        axes = [range(x.type.rank - axes, x.type.rank), range(axes)]
    left, right = ([axes[i]] if isinstance(axes[i], int) else list(axes[i]) for i in (0, 1))
    return tensordot(call, x, y, left, right)


def tensordot(call: Arguments, x: Value, y: Value, left: Sequence[int], right: Sequence[int]) -> Step:
    """The products summed over some axes of each; a matrix product where it is the last over the first of two."""
    left = [normalize_axis(axis, x.type.rank) for axis in left]
    right = [normalize_axis(axis, y.type.rank) for axis in right]
    x, y = _same_dtype(call, x, y)
    if left == [x.type.rank - 1] and right == [0] and y.type.rank == 2:
        return Step(Matmul(), (x, y))
    first = _LETTERS[: x.type.rank]
    second = list(_LETTERS[x.type.rank : x.type.rank + y.type.rank])
    for one, other in zip(left, right, strict=True):
        second[other] = first[one]
    kept = [c for i, c in enumerate(first) if i not in left] + [c for i, c in enumerate(second) if i not in right]
    return Step(Einsum(terms=(first, "".join(second)), output="".join(kept)), (x, y))


@register("Dot")
def _dot(call: Arguments) -> Step:
    x, y = call.tensor("x1", 0), call.tensor("x2", 1)
    if not x.type.rank or not y.type.rank:
        return binary(call, "multiply", x, y)
    return tensordot(call, x, y, [-1], [-2 if y.type.rank > 1 else 0])


@register("Outer")
def _outer(call: Arguments) -> Step:
    x, y = (call.emit(Reshape(shape=(-1,)), call.tensor(name, i)) for i, name in enumerate(("x1", "x2")))
    return binary(call, "multiply", call.emit(ExpandDims(axes=(1,)), x), y)


@register("Inner")
def _inner(call: Arguments) -> Step:
    x, y = call.tensor("x1", 0), call.tensor("x2", 1)
    if not x.type.rank or not y.type.rank:
        return binary(call, "multiply", x, y)
    return tensordot(call, x, y, [-1], [-1])


@register("Vdot")
def _vdot(call: Arguments) -> Step:
    x, y = (call.emit(Reshape(shape=(-1,)), call.tensor(name, i)) for i, name in enumerate(("x1", "x2")))
    return tensordot(call, x, y, [0], [0])


@register("Cross")
def _cross(call: Arguments) -> Step:
    axes = {name: call.axis(3) if call.get("axis", 3) is not None else call.integer(name, None, -1)
            for name in ("axisa", "axisb", "axisc")}  # fmt: skip
    x, y = (
        then(call, _last(call.tensor(name, i), axes[axis]))
        for i, (name, axis) in enumerate((("x1", "axisa"), ("x2", "axisb")))
    )
    sizes = [side.type.shape[-1] for side in (x, y)]
    if not set(sizes) <= {2, 3}:
        raise LayerError(f"a cross product of vectors of the sizes {sizes} is not supported")

    def product(one: int, other: int) -> Value:
        """The difference of two products: one component of the result."""
        parts = [[_component(call, side, place) for place in (one, other)] for side in (x, y)]
        ahead, back = (combined(call, "multiply", parts[0][i], parts[1][1 - i]) for i in (0, 1))
        return combined(call, "subtract", ahead, back)

    if sizes == [2, 2]:
        return Step(Unchanged(), (product(0, 1),))
    rows = [call.emit(ExpandDims(axes=(-1,)), product(*places)) for places in ((1, 2), (2, 0), (0, 1))]
    made = call.emit(Join(axis=-1), *rows)
    order = list(range(made.type.rank - 1))
    order.insert(normalize_axis(axes["axisc"], made.type.rank), made.type.rank - 1)
    return Step(Transpose(perm=tuple(order)), (made,))


def _last(x: Value, axis: int) -> Step:
    place = normalize_axis(axis, x.type.rank)
    return Step(Transpose(perm=(*(i for i in range(x.type.rank) if i != place), place)), (x,))


def _component(call: Arguments, x: Value, place: int) -> Value:
    """A component of vectors, of which those of size 2 have 0 as their third."""
    if place == x.type.shape[-1]:
        return combined(call, "multiply", _component(call, x, 0), 0)
    return call.emit(GetItem(index=(Ellipsis, place)), x)


@register("Correlate")
def _correlate(call: Arguments) -> Step:
    x, y, mode = call.floating(call.tensor("x1", 0)), call.floating(call.tensor("x2", 1)), call.text("mode", 2, "valid")
    lengths = [side.type.shape[0] for side in (x, y)]
    n, m = (length or 0 for length in lengths)
    if None in lengths or x.type.rank != 1 or y.type.rank != 1 or mode not in ("valid", "same", "full"):
        raise LayerError(f"mode={mode!r} with tensors of shapes {x.type.shape} and {y.type.shape} is not supported")
    if mode == "valid" and n < m:
        raise LayerError("mode='valid' with a second tensor that is longer is not supported")
    first, count = {"valid": (m - 1, n - m + 1), "same": ((min(n, m) - 1) // 2, max(n, m)), "full": (0, n + m - 1)}[
        mode
    ]
    padded = call.emit(Pad(pairs=((m - 1, m - 1),)), x)
    rows = [[place + step for step in range(m)] for place in range(first, first + count)]
    return Step(Matmul(), (call.emit(Gather(axis=0), padded, call.value(rows)), y))


@register("Diagonal")
def _diagonal(call: Arguments) -> Step:
    return _diagonals(call, summed=False)


@register("Trace")
def _trace(call: Arguments) -> Step:
    return _diagonals(call, summed=True)


def _diagonals(call: Arguments, summed: bool) -> Step:
    axes = call.integer("axis1", 2, 0), call.integer("axis2", 3, 1)
    return diagonal(call, call.tensor("x", 0), axes, call.integer("offset", 1, 0), summed)


@register("tf.linalg.diag_part")
def _diag_part(call: Arguments) -> Step:
    if call.get("padding_value"):
        raise LayerError("another padding_value than 0 is not supported")
    call.get("align")  # of several diagonals, which are not supported
    return diagonal(call, call.tensor("input", 0), (-2, -1), call.integer("k", 1, 0))


@register("tf.linalg.trace")
def _matrix_trace(call: Arguments) -> Step:
    return diagonal(call, call.tensor("x", 0), (-2, -1), summed=True)


def diagonal(call: Arguments, x: Value, axes: tuple[int, int], offset: int = 0, summed: bool = False) -> Step:
    """Einstein's sum with one letter for both axes, which are cut to what the diagonal spans."""
    places = [normalize_axis(axis, x.type.rank) for axis in axes]
    sizes = [x.type.shape[axis] for axis in places]
    if None in sizes:
        raise LayerError("the diagonal of a matrix of unknown size is not supported")
    starts = max(-offset, 0), max(offset, 0)
    length = min((size or 0) - start for size, start in zip(sizes, starts, strict=True))
    if length < 1:
        raise LayerError(f"a matrix of {sizes[0]} by {sizes[1]} has no diagonal {offset}")
    if [length] * 2 != sizes:
        cuts = {axis: (start, start + length, None) for axis, start in zip(places, starts, strict=True)}
        index = (cuts.get(axis, (None, None, None)) for axis in range(x.type.rank))
        x = call.emit(GetItem(index=tuple(index)), x)
    letters = ["z" if axis in places else _LETTERS[axis] for axis in range(x.type.rank)]
    rest = [letter for letter in letters if letter != "z"]
    return Step(Einsum(terms=("".join(letters),), output="".join(rest if summed else [*rest, "z"])), (x,))


@register("Take")
def _take(call: Arguments) -> Step:
    x, places = call.tensor("x", 0), call.tensor("indices", 1)
    if call.get("axis", 2) is None:
        return Step(Gather(axis=0), (call.emit(Reshape(shape=(-1,)), x), places))
    return Step(Gather(axis=call.axis(2)), (x, places))


@register("tf.gather")
def _gather(call: Arguments) -> Step:
    x, places, batch = call.tensor("x", 0), call.tensor("indices", 1), call.get("batch_dims", default=0) or 0
    return Step(Gather(axis=call.axis(2, batch), batch_axes=batch), (x, places))


@register("tf.nn.embedding_lookup")
def _embedding_lookup(call: Arguments) -> Step:
    call.get("partition_strategy")  # of a table in several parts, which this is not
    table, ids = call.tensor("params", 0), call.tensor("ids", 1)
    if call.get("max_norm") is not None:
        raise LayerError("max_norm is not supported")
    call.get("validate_indices")
    return Step(Gather(axis=0), (table, ids))


@register("TakeAlongAxis")
def _take_along_axis(call: Arguments) -> Step:
    if call.get("axis", 2) is None:
        flat = (call.emit(Reshape(shape=(-1,)), value) for value in (call.tensor("x", 0), _places(call)))
        return Step(Gather(axis=0), tuple(flat))
    return Step(TakeAlong(axis=call.axis(2)), (call.tensor("x", 0), _places(call)))


def _places(call: Arguments) -> Value:
    """The indices, as dtypes that ONNX indexes by; Keras, too, cuts fractions off."""
    places = call.tensor("indices", 1)
    return places if places.type.dtype == "int32" else call.cast(places, "int64")


@register("OneHot")
def _one_hot(call: Arguments) -> Step:
    return Step(_one_hot_of(call), (_as_index(call, call.tensor("x", 0)),))


def _as_index(call: Arguments, x: Value) -> Value:
    return call.cast(x, "int64") if x.type.dtype.startswith("float") else x


def _one_hot_of(call: Arguments) -> OneHot:
    on, off = call.get("on_value", default=1.0), call.get("off_value", default=0.0)
    given = {"on": float(1.0 if on is None else on), "off": float(off or 0.0)}
    dtype, axis = dtype_name(call.get("dtype", 3)) or "float32", call.get("axis", 2)
    return OneHot(depth=call.integer("num_classes", 1), axis=-1 if axis is None else axis, dtype=dtype, **given)


@register("MultiHot")
def _multi_hot(call: Arguments) -> Step:
    x, spec = call.tensor("inputs", 0), _one_hot_of(call)
    if spec.axis != -1 or not x.type.rank:
        raise LayerError(f"axis={spec.axis} is not supported")
    function = "any" if spec.dtype == "bool" else "max"
    return reduced(call, function, call.emit(spec, _as_index(call, x)), (int(x.type.rank > 1),))


@register("tf.sequence_mask")
def _sequence_mask(call: Arguments) -> Step:
    x, length = call.tensor("lengths", 0), call.integer("maxlen", 1)
    column, dtype = call.emit(ExpandDims(axes=(-1,)), x), dtype_name(call.get("dtype", 2)) or "bool"
    inside = then(call, binary(call, "greater", column, tuple(range(length))))
    return Step(CastTo(dtype=dtype), (inside,))
