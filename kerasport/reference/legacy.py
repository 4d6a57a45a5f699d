"""Layers of Keras 1, in NumPy."""

from __future__ import annotations

import numpy as np

from kerasport.layers import legacy
from kerasport.reference.activation import apply
from kerasport.reference.merge import dot
from kerasport.reference.registry import REFERENCE, Array, Context


@REFERENCE.register(legacy.MaxoutDense)
def maxout(spec: legacy.MaxoutDense, context: Context, x: Array) -> Array:
    """The largest of several dense results."""
    y = np.einsum("bi,fiu->bfu", x, context.weights["kernel"])
    return np.asarray((y + context.weights["bias"] if spec.use_bias else y).max(axis=1))


@REFERENCE.register(legacy.Highway)
def highway(spec: legacy.Highway, context: Context, x: Array) -> Array:
    """``x + t * (activation(...) - x)``."""
    weights = context.weights
    carry, y = x @ weights["carry_kernel"], x @ weights["kernel"]
    if spec.use_bias:
        carry, y = carry + weights["carry_bias"], y + weights["bias"]
    transform = 0.5 * (1 + np.tanh(0.5 * carry))
    return np.asarray(x + transform * (apply(spec.activation, y) - x))


@REFERENCE.register(legacy.ParametricSoftplus)
def parametric_softplus(spec: legacy.ParametricSoftplus, context: Context, x: Array) -> Array:
    """``alpha * log(1 + exp(beta * x))``."""
    return np.asarray(context.weights["alpha"] * np.logaddexp(0, context.weights["beta"] * x))


@REFERENCE.register(legacy.SReLU)
def s_relu(spec: legacy.SReLU, context: Context, x: Array) -> Array:
    """The three lines, each where it applies."""
    left, slope, width, right_slope = (context.weights[role] for role in spec.parameters)
    right = left + np.abs(width)
    below = left + slope * (x - left)
    if spec.limits_left:
        below = np.minimum(below, right)
    above = right + right_slope * (x - right)
    return np.asarray(np.select([x < left, x > right], [below, above], x))


@REFERENCE.register(legacy.RowNormalization)
def by_row(spec: legacy.RowNormalization, context: Context, x: Array) -> Array:
    """Over the last axis."""
    epsilon = x.dtype.type(spec.epsilon)
    deviation = np.sqrt(x.var(axis=-1, keepdims=True) + epsilon) + epsilon
    y = (x - x.mean(axis=-1, keepdims=True)) / deviation
    return np.asarray(y * context.weights["gamma"] + context.weights["beta"])


@REFERENCE.register(legacy.Cosine)
def cosine(spec: legacy.Cosine, context: Context, x: Array, y: Array) -> Array:
    """The product divided by those of each input with itself."""
    xy, xx, yy = (np.asarray(dot(spec.dot, context, *pair)) for pair in ((x, y), (x, x), (y, y)))
    divisor = np.maximum(np.sqrt(np.maximum(xx * yy, 0)), x.dtype.type(1e-7))
    return np.expand_dims(xy / divisor, 1)
