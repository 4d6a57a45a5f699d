"""Activation functions in NumPy, from their definitions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from kerasport.layers import activation
from kerasport.layers.functions import Function
from kerasport.reference.registry import REFERENCE, Array, Context

FUNCTIONS: dict[str, Callable[[Function, Array], Array]] = {
    "linear": lambda f, x: x,
    "relu": lambda f, x: relu(f, x),
    "sigmoid": lambda f, x: sigmoid(x),
    "tanh": lambda f, x: np.tanh(x),
    "softmax": lambda f, x: softmax(x, int(f["axis"])),
    "hard_sigmoid": lambda f, x: np.clip(f["slope"] * x + f["offset"], 0, 1),
}


def apply(function: Function, x: Array) -> Array:
    """``function(x)``, in x's dtype."""
    return FUNCTIONS[function.name](function, x).astype(x.dtype, copy=False)


@REFERENCE.register(activation.Activation)
def activate(spec: activation.Activation, context: Context, x: Array) -> Array:
    """``activation(x)``."""
    return apply(spec.activation, x)


def sigmoid(x: Array) -> Array:
    """``1 / (1 + exp(-x))``, without overflow."""
    return 0.5 * (1 + np.tanh(0.5 * x))


def softmax(x: Array, axis: int) -> Array:
    """``exp(x) / sum(exp(x))`` along an axis."""
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return np.asarray(e / e.sum(axis=axis, keepdims=True))


def relu(function: Function, x: Array) -> Array:
    """Keras's general ReLU: max_value above it, x above the threshold, slope * (x - threshold) below."""
    y = np.where(x >= function["threshold"], x, function["negative_slope"] * (x - function["threshold"]))
    return np.minimum(y, function["max_value"])
