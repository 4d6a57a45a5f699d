"""Layers of keras-hub's Gemma."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kerasport.ecosystem.keras_hub import grouped_heads
from kerasport.plugins import CustomLayer, Tensor, compose, ops

BLOCK, ATTENTION, NORM = (f"gemma>{name}" for name in ("GemmaDecoderBlock", "CachedGemmaAttention", "RMSNormalization"))


@compose(NORM, mask="carried")
def rms_normalization(layer: CustomLayer, x: Tensor) -> Tensor:
    """``x / sqrt(mean(x**2) + epsilon) * (1 + scale)``."""
    inverse = ops.rsqrt(ops.mean(ops.square(x), axis=-1, keepdims=True) + layer.config.number("epsilon"))
    return x * inverse * (1.0 + layer.weight("scale", (x.shape[-1],)))


@compose(BLOCK, ignored="dropout", mask="carried")
def gemma_decoder_block(layer: CustomLayer, x: Tensor) -> Tensor:
    """Causal attention by groups of heads, and a gated feed-forward net, both on normalized input."""
    config, features = layer.config, x.shape[-1]
    hidden = config.integer("intermediate_dim") // 2
    config.get("hidden_dim"), config.get("query_head_dim_normalize", True)
    keys = ("head_dim", "num_query_heads", "num_key_value_heads", "logit_soft_cap", "sliding_window_size")
    options = {key: config.get(key, None) for key in (*keys, "use_sliding_window_attention")}
    before, after = _norms(layer, "attention")
    attend = layer.part("attention", ATTENTION, **options)
    before_forward, after_forward = _norms(layer, "ffw")
    gates = [
        layer.part(name, "EinsumDense", equation="btd,df->btf", output_shape=[None, hidden])
        for name in ("gating_ffw", "gating_ffw_2")
    ]
    last = layer.part("ffw_linear", "EinsumDense", equation="btf,fd->btd", output_shape=[None, features])
    padding = layer.argument("padding_mask")
    padding = x.mask if padding is None else padding
    y = x + after(attend(before(x), **({} if padding is None else {"padding_mask": padding})))
    inner = before_forward(y)
    return y + after_forward(last(ops.gelu(gates[0](inner), approximate=True) * gates[1](inner)))


def _norms(layer: CustomLayer, name: str) -> Sequence[Callable[[Tensor], Tensor]]:
    """The normalization before a part of a block, and that behind it, where there is one."""
    epsilon = layer.config.number("layer_norm_epsilon")
    before = layer.part(f"pre_{name}_norm", NORM, epsilon=epsilon)
    if not layer.config.flag(f"use_post_{name}_norm"):
        return before, lambda x: x
    return before, layer.part(f"post_{name}_norm", NORM, epsilon=epsilon)


@compose(ATTENTION, mask="dropped")
def cached_gemma_attention(layer: CustomLayer, x: Tensor) -> Tensor:
    """Attention on the steps before, as far as the window goes, of rotated queries and keys; no key, no output."""
    config, size = layer.config, layer.config.integer("head_dim")
    (query, key, value), group = grouped_heads(layer, "{}_dense", size, "btd,ndh->btnh", "bsd,kdh->bskh")
    last = layer.part("output_dense", "EinsumDense", equation="btnh,nhd->btd", output_shape=[None, x.shape[-1]])
    rotate = layer.part(
        "rope_layer", "keras_hub>RotaryEmbedding", max_wavelength=10000.0, sequence_axis=1, feature_axis=-1
    )
    turns = [half + place for place in range(size // 2) for half in (0, size // 2)]
    q, k = (ops.take(rotate(part(x)), turns, axis=-1) for part in (query, key))
    scores = ops.einsum("btnh,bsnh->bnts", q * size**-0.5, ops.take(k, group, axis=2))
    cap = config.get("logit_soft_cap", None)
    if cap is not None:
        scores = ops.tanh(scores / float(cap)) * float(cap)
    seen = _seen(layer, x)
    weights = layer.part("softmax", "Softmax")(scores, mask=ops.expand_dims(seen, 1))
    found = ops.einsum("bnts,bsnh->btnh", weights, ops.take(value(x), group, axis=2))
    any_seen = ops.cast(ops.any(seen, axis=-1), "float32")
    return last(found * any_seen[:, :, None, None])


def _seen(layer: CustomLayer, x: Tensor) -> Tensor:
    """Which steps each step sees: (batch, queries, keys)."""
    steps = ops.cumsum(ops.ones_like(x[:, :, 0]), axis=1)
    distance = ops.expand_dims(steps, 2) - ops.expand_dims(steps, 1)
    seen = distance >= 0.0
    window = layer.config.get("sliding_window_size", None)
    if layer.config.flag("use_sliding_window_attention"):
        seen = seen & (distance < float(window))
    padding = layer.argument("padding_mask")
    return seen if padding is None else seen & ops.cast(ops.expand_dims(padding, 1), "bool")
