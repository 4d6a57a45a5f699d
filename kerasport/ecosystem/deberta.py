"""DeBERTa v3 of keras-hub: attention that scores contents, and contents against distances."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasport.ecosystem.keras_hub import heads_together, names
from kerasport.plugins import CustomLayer, CustomModel, End, Tensor, compose, model, ops

_DISTANCES, _BLOCK, _ATTENTION = (
    f"deberta>{name}" for name in ("RelativeEmbedding", "DisentangledAttentionEncoder", "DisentangledSelfAttention")
)
_EPSILON = 1e-7


@model(*names("DebertaV3Backbone"), ignored="dropout")
def deberta_v3_backbone(m: CustomModel) -> End:
    """Tokens, a table of distances, and an encoder."""
    size, span = m.config.integer("hidden_dim"), m.config.integer("bucket_size")
    ids, padding = m.input("token_ids"), m.input("padding_mask")
    tokens: dict[str, Any] = {"input_dim": m.config.integer("vocabulary_size"), "output_dim": size}
    x = m.layer("keras_hub>ReversibleEmbedding", "token_embedding", ids, **tokens)
    x = m.layer("LayerNormalization", "embeddings_layer_norm", x, axis=-1, epsilon=_EPSILON)
    call = {"rel_embeddings": m.layer(_DISTANCES, "rel_embedding", x, bucket_size=span), "padding_mask": padding}
    options = {key: m.config.integer(key) for key in ("num_heads", "intermediate_dim", "max_sequence_length")}
    for place in range(m.config.count("num_layers")):
        name = f"disentangled_attention_encoder_layer_{place}"
        x = m.layer(_BLOCK, name, x, call=call, bucket_size=span, **options)
    return x


@compose(_DISTANCES, mask="dropped")
def relative_embedding(layer: CustomLayer, x: Tensor) -> Tensor:
    """A normalized row for each distance, for each sample the same."""
    size = x.shape[-1]
    rows = layer.weight("rel_embedding", (2 * layer.config.integer("bucket_size"), size))
    normalize = layer.part("layer_norm", "LayerNormalization", epsilon=_EPSILON)
    return normalize(ops.expand_dims(rows, 0)) + ops.zeros_like(x[:, :1])


@compose(_BLOCK, mask="carried")
def disentangled_attention_encoder(layer: CustomLayer, x: Tensor) -> Tensor:
    """Attention and a feed-forward net, each with a residual connection and a normalization behind it."""
    config, padding = layer.config, layer.argument("padding_mask")
    hidden = config.integer("intermediate_dim")
    options = {key: config.get(key) for key in ("num_heads", "bucket_size", "max_sequence_length")}
    attend = layer.part("_self_attention_layer", _ATTENTION, **options)
    norms = [layer.part("_self_attention_layer_norm", "LayerNormalization", epsilon=_EPSILON)]
    norms.append(layer.part("_feedforward_layer_norm", "LayerNormalization", epsilon=_EPSILON))
    inner = layer.part("_feedforward_intermediate_dense", "Dense", units=hidden, activation="gelu")
    last = layer.part("_feedforward_output_dense", "Dense", units=x.shape[-1])
    y = norms[0](x + attend(x, distances=layer.argument("rel_embeddings"), padding_mask=padding))
    return norms[1](y + last(inner(y)))


@compose(_ATTENTION, mask="dropped")
def disentangled_self_attention(layer: CustomLayer, x: Tensor) -> Tensor:
    """The sum of three kinds of scores: queries with keys, with rows of distances, and these with keys."""
    config, features = layer.config, x.shape[-1] or 0
    heads, distances = config.integer("num_heads"), layer.argument("distances")
    size = features // heads
    projection: dict[str, Any] = {"equation": "abc,cde->abde", "output_shape": [None, heads, size], "bias_axes": "de"}
    query, key, value = (
        layer.part(f"_{name}_dense", "EinsumDense", **projection) for name in ("query", "key", "value")
    )
    projection = {"equation": "abc,cd->abd", "output_shape": [None, features], "bias_axes": "d"}
    last = layer.part("_output_dense", "EinsumDense", **projection)
    steps = ops.cumsum(ops.ones_like(x[:, :, 0]), axis=1)
    rows = _rows(layer, ops.expand_dims(steps, 2) - ops.expand_dims(steps, 1), heads)
    q, k = query(x), key(x)
    to_places = ops.take_along_axis(ops.einsum("bqhd,brhd->bhqr", q, key(distances)), rows, axis=3)
    columns = ops.transpose(rows, (0, 1, 3, 2))
    from_places = ops.take_along_axis(ops.einsum("bkhd,brhd->bhkr", k, query(distances)), columns, axis=3)
    scores = ops.einsum("bqhd,bkhd->bhqk", q, k) + to_places + ops.transpose(from_places, (0, 1, 3, 2))
    seen = ops.cast(layer.argument("padding_mask")[:, None, None], "bool")
    weights = layer.part("_softmax", "Softmax")(scores * (3.0 * size) ** -0.5, mask=seen)
    found = ops.einsum("bhqk,bkhd->bqhd", weights, value(x))
    return last(heads_together(found))


def _rows(layer: CustomLayer, ahead: Tensor, heads: int) -> Tensor:
    """Which row of the table each query takes for each key: (batch, heads, queries, keys)."""
    farthest = layer.config.integer("max_sequence_length")
    table = layer.constant(_table(farthest, layer.config.integer("bucket_size")), "int32")
    place = ops.cast(ops.clip(ahead, -farthest, farthest) + float(farthest), "int32")
    return ops.repeat(ops.expand_dims(ops.take(table, place, axis=0), 1), heads, axis=1)


def _table(farthest: int, span: int) -> NDArray[np.int32]:
    """The row for each distance: near ones have their own, far ones share those of a logarithmic scale."""
    ahead, middle = np.arange(-farthest, farthest + 1), span // 2
    far = np.maximum(np.abs(ahead), middle).astype(np.float32) / np.float32(middle)
    scale = np.log(np.float32(farthest - 1) / np.float32(middle))
    shared = np.ceil(np.log(far) * np.float32(middle - 1) / scale) + middle
    rows: NDArray[Any] = np.where(np.abs(ahead) <= middle, ahead, shared * np.sign(ahead)) + span
    found: NDArray[np.int32] = np.clip(rows, 0, 2 * span - 1).astype(np.int32)
    return found
