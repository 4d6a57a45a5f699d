"""The quantizers of QKeras as they predict: how the layers of the file round weights and results."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from math import log
from typing import Any

from kerasport.plugins import Tensor, ops, refuse

_TINY = 1e-7  # keras.backend.epsilon()
_MOST_ROUNDS = 100  # in which the scale of a ternary quantizer is found
_ROUNDING = {
    "use_stochastic_rounding": False,
    "quadratic_approximation": False,
    "log2_rounding": "rnd",
    "qnoise_factor": 1.0,
}
_POWERS: dict[str, Any] = {"bits": 8, "max_value": None, **_ROUNDING}
_POWERS_OF_RELU: dict[str, Any] = {"bits": 8, "max_value": None, "negative_slope": 0, **_ROUNDING}
# The arguments of quantizers that decide how they predict, in the order in which text may give them.
_ARGUMENTS: dict[str, dict[str, Any]] = {
    "quantized_bits": {
        "bits": 8,
        "integer": 0,
        "symmetric": 0,
        "keep_negative": True,
        "alpha": None,
        "use_stochastic_rounding": False,
        "scale_axis": None,
        "qnoise_factor": 1.0,
    },
    "quantized_relu": {
        "bits": 8,
        "integer": 0,
        "use_sigmoid": 0,
        "negative_slope": 0.0,
        "use_stochastic_rounding": False,
        "relu_upper_bound": None,
        "is_quantized_clip": True,
        "qnoise_factor": 1.0,
    },
    "quantized_hswish": {
        "bits": 8,
        "integer": 0,
        "symmetric": 0,
        "alpha": None,
        "use_stochastic_rounding": False,
        "scale_axis": None,
        "qnoise_factor": 1.0,
        "keep_negative": True,
        "relu_shift": 3,
        "relu_upper_bound": 6,
    },
    "quantized_po2": _POWERS,
    "quantized_relu_po2": _POWERS_OF_RELU,
    "binary": {"use_01": False, "alpha": None, "use_stochastic_rounding": False},
    "ternary": {"alpha": None, "threshold": None, "use_stochastic_rounding": False, "number_of_unrolls": 5},
    "quantized_tanh": {"bits": 8, "use_stochastic_rounding": False, "symmetric": False, "use_real_tanh": False},
    "quantized_sigmoid": {
        "bits": 8,
        "symmetric": False,
        "use_real_sigmoid": False,
        "use_stochastic_rounding": False,
    },
}
Options = Mapping[str, Any]


def _quantizer(raw: Any) -> tuple[str, dict[str, Any]]:
    """The name and the arguments of a quantizer that is given as text or by its config."""
    name, given = _read(named(raw))
    known = _ARGUMENTS.get(name)
    if known is None:
        raise refuse(f"the quantizer {name[:40]!r} is not supported; only {', '.join(_ARGUMENTS)}")
    if isinstance(raw, Mapping):
        given |= raw.get("config") or {}
    unknown = given.keys() - known.keys()
    if unknown:
        raise refuse(f"the argument {min(unknown)!r} of {name} is not known")
    options = known | given
    if options.get("qnoise_factor", 1.0) != 1.0:
        raise refuse("a qnoise_factor other than 1 is not supported")
    return name, options


def named(raw: Any) -> str:
    """The class, the function, or the text of a call, that a config names."""
    name = raw.get("class_name") or raw.get("function") if isinstance(raw, Mapping) else raw
    return str(name).removeprefix("Custom>")


def _read(text: str) -> tuple[str, dict[str, Any]]:
    """A call such as ``quantized_bits(4, 0, alpha=1)``, of which nothing is run."""
    try:
        call = ast.parse(text.strip(), mode="eval").body
        if isinstance(call, ast.Name):
            return call.id, {}
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            raise ValueError
        places = _ARGUMENTS.get(call.func.id, {})
        given = dict(zip(places, map(ast.literal_eval, call.args), strict=False))
        return call.func.id, given | {str(word.arg): ast.literal_eval(word.value) for word in call.keywords}
    except (SyntaxError, ValueError, RecursionError) as error:
        raise refuse(f"the quantizer {text[:40]!r} cannot be read") from error


def quantized(raw: Any, x: Tensor) -> Tensor:
    """A weight, or a result, as its quantizer rounds it; as it is where there is none."""
    if raw is None:
        return x
    name, options = _quantizer(raw)
    return _QUANTIZERS[name](options, x)


def _bits(options: Options, x: Tensor) -> Tensor:
    """Multiples of ``2**(integer - bits)`` within bounds; or of a scale for each channel, found from the values."""
    bits, integer, negative = int(options["bits"]), int(options["integer"]), int(bool(options["keep_negative"]))
    alpha, unit = options["alpha"], 2.0**integer
    if isinstance(alpha, str):
        return _scaled(alpha, options["scale_axis"], x, bits, unit)
    levels = 2.0 ** (bits - negative)
    if bits == negative:
        sign = ops.where(x >= 0.0, 1.0, -1.0)
        found = sign if negative else (sign + 1.0) / 2.0
    else:
        low = negative * (int(bool(options["symmetric"])) - levels)
        found = ops.clip(ops.round(x * (levels / unit)), low, levels - 1.0) * (unit / levels)
    return found * _factor(alpha)


def _factor(alpha: Any) -> float:
    """A scale that is given as a number."""
    if alpha is not None and not isinstance(alpha, int | float):
        raise refuse(f"alpha={str(alpha)[:40]} is not supported")
    return float(1.0 if alpha is None else alpha)


def _scaled(alpha: str, scale_axis: int | None, x: Tensor, bits: int, unit: float) -> Tensor:
    """Symmetric levels of a scale for each channel; with ``auto_po2``, a power of two, nearer in five steps."""
    axes = _axes(alpha, x, scale_axis)
    x, most = x / unit, float(2 ** (bits - 1) - 1)

    def rounded(scale: Tensor) -> Tensor:
        return ops.sign(x) * ops.minimum(ops.floor(ops.abs(x) / scale + 0.5), most)

    scale = ops.max(ops.abs(x), axis=axes, keepdims=True) / most
    levels = rounded(scale)
    if alpha == "auto_po2":
        scale = _power_of_two(scale)
        for _ in range(5):
            levels = rounded(scale)
            scale = _power_of_two(_least_squares(x, levels, axes))
    return levels * scale * unit


def _axes(alpha: str, x: Tensor, scale_axis: int | None = None) -> list[int]:
    """The axes that share a scale."""
    if alpha not in ("auto", "auto_po2"):
        raise refuse(f"alpha={alpha[:40]!r} is not supported")
    last = (x.rank - 1) if scale_axis is None else int(scale_axis)
    return [axis for axis in range(x.rank) if axis != last] if x.rank > 1 else [0]


def _fitted(alpha: str, x: Tensor, levels: Tensor, axes: list[int]) -> Tensor:
    """The scale with which levels are nearest to the values."""
    scale = _least_squares(x, levels, axes)
    return _power_of_two(scale) if alpha == "auto_po2" else scale


def _binary(options: Options, x: Tensor) -> Tensor:
    """Signs, or 0 and 1, of a scale."""
    alpha, signs = options["alpha"], ops.where(x >= 0.0, 1.0, -1.0)
    levels = (signs + 1.0) / 2.0 if options["use_01"] else signs
    if isinstance(alpha, str):
        return levels * _fitted(alpha, x, levels, _axes(alpha, x))
    return levels * _factor(alpha)


def _ternary(options: Options, x: Tensor) -> Tensor:
    """Signs of what is beyond a threshold, of a scale; where the scale is found, both become better step by step."""
    alpha, threshold = options["alpha"], options["threshold"]
    if not isinstance(alpha, str):
        least = 0.33 if threshold is None else float(threshold)
        return ops.sign(x) * ops.cast(ops.abs(x) >= least, "float32") * _factor(alpha)
    axes, rounds = _axes(alpha, x), int(options["number_of_unrolls"])
    if rounds > _MOST_ROUNDS:
        raise refuse(f"number_of_unrolls={rounds} is not supported; only up to {_MOST_ROUNDS}")
    scale = ops.max(ops.abs(x), axis=axes, keepdims=True) * (2.0 / 3.0)
    scale, levels = (_power_of_two(scale) if alpha == "auto_po2" else scale), x
    for _ in range(rounds):
        beyond = ops.abs(scale * ops.round(x / scale)) >= scale / 2.0
        levels = ops.sign(x) * ops.cast(beyond, "float32")
        scale = _fitted(alpha, x, levels, axes)
    return levels * scale


def _powers(options: Options, x: Tensor) -> Tensor:
    """Powers of two with the signs of the values."""
    return ops.where(x >= 0.0, 1.0, -1.0) * _power(options, ops.abs(x), int(options["bits"]) - 1)


def _powers_of_relu(options: Options, x: Tensor) -> Tensor:
    """Powers of two, which below zero are the smallest one, or those of a slope."""
    bits, slope = int(options["bits"]), float(options["negative_slope"])
    above = _power(options, ops.relu(x), bits)
    return ops.where(x >= 0.0, above, -_power(options, ops.relu(-x) * slope, bits)) if slope else above


def _power(options: Options, x: Tensor, bits: int) -> Tensor:
    """The nearest power of two, or of four, whose exponent has so many bits, its sign included."""
    most, step = options["max_value"], 2.0 if options["quadratic_approximation"] else 1.0
    if options["log2_rounding"] != "rnd":
        raise refuse(f"log2_rounding={options['log2_rounding']!r} is not supported")
    bits -= most is None or most > 1
    low, high = -(2.0**bits), 2.0**bits - 1.0
    high = step * (high // step)
    found = ops.maximum(x, _TINY)
    found = found if most is None else ops.minimum(found, float(most))
    exponents = ops.round(ops.log(ops.sqrt(found) if step == 2.0 else found) * (1.0 / log(2.0)))
    return ops.exp2(ops.where(x < _TINY, low, step * ops.clip(exponents, low, high)))


def _hard_swish(options: Options, x: Tensor) -> Tensor:
    """A hard swish in steps as of ``quantized_bits``."""
    shift, most = float(options["relu_shift"]), float(options["relu_upper_bound"])
    return _bits(options, x * ops.clip(x + shift, 0.0, most) / most)


def _least_squares(x: Tensor, levels: Tensor, axes: list[int]) -> Tensor:
    parts = (x * levels, ops.square(levels))
    product, squares = (ops.mean(part, axis=axes, keepdims=True) if x.rank > 1 else part for part in parts)
    return product / (squares + _TINY)


def _power_of_two(scale: Tensor) -> Tensor:
    return ops.exp2(ops.round(ops.log(scale + _TINY) * (1.0 / log(2.0))))


def _relu(options: Options, x: Tensor) -> Tensor:
    """What is above zero in steps of ``2**(integer - bits)``, and what is below in such steps of a slope."""
    slope, unit = float(options["negative_slope"]), 2.0 ** int(options["integer"])
    levels = 2.0 ** (int(options["bits"]) - int(slope != 0))
    bent = bool(options["use_sigmoid"])
    scaled = _sigmoid(x / unit) * levels if bent else x * (levels / unit)

    def clipped(rounded: Tensor, low: float, high: float) -> Tensor:
        return ops.clip(rounded * 2.0 - 1.0 if bent else rounded, low, high)

    found = clipped(ops.round(scaled) / levels, 0.0, 1.0 - 1.0 / levels) * unit
    if slope:
        below = clipped(ops.round(scaled * slope) / (slope * levels), -1.0, 0.0)
        found = found + below * (unit * slope)
    most = options["relu_upper_bound"]
    return found if not most or options["is_quantized_clip"] else ops.minimum(found, float(most))


def _sigmoid(x: Tensor) -> Tensor:
    """What QKeras takes for a sigmoid, unless a program says otherwise: ``x / 2 + 1 / 2`` between 0 and 1."""
    return ops.clip(x * 0.5 + 0.5, 0.0, 1.0)


def _tanh(options: Options, x: Tensor) -> Tensor:
    """A tanh, or two sigmoids less one, in steps of ``2**(1 - bits)``."""
    levels = 2.0 ** (int(options["bits"]) - 1)
    y = ops.tanh(x) if options["use_real_tanh"] else _sigmoid(x) * 2.0 - 1.0
    return ops.clip(ops.round(y * levels) / levels, bool(options["symmetric"]) / levels - 1.0, 1.0 - 1.0 / levels)


def _logistic(options: Options, x: Tensor) -> Tensor:
    """A sigmoid in steps of ``2**-bits``."""
    levels = 2.0 ** int(options["bits"])
    y = ops.sigmoid(x) if options["use_real_sigmoid"] else _sigmoid(x)
    return ops.clip(ops.round(y * levels) / levels, bool(options["symmetric"]) / levels, 1.0 - 1.0 / levels)


_QUANTIZERS: dict[str, Callable[[Options, Tensor], Tensor]] = {
    "quantized_bits": _bits,
    "quantized_relu": _relu,
    "quantized_tanh": _tanh,
    "quantized_sigmoid": _logistic,
    "quantized_hswish": _hard_swish,
    "quantized_po2": _powers,
    "quantized_relu_po2": _powers_of_relu,
    "binary": _binary,
    "ternary": _ternary,
}


def is_quantizer(raw: Any) -> bool:
    """Whether an activation is one of QKeras, and none of Keras's functions."""
    name = named(raw)
    return "(" in name or name in _ARGUMENTS or (isinstance(raw, Mapping) and "class_name" in raw)
