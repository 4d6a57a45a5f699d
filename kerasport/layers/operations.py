"""Elementwise operations under Keras 3's names: arithmetic, comparisons, logic, functions."""

from __future__ import annotations

from typing import Any

import numpy as np

from kerasport.errors import LayerError
from kerasport.layers.arguments import Arguments, Parser, Result, Step, dtype_name, register
from kerasport.layers.base import Value
from kerasport.layers.elementwise import EXACT, Activated, Unary, Where
from kerasport.layers.functions import FUNCTIONS, Function, function
from kerasport.layers.operators import Binary, FilledLike
from kerasport.layers.ops import CastTo, Logical, LogicalNot, NotEqualTo, Unchanged
from kerasport.layers.shaping import Constant

_BINARY = {
    "Add": "add", "Subtract": "subtract", "Multiply": "multiply", "Divide": "divide", "TrueDivide": "divide",
    "Power": "power", "Maximum": "maximum", "Minimum": "minimum", "Equal": "equal", "NotEqual": "not_equal",
    "Greater": "greater", "GreaterEqual": "greater_equal", "Less": "less", "LessEqual": "less_equal",
    "FloorDivide": "floor_divide", "Mod": "mod", "Fmod": "fmod", "Arctan2": "arctan2",
}  # fmt: skip
_UNARY = {
    "Exp": "exp", "Expm1": "expm1", "Exp2": "exp2", "Log": "log", "Log1p": "log1p", "Log2": "log2", "Log10": "log10",
    "Sqrt": "sqrt", "Rsqrt": "rsqrt", "Reciprocal": "reciprocal", "Floor": "floor", "Ceil": "ceil", "Trunc": "trunc",
    "Sin": "sin", "Cos": "cos", "Tan": "tan", "Sinh": "sinh", "Cosh": "cosh", "Arcsin": "asin", "Arccos": "acos",
    "Arctan": "atan", "Arcsinh": "asinh", "Arccosh": "acosh", "Arctanh": "atanh", "Erf": "erf", "Erfc": "erfc",
    "Erfinv": "erfinv", "Cbrt": "cbrt", "Abs": "abs", "Absolute": "abs", "Negative": "negative", "Sign": "sign",
    "Square": "square", "Isnan": "isnan", "Isfinite": "isfinite", "Isinf": "isinf",
}  # fmt: skip
_ACTIVATIONS = {
    "Relu": "relu", "ReLU": "relu", "Relu6": "relu6", "Sigmoid": "sigmoid", "Tanh": "tanh", "Softplus": "softplus",
    "Softsign": "softsign", "Silu": "silu", "Elu": "elu", "Selu": "selu", "Gelu": "gelu", "Celu": "celu",
    "LeakyRelu": "leaky_relu", "HardSigmoid": "hard_sigmoid", "HardSilu": "hard_silu", "HardTanh": "hard_tanh",
    "HardShrink": "hard_shrink", "SoftShrink": "soft_shrink", "TanhShrink": "tanh_shrink", "Glu": "glu",
    "LogSigmoid": "log_sigmoid", "SparsePlus": "sparse_plus", "SparseSigmoid": "sparse_sigmoid", "Mish": "mish",
    "Squareplus": "squareplus", "Sparsemax": "sparsemax", "tf.nn.softmax": "softmax",
    "tf.nn.log_softmax": "log_softmax",
}  # fmt: skip


def binary(call: Arguments, name: str, left: Any, right: Any) -> Step:
    """A function of two tensors, or of a tensor and a constant."""
    values = [side for side in (left, right) if isinstance(side, Value)]
    if not values:
        left = call.emit(Constant.of(left))
        values = [left]
    if name == "not_equal" and isinstance(right, int | float):
        return Step(NotEqualTo(value=float(right)), (left,))
    sides = (None if isinstance(side, Value) else side for side in (left, right))
    return Step(Binary(function=name, **dict(zip(("left", "right"), sides, strict=True))), tuple(values))


def unary(call: Arguments, name: str, x: Value, *parameters: float) -> Step:
    """A function of each value."""
    fractional = name not in EXACT or any(isinstance(p, float) and p != int(p) for p in parameters if abs(p) < 2**63)
    return Step(Unary(function=name, parameters=parameters), (call.floating(x) if fractional else x,))


def choice(call: Arguments, condition: Value, yes: Any, no: Any) -> Step:
    """One of two tensors or constants, by a condition."""
    values = tuple(side for side in (yes, no) if isinstance(side, Value))
    sides = [None if isinstance(side, Value) else side for side in (yes, no)]
    return Step(Where(yes=sides[0], no=sides[1]), (call.cast(condition, "bool"), *values))


def then(call: Arguments, step: Step) -> Value:
    """The value of a step on the way to the result."""
    return call.emit(step.spec, *step.inputs)


def combined(call: Arguments, name: str, left: Any, right: Any) -> Value:
    """The value of ``binary`` on the way to the result."""
    return then(call, binary(call, name, left, right))


def applied(call: Arguments, name: str, x: Value, *parameters: float) -> Value:
    """The value of ``unary`` on the way to the result."""
    return then(call, unary(call, name, x, *parameters))


def chosen(call: Arguments, condition: Value, yes: Any, no: Any) -> Value:
    """The value of ``choice`` on the way to the result."""
    return then(call, choice(call, condition, yes, no))


def _binary(name: str) -> Parser:
    return lambda call: binary(call, name, call.operand("x1", 0), call.operand("x2", 1))


def _unary(name: str) -> Parser:
    return lambda call: unary(call, name, call.tensor("x", 0))


def _relu_of_whole(call: Arguments, x: Value, relu: Function) -> Step:
    """In the dtype of the numbers, as Keras has it."""
    above = binary(call, "maximum", x, 0)
    *_, top = relu.bends or (0.0,)
    return binary(call, "minimum", then(call, above), int(top)) if top > 0 else above


def _activation(name: str) -> Parser:
    def parse(call: Arguments) -> Step:
        given = {key: call.get(key) for key in FUNCTIONS[name]}
        chosen = function({"function": name} | {key: value for key, value in given.items() if value is not None})
        x = call.tensor("x", 0)
        if chosen.keeps_whole_numbers and chosen.bends[0] == 0 and np.dtype(x.type.dtype).kind in "iu":
            return _relu_of_whole(call, x, chosen)
        return Step(Activated(activation=chosen), (call.floating(x),))

    return parse


for _name, _function in _BINARY.items():
    register(_name)(_binary(_function))
for _name, _function in _UNARY.items():
    register(_name)(_unary(_function))
for _name, _function in _ACTIVATIONS.items():
    register(_name)(_activation(_function))


def _logical(name: str) -> Parser:
    def parse(call: Arguments) -> Step:
        sides = (call.cast(call.tensor(key, i), "bool") for i, key in enumerate(("x1", "x2")))
        return Step(Logical(function=name), tuple(sides))

    return parse


for _name, _function in {"LogicalOr": "or", "LogicalAnd": "and", "LogicalXor": "xor"}.items():
    register(_name)(_logical(_function))


@register("LogicalNot")
def _not(call: Arguments) -> Step:
    return Step(LogicalNot(), (call.cast(call.tensor("x", 0), "bool"),))


@register("Where")
def _where(call: Arguments) -> Step:
    return choice(call, call.tensor("condition", 0), call.operand("x1", 1), call.operand("x2", 2))


@register("Clip")
def _clip(call: Arguments) -> Step:
    x, low, high = call.tensor("x", 0), call.operand("x_min", 1), call.operand("x_max", 2)
    if isinstance(low, int | float) and isinstance(high, int | float):
        return unary(call, "clip", x, low, high)
    return binary(call, "minimum", then(call, binary(call, "maximum", x, low)), high)


@register("Round")
def _round(call: Arguments) -> Step:
    x, decimals = call.tensor("x", 0), call.integer("decimals", 1, 0)
    if not decimals:
        return unary(call, "round", x)
    scaled = then(call, binary(call, "multiply", x, 10.0**decimals))
    return binary(call, "multiply", then(call, unary(call, "round", scaled)), 10.0**-decimals)


@register("NanToNum")
def _nan_to_num(call: Arguments) -> Step:
    largest = 3.4028234663852886e38
    defaults = {"nan": 0.0, "posinf": largest, "neginf": -largest}
    found = {key: call.get(key, place) for place, key in enumerate(defaults, 1)}
    numbers = [float(defaults[key] if value is None else value) for key, value in found.items()]
    return unary(call, "nan_to_num", call.tensor("x", 0), *numbers)


@register("Deg2rad")
def _deg2rad(call: Arguments) -> Step:
    return binary(call, "multiply", call.tensor("x", 0), 0.017453292519943295)


@register("Rad2deg")
def _rad2deg(call: Arguments) -> Step:
    return binary(call, "multiply", call.tensor("x", 0), 57.29577951308232)


@register("Signbit")
def _signbit(call: Arguments) -> Step:
    """A negative zero is told by its reciprocal."""
    x = call.tensor("x", 0)
    below = binary(call, "less", x, 0)
    if not x.type.dtype.startswith("float"):
        return below
    inverse = combined(call, "less", applied(call, "reciprocal", x), 0)
    return Step(Logical(function="or"), (then(call, below), inverse))


@register("Logaddexp")
def _logaddexp(call: Arguments) -> Step:
    x, y = call.tensor("x1", 0), call.tensor("x2", 1)
    difference = then(call, binary(call, "subtract", x, y))
    return binary(call, "add", call.emit(Activated(activation=function("softplus")), difference), y)


@register("Hypot")
def _hypot(call: Arguments) -> Step:
    x, y = (then(call, unary(call, "square", call.tensor(key, i))) for i, key in enumerate(("x1", "x2")))
    return unary(call, "sqrt", then(call, binary(call, "add", x, y)))


@register("Heaviside")
def _heaviside(call: Arguments) -> Step:
    x, middle = call.tensor("x1", 0), call.operand("x2", 1)
    above = then(call, binary(call, "greater", x, 0))
    rest = then(call, choice(call, then(call, binary(call, "equal", x, 0)), middle, 0.0))
    return choice(call, above, 1.0, rest)


@register("DivideNoNan")
def _divide_no_nan(call: Arguments) -> Step:
    x, y = call.operand("x1", 0), call.tensor("x2", 1)
    return _unless_zero(call, y, then(call, binary(call, "divide", x, y)))


@register("tf.math.xdivy")
def _xdivy(call: Arguments) -> Step:
    x, y = call.tensor("x1", 0), call.operand("x2", 1)
    return _unless_zero(call, x, then(call, binary(call, "divide", x, y)))


def _unless_zero(call: Arguments, x: Value, result: Value) -> Step:
    return choice(call, then(call, binary(call, "equal", x, 0)), 0.0, result)


@register("tf.math.squared_difference")
def _squared_difference(call: Arguments) -> Step:
    return unary(call, "square", then(call, binary(call, "subtract", call.operand("x1", 0), call.operand("x2", 1))))


@register("tf.math.add_n")
def _add_n(call: Arguments) -> Result:
    total, *rest = call.tensors("inputs", 0)
    result: Step | Value = total
    for value in rest:
        total = then(call, result) if isinstance(result, Step) else total
        result = binary(call, "add", total, value)
    return result


@register("Isclose")
def _isclose(call: Arguments) -> Step:
    x, y = call.tensor("x1", 0), call.tensor("x2", 1)
    relative, absolute = call.number("rtol", 2, 1e-5), call.number("atol", 3, 1e-8)
    distance = then(call, unary(call, "abs", then(call, binary(call, "subtract", x, y))))
    scaled = then(call, binary(call, "multiply", then(call, unary(call, "abs", y)), relative))
    return binary(call, "less_equal", distance, then(call, binary(call, "add", scaled, absolute)))


@register("Threshold")
def _threshold(call: Arguments) -> Step:
    x, limit, default = call.tensor("x", 0), call.number("threshold", 1), call.number("default_value", 2)
    return choice(call, then(call, binary(call, "greater", x, limit)), x, default)


@register("ZerosLike")
def _zeros_like(call: Arguments) -> Step:
    return Step(FilledLike(value=0.0, dtype=dtype_name(call.get("dtype", 1))), (call.tensor("x", 0),))


@register("OnesLike")
def _ones_like(call: Arguments) -> Step:
    return Step(FilledLike(value=1.0, dtype=dtype_name(call.get("dtype", 1))), (call.tensor("x", 0),))


@register("FullLike")
def _full_like(call: Arguments) -> Step:
    x, value, dtype = call.tensor("x", 0), call.operand("fill_value", 1), dtype_name(call.get("dtype", 2))
    if isinstance(value, int | float):
        return Step(FilledLike(value=float(value), dtype=dtype), (x,))
    zeros = call.emit(FilledLike(value=0.0, dtype=dtype), x)
    given = value if isinstance(value, Value) else call.value(value)
    return binary(call, "add", zeros, call.cast(given, zeros.type.dtype))


@register("ConvertToTensor")
def _convert_to_tensor(call: Arguments) -> Step:
    dtype = dtype_name(call.get("dtype", 1))
    return Step(CastTo(dtype=dtype) if dtype else Unchanged(), (call.tensor("x", 0),))


@register("Cast")
def _cast(call: Arguments) -> Step:
    dtype = dtype_name(call.get("dtype", 1))
    if dtype is None or "complex" in dtype:
        raise LayerError(f"the dtype {dtype} is not supported")
    return Step(CastTo(dtype=dtype), (call.tensor("x", 0),))


@register("StopGradient", "Copy", "tf.identity")
def _unchanged(call: Arguments) -> Step:
    return Step(Unchanged(), (call.tensor("x", 0),))
