"""Integer operations in NumPy."""

from __future__ import annotations

import numpy as np

from kerasport.layers import integers
from kerasport.reference.registry import REFERENCE, Array, Context

_BITWISE = {"and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor}


@REFERENCE.register(integers.Bitwise)
def bitwise(spec: integers.Bitwise, context: Context, x: Array, y: Array) -> Array:
    """The function of that name."""
    return np.asarray(_BITWISE[spec.function](x, y))


@REFERENCE.register(integers.GreatestDivisor)
def greatest_divisor(spec: integers.GreatestDivisor, context: Context, x: Array, y: Array) -> Array:
    """``np.gcd``."""
    return np.asarray(np.gcd(x, y))
