"""EinsumDense in NumPy."""

from __future__ import annotations

import numpy as np

from kerasport.layers import einsum
from kerasport.layers.base import TensorType
from kerasport.reference import stored
from kerasport.reference.activation import apply
from kerasport.reference.registry import REFERENCE, Array, Context


@REFERENCE.register(einsum.EinsumDense)
def einsum_dense(spec: einsum.EinsumDense, context: Context, x: Array) -> Array:
    """``activation(einsum(equation, x, kernel) + bias)``."""
    equation, layout = spec.letters(x.ndim), spec.layout(TensorType(x.shape))
    summed = tuple(axis for axis, letter in enumerate(equation.input) if letter not in equation.output)
    value = stored.rounded(spec.stored, context, x, summed)
    y = np.einsum(str(equation), value, stored.base(spec.stored, layout, context), optimize=True)
    if stored.has_factors(layout, context):
        y = y + np.einsum(str(equation), x, stored.low_rank(spec.stored, layout, context), optimize=True)
    return apply(spec.activation, y + stored.bias(spec.stored, context) if spec.bias_axes else y)
