"""T5 of keras-hub: an encoder and a decoder that know places by numbers learned for distances."""

from __future__ import annotations

from math import log
from typing import Any

import numpy as np

from kerasport.ecosystem.keras_hub import heads_apart, heads_together
from kerasport.plugins import CustomLayer, CustomModel, End, Tensor, compose, model, ops

_BLOCK, _ATTENTION, _NORM = (f"t5>{name}" for name in ("T5TransformerLayer", "T5MultiHeadAttention", "T5LayerNorm"))
_BUCKETS, _FARTHEST = 32, 128


@model("keras_hub>T5Backbone", ignored="dropout")
def t5_backbone(m: CustomModel) -> dict[str, End]:
    """The features of an encoder's tokens, and those of a decoder's that see them."""
    size, tied = m.config.integer("hidden_dim"), m.config.flag("tie_embedding_weights", True)
    tokens: dict[str, Any] = {"input_dim": m.config.integer("vocabulary_size"), "output_dim": size, "tie_weights": tied}
    ids, padding = (m.input(f"encoder_{name}") for name in ("token_ids", "padding_mask"))
    x = m.layer("keras_hub>ReversibleEmbedding", "token_embedding", ids, **tokens)
    encoded = _stack(m, "encoder", x, {"padding_mask": padding})
    ids, own_padding = (m.input(f"decoder_{name}") for name in ("token_ids", "padding_mask"))
    call = {"padding_mask": own_padding, "encoded": encoded, "encoded_mask": padding}
    decoded = _stack(m, "decoder", m.again("token_embedding", ids), call)
    return {"encoder_sequence_output": encoded, "decoder_sequence_output": decoded}


def _stack(m: CustomModel, name: str, x: End, call: dict[str, End]) -> End:
    """Layers that hand on what the first one knows of places."""
    heads, epsilon = m.config.integer("num_heads"), m.config.number("layer_norm_epsilon")
    options = {key: m.config.get(key) for key in ("intermediate_dim", "activation", "use_gated_activation")}
    options["key_value_dim"] = m.config.get("key_value_dim", None) or m.config.integer("hidden_dim") // heads
    for place in range(m.config.count("num_layers")):
        layer = f"transformer_{name}_layer_{place}"
        decodes = name == "decoder"
        x = m.layer(_BLOCK, layer, x, call=call, num_heads=heads, epsilon=epsilon, is_decoder=decodes, **options)
        call = {**call, "position_bias": End(layer, 0, 1)}
    return m.layer(_NORM, f"{name}_output_layer_norm", x, epsilon=epsilon)


@compose(_NORM, mask="carried")
def layer_norm(layer: CustomLayer, x: Tensor) -> Tensor:
    """``weight * x / sqrt(mean(x**2) + epsilon)``."""
    inverse = ops.rsqrt(ops.mean(ops.square(x), axis=-1, keepdims=True) + layer.config.number("epsilon"))
    return layer.weight("weight", (x.shape[-1],)) * (x * inverse)


@compose(_BLOCK, mask="dropped")
def transformer_layer(layer: CustomLayer, x: Tensor) -> tuple[Tensor, Tensor]:
    """Attention, in a decoder also on what was encoded, and a feed-forward net, all on normalized input."""
    config, hidden, size = layer.config, layer.config.integer("intermediate_dim"), x.shape[-1]
    epsilon, decodes, gated = config.number("epsilon"), config.flag("is_decoder"), config.flag("use_gated_activation")
    heads: dict[str, Any] = {key: config.integer(key) for key in ("num_heads", "key_value_dim")}
    encoded, encoded_mask = layer.argument("encoded"), layer.argument("encoded_mask")
    given = {key: value for key in ("padding_mask", "position_bias") if (value := layer.argument(key)) is not None}
    learned = "position_bias" not in given
    attend = layer.part("self_attention", _ATTENTION, causal=decodes, learned=learned, **heads)
    norm = layer.part("self_attention_layer_norm", _NORM, epsilon=epsilon)
    found, bias = attend(norm(x), **given)
    y = x + found
    if decodes:
        cross = layer.part("cross_attention", _ATTENTION, causal=False, learned=False, **heads)
        norm = layer.part("cross_attention_layer_norm", _NORM, epsilon=epsilon)
        y = y + cross(norm(y), encoded=encoded, padding_mask=encoded_mask)[0]
    activation = config.get("activation")
    inner = layer.part("input_projector", "Dense", units=hidden, use_bias=False, activation=activation)
    gate = layer.part("gate_projector", "Dense", units=hidden, use_bias=False) if gated else None
    last = layer.part("output_projector", "Dense", units=size, use_bias=False)
    z = layer.part("layer_norm", _NORM, epsilon=epsilon)(y)
    return y + last(inner(z) if gate is None else inner(z) * gate(z)), bias


@compose(_ATTENTION, mask="dropped")
def attention(layer: CustomLayer, x: Tensor) -> tuple[Tensor, Tensor]:
    """Attention whose scores have numbers added that depend on distances and masks; these are a second output."""
    heads, size = layer.config.integer("num_heads"), layer.config.integer("key_value_dim")
    causal, learned = layer.config.flag("causal"), layer.config.flag("learned")
    table = layer.weight("embeddings", (_BUCKETS, heads)) if learned else None
    bias, padding, source = (layer.argument(name) for name in ("position_bias", "padding_mask", "encoded"))
    source = x if source is None else source
    query, key, value = (
        layer.part(f"{name}_projector", "Dense", units=heads * size, use_bias=False)
        for name in ("query", "key", "value")
    )
    last = layer.part("output_projector", "Dense", units=x.shape[-1], use_bias=False)
    q, k, v = (heads_apart(y, heads) for y in (query(x), key(source), value(source)))
    if bias is None:
        bias = _bias(x, source, padding, table, causal)
    weights = ops.softmax(ops.einsum("bqnd,bknd->bnqk", q, k) + bias, axis=-1)
    found = ops.einsum("bnqk,bknd->bqnd", weights, v)
    return last(heads_together(found)), bias


def _bias(x: Tensor, source: Tensor, padding: Tensor, table: Tensor | None, causal: bool) -> Tensor:
    """What is added to the scores: (batch, heads or 1, queries, keys)."""
    queries, keys = (ops.cumsum(ops.ones_like(y[:, :, 0]), axis=1) for y in (x, source))
    ahead = ops.expand_dims(keys, 1) - ops.expand_dims(queries, 2)
    seen = ops.cast(ops.expand_dims(padding, 1), "float32")
    if causal:
        seen = seen * ops.cast(ahead <= 0.0, "float32")
    masked = ops.expand_dims((1.0 - seen) * -1e9, 1)
    if table is None:
        return masked
    place = ops.cast(ops.clip(ahead, -_FARTHEST, _FARTHEST) + float(_FARTHEST), "int32")
    rows = ops.take(table, _buckets(not causal), axis=0)
    return ops.transpose(ops.take(rows, place, axis=0), (0, 3, 1, 2)) + masked


def _buckets(both_ways: bool) -> list[int]:
    """The row of the table for each distance, from the farthest behind to the farthest ahead."""
    ahead = np.arange(-_FARTHEST, _FARTHEST + 1)
    count = _BUCKETS // 2 if both_ways else _BUCKETS
    distance: Any = np.abs(ahead) if both_ways else -np.minimum(ahead, 0)
    exact = count // 2
    far = np.log(np.maximum(distance, 1).astype(np.float32) / np.float32(exact)) / np.float32(log(_FARTHEST / exact))
    large = np.minimum(exact + (far * (count - exact)).astype(np.int32), count - 1)
    rows = np.where(distance < exact, distance, large) + (count * (ahead > 0) if both_ways else 0)
    return [int(row) for row in rows]
