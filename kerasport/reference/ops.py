"""Auxiliary operations in NumPy."""

from __future__ import annotations

import numpy as np

from kerasport.layers import ops
from kerasport.reference.registry import REFERENCE, Array, Context

_LOGICAL = {"and": np.logical_and, "or": np.logical_or, "xor": np.logical_xor}


@REFERENCE.register(ops.Unchanged)
def unchanged(spec: ops.Unchanged, context: Context, x: Array) -> Array:
    """The input."""
    return x


@REFERENCE.register(ops.NotEqualTo)
def not_equal_to(spec: ops.NotEqualTo, context: Context, x: Array) -> Array:
    """``x != value``."""
    return not_equal(x, spec.value)


def not_equal(x: Array, value: float) -> Array:
    """``x != value`` as float32 sees it, in which 0.1 is another number than in float64."""
    y = x.astype(np.float32) if x.dtype == np.float64 else x
    return np.asarray(y != y.dtype.type(value))


@REFERENCE.register(ops.ReduceAny)
def reduce_any(spec: ops.ReduceAny, context: Context, x: Array) -> Array:
    """``any(x)``."""
    return np.asarray(x.any(axis=spec.axes, keepdims=spec.keepdims))


@REFERENCE.register(ops.Logical)
def logical(spec: ops.Logical, context: Context, x: Array, y: Array) -> Array:
    """Elementwise logic."""
    return np.asarray(_LOGICAL[spec.function](x, y))


@REFERENCE.register(ops.LogicalNot)
def logical_not(spec: ops.LogicalNot, context: Context, x: Array) -> Array:
    """``not x``."""
    return np.asarray(~x)


@REFERENCE.register(ops.CastTo)
def cast_to(spec: ops.CastTo, context: Context, x: Array) -> Array:
    """Floating-point targets become the compute dtype."""
    return x.astype(context.dtype if spec.dtype.startswith("float") else spec.dtype)
