"""Rarer elementwise operations under Keras 3's names: tests, integers, bits, parts of complex numbers."""

from __future__ import annotations

import math

from kerasport.errors import LayerError
from kerasport.layers.arguments import Arguments, Parser, Result, Step, dtype_name, register
from kerasport.layers.base import Value
from kerasport.layers.integers import Bitwise, GreatestDivisor
from kerasport.layers.operations import applied, binary, choice, chosen, combined, unary
from kerasport.layers.operations_axes import reduced
from kerasport.layers.operators import FilledLike
from kerasport.layers.ops import CastTo, Logical, LogicalNot, Unchanged

_BOUNDS = {"uint8": (0, 255), "int8": (-128, 127), "uint16": (0, 65535), "int16": (-32768, 32767)}


def _sides(call: Arguments, *names: str) -> tuple[Value, Value]:
    """Two tensors of whole numbers, in one dtype."""
    x, y = (call.tensor(name, place) for place, name in enumerate(names or ("x1", "x2")))
    return x, call.cast(y, x.type.dtype)


@register("Fabs")
def _fabs(call: Arguments) -> Step:
    return unary(call, "abs", call.floating(call.tensor("x", 0)))


@register("I0")
def _i0(call: Arguments) -> Step:
    return unary(call, "i0", call.tensor("x", 0))


@register("tf.math.bessel_i0e")
def _i0e(call: Arguments) -> Step:
    return unary(call, "i0e", call.tensor("x", 0))


@register("Sinc")
def _sinc(call: Arguments) -> Step:
    x = call.floating(call.tensor("x", 0))
    angle = combined(call, "multiply", x, math.pi)
    quotient = combined(call, "divide", applied(call, "sin", angle), angle)
    return choice(call, combined(call, "equal", x, 0.0), 1.0, quotient)


def _infinity(sign: float) -> Parser:
    return lambda call: binary(call, "equal", call.floating(call.tensor("x", 0)), sign * math.inf)


register("Isposinf")(_infinity(1.0))
register("Isneginf")(_infinity(-1.0))


@register("Isreal")
def _isreal(call: Arguments) -> Step:
    return Step(FilledLike(value=1.0, dtype="bool"), (call.tensor("x", 0),))


@register("Real", "Conj", "Conjugate", "tf.math.real", "tf.math.conj")
def _real(call: Arguments) -> Step:
    return Step(Unchanged(), (call.tensor("x", 0),))


@register("Imag", "tf.math.imag")
def _imag(call: Arguments) -> Step:
    return Step(FilledLike(value=0.0), (call.tensor("x", 0),))


@register("Angle")
def _angle(call: Arguments) -> Step:
    x = call.floating(call.tensor("x", 0))
    return choice(call, combined(call, "less", x, 0.0), math.pi, 0.0)


def _fractional_extreme(name: str) -> Parser:
    """The larger or smaller one of two values, of which one may be NaN."""

    def parse(call: Arguments) -> Result:
        x, y = call.tensor("x1", 0), call.tensor("x2", 1)
        if not any(side.type.dtype.startswith("float") for side in (x, y)):
            return binary(call, name, x, y)
        found = chosen(call, applied(call, "isnan", x), y, combined(call, name, x, y))
        return choice(call, applied(call, "isnan", y), x, found)

    return parse


register("Fmax")(_fractional_extreme("maximum"))
register("Fmin")(_fractional_extreme("minimum"))


@register("Logaddexp2")
def _logaddexp2(call: Arguments) -> Step:
    x, y = (call.floating(call.tensor(name, i)) for i, name in enumerate(("x1", "x2")))
    distance = applied(call, "abs", combined(call, "subtract", x, y))
    rest = applied(call, "log1p", applied(call, "exp2", applied(call, "negative", distance)))
    return binary(call, "add", combined(call, "maximum", x, y), combined(call, "multiply", rest, 1 / math.log(2)))


@register("Ldexp")
def _ldexp(call: Arguments) -> Step:
    x, power = call.floating(call.tensor("x1", 0)), call.tensor("x2", 1)
    return binary(call, "multiply", x, applied(call, "exp2", call.floating(power)))


@register("Nextafter")
def _nextafter(call: Arguments) -> Step:
    """The value itself, as float32 rounds its neighbour in float64; NaN where one side is."""
    x, y = (call.floating(call.tensor(name, i)) for i, name in enumerate(("x1", "x2")))
    return choice(call, applied(call, "isnan", y), y, x)


@register("AllClose")
def _all_close(call: Arguments) -> Step:
    x, y = call.floating(call.tensor("x1", 0)), call.floating(call.tensor("x2", 1))
    relative, absolute = call.number("rtol", None, 1e-5), call.number("atol", None, 1e-8)
    limit = combined(call, "add", combined(call, "multiply", applied(call, "abs", y), relative), absolute)
    near = combined(call, "less_equal", applied(call, "abs", combined(call, "subtract", x, y)), limit)
    close = call.emit(Logical(function="or"), near, combined(call, "equal", x, y))
    if call.flag("equal_nan"):
        both = call.emit(Logical(function="and"), applied(call, "isnan", x), applied(call, "isnan", y))
        close = call.emit(Logical(function="or"), close, both)
    return reduced(call, "all", close, None)


@register("SaturateCast")
def _saturate_cast(call: Arguments) -> Step:
    x, dtype = call.tensor("x", 0), dtype_name(call.get("dtype", 1))
    if dtype in _BOUNDS:
        low, high = _BOUNDS[dtype]
        x = applied(call, "clip", x, low, high)
    elif dtype in ("int32", "int64") and x.type.dtype.startswith("float"):
        # The largest float32 below the limit, which float32 rounds up.
        power = 31 if dtype == "int32" else 63
        x = applied(call, "clip", x, -(2.0**power), 2.0**power - 2.0 ** (power - 24))
    elif dtype not in ("int32", "int64") and not (dtype == "float32" and x.type.dtype.startswith("float")):
        raise LayerError(f"a saturating cast of {x.type.dtype} to {dtype} is not supported")
    return Step(CastTo(dtype=dtype), (x,))


@register("View")
def _view(call: Arguments) -> Step:
    x, dtype = call.tensor("x", 0), dtype_name(call.get("dtype", 1))
    if dtype not in (None, x.type.dtype):
        raise LayerError(
            f"the bits of {x.type.dtype} read as {dtype} cannot be expressed in ONNX",
            "use a cast, or move the operation out of the model",
        )
    return Step(Unchanged(), (x,))


# --- whole numbers


@register("Gcd")
def _gcd(call: Arguments) -> Step:
    return Step(GreatestDivisor(), _sides(call))


@register("Lcm")
def _lcm(call: Arguments) -> Step:
    x, y = (applied(call, "abs", side) for side in _sides(call))
    divisor = call.emit(GreatestDivisor(), x, y)
    factor = combined(call, "floor_divide", y, combined(call, "maximum", divisor, 1))
    return binary(call, "multiply", x, factor)


def _bitwise(name: str) -> Parser:
    def parse(call: Arguments) -> Step:
        sides = _sides(call, "x", "y")
        spec = Logical(function=name) if sides[0].type.dtype == "bool" else Bitwise(function=name)
        return Step(spec, sides)

    return parse


for _name, _function in {"And": "and", "Or": "or", "Xor": "xor"}.items():
    register(f"Bitwise{_name}")(_bitwise(_function))


@register("BitwiseInvert", "BitwiseNot")
def _invert(call: Arguments) -> Step:
    x = call.tensor("x", 0)
    if x.type.dtype == "bool":
        return Step(LogicalNot(), (x,))
    return binary(call, "subtract", -1 if x.type.dtype.startswith("int") else _BOUNDS[x.type.dtype][1], x)


@register("LeftShift", "BitwiseLeftShift")
def _left_shift(call: Arguments) -> Step:
    x, places = _sides(call, "x", "y")
    return binary(call, "multiply", x, _power_of_two(call, places, x.type.dtype))


@register("RightShift", "BitwiseRightShift")
def _right_shift(call: Arguments) -> Step:
    x, places = _sides(call, "x", "y")
    return binary(call, "floor_divide", x, _power_of_two(call, places, x.type.dtype))


def _power_of_two(call: Arguments, places: Value, dtype: str) -> Value:
    return call.cast(applied(call, "exp2", call.floating(places)), dtype)
