"""Layers of keras.io's examples on images, which Keras 3 saves with those arguments only that they were given."""

from __future__ import annotations

from collections.abc import Mapping
from math import isqrt
from typing import Any

from kerasport.custom.registration import alias
from kerasport.ecosystem.keras_hub import position_embedding
from kerasport.ecosystem.notebook_attention import unknown
from kerasport.layers.core import Identity
from kerasport.plugins import CustomLayer, Tensor, compose, ops, refuse

alias("keras.io>StochasticDepth", spec=Identity, ignored="drop_prob drop_prop")


@compose("CCTTokenizer", ignored="positional_emb", mask="dropped")
def cct_tokenizer(layer: CustomLayer, images: Tensor) -> Tensor:
    """A few convolutions, each padded and pooled behind, whose pixels become steps."""
    config, shapes = layer.config, list(layer.stored.values())
    sizes = [shape[-1] for shape in shapes if len(shape) == 4]
    if not sizes or len(sizes) < len(shapes):
        raise unknown(layer, f"weights of shapes {', '.join(map(str, shapes))}")
    given = list(config.get("num_output_channels", sizes))[: len(sizes)]
    if (config.integer("num_conv_layers", len(sizes)), given) != (len(sizes), sizes):
        raise refuse("its options do not fit its weights")
    window = {"kernel_size": config.get("kernel_size", shapes[0][:2]), "strides": config.get("stride", 1)}
    pool = {"pool_size": config.get("pooling_kernel_size", 3), "strides": config.get("pooling_stride", 2)}
    padding = config.get("padding", 1)
    parts: list[tuple[str, Mapping[str, Any]]] = []
    for size in sizes:
        parts.append(("Conv2D", {"filters": size, "use_bias": False, "activation": "relu", **window}))
        parts += [("ZeroPadding2D", {"padding": padding}), ("MaxPooling2D", {"padding": "same", **pool})]
    found = layer.sequence("conv_model", *parts)(images)
    return ops.reshape(found, (-1, (found.shape[1] or 0) * (found.shape[2] or 0), sizes[-1]))


@compose("keras.io>PositionEmbedding", ignored="initializer", mask="dropped")
def learned_places(layer: CustomLayer, x: Tensor) -> Tensor:
    """A row of a table for each step, as keras-hub has it."""
    return position_embedding(layer, x)


@compose("SequencePooling", mask="dropped")
def sequence_pooling(layer: CustomLayer, x: Tensor) -> Tensor:
    """The sum of the steps, weighted by the softmax of a Dense."""
    return ops.sum(x * ops.softmax(layer.part("attention", "Dense", units=1)(x), axis=1), axis=1)


@compose("ShiftedPatchTokenization", ignored="num_patches", mask="dropped")
def shifted_patch_tokenization(layer: CustomLayer, images: Tensor) -> tuple[Tensor, Tensor]:
    """Patches of an image and of its copies moved by half a patch, each as a token; the patches are a second output."""
    plain = layer.config.flag("vanilla", False)
    _, side, _, pixels = images.shape if images.rank == 4 else (None, None, None, None)
    kernels = [shape for shape in layer.stored.values() if len(shape) == 2]
    if side is None or pixels is None or images.shape[2] != side or len(kernels) != 1:
        raise unknown(layer, f"images of shape {images.shape} and {len(kernels)} kernels")
    size = layer.config.integer("patch_size", isqrt(kernels[0][0] // (pixels * (1 if plain else 5))))
    units = layer.config.integer("projection_dim", kernels[0][1])
    layer.config.expect("image_size", side)
    if not plain:
        images = ops.concatenate([images, *(_moved(images, size // 2, *way) for way in _WAYS)], axis=-1)
    patches = ops.extract_patches(images, size=size)
    flat = ops.reshape(patches, (-1, (patches.shape[1] or 0) * (patches.shape[2] or 0), patches.shape[-1]))
    project = layer.part("projection", "Dense", units=units)
    if not plain:
        flat = layer.part("layer_norm", "LayerNormalization", epsilon=1e-6)(flat)
    return project(flat), patches


_WAYS = (-1, -1), (1, -1), (-1, 1), (1, 1)


def _moved(images: Tensor, half: int, down: int, right: int) -> Tensor:
    """Images moved so many pixels down or up, and right or left; zeros follow."""
    rows, columns = (slice(half, None) if way < 0 else slice(None, -half or None) for way in (down, right))
    padding = [[0, half] if way < 0 else [half, 0] for way in (down, right)]
    return ops.pad(images[:, rows, columns], [[0, 0], *padding, [0, 0]])


@compose("MLPMixerLayer", ignored="dropout_rate", mask="dropped")
def mlp_mixer_layer(layer: CustomLayer, x: Tensor) -> Tensor:
    """Two Dense across the patches, and two across the features, both on input that one layer normalizes."""
    count, size = layer.config.integer("num_patches"), layer.config.integer("hidden_units")
    mixers = [
        layer.sequence(f"mlp{n}", ("Dense", {"units": count, "activation": "gelu"}), ("Dense", {"units": units}))
        for n, units in ((1, count), (2, size))
    ]
    normalize = layer.part("normalize", "LayerNormalization", epsilon=1e-6)
    y = x + ops.transpose(mixers[0](ops.transpose(normalize(x), (0, 2, 1))), (0, 2, 1))
    return y + mixers[1](normalize(y))
