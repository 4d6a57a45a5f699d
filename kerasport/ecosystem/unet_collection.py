"""Layers of keras-unet-collection: those of its Swin-UNET."""

from __future__ import annotations

import numpy as np

from kerasport.custom.registration import alias
from kerasport.layers.core import Identity
from kerasport.plugins import CustomLayer, Tensor, compose, ops, refuse

ATTENTION, MLP = (f"keras_unet_collection>{name}" for name in ("WindowAttention", "Mlp"))

alias("drop_path", spec=Identity, ignored="drop_prob")


@compose("keras_unet_collection>GELU", mask="carried")
def gelu(layer: CustomLayer, x: Tensor) -> Tensor:
    """An approximate gelu."""
    return ops.gelu(x, approximate=True)


@compose("keras_unet_collection>Snake", mask="carried")
def snake(layer: CustomLayer, x: Tensor) -> Tensor:
    """``x + sin(beta * x)**2 / beta``; a beta that was learned is in archives twice."""
    layer.config.get("beta")
    betas = [layer.weight(f"beta_factor_{place}", ()) for place in range(max(1, len(layer.stored)))]
    return x + ops.square(ops.sin(x * betas[0])) / betas[0]


@compose("patch_extract", mask="dropped")
def patch_extract(layer: CustomLayer, images: Tensor) -> Tensor:
    """The pixels of each patch of a square image, row by row."""
    found = ops.extract_patches(images, size=layer.config.integers("patch_size")[0])
    _, rows, columns, pixels = found.shape
    if rows != columns:
        raise refuse(f"{rows} rows of {columns} patches are not supported; only as many as rows")
    return ops.reshape(found, (-1, (rows or 0) * (columns or 0), pixels))


@compose("patch_embedding", mask="dropped")
def patch_embedding(layer: CustomLayer, x: Tensor) -> Tensor:
    """A Dense on each patch, plus a learned row for its place."""
    size, count = layer.config.integer("embed_dim"), layer.config.integer("num_patch")
    projected = layer.part("proj", "Dense", units=size)(x)
    rows = layer.part("pos_embed", "Embedding", input_dim=count, output_dim=size)
    return projected + rows(layer.constant(np.arange(count), "int32"))


def _image(layer: CustomLayer, x: Tensor) -> Tensor:
    """The steps as an image."""
    return ops.reshape(x, (-1, *layer.config.integers("num_patch"), x.shape[-1]))


@compose("patch_merging", mask="dropped")
def patch_merging(layer: CustomLayer, x: Tensor) -> Tensor:
    """The features of two by two patches behind each other, column by column, and a Dense."""
    size, image = layer.config.integer("embed_dim"), _image(layer, x)
    parts = [image[:, row::2, column::2] for column in (0, 1) for row in (0, 1)]
    merged = ops.concatenate(parts, axis=-1)
    flat = ops.reshape(merged, (-1, (x.shape[1] or 0) // 4, 4 * (x.shape[-1] or 0)))
    return layer.part("linear_trans", "Dense", units=2 * size, use_bias=False)(flat)


@compose("patch_expanding", mask="dropped")
def patch_expanding(layer: CustomLayer, x: Tensor) -> Tensor:
    """A Dense, whose features become patches."""
    size, rate = layer.config.integer("embed_dim"), layer.config.integer("upsample_rate")
    expand = layer.part("linear_trans1", "Conv2D", filters=rate * size, kernel_size=1, use_bias=False)
    y = ops.depth_to_space(expand(_image(layer, x)), rate)
    if not layer.config.flag("return_vector", True):
        return y
    return ops.reshape(y, (-1, (x.shape[1] or 0) * rate * rate, (x.shape[-1] or 0) // 2))


@compose("SwinTransformerBlock", ignored="mlp_drop attn_drop proj_drop drop_path_prob", mask="dropped")
def swin_transformer_block(layer: CustomLayer, x: Tensor) -> Tensor:
    """Attention within windows, which may be shifted, and two Dense, both on normalized input."""
    config, size = layer.config, layer.config.integer("dim")
    patches, window, shift = config.integers("num_patch"), config.integer("window_size"), config.integer("shift_size")
    if min(patches) < window:
        raise refuse(f"windows of {window} on {patches[0]} x {patches[1]} patches are not supported")
    options = {key: config.get(key) for key in ("num_heads", "qkv_bias", "qk_scale")}
    norms = [layer.part("norm1", "LayerNormalization", epsilon=1e-5)]
    attend = layer.part("attn", ATTENTION, window=window, num_patch=patches, **options)
    norms.append(layer.part("norm2", "LayerNormalization", epsilon=1e-5))
    forward = layer.part("mlp", MLP, units=[config.integer("num_mlp"), size])
    y, pixels = _image(layer, norms[0](x)), window**2
    if shift:
        mask = layer.weight("attn_mask", (patches[0] * patches[1] // pixels, pixels, pixels), trainable=False)
        found = attend(ops.roll(y, (-shift, -shift), axis=(1, 2)), shifted=mask)
        y = ops.roll(found, (shift, shift), axis=(1, 2))
    else:
        y = attend(y)
    y = x + ops.reshape(y, (-1, patches[0] * patches[1], size))
    return y + forward(norms[1](y))


@compose(MLP, mask="dropped")
def mlp(layer: CustomLayer, x: Tensor) -> Tensor:
    """Two Dense with a gelu between them."""
    first, second = layer.config.integers("units")
    hidden = layer.part("fc1", "Dense", units=first, activation="gelu")
    return layer.part("fc2", "Dense", units=second)(hidden(x))


@compose(ATTENTION, mask="dropped")
def window_attention(layer: CustomLayer, x: Tensor) -> Tensor:
    """Self-attention by heads within each window of an image, with a learned number for each relative position."""
    config, size = layer.config, x.shape[-1] or 0
    heads, window, mask = config.integer("num_heads"), config.integer("window"), layer.argument("shifted")
    high, wide = config.integers("num_patch")
    pixels, inner = window**2, size // heads
    table = layer.weight("relative_position_bias_table", ((2 * window - 1) ** 2, heads))
    layer.weight("relative_position_index", (pixels, pixels), trainable=False)
    expand = layer.part("qkv", "Dense", units=3 * size, use_bias=bool(config.get("qkv_bias")))
    project = layer.part("proj", "Dense", units=size)
    parts = ops.reshape(x, (-1, high // window, window, wide // window, window, size))
    windows = ops.reshape(ops.transpose(parts, (0, 1, 3, 2, 4, 5)), (-1, pixels, size))
    qkv = ops.reshape(expand(windows), (-1, pixels, 3, heads, inner))
    query, key, value = (qkv[:, :, place] for place in range(3))
    scale = float(config.get("qk_scale") or inner**-0.5)
    scores = ops.einsum("bnhi,bmhi->bhnm", query * scale, key)
    rows, columns = (np.ravel(line) for line in np.meshgrid(range(window), range(window), indexing="ij"))
    down, across = (line[:, None] - line[None] + window - 1 for line in (rows, columns))
    scores = scores + ops.transpose(ops.take(table, (down * (2 * window - 1) + across).tolist(), axis=0), (2, 0, 1))
    if mask is not None:
        count = high * wide // pixels
        apart = ops.reshape(scores, (-1, count, heads, pixels, pixels)) + ops.expand_dims(mask, 1)
        scores = ops.reshape(apart, (-1, heads, pixels, pixels))
    found = ops.einsum("bhnm,bmhi->bnhi", ops.softmax(scores, axis=-1), value)
    windows = project(ops.reshape(found, (-1, pixels, size)))
    parts = ops.reshape(windows, (-1, high // window, wide // window, window, window, size))
    return ops.reshape(ops.transpose(parts, (0, 1, 3, 2, 4, 5)), (-1, high, wide, size))
