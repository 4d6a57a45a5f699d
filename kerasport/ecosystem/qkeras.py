"""Layers of QKeras as they predict: their weights and activations are rounded as the quantizers in the file say."""

from __future__ import annotations

from collections.abc import Callable

from kerasport.ecosystem.quantizers import is_quantizer, quantized
from kerasport.plugins import CustomLayer, Tensor, compose, ops, refuse

_TRAINED = " ".join(
    f"{role}_{what}"
    for role in ("kernel", "bias", "depthwise")
    for what in ("initializer", "regularizer", "constraint", "range")
)
_IGNORED = f"{_TRAINED} activity_regularizer"
_STATISTICS = " ".join(
    f"{role}_{what}" for role in ("gamma", "beta") for what in ("initializer", "regularizer", "constraint", "range")
)


def _activated(layer: CustomLayer, x: Tensor) -> Tensor:
    """What an activation of Keras, or a quantizer, makes of a result."""
    raw = layer.config.get("activation", None)
    return quantized(raw, x) if is_quantizer(raw) else layer.activate(x)


def _weight(layer: CustomLayer, role: str, *shape: int | None) -> Tensor:
    return quantized(layer.config.get(f"{role}_quantizer", None), layer.weight(role, shape))


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
    return _convolved(layer, x, quantized(raw, layer.weight("depthwise_kernel", shape)), ops.depthwise_conv)


@compose(
    "QBatchNormalization",
    ignored=f"{_STATISTICS} moving_mean_initializer moving_variance_initializer momentum activation",
    mask="carried",
)
def q_batch_normalization(layer: CustomLayer, x: Tensor) -> Tensor:
    """A BatchNormalization over one axis."""
    (axis,) = (place % x.rank for place in layer.config.integers("axis", 1))
    size, shape = x.shape[axis], [x.shape[axis] if place == axis else 1 for place in range(x.rank)]

    def statistic(role: str, name: str, *, trainable: bool) -> Tensor:
        found = layer.weight(name, (size,), trainable=trainable)
        return ops.reshape(quantized(layer.config.get(f"{role}_quantizer"), found), shape)

    gamma = statistic("gamma", "gamma", trainable=True) if layer.config.flag("scale") else 1.0
    beta = statistic("beta", "beta", trainable=True) if layer.config.flag("center") else 0.0
    mean = statistic("mean", "moving_mean", trainable=False)
    variance = statistic("variance", "moving_variance", trainable=False)
    layer.config.ignore("gamma_quantizer", "beta_quantizer")
    return (x - mean) * (ops.rsqrt(variance + layer.config.number("epsilon")) * gamma) + beta
