"""Layers of keras-self-attention and its family: keras-multi-head, keras-pos-embd, keras-bert ..."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasport.custom.registration import alias
from kerasport.layers.normalization import LayerNormalization
from kerasport.plugins import CustomLayer, Tensor, compose, ops, refuse

_INITIAL = "kernel_initializer bias_initializer kernel_regularizer bias_regularizer kernel_constraint bias_constraint"
_TABLE = "embeddings_initializer embeddings_regularizer embeddings_constraint"
_FAR = 10000.0

alias(
    "keras-layer-normalization>LayerNormalization",
    spec=LayerNormalization,
    ignored=" ".join(
        f"{role}_{what}" for role in ("gamma", "beta") for what in ("initializer", "regularizer", "constraint")
    ),
)


def places(x: Tensor) -> Any:
    """The numbers of the steps, (1, steps), or (batch, steps) where their count is not known."""
    if x.shape[1] is not None:
        return np.arange(x.shape[1], dtype=np.float32)[None]
    ones = ops.ones_like(ops.max(x, axis=-1) if x.rank > 2 else x)
    return ops.cumsum(ops.cast(ones, "float32"), axis=1) - 1.0


def softmax(scores: Tensor) -> Tensor:
    """Over the last axis."""
    return ops.softmax(scores, axis=-1)


@compose("SeqSelfAttention", ignored=f"{_INITIAL} attention_regularizer_weight", mask="carried")
def seq_self_attention(layer: CustomLayer, x: Tensor) -> Sequence[Tensor]:
    """Each step's average of all steps, weighted by additive or multiplicative scores."""
    scores = _additive(layer, x) if layer.config.get("attention_type") == "additive" else _multiplicative(layer, x)
    if layer.config.get("attention_activation") is not None:
        scores = layer.activate(scores, "attention_activation")
    width, history = layer.config.get("attention_width"), layer.config.flag("history_only")
    if width is not None:
        steps = places(x)
        begin = steps[:, :, None] - (width - 1 if history else width // 2)
        distance = steps[:, None, :] - begin
        inside = (
            np.logical_and(distance >= 0, distance < width)
            if isinstance(distance, np.ndarray)
            else ((distance >= 0.0) & (distance < float(width)))
        )
        near = inside.astype(np.float32) if isinstance(inside, np.ndarray) else ops.cast(inside, "float32")
        scores = scores - _FAR * (1.0 - near)
    if x.mask is not None:
        masked = 1.0 - ops.cast(x.mask, "float32")
        scores = scores - ops.expand_dims(masked, -1) * ops.expand_dims(masked, 1) * _FAR
    weights = softmax(scores)
    average = weights @ x
    return (average, weights) if layer.config.flag("return_attention") else (average,)


def _additive(layer: CustomLayer, x: Tensor) -> Tensor:
    units = layer.config.integer("units")
    query = ops.expand_dims(x @ layer.weight("Add_Wt", (x.shape[-1], units)), 2)
    key = ops.expand_dims(x @ layer.weight("Add_Wx", (x.shape[-1], units)), 1)
    hidden = query + key
    if layer.config.flag("use_additive_bias"):
        hidden = hidden + layer.weight("Add_bh", (units,))
    scores = ops.squeeze(ops.tanh(hidden) @ layer.weight("Add_Wa", (units, 1)), axis=-1)
    return scores + layer.weight("Add_ba", (1,)) if layer.config.flag("use_attention_bias") else scores


def _multiplicative(layer: CustomLayer, x: Tensor) -> Tensor:
    layer.config.ignore("units", "use_additive_bias")
    scores = x @ layer.weight("Mul_Wa", (x.shape[-1], x.shape[-1])) @ ops.swapaxes(x, 1, 2)
    return scores + layer.weight("Mul_ba", (1,)) if layer.config.flag("use_attention_bias") else scores


@compose("SeqWeightedAttention", mask="dropped")
def seq_weighted_attention(layer: CustomLayer, x: Tensor) -> Sequence[Tensor]:
    """The average of the steps, weighted by ``softmax(x @ W + b)``."""
    scores = x @ layer.weight("W", (x.shape[-1], 1))
    scores = scores + layer.weight("b", (1,)) if layer.config.flag("use_bias") else scores
    scores = ops.squeeze(scores, axis=-1)
    if x.mask is not None:
        scores = scores - (1.0 - ops.cast(x.mask, "float32")) * _FAR
    powers = ops.exp(scores - ops.max(scores, axis=-1, keepdims=True))
    weights = powers / (ops.sum(powers, axis=1, keepdims=True) + 1e-7)
    average = ops.sum(x * ops.expand_dims(weights, -1), axis=1)
    return (average, weights) if layer.config.flag("return_attention") else (average,)


@compose("ScaledDotProductAttention", mask="carried")
def scaled_dot_product_attention(layer: CustomLayer, query: Tensor, *others: Tensor) -> Sequence[Tensor]:
    """``softmax(query @ key / sqrt(features)) @ value``."""
    key, value = others or (query, query)
    scores = query @ ops.swapaxes(key, 1, 2) * (query.shape[-1] or 0) ** -0.5
    scores = _hidden(scores, query, key, layer.config.flag("history_only"))
    weights = softmax(_masked(scores, key.mask))
    average = weights @ value
    return (average, weights) if layer.config.flag("return_attention") else (average,)


def _hidden(scores: Tensor, query: Tensor, key: Tensor, history_only: bool) -> Tensor:
    """The scores, lowered for what is behind the query's own step."""
    if not history_only:
        return scores
    late = places(key)[:, None, :] - places(query)[:, :, None]
    if isinstance(late, np.ndarray):
        return scores - (late > 0).astype(np.float32) * _FAR
    return scores - ops.cast(late > 0.0, "float32") * _FAR


def _masked(scores: Tensor, mask: Tensor | None) -> Tensor:
    return scores if mask is None else scores - ops.expand_dims(1.0 - ops.cast(mask, "float32"), 1) * _FAR


@compose("keras-multi-head>MultiHeadAttention", ignored=_INITIAL, mask="carried")
def multi_head_attention(layer: CustomLayer, query: Tensor, *others: Tensor) -> Tensor:
    """The same by heads, between four linear maps with activations."""
    key, value = others or (query, query)
    size, heads = value.shape[-1] or 0, layer.config.integer("head_num")
    q, k, v = (_by_heads(_mapped(layer, x, role, size), heads) for x, role in ((query, "q"), (key, "k"), (value, "v")))
    scores = ops.einsum("bnhi,bmhi->hbnm", q, k) * (size // heads) ** -0.5
    scores = _hidden(scores, query, key, layer.config.flag("history_only"))
    y = ops.einsum("hbnm,bmhi->bnhi", softmax(_masked(scores, key.mask)), v)
    return _mapped(layer, ops.reshape(y, (-1, query.shape[1] or -1, size)), "o", size)


def _mapped(layer: CustomLayer, x: Tensor, role: str, size: int) -> Tensor:
    y = x @ layer.weight(f"W{role}", (x.shape[-1], size))
    y = y + layer.weight(f"b{role}", (size,)) if layer.config.flag("use_bias") else y
    return layer.activate(y)


def _by_heads(x: Tensor, heads: int) -> Tensor:
    size = x.shape[-1] or 0
    if x.shape[1] is None:
        raise refuse("the number of its steps is not known")
    return ops.reshape(x, (-1, x.shape[1], heads, size // heads))


@compose("FeedForward", ignored=f"{_INITIAL} dropout_rate", mask="carried")
def feed_forward(layer: CustomLayer, x: Tensor) -> Tensor:
    """``activation(x @ W1 + b1) @ W2 + b2``."""
    units, size = layer.config.integer("units"), x.shape[-1]
    bias = layer.config.flag("use_bias")
    hidden = x @ layer.weight("W1", (size, units))
    hidden = layer.activate(hidden + layer.weight("b1", (units,)) if bias else hidden)
    y = hidden @ layer.weight("W2", (units, size))
    return y + layer.weight("b2", (size,)) if bias else y


@compose("keras-pos-embd>PositionEmbedding", ignored=_TABLE, mask="own")
def position_embedding(layer: CustomLayer, x: Tensor) -> Tensor:
    """A row of a table for each step, added to its features or behind them; or for each number."""
    mode, count, size = layer.config.get("mode"), layer.config.integer("input_dim"), layer.config.integer("output_dim")
    if mode == "expand":
        if layer.config.get("mask_zero"):
            raise refuse("mask_zero in the mode 'expand' is not supported")
        table = layer.weight("embeddings", (2 * count + 1, size))
        return ops.take(table, ops.cast(ops.clip(ops.cast(x, "int32"), -count, count) + count, "int32"), axis=0)
    layer.config.ignore("mask_zero")
    table, steps = layer.weight("embeddings", (count, size)), x.shape[1]
    rows = (
        ops.expand_dims(table[:steps], 0)
        if steps is not None
        else ops.take(table, ops.cast(places(x), "int32"), axis=0)
    )
    if mode == "add":
        return (x + rows).with_mask(x.mask)
    return ops.concatenate([x, rows + ops.zeros_like(x[:, :, :1])], axis=-1).with_mask(x.mask)


@compose("TrigPosEmbedding", mask="carried")
def trig_pos_embedding(layer: CustomLayer, x: Tensor) -> Tensor:
    """Sines and cosines of the steps' numbers, or of numbers, in turn; added to features or behind them."""
    mode = layer.config.get("mode")
    size = x.shape[-1] if mode == "add" else layer.config.integer("output_dim")
    layer.config.ignore("output_dim")
    if size is None or size % 2:
        raise refuse(f"{size} features do not fall into sines and cosines")
    rates = np.repeat(10000.0 ** -(np.arange(0, size, 2) / size), 2).astype(np.float32)
    shifts = np.tile([0.0, np.pi / 2], size // 2).astype(np.float32)
    if mode == "expand":
        return ops.sin(ops.expand_dims(ops.cast(x, "float32"), -1) * rates + shifts)
    angles = places(x)[:, :, None] * rates + shifts
    waves = np.sin(angles).astype(np.float32) if isinstance(angles, np.ndarray) else ops.sin(angles)
    return x + waves if mode == "add" else ops.concatenate([x, ops.zeros_like(x[:, :, :1]) + waves], axis=-1)


@compose("TokenEmbedding", "EmbeddingRet", ignored=f"{_TABLE} activity_regularizer input_length", mask="own")
def token_embedding(layer: CustomLayer, x: Tensor) -> Sequence[Tensor]:
    """An Embedding that gives its table as well."""
    table = layer.weight("embeddings", (layer.config.integer("input_dim"), layer.config.integer("output_dim")))
    ids = ops.cast(x, "int32")
    rows = ops.take(table, ids, axis=0)
    return rows.with_mask(ids != 0) if layer.config.flag("mask_zero") else rows, table


@compose(
    "EmbeddingSimilarity", "EmbeddingSim", ignored="initializer regularizer constraint stop_gradient", mask="carried"
)
def embedding_similarity(layer: CustomLayer, x: Tensor, table: Tensor) -> Tensor:
    """``softmax(x @ table.T + bias)``."""
    scores = x @ ops.transpose(table)
    if layer.config.flag("use_bias", True):
        scores = scores + layer.weight("bias", (table.shape[0],))
    return softmax(scores)


@compose("Extract", mask="dropped")
def extract(layer: CustomLayer, x: Tensor) -> Tensor:
    """One step."""
    return x[:, layer.config.integer("index")]


@compose("Masked", mask="own")
def masked(layer: CustomLayer, x: Tensor, places_: Tensor) -> Sequence[Tensor]:
    """The input with another mask: those of its steps that are marked."""
    if x.mask is None:
        raise refuse("its input has no mask")
    mask = (places_ != 0) & x.mask
    y = x.with_mask(mask)
    return (y, ops.cast(mask, "float32")) if layer.config.get("return_masked") else (y,)
