"""Layers of the examples on keras.io, and of the book that they are from, which are copied into many projects."""

from __future__ import annotations

from kerasport.ecosystem.notebook_attention import unknown
from kerasport.plugins import CustomLayer, Tensor, compose, ops, refuse

# What the config of an example has beside its own arguments, since it saves all settings of the program.
_PROGRAM = "input_shape num_heads transformer_units transformer_layers mlp_head_units"


@compose("keras.io>Patches", ignored=f"{_PROGRAM} num_patches projection_dim", mask="dropped")
def patches(layer: CustomLayer, images: Tensor) -> Tensor:
    """The pixels of each patch of an image, row by row."""
    size = layer.config.integer("patch_size")
    found = ops.extract_patches(images, size=size)
    _, rows, columns, pixels = found.shape
    return ops.reshape(found, (-1, (rows or 0) * (columns or 0), pixels))


@compose("keras.io>PatchEncoder", ignored=f"{_PROGRAM} patch_size", mask="dropped")
def patch_encoder(layer: CustomLayer, x: Tensor) -> Tensor:
    """A Dense on each patch, unless there is none, plus a learned row for its place."""
    shapes = sorted(layer.stored.values(), key=len)
    units = layer.config.integer("projection_dim", shapes[-1][-1] if shapes else 0)
    count = layer.config.integer("num_patches", x.shape[1] or 0)
    if shapes in (
        [],
        [(units,), (x.shape[-1], units), (count, units)],
        [(units,), (count, units), (x.shape[-1], units)],
    ):
        projection = layer.part("projection", "Dense", units=units)
        return _placed(layer, "position_embedding", count, projection(x))
    if shapes == [(count, units)] and x.shape[-1] == units:
        return _placed(layer, "position_embedding", count, x)
    raise unknown(layer, f"weights of shapes {', '.join(map(str, shapes))}")


@compose("keras.io>TokenAndPositionEmbedding", mask="dropped")
def token_and_position_embedding(layer: CustomLayer, ids: Tensor) -> Tensor:
    """A learned row for each token, plus one for its place."""
    size = layer.config.integer("embed_dim")
    tokens = layer.part("token_emb", "Embedding", input_dim=layer.config.integer("vocab_size"), output_dim=size)
    return _placed(layer, "pos_emb", layer.config.integer("maxlen"), tokens(ids))


@compose("keras.io>PositionalEmbedding", mask="own")
def positional_embedding(layer: CustomLayer, ids: Tensor) -> Tensor:
    """The same under other names; the token 0 is masked."""
    size = layer.config.integer("embed_dim")
    tokens = layer.part("token_embeddings", "Embedding", input_dim=layer.config.integer("vocab_size"), output_dim=size)
    placed = _placed(layer, "position_embeddings", layer.config.integer("sequence_length"), tokens(ids))
    return placed.with_mask(ops.not_equal(ids, 0))


def _placed(layer: CustomLayer, attribute: str, places: int, x: Tensor) -> Tensor:
    """The steps, each with the row of its place in an Embedding of so many places."""
    if (x.shape[1] or 0) > places:
        raise refuse(f"{x.shape[1]} steps do not fit into its {places} places")
    return x + layer.part(attribute, "keras_hub>PositionEmbedding", sequence_length=places)(x)


@compose("keras.io>VectorQuantizer", ignored="beta", mask="dropped")
def vector_quantizer(layer: CustomLayer, x: Tensor) -> Tensor:
    """The nearest column of a codebook in each vector's place."""
    size, count = layer.config.integer("embedding_dim"), layer.config.integer("num_embeddings")
    codes = layer.weight("embeddings_vqvae", (size, count))
    lengths = ops.sum(ops.square(x), axis=-1, keepdims=True) + ops.sum(ops.square(codes), axis=0)
    nearest = ops.argmin(lengths - 2.0 * (x @ codes), axis=-1)
    return ops.take(ops.transpose(codes), nearest, axis=0)


@compose("Sampling", ignored="seed", mask="dropped")
def sampling(layer: CustomLayer, mean: Tensor, spread: Tensor) -> Tensor:
    """A random number around each mean, as between the encoder and the decoder of a VAE."""
    layer.draws()
    return mean
