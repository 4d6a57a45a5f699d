"""Layers of keras-cv."""

from __future__ import annotations

from typing import Any

from kerasport.custom.registration import alias
from kerasport.layers.core import Identity
from kerasport.plugins import CustomLayer, Tensor, compose, ops

_EPSILON = 1e-3

alias("keras_cv>DropBlock2D", "keras_cv>DropPath", spec=Identity, ignored="rate seed block_size")


@compose("keras_cv>StochasticDepth", mask="dropped")
def stochastic_depth(layer: CustomLayer, shortcut: Tensor, residual: Tensor) -> Tensor:
    """``shortcut + (1 - rate) * residual``."""
    return shortcut + (1.0 - layer.config.number("rate")) * residual


@compose("keras_cv>SqueezeAndExcite2D", mask="dropped")
def squeeze_and_excite(layer: CustomLayer, x: Tensor) -> Tensor:
    """Each channel times a weight of its own, which the means of all channels decide."""
    filters = layer.config.integer("filters")
    parts = [("squeeze", layer.config.integer("bottleneck_filters")), ("excite", filters)]
    y = ops.mean(x, axis=(1, 2), keepdims=True)
    for name, size in parts:
        activation = layer.config.get(f"{name}_activation")
        y = layer.part(f"{name}_conv", "Conv2D", filters=size, kernel_size=1, activation=activation)(y)
    return y * x


@compose("keras_cv>TransformerEncoder", ignored="mlp_dropout", mask="dropped")
def transformer_encoder(layer: CustomLayer, x: Tensor) -> Tensor:
    """Self-attention and two Dense, both on normalized input, with residual connections; its gelu is approximate."""
    config, size, epsilon = layer.config, layer.config.integer("project_dim"), layer.config.number("layer_norm_epsilon")
    first, second = (layer.part(f"layer_norm{n}", "LayerNormalization", epsilon=epsilon) for n in (1, 2))
    heads, rate = config.integer("num_heads"), config.number("attention_dropout")
    attend = layer.part("attn", "MultiHeadAttention", num_heads=heads, key_dim=size // heads, dropout=rate)
    activation = config.get("activation")
    approximate = {"function": "gelu", "approximate": 1.0}
    gelu = activation == {"function": "gelu"}
    hidden = layer.part(
        "dense1", "Dense", units=config.integer("mlp_dim"), activation=approximate if gelu else activation
    )
    last = layer.part("dense2", "Dense", units=size)
    inner = first(x)
    y = attend(inner, inner) + x
    return y + last(hidden(second(y)))


@compose("keras_cv>PatchingAndEmbedding", mask="dropped")
def patching_and_embedding(layer: CustomLayer, images: Tensor) -> Tensor:
    """Patches of an image by a convolution, behind a learned one, plus a learned row for each place."""
    config, size, edge = layer.config, layer.config.integer("project_dim"), layer.config.integer("patch_size")
    token = layer.weight("class_token", (1, 1, size))
    padding = str(config.get("padding")).lower()
    patches = layer.part("projection", "Conv2D", filters=size, kernel_size=edge, strides=edge, padding=padding)(images)
    count = (images.shape[1] or 0) // edge * (images.shape[2] or 0) // edge
    rows = layer.part("position_embedding", "Embedding", input_dim=count + 1, output_dim=size)
    flat = ops.reshape(patches, (-1, count, size))
    first = ops.zeros_like(flat[:, :1]) + token
    places = ops.cumsum(ops.ones_like(ops.concatenate([first, flat], axis=1)[:1, :, 0]), axis=1) - 1.0
    return ops.concatenate([first, flat], axis=1) + rows(ops.cast(places, "int32"))


@compose("keras_cv>MBConvBlock", ignored="bn_momentum survival_probability", mask="dropped")
def mb_conv_block(layer: CustomLayer, x: Tensor) -> Tensor:
    """A convolution to more channels, one of each channel, and one back to fewer, as in MobileNet and EfficientNet."""
    config, ratio, strides = layer.config, layer.config.integer("expand_ratio"), layer.config.integer("strides")
    channels, kernel = config.integer("input_filters") * ratio, config.integer("kernel_size")
    options: dict[str, Any] = {"padding": "same", "use_bias": False}
    y = x
    if ratio != 1:
        y = layer.part("conv1", "Conv2D", filters=channels, kernel_size=1, **options)(y)
        y = layer.activate(layer.part("bn1", "BatchNormalization", epsilon=_EPSILON)(y))
    y = layer.part("depthwise", "DepthwiseConv2D", kernel_size=kernel, strides=strides, **options)(y)
    y = layer.activate(layer.part("bn2", "BatchNormalization", epsilon=_EPSILON)(y))
    return _projected(layer, x, _excited(layer, y, channels), 1 if ratio != 1 else kernel)


@compose("keras_cv>FusedMBConvBlock", ignored="bn_momentum survival_probability", mask="dropped")
def fused_mb_conv_block(layer: CustomLayer, x: Tensor) -> Tensor:
    """The same with one convolution in place of the first two."""
    config, ratio, strides = layer.config, layer.config.integer("expand_ratio"), layer.config.integer("strides")
    channels, kernel = config.integer("input_filters") * ratio, config.integer("kernel_size")
    y = x
    if ratio != 1:
        options: dict[str, Any] = {"filters": channels, "kernel_size": kernel, "strides": strides, "padding": "same"}
        y = layer.part("conv1", "Conv2D", use_bias=False, **options)(y)
        y = layer.activate(layer.part("bn1", "BatchNormalization", epsilon=_EPSILON)(y))
    return _projected(layer, x, _excited(layer, y, channels), 1 if ratio != 1 else kernel, acts=ratio == 1)


def _excited(layer: CustomLayer, x: Tensor, channels: int) -> Tensor:
    """Each channel times a weight of its own, where there is a ratio for that."""
    ratio, activation = layer.config.number("se_ratio"), layer.config.get("activation")
    if not 0 < ratio <= 1:
        return x
    fewer = max(1, int(layer.config.integer("input_filters") * ratio))
    reduced = layer.part("se_conv1", "Conv2D", filters=fewer, kernel_size=1, activation=activation)
    expanded = layer.part("se_conv2", "Conv2D", filters=channels, kernel_size=1, activation="sigmoid")
    return x * expanded(reduced(ops.mean(x, axis=(1, 2), keepdims=True)))


def _projected(layer: CustomLayer, x: Tensor, y: Tensor, kernel: int, *, acts: bool = False) -> Tensor:
    """The last convolution of a block, and what went in where that has as many channels."""
    count = layer.config.integer("output_filters")
    options: dict[str, Any] = {"filters": count, "kernel_size": kernel, "padding": "same", "use_bias": False}
    y = layer.part("output_conv", "Conv2D", **options)(y)
    y = layer.part("bn3", "BatchNormalization", epsilon=_EPSILON)(y)
    y = layer.activate(y) if acts else y
    keeps = layer.config.integer("strides") == 1 and layer.config.integer("input_filters") == count
    return y + x if keeps else y


@compose("keras_cv>SpatialPyramidPooling", ignored="dropout", mask="dropped")
def spatial_pyramid_pooling(layer: CustomLayer, x: Tensor) -> Tensor:
    """Convolutions of several rates, and one of the means, behind each other, as in DeepLab."""
    count, activation = layer.config.integer("num_channels"), layer.config.get("activation")
    behind: tuple[tuple[str, dict[str, Any]], ...] = (
        ("BatchNormalization", {"epsilon": _EPSILON}),
        ("Activation", {"activation": activation}),
    )
    kernels: list[dict[str, Any]] = [{"kernel_size": 1}]
    kernels += [
        {"kernel_size": 3, "padding": "same", "dilation_rate": rate} for rate in layer.config.integers("dilation_rates")
    ]
    kernels.append({"kernel_size": 1})
    found = []
    for place, kernel in enumerate(kernels):
        where = f"aspp_parallel_channels/sequential{f'_{place}' if place else ''}"
        convolution = ("Conv2D", {"filters": count, "use_bias": False, **kernel})
        part = layer.sequence(f"channel_{place}", convolution, *behind, also_at=[where])
        found.append(part(x if kernel is not kernels[-1] else ops.mean(x, axis=(1, 2), keepdims=True)))
    found[-1] = found[-1] + ops.zeros_like(found[0])
    last = layer.sequence("projection", ("Conv2D", {"filters": count, "kernel_size": 1, "use_bias": False}), *behind)
    return last(ops.concatenate(found, axis=-1))


@compose("keras_cv>OverlappingPatchingAndEmbedding", mask="dropped")
def overlapping_patches(layer: CustomLayer, images: Tensor) -> Tensor:
    """A convolution whose pixels become steps, normalized."""
    size, stride = layer.config.integer("project_dim"), layer.config.integer("stride")
    options: dict[str, Any] = {"filters": size, "kernel_size": layer.config.integer("patch_size"), "strides": stride}
    found = layer.part("proj", "Conv2D", padding="same", **options)(images)
    flat = ops.reshape(found, (-1, (found.shape[1] or 0) * (found.shape[2] or 0), size))
    return layer.part("norm", "LayerNormalization", epsilon=_EPSILON)(flat)
