"""Layers of QKeras as they predict: their weights and activations are rounded as the quantizers in the file say."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from math import log
from typing import Any

from kerasport.plugins import CustomLayer, Tensor, compose, ops, refuse

_TRAINED = " ".join(
    f"{role}_{what}"
    for role in ("kernel", "bias", "depthwise")
    for what in ("initializer", "regularizer", "constraint", "range")
)
_IGNORED = f"{_TRAINED} activity_regularizer"
_TINY = 1e-7  # keras.backend.epsilon()
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
    name, given = _read(_named(raw))
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


def _named(raw: Any) -> str:
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


def _quantized(raw: Any, x: Tensor) -> Tensor:
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
    if alpha is not None and not isinstance(alpha, int | float):
        raise refuse(f"alpha={str(alpha)[:40]} is not supported")
    levels = 2.0 ** (bits - negative)
    if bits == negative:
        sign = ops.where(x >= 0.0, 1.0, -1.0)
        found = sign if negative else (sign + 1.0) / 2.0
    else:
        low = negative * (int(bool(options["symmetric"])) - levels)
        found = ops.clip(ops.round(x * (levels / unit)), low, levels - 1.0) * (unit / levels)
    return found * float(1.0 if alpha is None else alpha)


def _scaled(alpha: str, scale_axis: int | None, x: Tensor, bits: int, unit: float) -> Tensor:
    """Symmetric levels of a scale for each channel; with ``auto_po2``, a power of two, nearer in five steps."""
    if alpha not in ("auto", "auto_po2"):
        raise refuse(f"alpha={alpha[:40]!r} is not supported")
    last = (x.rank - 1) if scale_axis is None else int(scale_axis)
    axes = [axis for axis in range(x.rank) if axis != last] if x.rank > 1 else [0]
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
}


def _activated(layer: CustomLayer, x: Tensor) -> Tensor:
    """What an activation of Keras, or a quantizer, makes of a result."""
    raw = layer.config.get("activation", None)
    name = _named(raw)
    quantizes = "(" in name or name in _ARGUMENTS or (isinstance(raw, Mapping) and "class_name" in raw)
    return _quantized(raw, x) if quantizes else layer.activate(x)


def _weight(layer: CustomLayer, role: str, *shape: int | None) -> Tensor:
    return _quantized(layer.config.get(f"{role}_quantizer", None), layer.weight(role, shape))


def _finished(layer: CustomLayer, x: Tensor) -> Tensor:
    """The result of a product, with its bias and its activation."""
    if layer.config.flag("use_bias", True):
        x = x + _weight(layer, "bias", x.shape[-1])
    else:
        layer.config.ignore("bias_quantizer")
    return _activated(layer, x)


@compose("QActivation", mask="dropped")
def q_activation(layer: CustomLayer, x: Tensor) -> Tensor:
    """A quantizer."""
    return _activated(layer, x)


@compose("QDense", ignored=_IGNORED, mask="dropped")
def q_dense(layer: CustomLayer, x: Tensor) -> Tensor:
    """A Dense."""
    return _finished(layer, x @ _weight(layer, "kernel", x.shape[-1], layer.config.integer("units")))


def _convolved(layer: CustomLayer, x: Tensor, kernel: Tensor, convolve: Callable[..., Tensor]) -> Tensor:
    axes = x.rank - 2
    if layer.config.get("data_format", None) == "channels_first":
        raise refuse("data_format='channels_first' is not supported")
    padding = layer.config.choice("padding", ("valid", "same"), "valid")
    strides, rates = (layer.config.integers(key, default=[1] * axes) for key in ("strides", "dilation_rate"))
    return _finished(layer, convolve(x, kernel, strides=strides, padding=padding, dilation_rate=rates))


@compose("QConv1D", "QConv2D", ignored=_IGNORED, mask="dropped")
def q_conv(layer: CustomLayer, x: Tensor) -> Tensor:
    """A Conv1D or Conv2D."""
    size, groups = layer.config.integers("kernel_size"), layer.config.integer("groups", 1)
    channels = (x.shape[-1] or 0) // groups
    return _convolved(layer, x, _weight(layer, "kernel", *size, channels, layer.config.integer("filters")), ops.conv)


@compose("QDepthwiseConv2D", ignored=f"{_IGNORED} groups filters", mask="dropped")
def q_depthwise_conv(layer: CustomLayer, x: Tensor) -> Tensor:
    """A DepthwiseConv2D."""
    shape = [*layer.config.integers("kernel_size"), x.shape[-1], layer.config.integer("depth_multiplier", 1)]
    raw = layer.config.get("depthwise_quantizer", None)
    return _convolved(layer, x, _quantized(raw, layer.weight("depthwise_kernel", shape)), ops.depthwise_conv)
