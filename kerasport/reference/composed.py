"""Composed layers, in NumPy."""

from __future__ import annotations

from kerasport.layers import composed
from kerasport.reference.registry import REFERENCE, Array, Context


@REFERENCE.register(composed.Parameter)
def parameter(spec: composed.Parameter, context: Context) -> Array:
    """The weight."""
    return context.weights[spec.role]


@REFERENCE.register(composed.Composite)
def composite(spec: composed.Composite, context: Context, *results: Array) -> tuple[Array, ...]:
    """The results."""
    return results
