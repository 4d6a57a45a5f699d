"""Convolutions whose kernels are tensors of the graph, in NumPy."""

from __future__ import annotations

from kerasport.layers import kernels
from kerasport.layers.base import TensorType
from kerasport.reference.registry import REFERENCE, Array, Context, Result


@REFERENCE.register(kernels.Convolved)
def convolved(spec: kernels.Convolved, context: Context, x: Array, *given: Array) -> Result:
    """The layer with these kernels as its weights."""
    roles = spec.layer.weights(TensorType(x.shape))
    weights = dict(zip(roles, given, strict=True))
    return REFERENCE[type(spec.layer)](spec.layer, Context(weights, dtype=context.dtype), x)
