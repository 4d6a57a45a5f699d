"""Elementwise operations, in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from kerasport.layers import elementwise
from kerasport.reference.activation import apply, erfc
from kerasport.reference.registry import REFERENCE, Array, Context


def _erfinv(y: Array) -> Array:
    """Newton's method on ``erf(x) - y`` from Winitzki's approximation."""
    logarithm = np.log1p(-y * y)
    term = 2 / (np.pi * 0.147) + logarithm / 2
    x = np.sign(y) * np.sqrt(np.sqrt(term**2 - logarithm / 0.147) - term)
    for _ in range(3):
        x = x - (1 - erfc(x) - y) * np.sqrt(np.pi) / 2 * np.exp(x * x)
    return np.asarray(x)


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": np.abs, "negative": np.negative, "sign": np.sign, "square": np.square, "clip": np.clip,
    "isnan": np.isnan, "isfinite": np.isfinite, "isinf": np.isinf, "exp": np.exp, "expm1": np.expm1, "exp2": np.exp2,
    "log": np.log, "log1p": np.log1p, "log2": np.log2, "log10": np.log10, "sqrt": np.sqrt,
    "rsqrt": lambda x: x**-0.5, "reciprocal": lambda x: 1 / x, "floor": np.floor, "ceil": np.ceil, "round": np.round,
    "trunc": np.trunc, "sin": np.sin, "cos": np.cos, "tan": np.tan, "sinh": np.sinh, "cosh": np.cosh,
    "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan, "asinh": np.arcsinh, "acosh": np.arccosh,
    "atanh": np.arctanh, "erf": lambda x: 1 - erfc(x), "erfc": erfc, "erfinv": _erfinv, "cbrt": np.cbrt,
    "i0": np.i0, "i0e": lambda x: np.i0(x) * np.exp(-np.abs(x)),
    "nan_to_num": lambda x, nan, top, bottom: np.nan_to_num(x, nan=nan, posinf=top, neginf=bottom),
}  # fmt: skip


@REFERENCE.register(elementwise.Unary)
def unary(spec: elementwise.Unary, context: Context, x: Array) -> Array:
    """The function of that name."""
    with np.errstate(all="ignore"):
        y = np.asarray(_FUNCTIONS[spec.function](x, *spec.parameters))
    return y if spec.function in elementwise.TESTS else y.astype(x.dtype, copy=False)


@REFERENCE.register(elementwise.Activated)
def activated(spec: elementwise.Activated, context: Context, x: Array) -> Array:
    """``activation(x)``."""
    return apply(spec.activation, x)


@REFERENCE.register(elementwise.Where)
def where(spec: elementwise.Where, context: Context, condition: Array, *inputs: Array) -> Array:
    """The values chosen by the condition."""
    arrays = iter(inputs)
    yes, no = (next(arrays) if side is None else np.asarray(side) for side in (spec.yes, spec.no))
    numbers: list[Any] = [x.dtype for x in inputs if x.dtype.kind != "b"]
    weak = [np.int32 if np.asarray(side).dtype.kind == "i" else np.bool_ for side in spec.constants]
    dtype: Any = np.result_type(*(numbers or [x.dtype for x in inputs] + weak))
    if "f" in {side.dtype.kind for side in (yes, no)} or dtype.kind == "f":
        dtype = context.dtype
    return np.where(condition, yes.astype(dtype), no.astype(dtype))
