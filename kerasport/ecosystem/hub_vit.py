"""The vision transformer of keras-hub."""

from __future__ import annotations

from typing import Any

import numpy as np

from kerasport.ecosystem.keras_hub import names
from kerasport.plugins import CustomLayer, CustomModel, End, Tensor, compose, model, ops, refuse

_PATCHES, _ENCODER, _BLOCK, _MLP, _POOLED = (
    f"hub_vit>{name}" for name in ("ViTPatchingAndEmbedding", "ViTEncoder", "ViTEncoderBlock", "MLP", "Pooled")
)
_DROPPED = "dropout_rate attention_dropout"


@model(*names("ViTBackbone"), ignored=_DROPPED)
def vit_backbone(m: CustomModel) -> End:
    """ViT: patches with their places, and an encoder."""
    size, shape, patch = m.config.integer("hidden_dim"), m.config.get("image_shape"), m.config.get("patch_size")
    images = m.input("images", shape, "float32")
    bias, token = m.config.flag("use_patch_bias", True), m.config.flag("use_class_token", True)
    patch = [patch, patch] if isinstance(patch, int) else patch
    options: dict[str, Any] = {
        "hidden_dim": size,
        "patch_size": patch,
        "use_class_token": token,
        "use_patch_bias": bias,
    }
    x = m.layer(_PATCHES, "vit_patching_and_embedding", images, **options)
    keys = ("num_layers", "num_heads", "mlp_dim", "layer_norm_epsilon", "use_mha_bias", "use_mlp_bias")
    return m.layer(_ENCODER, "vit_encoder", x, hidden_dim=size, **{key: m.config.get(key) for key in keys})


@model(*names("ViTImageClassifier"), ignored="dropout preprocessor")
def vit_image_classifier(m: CustomModel) -> End:
    """A Dense on the first step, or on the mean of all."""
    backbone, hidden = m.held("backbone"), m.config.get("intermediate_dim", None)
    x = m.layer(_POOLED, "pooled", m.call(backbone), pooling=m.config.get("pooling"))
    if hidden is not None:
        x = m.layer("Dense", "pre_logits", x, units=hidden, activation="tanh")
    activation = m.config.get("activation", None)
    return m.layer("Dense", "predictions", x, units=m.config.integer("num_classes"), activation=activation)


@compose(_POOLED, mask="dropped")
def pooled(layer: CustomLayer, x: Tensor) -> Tensor:
    """The first step, or the mean of all."""
    kind = layer.config.get("pooling")
    if kind not in ("token", "gap"):
        raise refuse(f"pooling={kind} is not supported; only 'token' and 'gap'")
    return x[:, 0] if kind == "token" else ops.mean(x, axis=1)


@compose(_PATCHES, mask="dropped")
def patching_and_embedding(layer: CustomLayer, images: Tensor) -> Tensor:
    """A convolution of each patch, behind a learned token, plus a learned row for each place."""
    config, size = layer.config, layer.config.integer("hidden_dim")
    sides = config.integers("patch_size")
    has_token = config.flag("use_class_token")
    token = layer.weight("class_token", (1, 1, size)) if has_token else None
    options: dict[str, Any] = {
        "filters": size,
        "kernel_size": sides,
        "strides": sides,
        "use_bias": config.flag("use_patch_bias"),
    }
    found = layer.part("patch_embedding", "Conv2D", **options)(images)
    count = (found.shape[1] or 0) * (found.shape[2] or 0)
    x = ops.reshape(found, (-1, count, size))
    if token is not None:
        x = ops.concatenate([ops.zeros_like(x[:, :1]) + token, x], axis=1)
    places = count + has_token
    rows = layer.part("position_embedding", "Embedding", input_dim=places, output_dim=size)
    return x + rows(layer.constant(np.arange(places), "int32"))


@compose(_ENCODER, mask="dropped")
def encoder(layer: CustomLayer, x: Tensor) -> Tensor:
    """Blocks, and a normalization."""
    epsilon = layer.config.number("layer_norm_epsilon")
    keys = ("num_heads", "hidden_dim", "mlp_dim", "use_mha_bias", "use_mlp_bias")
    options = {key: layer.config.get(key) for key in keys}
    for place in range(layer.config.count("num_layers")):
        where = f"encoder_layers/vi_t_encoder_block{f'_{place}' if place else ''}"
        x = layer.part(f"transformer_block_{place + 1}", _BLOCK, [where], epsilon=epsilon, **options)(x)
    return layer.part("layer_norm", "LayerNormalization", epsilon=epsilon)(x)


@compose(_BLOCK, mask="dropped")
def encoder_block(layer: CustomLayer, x: Tensor) -> Tensor:
    """Attention and two Dense, both on normalized input."""
    config, size = layer.config, layer.config.integer("hidden_dim")
    epsilon, heads = config.number("epsilon"), config.integer("num_heads")
    norms = [layer.part("layer_norm_1", "LayerNormalization", epsilon=epsilon)]
    options: dict[str, Any] = {"num_heads": heads, "key_dim": size // heads, "use_bias": config.flag("use_mha_bias")}
    attend = layer.part("mha", "MultiHeadAttention", **options)
    norms.append(layer.part("layer_norm_2", "LayerNormalization", epsilon=epsilon))
    units, bias = [config.integer("mlp_dim"), size], config.flag("use_mlp_bias")
    forward = layer.part("mlp", _MLP, units=units, use_bias=bias)
    inner = norms[0](x)
    y = x + attend(inner, inner)
    return y + forward(norms[1](y))


@compose(_MLP, mask="dropped")
def mlp(layer: CustomLayer, x: Tensor) -> Tensor:
    """Two Dense with a gelu between them."""
    first, second = layer.config.integers("units")
    bias = layer.config.flag("use_bias")
    hidden = layer.part("dense_1", "Dense", units=first, activation="gelu", use_bias=bias)
    return layer.part("dense_2", "Dense", units=second, use_bias=bias)(hidden(x))
