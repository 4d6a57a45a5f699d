"""Activation functions in ONNX, as single operators if the opset has them."""

from __future__ import annotations

import math
from collections.abc import Callable

from kerasport.export import bodies
from kerasport.export.builder import Scope
from kerasport.export.layout import Tensor
from kerasport.export.ops import reduce, truth
from kerasport.export.registry import EXPORT
from kerasport.layers import activation
from kerasport.layers.activation import function_type
from kerasport.layers.functions import Function


def apply(b: Scope, function: Function, x: Tensor) -> Tensor:
    """``function(x)``, in x's layout."""
    if function.is_linear:
        return x
    if function.trace is not None:
        (y,) = bodies.outputs(function.trace(x.type), b, [x])
        return Tensor(b.arrange(y, x.perm), x.type, x.perm)
    if function.name == "sparsemax":
        name = sparsemax(b, x, int(function["axis"]))
    elif function.name in ALONG_AXIS:
        name = ALONG_AXIS[function.name](b, x.name, x.stored_axis(int(function["axis"])))
    else:
        name = ELEMENTWISE[function.name](b, function, x.name)
    return Tensor(name, function_type(function, x.type), x.perm)


@EXPORT.register(activation.Activation)
def activate(spec: activation.Activation, b: Scope, x: Tensor) -> Tensor:
    """The function's operators."""
    return apply(b, spec.activation, x)


@EXPORT.register(activation.PReLU)
def prelu(spec: activation.PReLU, b: Scope, x: Tensor) -> Tensor:
    """PRelu."""
    alpha = b.aligned(b.weight("alpha"), range(1, x.type.rank), x)
    return b.tensor(b.op("PRelu", x.name, b.initializer(alpha, "alpha")), perm=x.perm)


@EXPORT.register(activation.Softmax)
def softmax_layer(spec: activation.Softmax, b: Scope, x: Tensor) -> Tensor:
    """Softmax; over several axes Exp(x - ReduceLogSumExp(x)). Masked positions are lowered by a Where before it."""
    mask = b.mask if spec.masked != "ignored" else None
    if mask is not None:
        lowered = b.op("Where", truth(b, mask), b.logical(x), b.constant(-1e9, "lowest"))
        x = b.tensor(lowered, x.type)
    axes = [x.stored_axis(axis) for axis in spec.axes]
    if len(axes) == 1:
        y = b.op("Softmax", x.name, axis=axes[0])
    else:
        y = b.op("Exp", b.op("Sub", x.name, reduce(b, "ReduceLogSumExp", x.name, sorted(axes), keepdims=True)))
    if mask is not None and spec.masked == "zeroed":
        y = b.op("Where", truth(b, mask), y, b.constant(0.0, "zero"))
    return b.tensor(y, perm=x.perm)


def clip(b: Scope, x: str, low: float, high: float) -> str:
    """Clip."""
    return b.op("Clip", x, b.constant(low, "low"), b.constant(high, "high"))


def relu(b: Scope, function: Function, x: str) -> str:
    """Relu, LeakyRelu, Clip or ThresholdedRelu where one of them is enough; else their sum with the part below."""
    slope, top, threshold = function["negative_slope"], function["max_value"], function["threshold"]
    bounded = math.isfinite(top)
    if function["inclusive"] and threshold:
        return inclusive_relu(b, function, x)
    if slope and not bounded and not threshold:
        return b.op("LeakyRelu", x, alpha=slope)
    kept = x
    if threshold:
        kept = b.op("ThresholdedRelu", x, alpha=threshold)
    if bounded:
        kept = clip(b, kept, 0.0, top)
    elif not threshold:
        kept = b.op("Relu", x)
    if not slope:
        return kept
    below = b.op("Sub", x, b.constant(threshold, "threshold")) if threshold else x
    below = b.op("Min", below, b.constant(0.0, "zero"))
    return b.op("Add", kept, b.op("Mul", below, b.constant(slope, "slope")))


def inclusive_relu(b: Scope, function: Function, x: str) -> str:
    """``min(x < threshold ? slope * (x - threshold) : x, max_value)``."""
    slope, top, threshold = (
        function["negative_slope"],
        function["max_value"],
        b.constant(function["threshold"], "threshold"),
    )
    below = b.op("Mul", b.op("Sub", x, threshold), b.constant(slope, "slope")) if slope else b.constant(0.0, "zero")
    y = b.op("Where", b.op("Less", x, threshold), below, x)
    return b.op("Min", y, b.constant(top, "top")) if math.isfinite(top) else y


def silu(b: Scope, x: str) -> str:
    """Swish (24), or x * Sigmoid(x)."""
    return b.op("Swish", x) if b.opset >= 24 else b.op("Mul", x, b.op("Sigmoid", x))


def mish(b: Scope, x: str) -> str:
    """Mish (18), or x * Tanh(Softplus(x))."""
    return b.op("Mish", x) if b.opset >= 18 else b.op("Mul", x, b.op("Tanh", b.op("Softplus", x)))


def hard_silu(b: Scope, x: str) -> str:
    """HardSwish (14), or x * HardSigmoid(x)."""
    return b.op("HardSwish", x) if b.opset >= 14 else b.op("Mul", x, b.op("HardSigmoid", x, alpha=1 / 6, beta=0.5))


def gelu(b: Scope, function: Function, x: str) -> str:
    """Gelu (20), or its definition by Erf or Tanh."""
    if b.opset >= 20:
        return b.op("Gelu", x, approximate="tanh" if function["approximate"] else None)
    if function["approximate"]:
        cube = b.op("Mul", b.op("Mul", b.op("Mul", x, x), x), b.constant(0.044715, "cubic"))
        inner = b.op("Tanh", b.op("Mul", b.op("Add", x, cube), b.constant(math.sqrt(2 / math.pi), "sqrt_2_pi")))
    else:
        inner = b.op("Erf", b.op("Mul", x, b.constant(math.sqrt(0.5), "sqrt_half")))
    half = b.op("Mul", x, b.constant(0.5, "half"))
    return b.op("Mul", half, b.op("Add", inner, b.constant(1.0, "one")))


def sparse_plus(b: Scope, x: str) -> str:
    """``h^2 + relu(x - 1)`` with the ramp ``h = clip((x + 1) / 2, 0, 1)``."""
    ramp = b.op("HardSigmoid", x, alpha=0.5, beta=0.5)
    rest = b.op("Relu", b.op("Sub", x, b.constant(1.0, "one")))
    return b.op("Add", b.op("Mul", ramp, ramp), rest)


def squareplus(b: Scope, function: Function, x: str) -> str:
    """``(x + sqrt(x^2 + b)) / 2``."""
    root = b.op("Sqrt", b.op("Add", b.op("Mul", x, x), b.constant(function["b"], "b")))
    return b.op("Mul", b.op("Add", x, root), b.constant(0.5, "half"))


def glu(b: Scope, x: str, axis: int) -> str:
    """One half times Sigmoid of the other; equal parts must be asked for from opset 18 on."""
    first, second = b.op_n("Split", 2, x, axis=axis, num_outputs=2 if b.opset >= 18 else None)
    return b.op("Mul", first, b.op("Sigmoid", second))


def sparsemax(b: Scope, x: Tensor, axis: int) -> str:
    """``relu(x - t)`` as Keras computes t: see the reference."""
    stored = x.stored_axis(axis)
    size = x.type.shape[axis]
    k = b.constant([size], "size") if size else b.op("Gather", b.op("Shape", x.name), b.constant([stored], "axis"))
    where, one, zero = b.constant(stored, "stored"), b.constant(1.0, "one"), b.constant(0.0, "zero")
    ordered, _ = b.op_n("TopK", 2, x.name, k, axis=stored)
    sums = b.op("CumSum", ordered, where)
    counts = b.op("CumSum", b.op("Add", b.op("Mul", ordered, zero), one), where)
    support = b.op("Greater", ordered, b.op("Div", b.op("Sub", sums, one), counts))
    total = reduce(b, "ReduceSum", b.op("Where", support, sums, zero), [stored], keepdims=True)
    number = reduce(b, "ReduceSum", b.op("Cast", support, to=1), [stored], keepdims=True)
    return b.op("Relu", b.op("Sub", x.name, b.op("Div", b.op("Sub", total, one), number)))


_Translate = Callable[[Scope, Function, str], str]
# Elementwise functions, on a value in any layout.
ELEMENTWISE: dict[str, _Translate] = {
    "relu": relu,
    "sigmoid": lambda b, f, x: b.op("Sigmoid", x),
    "tanh": lambda b, f, x: b.op("Tanh", x),
    "softplus": lambda b, f, x: b.op("Softplus", x),
    "softsign": lambda b, f, x: b.op("Softsign", x),
    "elu": lambda b, f, x: b.op("Elu", x, alpha=f["alpha"]),
    "selu": lambda b, f, x: b.op("Selu", x),
    "exponential": lambda b, f, x: b.op("Exp", x),
    "hard_sigmoid": lambda b, f, x: b.op("HardSigmoid", x, alpha=f["slope"], beta=f["offset"]),
    "silu": lambda b, f, x: silu(b, x),
    "gelu": gelu,
    "mish": lambda b, f, x: mish(b, x),
    "leaky_relu": lambda b, f, x: b.op("LeakyRelu", x, alpha=f["negative_slope"]),
    "relu6": lambda b, f, x: clip(b, x, 0.0, 6.0),
    "celu": lambda b, f, x: b.op("Celu", x, alpha=f["alpha"]),
    "hard_shrink": lambda b, f, x: b.op("Shrink", x, lambd=f["threshold"], bias=0.0),
    "hard_silu": lambda b, f, x: hard_silu(b, x),
    "hard_tanh": lambda b, f, x: clip(b, x, -1.0, 1.0),
    "log_sigmoid": lambda b, f, x: b.op("Neg", b.op("Softplus", b.op("Neg", x))),
    "soft_shrink": lambda b, f, x: b.op("Shrink", x, lambd=f["threshold"], bias=f["threshold"]),
    "sparse_plus": lambda b, f, x: sparse_plus(b, x),
    "sparse_sigmoid": lambda b, f, x: b.op("HardSigmoid", x, alpha=0.5, beta=0.5),
    "squareplus": squareplus,
    "tanh_shrink": lambda b, f, x: b.op("Sub", x, b.op("Tanh", x)),
    "thresholded_relu": lambda b, f, x: b.op("ThresholdedRelu", x, alpha=f["theta"]),
}
# Functions along one axis, given where it is stored.
ALONG_AXIS: dict[str, Callable[[Scope, str, int], str]] = {
    "softmax": lambda b, x, axis: b.op("Softmax", x, axis=axis),
    "log_softmax": lambda b, x, axis: b.op("LogSoftmax", x, axis=axis),
    "glu": glu,
}
