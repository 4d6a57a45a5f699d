"""Layers that were published as notebooks, or within models, and copied into many projects unchanged."""

from __future__ import annotations

from collections.abc import Sequence

from kerasport.ecosystem.notebook_attention import attention, unknown
from kerasport.plugins import CustomLayer, Tensor, compose, ops, refuse

_TRAINED = " ".join(f"{role}_{what}" for role in "Wub" for what in ("regularizer", "constraint"))
_EPSILON = 1e-7


@compose("AttentionWithContext", ignored=_TRAINED, mask="dropped")
def attention_with_context(layer: CustomLayer, x: Tensor) -> Tensor:
    """The sum of the steps, weighted by ``exp(tanh(x @ W + b) . u)``, of Yang et al. (2016)."""
    features = x.shape[-1]
    hidden = x @ layer.weight("W", (features, features))
    if layer.config.flag("bias", True):
        hidden = hidden + layer.weight("b", (features,))
    return _average(x, ops.exp(ops.sum(ops.tanh(hidden) * layer.weight("u", (features,)), axis=-1)))[0]


@compose("AttentionWeightedAverage", mask="dropped")
def attention_weighted_average(layer: CustomLayer, x: Tensor) -> Sequence[Tensor]:
    """The sum of the steps, weighted by ``softmax(x @ W)``, of DeepMoji."""
    scores = ops.squeeze(x @ layer.weight("W", (x.shape[-1], 1)), axis=-1)
    average, weights = _average(x, ops.exp(scores - ops.max(scores, axis=-1, keepdims=True)))
    return (average, weights) if layer.config.flag("return_attention") else (average,)


def _average(x: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """The average of the steps that are not masked, and their weights."""
    if x.mask is not None:
        weights = weights * ops.cast(x.mask, "float32")
    weights = weights / (ops.sum(weights, axis=1, keepdims=True) + _EPSILON)
    return ops.sum(x * ops.expand_dims(weights, -1), axis=1), weights


@compose("AttentionLayer", mask="dropped")
def attention_layer(layer: CustomLayer, encoded: Tensor, *decoded: Tensor) -> Sequence[Tensor]:
    """Bahdanau's attention of the steps of a decoder on those of an encoder; its weights are a second output.

    On one sequence it is another class of that name, which notebooks have.
    """
    if not decoded:
        return [attention(layer, encoded)]
    features = encoded.shape[-1]
    keys = ops.expand_dims(encoded @ layer.weight("W_a", (features, features)), 1)
    queries = ops.expand_dims(decoded[0] @ layer.weight("U_a", (decoded[0].shape[-1], features)), 2)
    scores = ops.squeeze(ops.tanh(keys + queries) @ layer.weight("V_a", (features, 1)), axis=-1)
    weights = ops.softmax(scores, axis=-1)
    return weights @ encoded, weights


@compose("ReflectionPadding2D", mask="dropped")
def reflection_padding(layer: CustomLayer, x: Tensor) -> Tensor:
    """An image mirrored at its edges, as in CycleGAN; the copies differ in which of two sides comes first."""
    given = layer.config.get("padding")
    sides = set(given) if isinstance(given, list | tuple) else {given}
    side = sides.pop()
    if sides or not isinstance(side, int):
        raise refuse(f"padding={given} is not supported; only one number, or two that are equal")
    return ops.pad(x, [[0, 0], [side, side], [side, side], [0, 0]], mode="reflect")


@compose("Scale", ignored="momentum", mask="carried")
def scale(layer: CustomLayer, x: Tensor) -> Tensor:
    """``x * gamma + beta`` along an axis, as in DenseNet and ResNet-101 of Caffe."""
    axis = layer.config.integer("axis") % x.rank
    shape = [x.shape[axis] if place == axis else 1 for place in range(x.rank)]
    gamma, beta = (ops.reshape(layer.weight(role, (x.shape[axis],)), shape) for role in ("gamma", "beta"))
    return x * gamma + beta


@compose("L2Normalization", ignored="gamma_init", mask="dropped")
def l2_normalization(layer: CustomLayer, x: Tensor) -> Tensor:
    """``gamma * x / norm(x)`` over the channels, as in SSD."""
    if layer.config.integer("axis", -1) % x.rank != x.rank - 1:
        raise refuse("another axis than the last one is not supported")
    squares = ops.sum(ops.square(x), axis=-1, keepdims=True)
    return x * ops.rsqrt(ops.maximum(squares, 1e-12)) * layer.weight("gamma", (x.shape[-1],))


@compose("PixelShuffler", mask="dropped")
def pixel_shuffler(layer: CustomLayer, x: Tensor) -> Tensor:
    """Channels become pixels."""
    given, form = layer.config.get("size"), layer.config.get("data_format", None)
    sides = set(given) if isinstance(given, list | tuple) else {given}
    side = sides.pop()
    if sides or not isinstance(side, int) or form == "channels_first":
        raise refuse(f"size={given}, data_format={form} is not supported; only equal sizes with channels last")
    return ops.depth_to_space(x, side)


@compose("ClusteringLayer", ignored="input_dim", mask="dropped")
def clustering_layer(layer: CustomLayer, x: Tensor) -> Tensor:
    """How near each cluster is, by Student's distribution, as in deep embedded clustering."""
    count = layer.config.integer("output_dim", 0) or layer.config.integer("n_clusters")
    clusters = layer.weight("clusters", (count, x.shape[-1]))
    alpha = layer.config.number("alpha", 1.0)
    squares = ops.sum(ops.square(ops.expand_dims(x, 1) - clusters), axis=2)
    near = (1.0 + squares / alpha) ** (-(alpha + 1.0) / 2.0)
    return near / ops.sum(near, axis=1, keepdims=True)


@compose("kaggle>Attention", ignored=f"{_TRAINED} features_dim", mask="dropped")
def step_attention(layer: CustomLayer, x: Tensor) -> Tensor:
    """The sum of the steps, weighted by ``exp(tanh(x . W + b))``, of Raffel and Ellis (2015); ``b`` is of the steps."""
    steps, features = layer.config.integer("step_dim"), x.shape[-1]
    scores = ops.sum(x * layer.weight("W", (features,)), axis=-1)
    if layer.config.flag("bias", True):
        scores = scores + layer.weight("b", (steps,))
    return _average(x, ops.exp(ops.tanh(scores)))[0]


@compose("L1Dist", mask="dropped")
def l1_distance(layer: CustomLayer, x: Tensor, *others: Tensor) -> Tensor:
    """``|x - y|``, feature by feature, of siamese networks; tf.keras names the second tensor."""
    (y,) = others or (layer.argument("validation_embedding"),)
    return ops.absolute(x - y)


@compose("ManDist", mask="dropped")
def manhattan_similarity(layer: CustomLayer, x: Tensor, y: Tensor) -> Tensor:
    """``exp(-sum|x - y|)``, of Mueller and Thyagarajan (2016)."""
    return ops.exp(-ops.sum(ops.absolute(x - y), axis=1, keepdims=True))


@compose("CapsuleLayer", ignored="kernel_initializer", mask="dropped")
def capsules(layer: CustomLayer, x: Tensor) -> Tensor:
    """Capsules whose inputs' shares are found in a few rounds of routing by agreement, of Sabour et al. (2017)."""
    count, size = (layer.config.integer(key) for key in ("num_capsule", "dim_capsule"))
    votes = ops.einsum("bji,kjdi->bkjd", x, layer.weight("W", (count, x.shape[1], size, x.shape[2])))
    agreed = ops.sum(ops.zeros_like(votes), axis=-1)
    rounds = layer.config.integer("routings", 3)
    for turn in range(rounds):
        found = _squashed(ops.einsum("bkj,bkjd->bkd", ops.softmax(agreed, axis=1), votes))
        if turn < rounds - 1:
            agreed = agreed + ops.einsum("bkd,bkjd->bkj", found, votes)
    return found


def _squashed(x: Tensor) -> Tensor:
    """Vectors of the same direction whose length is below 1."""
    squares = ops.sum(ops.square(x), axis=-1, keepdims=True)
    return squares / (1.0 + squares) / ops.sqrt(squares + _EPSILON) * x


@compose("Length", mask="dropped")
def length(layer: CustomLayer, x: Tensor) -> Tensor:
    """The length of each capsule; of vectors near zero early copies leave out the epsilon."""
    return ops.sqrt(ops.sum(ops.square(x), axis=-1) + _EPSILON)


@compose("Mask", mask="dropped")
def capsule_mask(layer: CustomLayer, capsules: Tensor, *chosen: Tensor) -> Tensor:
    """The capsules side by side, with zeros for all but the longest, or the one that a second input marks."""
    _, count, size = capsules.shape if capsules.rank == 3 else (None, None, None)
    if count is None or size is None or any(mark.shape[1:] != (count,) for mark in chosen):
        raise unknown(layer, " and ".join(f"an input of shape {x.shape}" for x in (capsules, *chosen)))
    longest = ops.argmax(ops.sum(ops.square(capsules), axis=-1), axis=1)
    marks = chosen[0] if chosen else ops.one_hot(longest, num_classes=count)
    return ops.reshape(capsules * ops.expand_dims(marks, -1), (-1, count * size))
