"""Activation functions in NumPy, from their definitions."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from kerasport.layers import activation
from kerasport.layers.base import TensorType
from kerasport.layers.functions import Function
from kerasport.reference.blocks import by_rows
from kerasport.reference.bodies import outputs
from kerasport.reference.registry import REFERENCE, Array, Context

# erfc(z) = t exp(P(2t - 1) - z^2) with t = 2 / (2 + z): the Chebyshev coefficients of P, from
# W. H. Press et al., Numerical Recipes, 3rd edition, 6.2.2; good to 1.2e-16 of the value.
_ERFC = (
    -0.6513268598908547, 6.4196979235649026e-1, 1.9476473204185836e-2, -9.561514786808631e-3, -9.46595344482036e-4,
    3.66839497852761e-4, 4.2523324806907e-5, -2.0278578112534e-5, -1.624290004647e-6, 1.303655835580e-6,
    1.5626441722e-8, -8.5238095915e-8, 6.529054439e-9, 5.059343495e-9, -9.91364156e-10, -2.27365122e-10,
    9.6467911e-11, 2.394038e-12, -6.886027e-12, 8.94487e-13, 3.13092e-13, -1.12708e-13, 3.81e-16, 7.106e-15,
    -1.523e-15, -9.4e-17, 1.21e-16, -2.8e-17,
)  # fmt: skip


def apply(function: Function, x: Array) -> Array:
    """``function(x)``, in x's dtype."""
    if function.trace is not None:
        body = function.trace(TensorType(x.shape))
        return outputs(body, Context({}, dtype=x.dtype.type), [x])[0]
    if function.name in ALONG_AXES or function.name == "linear":
        return FUNCTIONS[function.name](function, x).astype(x.dtype, copy=False)
    return by_rows(partial(FUNCTIONS[function.name], function), x, 0)


@REFERENCE.register(activation.Activation)
def activate(spec: activation.Activation, context: Context, x: Array) -> Array:
    """``activation(x)``."""
    return apply(spec.activation, x)


@REFERENCE.register(activation.PReLU)
def prelu(spec: activation.PReLU, context: Context, x: Array) -> Array:
    """``max(x, 0) + alpha * min(x, 0)``."""
    return np.asarray(np.maximum(x, 0) + context.weights["alpha"] * np.minimum(x, 0))


@REFERENCE.register(activation.Softmax)
def softmax_layer(spec: activation.Softmax, context: Context, x: Array) -> Array:
    """Softmax over the axes taken together as one."""
    mask = context.mask if spec.masked != "ignored" else None
    if mask is not None:
        x = np.where(mask, x, x.dtype.type(-1e9))
    axes = sorted(axis % x.ndim for axis in spec.axes)
    rest = [axis for axis in range(x.ndim) if axis not in axes]
    moved = x.transpose(*rest, *axes)
    flat = softmax(moved.reshape(*moved.shape[: len(rest)], -1), -1)
    y = flat.reshape(moved.shape).transpose(np.argsort([*rest, *axes]))
    if mask is None:
        return y
    if spec.masked == "zeroed":
        return np.where(mask, y, x.dtype.type(0))
    # Over several axes Keras takes exp(x - logsumexp(x)); at -1e9 float32 has no room for the logarithm of the count.
    alone = len(axes) > 1 and ~np.broadcast_to(mask, x.shape).any(axis=tuple(axes), keepdims=True)
    return np.where(alone, x.dtype.type(1), y)


def sigmoid(x: Array) -> Array:
    """``1 / (1 + exp(-x))``, without overflow."""
    return 0.5 * (1 + np.tanh(0.5 * x))


def softmax(x: Array, axis: int) -> Array:
    """``exp(x) / sum(exp(x))`` along an axis."""
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return np.asarray(e / e.sum(axis=axis, keepdims=True))


def log_softmax(x: Array, axis: int) -> Array:
    """``x - log(sum(exp(x)))`` along an axis."""
    shifted = x - x.max(axis=axis, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True)))


def relu(function: Function, x: Array) -> Array:
    """Keras's general ReLU.

    x above the threshold, clipped to [0, max_value] where there is a maximum, and
    ``slope * (x - threshold)`` elsewhere, which is not clipped. PlaidML keeps the threshold itself, too, and
    clips from above only.
    """
    threshold, top = function["threshold"], function["max_value"]
    if function["inclusive"]:
        return np.minimum(np.where(x < threshold, function["negative_slope"] * (x - threshold), x), top)
    kept = np.where(x > threshold, x, 0)
    if np.isfinite(top):
        kept = np.clip(kept, 0, top)
    return kept + function["negative_slope"] * np.minimum(x - threshold, 0)


def elu(x: Array, alpha: float) -> Array:
    """``x`` where positive, else ``alpha * (exp(x) - 1)``."""
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def gelu(x: Array, approximate: bool) -> Array:
    """``x * P(X <= x)`` for a standard normal X, or its approximation by tanh."""
    if approximate:
        return np.asarray(0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))))
    return np.asarray(0.5 * x * erfc(-x / np.sqrt(2)))


def erfc(x: Array) -> Array:
    """``1 - erf(x)``."""
    z = np.abs(x)
    t = 2 / (2 + z)
    tail = t * np.exp(np.polynomial.chebyshev.chebval(2 * t - 1, _ERFC) - z * z)
    return np.asarray(np.where(x < 0, 2 - tail, tail))


def glu(x: Array, axis: int) -> Array:
    """The first half of an axis, gated by the second."""
    first, second = np.split(x, 2, axis=axis)
    return first * sigmoid(second)


def sparsemax(x: Array, axis: int) -> Array:
    """``relu(x - t)`` with t = (sum of the cumulative sums S_1 ... S_k of the descending values - 1) / k.

    Here k is the size of the support as in Martins and Astudillo (2016); their t is (S_k - 1) / k, but
    this is what every Keras that has the function computes.
    """
    z = np.moveaxis(x, axis, -1)
    ordered = np.flip(np.sort(z, axis=-1), axis=-1)
    sums = ordered.cumsum(axis=-1)
    support = (1 + np.arange(1, z.shape[-1] + 1) * ordered > sums).sum(axis=-1, keepdims=True)
    total = np.take_along_axis(sums.cumsum(axis=-1), support - 1, axis=-1)
    return np.moveaxis(np.maximum(z - (total - 1) / support, 0), -1, axis)


# Those that are not elementwise.
ALONG_AXES = frozenset(["softmax", "log_softmax", "glu", "sparsemax"])
FUNCTIONS: dict[str, Callable[[Function, Array], Array]] = {
    "linear": lambda f, x: x,
    "relu": relu,
    "softmax": lambda f, x: softmax(x, int(f["axis"])),
    "log_softmax": lambda f, x: log_softmax(x, int(f["axis"])),
    "sigmoid": lambda f, x: sigmoid(x),
    "tanh": lambda f, x: np.tanh(x),
    "softplus": lambda f, x: np.logaddexp(x, 0),
    "softsign": lambda f, x: x / (np.abs(x) + 1),
    "elu": lambda f, x: elu(x, f["alpha"]),
    "selu": lambda f, x: 1.0507009873554805 * elu(x, 1.6732632423543772),
    "exponential": lambda f, x: np.exp(x),
    "hard_sigmoid": lambda f, x: np.clip(f["slope"] * x + f["offset"], 0, 1),
    "silu": lambda f, x: x * sigmoid(x),
    "gelu": lambda f, x: gelu(x, bool(f["approximate"])),
    "mish": lambda f, x: x * np.tanh(np.logaddexp(x, 0)),
    "leaky_relu": lambda f, x: np.where(x > 0, x, f["negative_slope"] * x),
    "relu6": lambda f, x: np.clip(x, 0, 6),
    "celu": lambda f, x: f["alpha"] * elu(x / f["alpha"], 1.0),
    "glu": lambda f, x: glu(x, int(f["axis"])),
    "hard_shrink": lambda f, x: np.where(np.abs(x) > f["threshold"], x, 0),
    "hard_silu": lambda f, x: x * np.clip(x + 3, 0, 6) / 6,
    "hard_tanh": lambda f, x: np.clip(x, -1, 1),
    "log_sigmoid": lambda f, x: -np.logaddexp(-x, 0),
    "soft_shrink": lambda f, x: np.sign(x) * np.maximum(np.abs(x) - f["threshold"], 0),
    "sparse_plus": lambda f, x: np.where(x >= 1, x, np.where(x <= -1, 0, (x + 1) ** 2 / 4)),
    "sparse_sigmoid": lambda f, x: np.where(x >= 1, 1, np.where(x <= -1, 0, (x + 1) / 2)),
    "sparsemax": lambda f, x: sparsemax(x, int(f["axis"])),
    "squareplus": lambda f, x: (x + np.sqrt(x * x + f["b"])) / 2,
    "tanh_shrink": lambda f, x: x - np.tanh(x),
    "thresholded_relu": lambda f, x: np.where(x > f["theta"], x, 0),
}
