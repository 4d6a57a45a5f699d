"""Layers that were published in two forms which files do not tell apart: a plugin calls one with its choice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kerasport.ecosystem.keras_hub import heads_apart, heads_together
from kerasport.plugins import CustomLayer, Tensor, compose, ops, refuse

_HEADS = "kerasport>DenseHeads"


def transformer_block(layer: CustomLayer, x: Tensor, *, causal: bool) -> Tensor:
    """Self-attention and a feed-forward net, each with a residual connection and a normalization behind it."""
    size, hidden = layer.config.integer("embed_dim"), layer.config.integer("ff_dim")
    heads, kernels = layer.config.integer("num_heads"), [shape for shape in layer.stored.values() if len(shape) == 3]
    if layer.stored and not kernels:  # as before Keras had a MultiHeadAttention
        attend = layer.part("att", _HEADS, embed_dim=size, num_heads=heads, causal=causal)
        attended = attend(x)
    else:
        inner = kernels[0][-1] if kernels else size
        attend = layer.part("att", "MultiHeadAttention", num_heads=heads, key_dim=inner)
        attended = attend(x, x, **({"use_causal_mask": True} if causal else {}))
    forward = layer.sequence("ffn", ("Dense", {"units": hidden, "activation": "relu"}), ("Dense", {"units": size}))
    norms = [layer.part(f"layernorm{n}", "LayerNormalization", epsilon=1e-6) for n in (1, 2)]
    y = norms[0](x + attended)
    return norms[1](y + forward(y))


def multi_head_self_attention(layer: CustomLayer, x: Tensor, *, causal: bool) -> Tensor:
    """Attention by heads of the steps of one sequence on each other; each projection is a Dense."""
    size, heads = layer.config.integer("embed_dim"), layer.config.integer("num_heads")
    query, key, value, combine = (
        layer.part(name, "Dense", units=size) for name in ("query_dense", "key_dense", "value_dense", "combine_heads")
    )
    q, k, v = (heads_apart(part(x), heads) for part in (query, key, value))
    scores = ops.einsum("bnhi,bmhi->bhnm", q, k) * (size // heads) ** -0.5
    if causal:
        steps = ops.cumsum(ops.ones_like(x[:, :, 0]), axis=1)
        seen = ops.expand_dims(steps, 2) >= ops.expand_dims(steps, 1)
        scores = ops.where(ops.expand_dims(seen, 1), scores, -1e9)
    attended = ops.einsum("bhnm,bmhi->bnhi", ops.softmax(scores, axis=-1), v)
    return combine(heads_together(attended))


@compose(_HEADS, mask="dropped")
def _heads(layer: CustomLayer, x: Tensor) -> Tensor:
    """The same within a block."""
    return multi_head_self_attention(layer, x, causal=layer.config.flag("causal"))


def transformer_encoder(layer: CustomLayer, x: Tensor, *, activation: str) -> Tensor:
    """The same under other names; where its activation is relu, attention leaves out the steps that are masked."""
    size, hidden = layer.config.integer("embed_dim"), layer.config.integer("dense_dim")
    attend = layer.part("attention", "MultiHeadAttention", num_heads=layer.config.integer("num_heads"), key_dim=size)
    parts: list[tuple[str, Mapping[str, Any]]] = [
        ("Dense", {"units": hidden, "activation": activation}),
        ("Dense", {"units": size}),
    ]
    forward = layer.sequence("dense_proj", *parts)
    norms = [layer.part(f"layernorm_{n}", "LayerNormalization", epsilon=1e-3) for n in (1, 2)]
    if x.mask is not None and activation != "relu":
        raise refuse("masks are supported only where its activation is relu")
    mask = {"attention_mask": ops.expand_dims(x.mask, 1)} if x.mask is not None else {}
    y = norms[0](x + attend(x, x, **mask))
    return norms[1](y + forward(y))


def positional_embedding(layer: CustomLayer, ids: Tensor, *, masks_zero: bool) -> Tensor:
    """A learned row for each token, plus one for its place."""
    size, tokens, places = (layer.config.integer(key) for key in ("output_dim", "input_dim", "sequence_length"))
    embedded = layer.part("token_embeddings", "Embedding", input_dim=tokens, output_dim=size)(ids)
    rows = layer.part("position_embeddings", "keras_hub>PositionEmbedding", sequence_length=places)
    placed = embedded + rows(embedded)
    return placed.with_mask(ops.not_equal(ids, 0) if masks_zero else None)


@dataclass(frozen=True)
class Undecided:
    """A class with two forms.

    Attributes:
        function: Makes the output from a ``CustomLayer``, a tensor and the choice.
        choices: Each form's argument of the function, and what it means.
        ignored: Config keys that matter only in training.
        mask: What becomes of the mask, as for ``compose``.
    """

    function: Callable[..., Tensor]
    choices: Mapping[str, str]
    ignored: str = ""
    mask: str = "dropped"

    @property
    def why(self) -> str:
        """What is to be decided."""
        forms = " or ".join(f"{choice} ({meaning})" for choice, meaning in self.choices.items())
        return f"was published in two forms, which files do not tell apart and a line of a plugin does: {forms}"


_CAUSAL = {
    "causal=False": "each step sees all, as in keras.io's classification of texts",
    "causal=True": "each sees those up to it, as in its generation of texts",
}
# By the names that they get from their config; see ``ecosystem.named``.
LAYERS = {
    "keras.io>MultiHeadSelfAttention": Undecided(multi_head_self_attention, _CAUSAL),
    "keras.io>TransformerBlock": Undecided(transformer_block, _CAUSAL, ignored="rate"),
    "keras.io>TransformerEncoder": Undecided(
        transformer_encoder,
        {
            "activation='relu'": "as in keras.io's translation of texts",
            "activation='gelu'": "as in its classification of videos",
        },
        mask="carried",
    ),
    "book>PositionalEmbedding": Undecided(
        positional_embedding,
        {"masks_zero=True": "the token 0 is masked", "masks_zero=False": "nothing is masked"},
        mask="own",
    ),
}
