"""Linear algebra, under Keras 3's names; TensorFlow's own under ``tf.`` names."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kerasport.errors import LayerError
from kerasport.layers.arguments import Arguments, Result, Step, register
from kerasport.layers.base import Value, normalize_axis
from kerasport.layers.matrices import Cholesky, Determinant, PseudoInverse, Qr, SingularValues, Solve
from kerasport.layers.operations import applied, binary, combined, then
from kerasport.layers.operations_axes import axes, reduced, total
from kerasport.layers.operations_products import diagonal
from kerasport.layers.operators import ExpandDims
from kerasport.layers.ops import NotEqualTo, Unchanged
from kerasport.layers.products import Matmul
from kerasport.layers.shaping import Band, Squeeze, Transpose

_FACTORS_HINT = "use what is the same for every choice of signs, such as the eigenvalues, or move it out of the model"


def _matrix(call: Arguments, name: str = "x", place: int = 0) -> Value:
    return call.floating(call.tensor(name, place))


def turned(call: Arguments, x: Value) -> Value:
    """The last two axes swapped."""
    rank = x.type.rank
    return call.emit(Transpose(perm=(*range(rank - 2), rank - 1, rank - 2)), x)


def _solved(call: Arguments, a: Value, right: Value, triangle: str = "") -> Step:
    spec = Solve(triangle=triangle)
    if right.type.rank == a.type.rank - 1:
        column = call.emit(ExpandDims(axes=(-1,)), right)
        return Step(Squeeze(axes=(-1,)), (call.emit(spec, a, column),))
    return Step(spec, (a, right))


def _unit_like(call: Arguments, x: Value) -> Value:
    """The unit matrix, as often as there are matrices."""
    size = x.type.shape[-1] or 0
    zeros = combined(call, "multiply", x, 0.0)
    return combined(call, "add", zeros, tuple(tuple(row) for row in np.eye(size).tolist()))


@register("Solve")
def _solve(call: Arguments) -> Step:
    return _solved(call, _matrix(call, "a"), _matrix(call, "b", 1))


@register("tf.linalg.solve")
def _tf_solve(call: Arguments) -> Step:
    a = _matrix(call, "matrix")
    return _solved(call, turned(call, a) if call.flag("adjoint", 2) else a, _matrix(call, "rhs", 1))


@register("Inv")
def _inv(call: Arguments) -> Step:
    a = _matrix(call)
    return _solved(call, turned(call, a) if call.flag("adjoint") else a, _unit_like(call, a))


@register("SolveTriangular")
def _solve_triangular(call: Arguments) -> Step:
    lower = call.flag("lower", 2)
    return _solved(call, _triangle(call, _matrix(call, "a"), lower), _matrix(call, "b", 1), _side(lower))


@register("tf.linalg.triangular_solve")
def _tf_triangular_solve(call: Arguments) -> Step:
    lower, adjoint = bool(call.get("lower", 2, True)), call.flag("adjoint", 3)
    a = _triangle(call, _matrix(call, "matrix"), lower)
    return _solved(call, turned(call, a) if adjoint else a, _matrix(call, "rhs", 1), _side(lower != adjoint))


def _side(lower: bool) -> str:
    return "lower" if lower else "upper"


def _triangle(call: Arguments, x: Value, lower: bool) -> Value:
    return call.emit(Band(upper=0) if lower else Band(lower=0), x)


@register("Det")
def _det(call: Arguments) -> Step:
    sign, logarithm = call.emit_all(Determinant(), _matrix(call))
    return binary(call, "multiply", sign, applied(call, "exp", logarithm))


@register("Slogdet")
def _slogdet(call: Arguments) -> Result:
    return Step(Determinant(), (_matrix(call),))


@register("Logdet")
def _logdet(call: Arguments) -> Step:
    """By Cholesky's factor, as Keras does: NaN for what is not positive definite."""
    roots = then(call, diagonal(call, call.emit(Cholesky(), _matrix(call)), (-2, -1)))
    return binary(call, "multiply", total(call, "sum", applied(call, "log", roots), (-1,)), 2.0)


@register("Cholesky")
def _cholesky(call: Arguments) -> Step:
    factor = call.emit(Cholesky(), _matrix(call))
    return Step(Unchanged(), (turned(call, factor) if call.flag("upper", 1) else factor,))


@register("CholeskyInverse")
def _cholesky_inverse(call: Arguments) -> Step:
    x, upper = _matrix(call), call.flag("upper", 1)
    factor = then(call, _solved(call, _triangle(call, x, not upper), _unit_like(call, x), _side(not upper)))
    sides = (factor, turned(call, factor)) if upper else (turned(call, factor), factor)
    return Step(Matmul(), sides)


@register("tf.linalg.cholesky_solve")
def _cholesky_solve(call: Arguments) -> Step:
    lower = _triangle(call, _matrix(call, "chol"), True)
    inner = then(call, _solved(call, lower, _matrix(call, "rhs", 1), "lower"))
    return _solved(call, turned(call, lower), inner, "upper")


# --- decompositions


@register("SVD")
def _svd(call: Arguments) -> Step:
    call.get("full_matrices")
    if call.get("compute_uv", default=True):
        raise LayerError("singular vectors, whose signs are arbitrary, are not supported", _FACTORS_HINT)
    return Step(SingularValues(), (_matrix(call),))


@register("Qr")
def _qr(call: Arguments) -> Step:
    return Step(Qr(complete=call.text("mode", None, "reduced") == "complete"), (_matrix(call),))


@register("tf.linalg.qr")
def _tf_qr(call: Arguments) -> Step:
    return Step(Qr(complete=call.flag("full_matrices", 1)), (_matrix(call, "input"),))


@register("Pinv")
def _pinv(call: Arguments) -> Step:
    x, cutoff = _matrix(call), call.get("rcond", 1)
    return Step(PseudoInverse(cutoff=_cutoff(x, 10.0) if cutoff is None else call.number("rcond", 1)), (x,))


@register("Lstsq")
def _lstsq(call: Arguments) -> Step:
    a, right, cutoff = _matrix(call, "a"), _matrix(call, "b", 1), call.get("rcond")
    least = _cutoff(a, 1.0) if cutoff is None else call.number("rcond")
    return Step(Matmul(), (call.emit(PseudoInverse(cutoff=least if least >= 0 else _EPSILON), a), right))


@register("MatrixRank")
def _matrix_rank(call: Arguments) -> Step:
    x, tolerance = _matrix(call), call.get("tol", 1)
    values = call.emit(SingularValues(), x)
    least: Any = call.number("tol", 1) if tolerance is not None else combined(
        call, "multiply", total(call, "max", values, (-1,), keepdims=True), _cutoff(x, 1.0))  # fmt: skip
    return reduced(call, "sum", call.cast(combined(call, "greater", values, least), "int32"), (-1,))


_EPSILON = float(np.finfo(np.float32).eps)


def _cutoff(x: Value, factor: float) -> float:
    """Which part of the largest singular value TensorFlow takes for zero."""
    return factor * max(size or 0 for size in x.type.shape[-2:]) * _EPSILON


# --- norms


@register("Norm")
def _norm(call: Arguments) -> Step:
    x, order, over = _matrix(call), call.get("ord", 1), axes(call, "axis", 2)
    if (
        over is None and order is not None
    ):  # not the values in one row, as elsewhere: those of all axes, the batch's too
        over = tuple(range(x.type.rank))
    return norm_of(call, x, order, over, call.flag("keepdims", 3))


def norm_of(call: Arguments, x: Value, order: Any, over: tuple[int, ...] | None, keepdims: bool) -> Step:
    """The norm of vectors along one axis, of matrices along two, or of all values."""
    order = math.inf if order in ("inf", "Infinity") else -math.inf if order in ("-inf", "-Infinity") else order
    if order in (None, "euclidean", "fro") and (order != "fro" or len(over or (0, 0)) == 2):
        return reduced(call, "l2", x, over, keepdims)
    if over is None or len(over) == 1:
        return vector_norm(call, x, order, over, keepdims)
    return _matrix_norm(call, x, order, over, keepdims)


def vector_norm(call: Arguments, x: Value, order: Any, over: tuple[int, ...] | None, keepdims: bool) -> Step:
    """The root of the sum of powers; the largest or smallest value for infinity, the number of values for 0."""
    if isinstance(order, str) or not isinstance(order, int | float):
        raise LayerError(f"ord={order!r} is not supported")
    if order in (1, 2):
        return reduced(call, f"l{int(order)}", x, over, keepdims)
    if order == 0:
        return reduced(call, "sum", call.floating(call.emit(NotEqualTo(value=0.0), x)), over, keepdims)
    sizes = applied(call, "abs", x)
    if math.isinf(order):
        return reduced(call, "max" if order > 0 else "min", sizes, over, keepdims)
    powers = total(call, "sum", combined(call, "power", sizes, float(order)), over, keepdims)
    return binary(call, "power", powers, 1.0 / order)


def _matrix_norm(call: Arguments, x: Value, order: Any, over: tuple[int, ...], keepdims: bool) -> Step:
    if len(over) != 2:
        raise LayerError(f"ord={order!r} with axis={list(over)} is not supported")
    rows, columns = (normalize_axis(axis, x.type.rank) for axis in over)
    if order in ("nuc", 2, -2):
        return _spectral_norm(call, x, order, (rows, columns), keepdims)
    if order not in (1, -1, math.inf, -math.inf):
        raise LayerError(f"ord={order!r} with axis={list(over)} is not supported")
    first, second = (rows, columns) if abs(order) == 1 else (columns, rows)
    sums = total(call, "sum", applied(call, "abs", x), (first,), keepdims=True)
    found = reduced(call, "max" if order > 0 else "min", sums, (second,), keepdims=True)
    return found if keepdims else Step(Squeeze(axes=(rows, columns)), (then(call, found),))


def _spectral_norm(call: Arguments, x: Value, order: Any, over: tuple[int, int], keepdims: bool) -> Step:
    others = [axis for axis in range(x.type.rank) if axis not in over]
    values = call.emit(SingularValues(), call.emit(Transpose(perm=(*others, *over)), x))
    found = reduced(call, {"nuc": "sum", 2: "max", -2: "min"}[order], values, (-1,))
    return Step(ExpandDims(axes=tuple(sorted(over))), (then(call, found),)) if keepdims else found


@register("Normalize")
def _normalize(call: Arguments) -> Step:
    x, over, order = _matrix(call), axes(call), call.get("order", 2, 2)
    epsilon = call.get("epsilon", 3) or 1e-7
    norm = then(call, vector_norm(call, x, order, over, keepdims=True))
    return binary(call, "divide", x, combined(call, "maximum", norm, float(epsilon)))
