"""Layers and functions of tensorflow-addons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasport.custom.registration import alias
from kerasport.layers.normalization import GroupNormalization, SpectralNormalization
from kerasport.layers.pooling import (
    AdaptiveAveragePooling1D,
    AdaptiveAveragePooling2D,
    AdaptiveMaxPooling1D,
    AdaptiveMaxPooling2D,
)
from kerasport.plugins import CustomLayer, Tensor, activation, compose, ops, refuse

_TRAINED = "{0}_initializer {0}_regularizer {0}_constraint"
_GAMMA_BETA = f"{_TRAINED.format('gamma')} {_TRAINED.format('beta')}"

alias("Addons>GroupNormalization", "Addons>InstanceNormalization", spec=GroupNormalization, ignored=_GAMMA_BETA)
alias("Addons>SpectralNormalization", spec=SpectralNormalization, ignored="power_iterations")

alias("Addons>AdaptiveAveragePooling1D", spec=AdaptiveAveragePooling1D)
alias("Addons>AdaptiveAveragePooling2D", spec=AdaptiveAveragePooling2D)
alias("Addons>AdaptiveMaxPooling1D", spec=AdaptiveMaxPooling1D)
alias("Addons>AdaptiveMaxPooling2D", spec=AdaptiveMaxPooling2D)


@compose("Addons>FilterResponseNormalization", ignored=f"{_GAMMA_BETA} learned_epsilon_constraint", mask="carried")
def filter_response_normalization(layer: CustomLayer, x: Tensor) -> Tensor:
    """``gamma * x / sqrt(mean(x**2) + |epsilon|) + beta`` over height and width."""
    channels = (1, 1, 1, x.shape[-1])
    epsilon: Any = abs(layer.config.number("epsilon"))
    if layer.config.flag("learned_epsilon"):
        epsilon = epsilon + abs(layer.weight("learned_epsilon", (1,)))
    squares = ops.mean(ops.square(x), axis=layer.config.integers("axis"), keepdims=True)
    normalized = x * ops.rsqrt(squares + epsilon)
    return layer.weight("gamma", channels) * normalized + layer.weight("beta", channels)


@compose("Addons>TLU", ignored=f"{_TRAINED.format('tau')} {_TRAINED.format('alpha')}", mask="carried")
def thresholded_linear_unit(layer: CustomLayer, x: Tensor) -> Tensor:
    """``max(x, tau)``, or ``max(x, alpha * x + tau)``."""
    tau = layer.weight("tau", x.shape[1:])
    affine = layer.config.flag("affine")
    return ops.maximum(x, layer.weight("alpha", x.shape[1:]) * x + tau if affine else tau)


@compose("Addons>Maxout")
def maxout(layer: CustomLayer, x: Tensor) -> Tensor:
    """The largest of each so many channels that lie the number of units apart."""
    axis, units = layer.config.integer("axis") % x.rank, layer.config.integer("num_units")
    size = x.shape[axis]
    if size is None or size % units:
        raise refuse(f"{size} features do not fall into {units} units")
    parts = ops.split(x, size // units, axis=axis)
    return ops.max(ops.stack(parts, axis=axis), axis=axis) if size > units else x


@compose("Addons>GELU", mask="carried")
def gelu_layer(layer: CustomLayer, x: Tensor) -> Tensor:
    """Keras's ``gelu``."""
    return ops.gelu(x, approximate=layer.config.flag("approximate", True))


@compose("Addons>Sparsemax", mask="carried")
def sparsemax_layer(layer: CustomLayer, x: Tensor) -> Tensor:
    """Sparsemax along an axis."""
    axis = layer.config.integer("axis", -1) % x.rank
    return ops.swapaxes(sparsemax(ops.swapaxes(x, axis, -1)), axis, -1)


@activation("Addons>sparsemax")
def sparsemax(x: Tensor) -> Tensor:
    """``relu(x - (S - 1) / k)``, with S the sum of the k largest values, those of the support; Keras's own differs."""
    size = x.shape[-1]
    if size is None:
        raise refuse("the size of its last axis is not known")
    ordered, _ = ops.top_k(x, k=size)
    sums = ops.cumsum(ordered, axis=-1)
    support = ops.sum(ops.cast(1.0 + ordered * np.arange(1.0, size + 1.0) > sums, "int32"), axis=-1, keepdims=True)
    largest = ops.take_along_axis(sums, support - 1, axis=-1)
    return ops.relu(x - (largest - 1.0) / ops.cast(support, "float32"))


@compose("Addons>Snake", ignored="frequency_initializer")
def snake_layer(layer: CustomLayer, x: Tensor) -> Tensor:
    """``x + (1 - cos(2 * frequency * x)) / (2 * frequency)``, with a frequency that was learned."""
    return _snake(x, layer.weight("frequency", ()))


@activation("Addons>snake")
def snake(x: Tensor) -> Tensor:
    """The same with a frequency of 1."""
    return _snake(x, 1.0)


def _snake(x: Tensor, frequency: Tensor | float) -> Tensor:
    doubled: Tensor = x * (2.0 * frequency)
    return x + (1.0 - ops.cos(doubled)) / (2.0 * frequency)


@activation("Addons>lisht")
def lisht(x: Tensor) -> Tensor:
    """``x * tanh(x)``."""
    return x * ops.tanh(x)


@activation("Addons>rrelu")
def rrelu(x: Tensor) -> Tensor:
    """At inference, below zero, x by the mean of the two bounds of its random slope, 1/8 and 1/3."""
    return ops.leaky_relu(x, negative_slope=(1 / 8 + 1 / 3) / 2)


@compose("Addons>StochasticDepth")
def stochastic_depth(layer: CustomLayer, shortcut: Tensor, residual: Tensor) -> Tensor:
    """``shortcut + survival_probability * residual``."""
    return shortcut + layer.config.number("survival_probability") * residual


@compose("Addons>PoincareNormalize")
def poincare_normalize(layer: CustomLayer, x: Tensor) -> Tensor:
    """``x``, shortened to a length of ``1 - epsilon`` where it is longer."""
    axes = None if layer.config.get("axis") is None else layer.config.integers("axis")
    inverse = ops.rsqrt(ops.sum(ops.square(x), axis=axes, keepdims=True))
    return x * ops.minimum((1.0 - layer.config.number("epsilon")) * inverse, 1.0)


@compose("Addons>PolynomialCrossing", mask="carried")
def polynomial_crossing(layer: CustomLayer, first: Tensor, x: Tensor) -> Tensor:
    """``first * (x @ kernel + diag_scale * x) + x + bias``, of a kernel that may be a product of two."""
    size, between = x.shape[-1], layer.config.get("projection_dim")
    if between is None:
        product = x @ layer.weight("kernel", (size, size))
    else:
        product = x @ layer.weight("kernel_u", (size, between)) @ layer.weight("kernel_v", (between, size))
    product = product + layer.config.number("diag_scale") * x
    crossed = first * product + x
    return crossed + layer.weight("bias", (size,)) if layer.config.flag("use_bias") else crossed


@compose("Addons>NoisyDense", ignored="sigma use_factorised")
def noisy_dense(layer: CustomLayer, x: Tensor) -> Tensor:
    """A Dense with the noise that was last drawn: ``kernel = mu + sigma * eps``."""
    shapes = {"kernel": (x.shape[-1], layer.config.integer("units")), "bias": (layer.config.integer("units"),)}
    if not layer.config.flag("use_bias"):
        del shapes["bias"]
    sums = {}
    for role, shape in shapes.items():
        sigma, mu = layer.weight(f"sigma_{role}", shape), layer.weight(f"mu_{role}", shape)
        sums[role] = mu + sigma * layer.weight(f"eps_{role}", shape, trainable=False)
    product = x @ sums["kernel"]
    return layer.activate(product + sums["bias"] if "bias" in sums else product)


@compose("Addons>MultiHeadAttention", ignored=f"dropout {_TRAINED.format('kernel')} {_TRAINED.format('bias')}")
def multi_head_attention(layer: CustomLayer, query: Tensor, key: Tensor, *value: Tensor) -> Sequence[Tensor]:
    """Attention by heads, whose number is the first axis of all kernels."""
    values = value[0] if value else key
    heads, size = layer.config.integer("num_heads"), layer.config.integer("head_size")
    output = values.shape[-1] if layer.config.get("output_size") is None else layer.config.integer("output_size")
    if query.rank != 3:
        raise refuse(f"its query has {query.rank} axes, where 3 are supported")
    queries, keys, found = (
        ops.einsum("bni,hio->bnho", x, layer.weight(f"{role}_kernel", (heads, x.shape[-1], size)))
        for role, x in (("query", query), ("key", key), ("value", values))
    )
    scores = ops.softmax(ops.einsum("bnho,bmho->bhnm", queries * size**-0.5, keys), axis=-1)
    attended = ops.einsum("bhnm,bmhi->bnhi", scores, found)
    y = ops.einsum("bnhi,hio->bno", attended, layer.weight("projection_kernel", (heads, size, output)))
    if layer.config.flag("use_projection_bias"):
        y = y + layer.weight("projection_bias", (output,))
    return (y, scores) if layer.config.flag("return_attn_coef") else (y,)


@compose("Addons>NetVLAD", mask="dropped")
def net_vlad(layer: CustomLayer, frames: Tensor) -> Tensor:
    """How far the steps are from the centers of clusters, summed by how much they belong to each."""
    count, features = layer.config.integer("num_clusters"), frames.shape[-1] or 0
    centers = layer.weight("cluster_centers", (1, features, count))
    shares = layer.part("fc", "Dense", units=count, activation="softmax")(frames)
    total = ops.sum(shares, axis=1, keepdims=True)
    residuals = _unit(ops.einsum("btf,btc->bfc", frames, shares) - total * centers)
    return _unit(ops.reshape(residuals, (-1, features * count)))


def _unit(x: Tensor) -> Tensor:
    """Vectors along the second axis of length 1."""
    return x * ops.rsqrt(ops.maximum(ops.sum(ops.square(x), axis=1, keepdims=True), 1e-12))


@compose("Addons>SpatialPyramidPooling2D", mask="dropped")
def spatial_pyramid_pooling(layer: CustomLayer, images: Tensor) -> Tensor:
    """The means of an image's parts, for several numbers of parts, behind each other; what does not divide is cut."""
    if layer.config.get("data_format", None) == "channels_first":
        raise refuse("data_format='channels_first' is not supported")
    sides, channels = images.shape[1:3], images.shape[-1]
    found = []
    for bins in layer.config.get("bins"):
        if None in sides or any((side or 0) < count for side, count in zip(sides, bins, strict=True)):
            raise refuse(f"{bins} parts of an image of size {sides} are not supported")
        high, wide = ((side or 0) // count for side, count in zip(sides, bins, strict=True))
        whole = images[:, : high * bins[0], : wide * bins[1]]
        means = ops.average_pool(whole, pool_size=(high, wide), strides=(high, wide), padding="valid")
        found.append(ops.reshape(means, (-1, bins[0] * bins[1], channels)))
    return ops.concatenate(found, axis=1) if len(found) > 1 else found[0]


@compose("Addons>EmbeddingBag", ignored=f"{_TRAINED.format('embeddings')} mask_zero")
def embedding_bag(layer: CustomLayer, ids: Tensor, *weights: Tensor) -> Tensor:
    """The sum, or the mean, of the rows of the ids along the last axis; a sum may have weights."""
    table = layer.weight("embeddings", (layer.config.integer("input_dim"), layer.config.integer("output_dim")))
    combiner = layer.config.choice("combiner", ("sum", "mean"), "sum")
    given = weights[0] if weights else layer.argument("weights")
    rows = ops.take(table, ids, axis=0)
    rows = rows if given is None else rows * ops.expand_dims(given, -1)
    return ops.sum(rows, axis=-2) if combiner == "sum" else ops.mean(rows, axis=-2)
