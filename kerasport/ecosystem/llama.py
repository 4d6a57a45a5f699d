"""Llama and Mistral of keras-hub, which differ in their rotations and in how far each step sees."""

from __future__ import annotations

from math import pi
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasport.ecosystem.keras_hub import grouped_heads, names
from kerasport.plugins import CustomLayer, CustomModel, End, Tensor, compose, model, ops

_BLOCK, _ATTENTION, _NORM = (f"llama>{name}" for name in ("TransformerDecoder", "Attention", "LayerNorm"))
_ADJUSTMENT = ("low_freq_factor", "high_freq_factor", "frequency_adjustment_factor", "pretraining_sequence_length")


@model(*names("LlamaBackbone"), ignored="dropout")
def llama_backbone(m: CustomModel) -> End:
    """Llama: each step sees all before it; from 3.1 on, slow rotations are slower."""
    adjustment = {key: m.config.get(f"rope_{key}", None) for key in _ADJUSTMENT}
    options = {"scale": m.config.number("rope_position_scaling_factor", 1.0), **adjustment}
    return _decoded(m, bool(m.config.get("tie_word_embeddings", False)), **options)


@model(*names("MistralBackbone"), ignored="dropout")
def mistral_backbone(m: CustomModel) -> End:
    """Mistral: each step sees so many before it."""
    options = {key: m.config.get(key, None) for key in ("sliding_window", "head_dim")}
    return _decoded(m, tied=False, scale=m.config.number("rope_scaling_factor", 1.0), **options)


def _decoded(m: CustomModel, tied: bool, **options: Any) -> End:
    size, epsilon = m.config.integer("hidden_dim"), m.config.number("layer_norm_epsilon")
    ids, padding = m.input("token_ids"), m.input("padding_mask")
    tokens: dict[str, Any] = {"input_dim": m.config.integer("vocabulary_size"), "output_dim": size, "tie_weights": tied}
    x = m.layer("keras_hub>ReversibleEmbedding", "token_embedding", ids, **tokens)
    options |= {key: m.config.integer(key) for key in ("intermediate_dim", "num_query_heads", "num_key_value_heads")}
    options |= {"epsilon": epsilon, "max_wavelength": m.config.number("rope_max_wavelength")}
    for place in range(m.config.count("num_layers")):
        x = m.layer(_BLOCK, f"transformer_layer_{place}", x, call={"decoder_padding_mask": padding}, **options)
    return m.layer(_NORM, "sequence_output_layernorm", x, epsilon=epsilon)


@compose(_NORM, mask="carried")
def layer_norm(layer: CustomLayer, x: Tensor) -> Tensor:
    """``x / sqrt(mean(x**2) + epsilon) * scale``."""
    inverse = ops.rsqrt(ops.mean(ops.square(x), axis=-1, keepdims=True) + layer.config.number("epsilon"))
    return x * inverse * layer.weight("scale", (x.shape[-1],))


@compose(_BLOCK, mask="carried")
def transformer_decoder(layer: CustomLayer, x: Tensor) -> Tensor:
    """Causal attention by groups of heads, and a gated feed-forward net, both on normalized input."""
    config = layer.config
    epsilon, hidden = config.number("epsilon"), config.integer("intermediate_dim")
    config.ignore("epsilon", "intermediate_dim")
    attend = layer.part("_self_attention_layer", _ATTENTION, **config.unread())
    config.ignore(*config.unread())
    before = layer.part("_self_attention_layernorm", _NORM, epsilon=epsilon)
    parts = ("intermediate", hidden), ("gate", hidden), ("output", x.shape[-1])
    inner, gate, last = (
        layer.part(f"_feedforward_{name}_dense", "Dense", units=units, use_bias=False) for name, units in parts
    )
    before_forward = layer.part("_feedforward_layernorm", _NORM, epsilon=epsilon)
    y = x + attend(before(x), padding_mask=layer.argument("decoder_padding_mask"))
    z = before_forward(y)
    return y + last(inner(z) * ops.silu(gate(z)))


@compose(_ATTENTION, mask="dropped")
def attention(layer: CustomLayer, x: Tensor) -> Tensor:
    """Attention on the steps before, of rotated queries and keys."""
    config, features = layer.config, x.shape[-1] or 0
    size = config.get("head_dim", None) or features // config.integer("num_query_heads")
    (query, key, value), group = grouped_heads(layer, "_{}_dense", size, "bqm,muh->bquh", "bkm,mvh->bkvh")
    last = layer.part("_output_dense", "EinsumDense", equation="bquh,uhm->bqm", output_shape=[None, features])
    steps = ops.cumsum(ops.ones_like(x[:, :, 0]), axis=1)
    angles = ops.expand_dims(steps - 1.0, -1) * _rates(layer, size)
    q, k = _rotated(query(x), angles), ops.take(_rotated(key(x), angles), group, axis=2)
    seen = _seen(layer, steps)
    scores = ops.einsum("bquh,bkuh->buqk", q * size**-0.5, k)
    weights = layer.part("_softmax", "Softmax")(scores, mask=ops.expand_dims(seen, 1))
    found = ops.einsum("buqk,bkuh->bquh", weights, ops.take(value(x), group, axis=2))
    any_seen = ops.cast(ops.any(seen, axis=-1), "float32")
    return last(found * any_seen[:, :, None, None])


def _rotated(x: Tensor, angles: Tensor) -> Tensor:
    """Pairs of features, one from each half, turned by angles."""
    first, second = ops.split(x, 2, axis=-1)
    cos, sin = (ops.expand_dims(wave(angles), 2) for wave in (ops.cos, ops.sin))
    return ops.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1)


def _rates(layer: CustomLayer, size: int) -> NDArray[np.float32]:
    """How fast each pair of features turns."""
    rates: NDArray[Any] = layer.config.number("max_wavelength") ** -(
        np.arange(0, size, 2) / size
    ) / layer.config.number("scale")
    low, high, factor, length = (layer.config.get(key, None) for key in _ADJUSTMENT)
    if low is None:
        return rates.astype(np.float32)
    turns = length * rates / (2 * pi)  # of the longest sequence that the model was trained on
    share = np.clip((turns - low) / (high - low), 0.0, 1.0)
    found: NDArray[np.float32] = ((1 - share) * rates / factor + share * rates).astype(np.float32)
    return found


def _seen(layer: CustomLayer, steps: Tensor) -> Tensor:
    """Which steps each step sees: (batch, queries, keys)."""
    distance = ops.expand_dims(steps, 2) - ops.expand_dims(steps, 1)
    window, padding = layer.config.get("sliding_window", None), layer.argument("padding_mask")
    seen = distance >= 0.0
    if window is not None:
        seen = seen & (distance < float(window))
    return seen if padding is None else seen & ops.cast(ops.expand_dims(padding, 1), "bool")
