"""Layers of vit-keras."""

from __future__ import annotations

from kerasport.plugins import CustomLayer, Tensor, compose, ops, refuse


@compose("ClassToken", mask="dropped")
def class_token(layer: CustomLayer, x: Tensor) -> Tensor:
    """A learned step before all others."""
    return ops.concatenate([ops.zeros_like(x[:, :1]) + layer.weight("cls", (1, 1, x.shape[-1])), x], axis=1)


@compose("AddPositionEmbs", mask="dropped")
def add_position_embs(layer: CustomLayer, x: Tensor) -> Tensor:
    """A learned row for each step, added."""
    return x + layer.weight("pos_embedding", (1, *x.shape[1:]))


@compose("vit_keras>TransformerBlock", ignored="dropout", mask="dropped")
def transformer_block(layer: CustomLayer, x: Tensor) -> tuple[Tensor, Tensor]:
    """Self-attention and two Dense, both on normalized input; the attention's weights are a second output."""
    attend = layer.part("att", "vit_keras>MultiHeadSelfAttention", num_heads=layer.config.integer("num_heads"))
    forward = layer.sequence(
        "mlpblock",
        ("Dense", {"units": layer.config.integer("mlp_dim"), "activation": "gelu"}),
        ("Dense", {"units": x.shape[-1]}),
    )
    norms = [layer.part(f"layernorm{number}", "LayerNormalization", epsilon=1e-6) for number in (1, 2)]
    found, weights = attend(norms[0](x))
    y = found + x
    return y + forward(norms[1](y)), weights


@compose("vit_keras>MultiHeadSelfAttention", mask="dropped")
def multi_head_self_attention(layer: CustomLayer, x: Tensor) -> tuple[Tensor, Tensor]:
    """Attention by heads between four Dense; its weights are a second output."""
    heads, size, steps = layer.config.integer("num_heads"), x.shape[-1] or 0, x.shape[1]
    if steps is None:
        raise refuse("the number of its steps is not known")
    query, key, value = (
        ops.reshape(layer.part(f"{name}_dense", "Dense", units=size)(x), (-1, steps, heads, size // heads))
        for name in ("query", "key", "value")
    )
    scores = ops.softmax(ops.einsum("bnhi,bmhi->bhnm", query, key) * (size // heads) ** -0.5, axis=-1)
    y = ops.reshape(ops.einsum("bhnm,bmhi->bnhi", scores, value), (-1, steps, size))
    return layer.part("combine_heads", "Dense", units=size)(y), scores
