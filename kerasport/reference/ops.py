"""Operations beside layers, in NumPy."""

from __future__ import annotations

import numpy as np

from kerasport.layers import ops
from kerasport.reference.registry import REFERENCE, Array, Context


@REFERENCE.register(ops.NotEqualTo)
def not_equal_to(spec: ops.NotEqualTo, context: Context, x: Array) -> Array:
    """``x != value``."""
    return np.asarray(x != spec.value)


@REFERENCE.register(ops.AnyNotEqual)
def any_not_equal(spec: ops.AnyNotEqual, context: Context, x: Array) -> Array:
    """``any(x != value)`` over the last axis."""
    return np.asarray((x != x.dtype.type(spec.value)).any(axis=-1))


@REFERENCE.register(ops.CastTo)
def cast_to(spec: ops.CastTo, context: Context, x: Array) -> Array:
    """Floating-point targets become the compute dtype."""
    return x.astype(context.dtype if spec.dtype.startswith("float") else spec.dtype)
