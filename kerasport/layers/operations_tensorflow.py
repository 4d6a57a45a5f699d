"""Functions that only TensorFlow has, under ``tf.`` names."""

from __future__ import annotations

import math

import numpy as np

from kerasport.errors import LayerError
from kerasport.layers.arguments import Arguments, Result, Step, dtype_name, register
from kerasport.layers.base import Value, normalize_axis
from kerasport.layers.matrices import PseudoInverse
from kerasport.layers.operations import applied, binary, choice, chosen, combined, then, unary
from kerasport.layers.operations_arrays import coordinates, progression, with_diagonal
from kerasport.layers.operations_axes import axes, ordered, reduced, total
from kerasport.layers.operations_matrices import norm_of, turned
from kerasport.layers.operations_places import ahead_in_row, non_zero
from kerasport.layers.operations_products import diagonal
from kerasport.layers.operations_shapes import counted, length_of
from kerasport.layers.operations_signals import framed, overlapped
from kerasport.layers.operators import ExpandDims, Join
from kerasport.layers.ops import CastTo, Unchanged
from kerasport.layers.products import Gather, Matmul
from kerasport.layers.reductions import Reduce
from kerasport.layers.scatter import GatherPlaces
from kerasport.layers.shaping import Constant, Pad, Reshape, Transpose
from kerasport.layers.slots import has_slots

# --- of each value


@register("tf.math.xlogy")
def _xlogy(call: Arguments) -> Step:
    return _product_unless_zero(call, call.tensor("x1", 0), applied(call, "log", call.tensor("x2", 1)))


@register("tf.math.xlog1py")
def _xlog1py(call: Arguments) -> Step:
    return _product_unless_zero(call, call.tensor("x1", 0), applied(call, "log1p", call.tensor("x2", 1)))


@register("tf.math.multiply_no_nan")
def _multiply_no_nan(call: Arguments) -> Step:
    return _product_unless_zero(call, call.tensor("x2", 1), call.tensor("x1", 0))


def _product_unless_zero(call: Arguments, x: Value, other: Value) -> Step:
    """The product; 0 where the first is 0, whatever the other."""
    return choice(call, combined(call, "equal", x, 0), 0.0, combined(call, "multiply", x, other))


@register("tf.math.polyval")
def _polyval(call: Arguments) -> Step:
    coefficients, x = call.get("coeffs", 0), call.tensor("x", 1)
    given = [call.value(raw) if has_slots(raw) else raw for raw in coefficients]
    result = combined(call, "add", combined(call, "multiply", x, 0.0), given[0])
    for coefficient in given[1:]:
        result = combined(call, "add", combined(call, "multiply", result, x), coefficient)
    return Step(Unchanged(), (result,))


@register("tf.scalar_mul")
def _scalar_mul(call: Arguments) -> Step:
    return binary(call, "multiply", call.operand("scalar", 0), call.tensor("x", 1))


@register("tf.truncatediv")
def _truncatediv(call: Arguments) -> Step:
    x, y = call.tensor("x", 0), call.tensor("y", 1)
    if x.type.dtype.startswith("float"):
        return unary(call, "trunc", combined(call, "divide", x, y))
    whole = combined(call, "subtract", x, combined(call, "fmod", x, y))
    return binary(call, "floor_divide", whole, y)


@register("tf.where")
def _where(call: Arguments) -> Step:
    if call.get("x1") is None:
        return Step(Transpose(perm=(1, 0)), (non_zero(call, call.tensor("condition", 0)),))
    return choice(call, call.tensor("condition", 0), call.operand("x1"), call.operand("x2"))


@register("tf.boolean_mask")
def _boolean_mask(call: Arguments) -> Step:
    x, mask, axis = call.tensor("tensor", 0), call.tensor("mask", 1), call.get("axis", 2) or 0
    rest = x.type.shape[mask.type.rank :]
    if axis or mask.type.rank > x.type.rank or None in rest:
        raise LayerError(f"a mask of rank {mask.type.rank} over axis {axis} of {x.type.shape} is not supported")
    flat = call.emit(Reshape(shape=(-1, *(dim or 0 for dim in rest))), x)
    places = non_zero(call, call.emit(Reshape(shape=(-1,)), mask))
    return Step(Gather(axis=0), (flat, call.emit(Reshape(shape=(-1,)), places)))


@register("tf.gather_nd")
def _gather_nd(call: Arguments) -> Step:
    x, places, batch = call.tensor("params", 0), call.tensor("indices", 1), call.get("batch_dims", 2, 0)
    return Step(GatherPlaces(batch_axes=batch), (x, call.cast(places, "int64")))


@register("tf.unravel_index")
def _unravel_index(call: Arguments) -> Step:
    parts = [call.emit(ExpandDims(axes=(0,)), part) for part in coordinates(call, call.integers("dims", 1))]
    return Step(Join(axis=0), tuple(parts))


@register("tf.math.invert_permutation")
def _invert_permutation(call: Arguments) -> Step:
    return Step(CastTo(dtype="int32"), (ordered(call, call.tensor("x", 0), 0)[1],))


@register("tf.reverse_sequence")
def _reverse_sequence(call: Arguments) -> Step:
    """Each row from its length on as it is, before that from the end to the start."""
    x, lengths = call.tensor("input", 0), call.cast(call.tensor("seq_lengths", 1), "int32")
    if call.get("seq_axis", 2) != 1 or call.get("batch_axis", 3) not in (None, 0):
        raise LayerError("other axes than batch_axis=0 and seq_axis=1 are not supported")
    steps = counted(call, length_of(call, x, 1))
    ends = call.emit(ExpandDims(axes=(1,)), lengths)
    turned_back = combined(call, "subtract", combined(call, "subtract", ends, 1), steps)
    places = chosen(call, combined(call, "greater", ends, steps), turned_back, steps)
    return Step(Gather(axis=1, batch_axes=1), (x, places))


# --- along axes


@register("tf.math.zero_fraction")
def _zero_fraction(call: Arguments) -> Step:
    return reduced(call, "mean", call.floating(combined(call, "equal", call.tensor("value", 0), 0)), None)


@register("tf.nn.l2_loss")
def _l2_loss(call: Arguments) -> Step:
    squares = applied(call, "square", call.tensor("t", 0))
    return binary(call, "multiply", total(call, "sum", squares, None), 0.5)


@register("tf.math.cumulative_logsumexp")
def _cumulative_logsumexp(call: Arguments) -> Step:
    """All values against all sums that they are in, so that small ones are not lost beside large ones."""
    x, exclusive, reverse = call.floating(call.tensor("x", 0)), call.flag("exclusive", 2), call.flag("reverse", 3)
    axis = normalize_axis(call.axis(1, 0), x.type.rank)
    size = x.type.shape[axis]
    if size is None or exclusive:
        raise LayerError("exclusive, or an axis of unknown size, is not supported")
    counts = np.tri(size, dtype=bool)
    shaped = (counts.T if reverse else counts).reshape(size, size, *[1] * (x.type.rank - axis - 1))
    wide = chosen(call, call.value(shaped.tolist()), call.emit(ExpandDims(axes=(axis,)), x), -math.inf)
    return reduced(call, "logsumexp", wide, (axis + 1,))


@register("tf.math.in_top_k")
def _in_top_k(call: Arguments) -> Step:
    return ahead_in_row(call, call.tensor("targets"), call.tensor("predictions", 0), call.integer("k"))


@register("tf.nn.weighted_moments")
def _weighted_moments(call: Arguments) -> Result:
    x, over = call.floating(call.tensor("x", 0)), axes(call, "axes", 1)
    weights, keepdims = call.floating(call.tensor("frequency_weights", 2)), call.flag("keepdims", 3)
    wide = combined(call, "add", combined(call, "multiply", x, 0.0), weights)
    whole = total(call, "sum", wide, over, keepdims=True)

    def mean(values: Value) -> Value:
        return combined(call, "divide", total(call, "sum", combined(call, "multiply", values, wide), over, True), whole)

    first = mean(x)
    second = mean(applied(call, "square", combined(call, "subtract", x, first)))
    if keepdims:
        return first, second
    return [Step(Reduce(function="sum", axes=over), (value,)) for value in (first, second)]


# --- matrices


@register("tf.linalg.normalize")
def _normalize(call: Arguments) -> Result:
    x, order, over = call.floating(call.tensor("tensor", 0)), call.get("ord", 1, "euclidean"), axes(call, "axis", 2)
    norm = then(call, norm_of(call, x, order, over, keepdims=True))
    return binary(call, "divide", x, norm), norm


@register("tf.linalg.global_norm")
def _global_norm(call: Arguments) -> Step:
    squares = [applied(call, "square", call.floating(x)) for x in call.tensors("t_list", 0)]
    result = total(call, "sum", squares[0], None)
    for square in squares[1:]:
        result = combined(call, "add", result, total(call, "sum", square, None))
    return unary(call, "sqrt", result)


@register("tf.linalg.lstsq")
def _lstsq(call: Arguments) -> Step:
    """By the pseudoinverse, which is the same for matrices of full rank, as ``fast`` takes for granted."""
    a, right = call.floating(call.tensor("matrix", 0)), call.floating(call.tensor("rhs", 1))
    if call.get("l2_regularizer", 2, 0.0):
        raise LayerError("l2_regularizer is not supported")
    call.get("fast", 3)
    cutoff = max(size or 0 for size in a.type.shape[-2:]) * float(np.finfo(np.float32).eps)
    return Step(Matmul(), (call.emit(PseudoInverse(cutoff=cutoff), a), right))


@register("tf.linalg.matrix_transpose")
def _matrix_transpose(call: Arguments) -> Step:
    call.get("conjugate")
    return Step(Unchanged(), (turned(call, call.tensor("a", 0)),))


@register("tf.linalg.diag")
def _diag(call: Arguments) -> Step:
    x, offset = call.tensor("diagonal", 0), call.get("k", 1, 0)
    for name in ("num_rows", "num_cols"):
        if call.get(name, None, -1) not in (-1, None):
            raise LayerError(f"{name} is not supported")
    if call.get("padding_value") or not isinstance(offset, int):
        raise LayerError("several diagonals, or a padding_value, are not supported")
    call.get("align")
    return with_diagonal(call, x, offset)


@register("tf.linalg.tensor_diag")
def _tensor_diag(call: Arguments) -> Step:
    x = call.tensor("diagonal", 0)
    if x.type.rank != 1:
        raise LayerError(f"a tensor of rank {x.type.rank} is not supported")
    return with_diagonal(call, x)


@register("tf.linalg.tensor_diag_part")
def _tensor_diag_part(call: Arguments) -> Step:
    x = call.tensor("input", 0)
    if x.type.rank != 2:
        raise LayerError(f"a tensor of rank {x.type.rank} is not supported")
    return diagonal(call, x, (0, 1))


@register("tf.linalg.set_diag")
def _set_diag(call: Arguments) -> Step:
    x, new = call.tensor("input", 0), call.tensor("diagonal", 1)
    rows, columns = x.type.shape[-2:]
    if rows is None or columns is None or call.get("k", 2, 0):
        raise LayerError("another diagonal than the main one, or a matrix of unknown size, is not supported")
    call.get("align")
    unit = np.eye(rows, columns, dtype=bool)
    # What is longer than the diagonal is never taken.
    fill = ((0, 0),) * (new.type.rank - 1) + ((0, max(rows, columns) - min(rows, columns)),)
    column = call.emit(ExpandDims(axes=(-1 if rows >= columns else -2,)), call.emit(Pad(pairs=fill), new))
    return choice(call, call.value(unit.tolist()), column, x)


@register("tf.eye")
def _eye(call: Arguments) -> Step:
    rows, columns = call.integer("num_rows", 0), call.get("num_columns", 1)
    if call.get("batch_shape", 2):
        raise LayerError("batch_shape is not supported")
    unit = np.eye(rows, rows if columns is None else call.integer("num_columns", 1))
    dtype = dtype_name(call.get("dtype", 3)) or "float32"
    return Step(Constant(value=tuple(map(tuple, unit.tolist())), dtype=dtype), ())


@register("tf.linspace")
def _linspace(call: Arguments) -> Result:
    return progression(call, call.operand("start", 0), call.operand("stop", 1), call.axis(None, 0))


# --- signals


@register("tf.signal.frame")
def _frame(call: Arguments) -> Step:
    x, axis = call.tensor("signal", 0), call.axis(5)
    length, step = call.integer("frame_length", 1), call.integer("frame_step", 2)
    if normalize_axis(axis, x.type.rank) != x.type.rank - 1:
        raise LayerError(f"axis={axis} is not supported")
    if call.flag("pad_end", 3):
        size = x.type.shape[-1]
        if size is None:
            raise LayerError("pad_end for a signal of unknown length is not supported")
        missing = max((-(-size // step) - 1) * step + length - size, 0)
        pairs = ((0, 0),) * (x.type.rank - 1) + ((0, missing),)
        x = call.emit(Pad(pairs=pairs, value=float(call.get("pad_value", 4) or 0)), x)
    return framed(call, x, length, step)


@register("tf.signal.overlap_and_add")
def _overlap_and_add(call: Arguments) -> Result:
    return overlapped(call, call.floating(call.tensor("signal", 0)), call.integer("frame_step", 1))


@register("tf.signal.dct")
def _dct(call: Arguments) -> Step:
    x, kind, size = (
        call.floating(call.tensor("input", 0)),
        call.get("type", 1, 2),
        call.tensor("input", 0).type.shape[-1],
    )
    if kind != 2 or call.get("n", 2) is not None or call.get("norm", 4) not in (None, "ortho") or size is None:
        raise LayerError(f"type={kind}, n, or a signal of unknown length is not supported")
    places = np.arange(size)
    waves = 2 * np.cos(np.pi / size * np.outer(places + 0.5, places))
    if call.get("norm", 4) == "ortho":
        waves *= np.sqrt(0.5 / size) * np.where(places == 0, np.sqrt(0.5), 1.0)
    return Step(Matmul(), (x, call.value(waves.tolist())))
