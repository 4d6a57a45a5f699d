"""Activation functions in ONNX, as single operators where the opset has them."""

from __future__ import annotations

from collections.abc import Callable

from kerasport.export.builder import Scope, Tensor
from kerasport.export.registry import EXPORT
from kerasport.layers import activation
from kerasport.layers.functions import Function

_Translate = Callable[[Scope, Function, str], str]
# Elementwise functions, on a value in any layout.
ELEMENTWISE: dict[str, _Translate] = {
    "relu": lambda b, f, x: relu(b, f, x),
    "sigmoid": lambda b, f, x: b.op("Sigmoid", x),
    "tanh": lambda b, f, x: b.op("Tanh", x),
    "hard_sigmoid": lambda b, f, x: b.op("HardSigmoid", x, alpha=f["slope"], beta=f["offset"]),
}


def apply(b: Scope, function: Function, x: Tensor) -> Tensor:
    """``function(x)``, in x's layout."""
    if function.is_linear:
        return x
    if function.name == "softmax":
        name = b.op("Softmax", x.name, axis=x.stored_axis(int(function["axis"])))
    else:
        name = ELEMENTWISE[function.name](b, function, x.name)
    return Tensor(name, x.type, x.perm)


@EXPORT.register(activation.Activation)
def activate(spec: activation.Activation, b: Scope, x: Tensor) -> Tensor:
    """The function's operators."""
    return apply(b, spec.activation, x)


def relu(b: Scope, function: Function, x: str) -> str:
    """Relu."""
    return b.op("Relu", x)
