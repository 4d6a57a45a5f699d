"""Layers of keras_cv_attention_models (kecam)."""

from __future__ import annotations

from typing import Any

from kerasport.custom.registration import alias
from kerasport.layers.conv import Conv2D
from kerasport.plugins import CustomLayer, Tensor, activation, compose, ops, refuse

_KERNEL = " ".join(
    f"{role}_{what}" for role in ("kernel", "bias") for what in ("initializer", "regularizer", "constraint")
)

alias("beit>PatchConv2DWithResampleWeights", spec=Conv2D, ignored=f"{_KERNEL} activity_regularizer")


@activation("kecamCommon>hard_swish")
def hard_swish(x: Tensor) -> Tensor:
    """``x * relu6(x + 3) / 6``."""
    return ops.hard_silu(x)


@activation("kecamCommon>hard_sigmoid_torch")
def hard_sigmoid(x: Tensor) -> Tensor:
    """``relu6(x + 3) / 6``."""
    return ops.hard_sigmoid(x)


@activation("kecamCommon>mish")
def mish(x: Tensor) -> Tensor:
    """``x * tanh(softplus(x))``."""
    return ops.mish(x)


@activation("kecamCommon>phish")
def phish(x: Tensor) -> Tensor:
    """``x * tanh(gelu(x))``."""
    return x * ops.tanh(ops.gelu(x, approximate=False))


# --- weights along some axes


def _along(layer: CustomLayer, x: Tensor, role: str, batch: int = 0) -> Tensor:
    """A weight with the sizes of the input along the config's axes; ``batch=1`` where the batch has an axis, too."""
    axis = layer.config.get("axis", -1)
    if axis is None:
        return layer.weight(role, (1,))
    if axis in (-1, x.rank - 1):
        return layer.weight(role, (x.shape[-1],))
    axes = {place % x.rank for place in (axis if isinstance(axis, list | tuple) else [axis])}
    return layer.weight(role, [x.shape[place] if place in axes else 1 for place in range(1 - batch, x.rank)])


@compose("resmlp>ChannelAffine", ignored="weight_init_value", mask="dropped")
def channel_affine(layer: CustomLayer, x: Tensor) -> Tensor:
    """``x * weight + bias``."""
    y = x * _along(layer, x, "weight")
    return y + _along(layer, x, "bias") if layer.config.flag("use_bias", True) else y


@compose("volo>BiasLayer", mask="dropped")
def bias_layer(layer: CustomLayer, x: Tensor) -> Tensor:
    """``x + bias``."""
    return x + _along(layer, x, "bias", batch=1)


@compose("kecam/cmt>BiasPositionalEmbedding", ignored="attn_height", mask="dropped")
def bias_positional_embedding(layer: CustomLayer, x: Tensor) -> Tensor:
    """The same under another name."""
    return x + _along(layer, x, "positional_embedding")


@compose("volo>PositionalEmbedding", ignored="input_height", mask="dropped")
def positional_embedding(layer: CustomLayer, x: Tensor) -> Tensor:
    """A learned number for each place and channel, added."""
    return x + layer.weight("positional_embedding", (1, *x.shape[1:]))


@compose("kecam>ExpLogitScale", mask="dropped")
def exp_logit_scale(layer: CustomLayer, x: Tensor) -> Tensor:
    """``x * exp(min(gamma, max_value))``."""
    return x * ops.exp(ops.minimum(_along(layer, x, "gamma", batch=1), layer.config.number("max_value")))


@compose("swinv2>DivideScale", mask="dropped")
def divide_scale(layer: CustomLayer, x: Tensor) -> Tensor:
    """``x / max(weight, min_value)``."""
    return x / ops.maximum(_along(layer, x, "weight", batch=1), layer.config.number("min_value"))


@compose("nfnets>ZeroInitGain", mask="dropped")
def zero_init_gain(layer: CustomLayer, x: Tensor) -> Tensor:
    """``x * gain + bias``, of one number each."""
    y = x * layer.weight("gain", ())
    return y + layer.weight("bias", ()) if layer.config.flag("use_bias") else y


@compose("kecam>PureWeigths", mask="dropped")
def pure_weights(layer: CustomLayer, x: Tensor) -> Tensor:
    """A weight, whatever the input is."""
    return layer.weight("gain", layer.config.integers("shape"))


@compose("efficientdet>ReluWeightedSum", ignored="initializer epsilon", mask="dropped")
def relu_weighted_sum(layer: CustomLayer, *inputs: Tensor) -> Tensor:
    """The average of the inputs, weighted by ``relu(gain)``."""
    gain = ops.relu(layer.weight("gain", (len(inputs),)))
    gain = gain / ops.sum(gain)
    total: Any = inputs[0] * gain[0]
    for place, x in enumerate(inputs[1:], start=1):
        total = total + x * gain[place]
    return total  # type: ignore[no-any-return]


@compose("model_surgery>DropConnect", ignored="rate", mask="dropped")
def drop_connect(layer: CustomLayer, shortcut: Tensor, deep: Tensor) -> Tensor:
    """The sum of both."""
    return shortcut + deep


@compose("volo>ClassToken", mask="dropped")
def class_token(layer: CustomLayer, x: Tensor) -> Tensor:
    """Learned steps before all others, or behind them."""
    tokens = layer.weight("tokens", (1, layer.config.integer("num_tokens", 1), x.shape[-1])) + ops.zeros_like(x[:, :1])
    return ops.concatenate([x, tokens] if layer.config.flag("is_at_end") else [tokens, x], axis=1)


# --- normalizations and convolutions


@compose("kecam/llama2>RMSNorm", mask="dropped")
def rms_norm(layer: CustomLayer, x: Tensor) -> Tensor:
    """``x / sqrt(mean(x**2) + epsilon) * gamma`` along an axis; gamma is along the last one."""
    axis = layer.config.integer("axis", -1) % x.rank
    squares = ops.mean(ops.square(x), axis=axis, keepdims=True)
    return x * ops.rsqrt(squares + layer.config.number("epsilon")) * layer.weight("gamma", (x.shape[axis],))


@compose("kecamCommon>EvoNormalization", ignored="zero_gamma momentum data_format", mask="dropped")
def evo_normalization(layer: CustomLayer, x: Tensor) -> Tensor:
    """EvoNorm-B0, by the variance of training, or EvoNorm-S0, by that of groups of channels; or without their bends."""
    bends, groups, epsilon = (
        layer.config.flag("nonlinearity"),
        layer.config.integer("num_groups"),
        layer.config.number("epsilon"),
    )
    if layer.config.get("data_format") == "channels_first":
        raise refuse("data_format='channels_first' is not supported")
    shape = [1] * (x.rank - 1) + [x.shape[-1]]
    gamma, beta = layer.weight("gamma", shape), layer.weight("beta", shape)
    slope = layer.weight("vv", shape) if bends else 1.0
    y = x
    if groups > 0:
        y = (x * ops.sigmoid(slope * x) if bends else x) / _group_deviation(x, groups, epsilon)
    else:
        trained = ops.sqrt(layer.weight("moving_variance", shape, trainable=False) + epsilon)
        image = ops.sqrt(ops.var(x, axis=list(range(1, x.rank - 1)), keepdims=True) + epsilon)
        y = x / ops.maximum(trained, slope * x + image) if bends else x
    return y * gamma + beta


def _group_deviation(x: Tensor, groups: int, epsilon: float) -> Tensor:
    """The standard deviation of each group of channels, for each channel."""
    channels = x.shape[-1] or 0
    groups = next(count for count in range(groups, 0, -1) if channels % count == 0)

    def mean(y: Tensor) -> Tensor:
        parts = ops.reshape(ops.mean(y, axis=list(range(1, x.rank - 1))), (-1, groups, channels // groups))
        whole = ops.repeat(ops.mean(parts, axis=-1), channels // groups, axis=-1)
        return ops.reshape(whole, (-1, *[1] * (x.rank - 2), channels))

    return ops.sqrt(mean(ops.square(x - mean(x))) + epsilon)


@compose("nfnets>ScaledStandardizedConv2D", ignored=f"{_KERNEL} activity_regularizer", mask="dropped")
def scaled_standardized_conv(layer: CustomLayer, x: Tensor) -> Tensor:
    """A Conv2D whose kernel has a mean of 0 and a variance that was learned, for each filter."""
    config, channels = layer.config, x.shape[-1] or 0
    filters, size, groups = config.integer("filters"), config.integers("kernel_size"), config.integer("groups", 1)
    if config.get("data_format", None) == "channels_first":
        raise refuse("data_format='channels_first' is not supported")
    kernel = layer.weight("kernel", (*size, channels // groups, filters))
    bias = layer.weight("bias", (filters,)) if config.flag("use_bias", True) else None
    gain = layer.weight("gain", (filters,)) * config.number("gamma")
    mean, variance = (find(kernel, axis=(0, 1, 2), keepdims=True) for find in (ops.mean, ops.var))
    taps = size[0] * size[1] * (channels // groups)
    scale = ops.rsqrt(ops.maximum(variance * float(taps), config.number("eps"))) * gain
    options = {"strides": config.integers("strides", default=(1, 1)), "padding": config.get("padding", "valid")}
    y = ops.conv(x, (kernel - mean) * scale, dilation_rate=config.integers("dilation_rate", default=(1, 1)), **options)
    return layer.activate(y if bias is None else y + bias)


@compose("kecamCommon>CompatibleExtractPatches", ignored="force_conv", mask="dropped")
def extract_patches(layer: CustomLayer, x: Tensor) -> Tensor:
    """The pixels around each place."""
    config = layer.config
    size, stride = (_second(config.get(key)) for key in ("sizes", "strides"))
    rates = config.get("rates")
    rates = [rates, rates] if isinstance(rates, int) else list(rates if len(rates) == 2 else rates[1:3])
    side = size // 2 if str(config.get("padding")).lower() == "same" else 0
    padded = ops.pad(x, [[0, 0], [side, side], [side, side], [0, 0]]) if side else x
    tf_patches: Any = getattr(ops, "tf.image.extract_patches")
    sizes = {"sizes": [1, size, size, 1], "strides": [1, stride, stride, 1], "rates": [1, *rates, 1]}
    found: Tensor = tf_patches(padded, padding="VALID", **sizes)
    if config.flag("compressed", True):
        return found
    _, rows, columns, _ = found.shape
    return ops.reshape(found, (-1, rows or 0, columns or 0, size, size, x.shape[-1] or 0))


def _second(value: Any) -> int:
    return int(value[1] if isinstance(value, list | tuple) else value)
