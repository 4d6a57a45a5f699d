"""Layers of keras-cv."""

from __future__ import annotations

from kerasport.custom.registration import alias
from kerasport.layers.core import Identity
from kerasport.plugins import CustomLayer, Tensor, compose, ops

alias("keras_cv>DropPath", spec=Identity, ignored="rate seed")


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
