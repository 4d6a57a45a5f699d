"""Layers of keras-hub, which was keras-nlp."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import log, pi
from typing import Any

import numpy as np

from kerasport.custom.registration import alias
from kerasport.layers.attention import MultiHeadAttention
from kerasport.layers.base import Emit, Value
from kerasport.layers.reversible import ReversibleEmbedding
from kerasport.plugins import CalledLayer, CustomLayer, Tensor, compose, frozen, layer, ops, refuse

_INITIAL = "kernel_initializer bias_initializer"


def names(name: str) -> tuple[str, str]:
    """The names in files of keras-hub and of keras-nlp."""
    return f"keras_hub>{name}", f"keras_nlp>{name}"


alias(
    *names("ReversibleEmbedding"),
    spec=ReversibleEmbedding,
    ignored="embeddings_initializer embeddings_regularizer embeddings_constraint reverse_dtype input_length",
)


@layer(*names("CachedMultiHeadAttention"), ignored="dropout seed query_shape key_shape value_shape flash_attention")
@frozen
class CachedMultiHeadAttention(MultiHeadAttention):
    """Keras's MultiHeadAttention, but for masks that nobody gives it."""

    def output_mask(self, masks: Sequence[Value | None], inputs: Sequence[Value], emit: Emit) -> Value | None:
        """The query's, which it does not look at."""
        return masks[0] if masks else None


def heads_apart(x: Tensor, heads: int) -> Tensor:
    """(batch, steps, heads * size) as (batch, steps, heads, size)."""
    return ops.stack(ops.split(x, heads, axis=-1), axis=2) if heads > 1 else ops.expand_dims(x, 2)


def heads_together(x: Tensor) -> Tensor:
    """(batch, steps, heads, size) as (batch, steps, heads * size)."""
    heads = x.shape[2] or 0
    return ops.concatenate([x[:, :, head] for head in range(heads)], axis=-1) if heads > 1 else x[:, :, 0]


def grouped_heads(
    layer: CustomLayer, attribute: str, size: int, query: str, key: str
) -> tuple[list[CalledLayer], list[int]]:
    """The projections of attention whose heads share keys and values in groups, and the group of each head.

    Args:
        layer: The attention.
        attribute: What holds each of them, with ``{}`` for query, key and value.
        size: The features of a head.
        query: The equation of the query's projection.
        key: The equation of the key's, and of the value's.
    """
    heads, groups = layer.config.integer("num_query_heads"), layer.config.integer("num_key_value_heads")
    parts = ("query", query, heads), ("key", key, groups), ("value", key, groups)
    projections = [
        layer.part(attribute.format(name), "EinsumDense", equation=equation, output_shape=[None, count, size])
        for name, equation, count in parts
    ]
    return projections, [head * groups // heads for head in range(heads)]


def _steps(layer: CustomLayer, x: Tensor, axis: int = 1) -> Any:
    """The numbers of the steps, (1, steps), or (batch, steps) where their count is not known, or they are given."""
    given, start = layer.argument("positions"), layer.argument("start_index", 0)
    if given is not None:
        given = ops.cast(given, "float32")
        return given if given.rank > 1 else ops.expand_dims(given, 0)
    if not isinstance(start, int):
        raise refuse("a start_index that is a tensor is not supported")
    if x.shape[axis] is not None:
        return np.arange(start, start + (x.shape[axis] or 0), dtype=np.float32)[None]
    index = [slice(None) if place in (0, axis) else 0 for place in range(x.rank)]
    return ops.cumsum(ops.ones_like(x[tuple(index)]), axis=1) + (start - 1.0)


@compose(*names("PositionEmbedding"), ignored="initializer", mask="dropped")
def position_embedding(layer: CustomLayer, x: Tensor) -> Tensor:
    """A row of a table for each step, whatever the input's numbers are."""
    return _placed(layer, x, layer.weight("embeddings", (layer.config.integer("sequence_length"), x.shape[-1])))


def _placed(layer: CustomLayer, x: Tensor, table: Tensor) -> Tensor:
    places = _steps(layer, x)
    if isinstance(places, np.ndarray):
        return ops.expand_dims(table[int(places[0, 0]) : int(places[0, -1]) + 1], 0) + ops.zeros_like(x)
    return ops.take(table, ops.cast(places, "int32"), axis=0) + ops.zeros_like(x)


@compose(*names("TokenAndPositionEmbedding"), ignored="embeddings_initializer", mask="own")
def token_and_position_embedding(layer: CustomLayer, ids: Tensor) -> Tensor:
    """A row of one table for each token, and of another for each step."""
    tokens, size = layer.config.integer("vocabulary_size"), layer.config.integer("embedding_dim")
    options: dict[str, Any] = {
        "tie_weights": layer.config.flag("tie_weights", True),
        "mask_zero": layer.config.flag("mask_zero"),
    }
    embedding = layer.part("token_embedding", "ReversibleEmbedding", input_dim=tokens, output_dim=size, **options)
    arguments = {name: value for name in ("start_index", "positions") if (value := layer.argument(name)) is not None}
    places = layer.part(
        "position_embedding",
        "keras_hub>PositionEmbedding",
        sequence_length=layer.config.integer("sequence_length"),
    )
    embedded = embedding(ids)
    return (embedded + places(embedded, **arguments)).with_mask(embedded.mask)


@compose(*names("SinePositionEncoding"), mask="dropped")
def sine_position_encoding(layer: CustomLayer, x: Tensor) -> Tensor:
    """Sines and cosines of the steps' numbers, in turn, whatever the input's numbers are."""
    size = x.shape[-1] or 0
    exponents = 2.0 * (np.arange(size) // 2) / max(size, 1)
    rates = ((1.0 / layer.config.number("max_wavelength")) ** exponents).astype(np.float32)
    shifts = (np.arange(size) % 2 * pi / 2).astype(np.float32)
    angles = _steps(layer, x)[:, :, None] * rates + shifts
    waves = np.sin(angles).astype(np.float32) if isinstance(angles, np.ndarray) else ops.sin(angles)
    return ops.zeros_like(x) + waves


@compose(*names("RotaryEmbedding"), mask="dropped")
def rotary_embedding(layer: CustomLayer, x: Tensor) -> Tensor:
    """Pairs of features, one from each half, turned by angles that grow with the step."""
    steps_axis, features_axis = (layer.config.integer(f"{name}_axis") % x.rank for name in ("sequence", "feature"))
    if (steps_axis, features_axis) != (1, x.rank - 1):
        raise refuse("steps and features are supported only as the second and the last axis")
    size = x.shape[-1] or 0
    half: Any = (_steps(layer, x)[:, :, None] * _rates(layer, size))[(slice(None), slice(None), *[None] * (x.rank - 3))]
    known = isinstance(half, np.ndarray)
    angles: Any = np.concatenate([half, half], axis=-1) if known else ops.concatenate([half, half], axis=-1)
    cos, sin = (np.cos(angles), np.sin(angles)) if known else (ops.cos(angles), ops.sin(angles))
    if layer.config.get("rope_type", "linear") == "yarn":
        scale = 0.1 * log(layer.config.number("scaling_factor")) + 1.0
        cos, sin = cos * scale, sin * scale
    first, second = ops.split(x, 2, axis=-1)
    return x * cos + ops.concatenate([-second, first], axis=-1) * sin


def _rates(layer: CustomLayer, size: int) -> Any:
    config, kind = layer.config, layer.config.get("rope_type", "linear")
    base, scale = config.number("max_wavelength"), config.number("scaling_factor", 1.0)
    over = config.get("denominator_dim", None) or size
    yarn = [config.number("beta_fast", 32.0), config.number("original_max_position_embeddings", 4096)]
    truncated = config.flag("truncate", True)
    config.ignore("beta_slow")
    rates = base ** -(np.arange(0, size, 2) / over)
    if kind == "linear":
        rates = rates / scale
    elif kind == "dynamic":
        rates = rates / scale ** (size / max(1, size - 2))
    elif kind == "yarn":
        raise refuse(f"rope_type='yarn' is not supported ({yarn}, {truncated})")
    return rates.astype(np.float32)


@compose(*names("TransformerEncoder"), ignored=_INITIAL, mask="carried")
def transformer_encoder(layer: CustomLayer, x: Tensor) -> Any:
    """Self-attention and a feed-forward net, each with a residual connection, normalized before or after."""
    first = layer.config.flag("normalize_first")
    attend, attend_norm = _attention(layer, "self_attention", x, "MultiHeadAttention"), _norm(layer, "self_attention")
    forward_norm, forward = _norm(layer, "feedforward"), _feed_forward(layer, x)
    mask = _mask(layer, x, "padding_mask", "attention_mask")
    scored = bool(layer.argument("return_attention_scores"))
    inner = attend_norm(x) if first else x
    arguments = {"attention_mask": mask} if mask is not None else {}
    found = attend(inner, inner, **arguments, **({"return_attention_scores": True} if scored else {}))
    y = (found[0] if scored else found) + x
    y = y if first else attend_norm(y)
    z = forward(forward_norm(y) if first else y) + y
    z = z if first else forward_norm(z)
    return (z, found[1]) if scored else z


@compose(*names("TransformerDecoder"), ignored=_INITIAL, mask="carried")
def transformer_decoder(layer: CustomLayer, x: Tensor, *encoded: Tensor) -> Tensor:
    """Causal self-attention, attention on an encoder where there is one, and a feed-forward net."""
    first = layer.config.flag("normalize_first")
    layer.config.get("decoder_sequence_shape", None), layer.config.get("encoder_sequence_shape", None)
    source = layer.argument("encoder_sequence") if not encoded else encoded[0]
    parts = [(_attention(layer, "self_attention", x), _norm(layer, "self_attention"))]
    if source is not None:
        parts.append((_attention(layer, "cross_attention", x), _norm(layer, "cross_attention")))
    forward, forward_norm = _feed_forward(layer, x), _norm(layer, "feedforward")
    causal = bool(layer.argument("use_causal_mask", True))
    masks = [_mask(layer, x, "decoder_padding_mask", "decoder_attention_mask")]
    masks += [_mask(layer, source, "encoder_padding_mask", "encoder_attention_mask")] if source is not None else []
    y = x
    for place, ((attend, norm), mask) in enumerate(zip(parts, masks, strict=True)):
        query = norm(y) if first else y
        value = query if not place or source is None else source
        arguments: dict[str, Any] = {"attention_mask": mask} if mask is not None else {}
        arguments |= {"use_causal_mask": True} if causal and not place else {}
        y = attend(query, value, **arguments) + y
        y = y if first else norm(y)
    z = forward(forward_norm(y) if first else y) + y
    return z if first else forward_norm(z)


def _attention(
    layer: CustomLayer, name: str, x: Tensor, class_name: str = "keras_hub>CachedMultiHeadAttention"
) -> CalledLayer:
    heads = layer.config.integer("num_heads")
    size, rate = (x.shape[-1] or 0) // heads, layer.config.number("dropout", 0)
    options: dict[str, Any] = {"num_heads": heads, "key_dim": size, "value_dim": size, "dropout": rate}
    return layer.part(f"_{name}_layer", class_name, **options)


def _norm(layer: CustomLayer, name: str) -> CalledLayer:
    epsilon = layer.config.number("layer_norm_epsilon")
    return layer.part(f"_{name}_layer_norm", "LayerNormalization", epsilon=epsilon)


def _feed_forward(layer: CustomLayer, x: Tensor) -> Callable[[Tensor], Tensor]:
    units, activation = layer.config.integer("intermediate_dim"), layer.config.get("activation")
    hidden = layer.part("_feedforward_intermediate_dense", "Dense", units=units, activation=activation)
    output = layer.part("_feedforward_output_dense", "Dense", units=x.shape[-1])
    return lambda y: output(hidden(y))


def _mask(layer: CustomLayer, x: Tensor, padding: str, attention: str) -> Tensor | None:
    """What the queries may see: (batch, 1 or queries, keys)."""
    padded, given = layer.argument(padding), layer.argument(attention)
    steps = padded if padded is not None else x.mask
    masks = [ops.cast(ops.expand_dims(steps, 1), "bool")] if steps is not None else []
    masks += [ops.cast(given, "bool")] if given is not None else []
    return masks[0] & masks[1] if len(masks) > 1 else next(iter(masks), None)


@compose(*names("FNetEncoder"), ignored=f"{_INITIAL} dropout", mask="dropped")
def f_net_encoder(layer: CustomLayer, x: Tensor) -> Tensor:
    """The real part of a Fourier transform over steps and features in attention's place."""
    epsilon = layer.config.number("layer_norm_epsilon")
    mixing = layer.part("_mixing_layer_norm", "LayerNormalization", epsilon=epsilon)
    last = layer.part("_output_layer_norm", "LayerNormalization", epsilon=epsilon)
    units, activation = layer.config.integer("intermediate_dim"), layer.config.get("activation")
    hidden = layer.part("_intermediate_dense", "Dense", units=units, activation=activation)
    output = layer.part("_output_dense", "Dense", units=x.shape[-1])
    real, _ = ops.fft2((x, ops.zeros_like(x)))
    y = mixing(x + real)
    return last(y + output(hidden(y)))


@compose(*names("MaskedLMHead"), ignored=_INITIAL, mask="dropped")
def masked_lm_head(layer: CustomLayer, x: Tensor, *places: Tensor) -> Tensor:
    """Scores of all tokens, from the features at some steps, by a kernel or by the table of tokens in reverse."""
    table = layer.config.get("token_embedding", None)
    tokens, size = layer.config.integer("vocabulary_size"), x.shape[-1]
    kernel = layer.weight("output_kernel", (size, tokens)) if table is None else None
    bias = layer.weight("output_bias", (tokens,))
    embedding = None if table is None else _same_embedding(layer, table["config"])
    size = size if table is None else table["config"]["output_dim"]
    activation, epsilon = layer.config.get("intermediate_activation"), layer.config.number("layer_norm_epsilon")
    dense = layer.part("_intermediate_dense", "Dense", units=size, activation=activation)
    norm = layer.part("_intermediate_layer_norm", "LayerNormalization", epsilon=epsilon)
    where = places[0] if places else layer.argument("mask_positions")
    chosen = norm(dense(ops.take_along_axis(x, ops.cast(ops.expand_dims(where, -1), "int32"), axis=1)))
    scores = chosen @ kernel if embedding is None else embedding(chosen, reverse=True)
    return layer.activate(scores + bias)


def _same_embedding(layer: CustomLayer, config: Mapping[str, Any]) -> CalledLayer:
    """The embedding of another layer, or of the model, as a part of this one, too."""
    if config.get("quantization_config") is not None:
        raise refuse("a token_embedding that is quantised is not supported")
    options = {key: config[key] for key in ("mask_zero", "tie_weights", "logit_soft_cap") if key in config}
    sizes = {key: config[key] for key in ("input_dim", "output_dim")}
    name = str(config["name"])
    return layer.part("token_embedding", "keras_hub>ReversibleEmbedding", same_as=name, **sizes, **options)
