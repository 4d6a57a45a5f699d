"""Elementwise operations in ONNX, in any layout."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from kerasport.export.activation import apply
from kerasport.export.builder import Scope
from kerasport.export.layout import Tensor, identity_perm
from kerasport.export.ops import cast
from kerasport.export.registry import EXPORT
from kerasport.layers import elementwise

_NODES = {
    "abs": "Abs", "negative": "Neg", "sign": "Sign", "isnan": "IsNaN", "isinf": "IsInf", "exp": "Exp", "log": "Log",
    "sqrt": "Sqrt", "reciprocal": "Reciprocal", "floor": "Floor", "ceil": "Ceil", "round": "Round", "sin": "Sin",
    "cos": "Cos", "tan": "Tan", "sinh": "Sinh", "cosh": "Cosh", "asin": "Asin", "acos": "Acos", "atan": "Atan",
    "asinh": "Asinh", "acosh": "Acosh", "atanh": "Atanh", "erf": "Erf",
}  # fmt: skip


@EXPORT.register(elementwise.Unary)
def unary(spec: elementwise.Unary, b: Scope, x: Tensor) -> Tensor:
    """The operator of that name, or a few."""
    if spec.function in _NODES:
        name = b.op(_NODES[spec.function], x.name)
    elif spec.function == "clip":
        bounds = (np.array(_finite(bound, x.type.dtype), x.type.dtype) for bound in spec.parameters)
        name = b.op("Clip", x.name, *(b.constant(bound, label) for bound, label in zip(bounds, _LABELS, strict=True)))
    elif spec.function == "nan_to_num":
        name = _nan_to_num(b, x.name, *spec.parameters)
    else:
        name = _FORMULAS[spec.function](b, x.name)
    return b.tensor(name, perm=x.perm)


@EXPORT.register(elementwise.Activated)
def activated(spec: elementwise.Activated, b: Scope, x: Tensor) -> Tensor:
    """The function's operators."""
    return apply(b, spec.activation, x)


@EXPORT.register(elementwise.Where)
def where(spec: elementwise.Where, b: Scope, *inputs: Tensor) -> Tensor:
    """Where; scalar constants fit every layout."""
    dtype = spec.operand_dtype(*(x.type for x in inputs))
    if all(np.ndim(side) == 0 for side in spec.constants) and len({x.type.rank for x in inputs}) == 1:
        names, perm = b.common(inputs)
    else:
        names, perm = [b.logical(x) for x in inputs], identity_perm(b.output_type.rank)
    pairs = zip(inputs[1:], names[1:], strict=True)
    wide = "int32" if dtype in _NOT_SELECTED else dtype
    values = iter([name if x.type.dtype == wide else cast(b, name, wide) for x, name in pairs])
    constants = [None if side is None else np.asarray(side).astype(dtype).astype(wide) for side in (spec.yes, spec.no)]
    sides = (next(values) if side is None else b.constant(side, "operand") for side in constants)
    y = b.op("Where", names[0], *sides)
    return b.tensor(y if wide == dtype else cast(b, y, dtype), perm=perm)


_LABELS = ("low", "high")
# Types for which ONNX Runtime has no Where.
_NOT_SELECTED = frozenset(("bool", "int16", "uint16"))


def _finite(bound: float, dtype: str) -> float:
    if dtype.startswith("float"):
        return bound
    limits = np.iinfo(dtype)
    return min(max(bound, limits.min), limits.max)


def _nan_to_num(b: Scope, x: str, nan: float, top: float, bottom: float) -> str:
    numbers = b.op("Where", b.op("IsNaN", x), b.constant(nan, "nan"), x)
    capped = b.op("Where", b.op("Equal", x, b.constant(math.inf, "infinity")), b.constant(top, "top"), numbers)
    return b.op("Where", b.op("Equal", x, b.constant(-math.inf, "infinity")), b.constant(bottom, "bottom"), capped)


def _times(factor: float, op: str) -> Callable[[Scope, str], str]:
    return lambda b, x: b.op("Mul", b.op(op, x), b.constant(factor, "factor"))


def _cube_root(b: Scope, x: str) -> str:
    return b.op("Mul", b.op("Sign", x), b.op("Pow", b.op("Abs", x), b.constant(1 / 3, "third")))


# M. Giles, Approximating the erfinv function (2010), table 5: polynomials in w = -log(1 - x^2), minus 2.5 where
# that is less than 5, and in its root minus 3 else.
_NEAR = (2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087, -0.00125372503, -0.00417768164,
         0.246640727, 1.50140941)  # fmt: skip
_FAR = (-0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773, -0.0076224613, 0.00943887047,
        1.00167406, 2.83297682)  # fmt: skip


def _erfinv(b: Scope, x: str) -> str:
    one = b.constant(1.0, "one")
    rest = b.op("Mul", b.op("Sub", one, x), b.op("Add", one, x))  # 1 - x^2 without its cancellation near 1
    w = b.op("Neg", b.op("Log", rest))
    near = _polynomial(b, b.op("Sub", w, b.constant(2.5, "centre")), _NEAR)
    far = _polynomial(b, b.op("Sub", b.op("Sqrt", w), b.constant(3.0, "centre")), _FAR)
    return b.op("Mul", x, b.op("Where", b.op("Less", w, b.constant(5.0, "limit")), near, far))


def _polynomial(b: Scope, x: str, coefficients: tuple[float, ...]) -> str:
    first, *rest = coefficients
    y = b.constant(first, "coefficient")
    for coefficient in rest:
        y = b.op("Add", b.op("Mul", y, x), b.constant(coefficient, "coefficient"))
    return y


# M. Abramowitz, I. A. Stegun, Handbook of Mathematical Functions, 9.8.1 and 9.8.2: I0 in powers of (x / 3.75)^2, and
# exp(-x) sqrt(x) I0 in powers of 3.75 / x.
_I0_NEAR = (0.0045813, 0.0360768, 0.2659732, 1.2067492, 3.0899424, 3.5156229, 1.0)
_I0_FAR = (0.00392377, -0.01647633, 0.02635537, -0.02057706, 0.00916281, -0.00157565, 0.00225319, 0.01328592,
           0.39894228)  # fmt: skip


def _i0(b: Scope, x: str) -> str:
    return b.op("Mul", _i0e(b, x), b.op("Exp", b.op("Abs", x)))


def _i0e(b: Scope, x: str) -> str:
    size, limit = b.op("Abs", x), b.constant(3.75, "limit")
    ratio = b.op("Div", b.op("Min", size, limit), limit)
    near = b.op("Mul", _polynomial(b, b.op("Mul", ratio, ratio), _I0_NEAR), b.op("Exp", b.op("Neg", size)))
    wide = b.op("Max", size, limit)
    far = b.op("Div", _polynomial(b, b.op("Div", limit, wide), _I0_FAR), b.op("Sqrt", wide))
    return b.op("Where", b.op("Less", size, limit), near, far)


_FORMULAS: dict[str, Callable[[Scope, str], str]] = {
    "i0": _i0,
    "i0e": _i0e,
    "square": lambda b, x: b.op("Mul", x, x),
    "isfinite": lambda b, x: b.op("Less", b.op("Abs", x), b.constant(math.inf, "infinity")),
    "rsqrt": lambda b, x: b.op("Reciprocal", b.op("Sqrt", x)),
    "expm1": lambda b, x: b.op("Sub", b.op("Exp", x), b.constant(1.0, "one")),
    "log1p": lambda b, x: b.op("Log", b.op("Add", x, b.constant(1.0, "one"))),
    "exp2": lambda b, x: b.op("Pow", b.constant(2.0, "two"), x),
    "log2": _times(1 / math.log(2), "Log"),
    "log10": _times(1 / math.log(10), "Log"),
    "erfc": lambda b, x: b.op("Sub", b.constant(1.0, "one"), b.op("Erf", x)),
    "erfinv": _erfinv,
    "trunc": lambda b, x: b.op("Mul", b.op("Sign", x), b.op("Floor", b.op("Abs", x))),
    "cbrt": _cube_root,
}
