"""Conditional random fields: the CRF of keras-contrib, of tensorflow-addons and of tf2crf."""

from __future__ import annotations

from collections.abc import Sequence

from kerasport.ecosystem.chains import Messages, PathBack
from kerasport.plugins import CustomLayer, Tensor, compose, ops

_TRAINED = " ".join(
    f"{role}_{what}"
    for role in ("kernel", "chain", "bias", "boundary")
    for what in ("initializer", "regularizer", "constraint")
)


@compose("CRF", ignored=f"{_TRAINED} sparse_target input_dim unroll", mask="own")
def of_keras_contrib(layer: CustomLayer, x: Tensor) -> Tensor:
    """The path of least energy as one-hot rows, or its marginals; energies are ``activation(x @ kernel + bias)``.

    Faults of the original, with which models were trained, are kept: without a mask the chain counts behind the last
    step, too; with one the right boundary comes before the first step that is seen; of the marginals a sign is wrong.
    """
    units, seen = layer.config.integer("units"), _seen(x)
    kernel, chain = layer.weight("kernel", (x.shape[-1], units)), layer.weight("chain_kernel", (units, units))
    energies = x @ kernel
    if layer.config.flag("use_bias"):
        energies = energies + layer.weight("bias", (units,))
    energies = layer.activate(energies)
    if layer.config.flag("use_boundary"):
        last = _falls(seen) if x.mask is None else ops.relu(_following(seen) - seen)
        energies = _with_boundaries(layer, energies, _rises(seen), last)
    energies = energies * ops.expand_dims(seen, -1)
    joint = layer.config.get("learn_mode", "join") == "join"
    if (layer.config.get("test_mode", None) or ("viterbi" if joint else "marginal")) == "viterbi":
        y = ops.one_hot(_best(-energies, -chain, _links(x, seen)), units)
    else:
        y = _marginals(x, seen, energies, chain)
    return y.with_mask(None if joint else x.mask)


def _marginals(x: Tensor, seen: Tensor, energies: Tensor, chain: Tensor) -> Tensor:
    backwards = _links(x, ops.flip(seen, axis=1))
    (before,) = (-energies).apply(Messages(soft=True), -chain, _links(x, seen))
    (behind,) = (-ops.flip(energies, axis=1)).apply(Messages(soft=True), -chain, backwards)
    return ops.softmax(-(_preceding(before) + energies + _following(ops.flip(behind, axis=1))), axis=-1)


def _links(x: Tensor, seen: Tensor) -> Tensor:
    """1 at each step that a chain leads from."""
    return seen if x.mask is None else seen * _following(seen)


@compose("Addons>CRF", ignored="chain_initializer boundary_initializer", mask="carried")
def of_tensorflow_addons(layer: CustomLayer, x: Tensor) -> Sequence[Tensor]:
    """The path of the highest score, the scores, the lengths, and the chain."""
    units, seen = layer.config.integer("units"), _seen(x)
    chain = layer.weight("chain_kernel", (units, units))
    scores = layer.part("_dense_layer", "Dense", units=units)(x) if layer.config.flag("use_kernel") else x
    if layer.config.flag("use_boundary"):
        scores = _with_boundaries(layer, scores, _rises(seen), _falls(seen))
    return _decoded(scores, chain, seen)


@compose("tf2crf>CRF", ignored="chain_initializer", mask="carried")
def of_tf2crf(layer: CustomLayer, x: Tensor) -> Sequence[Tensor]:
    """The same of given scores."""
    return _decoded(x, layer.weight("transitions", (x.shape[-1], x.shape[-1])), _seen(x))


def _decoded(scores: Tensor, chain: Tensor, seen: Tensor) -> Sequence[Tensor]:
    """As TensorFlow decodes: as many of the first steps as are seen, and label 0 behind them."""
    lengths = ops.sum(ops.cast(seen, "int64"), axis=1)
    steps = ops.cumsum(ops.ones_like(seen), axis=1)
    inside = ops.cast(steps <= ops.maximum(ops.sum(seen, axis=1, keepdims=True), 1.0), "float32")
    path = _best(scores * ops.expand_dims(inside, -1), chain, inside * _following(inside))
    return ops.cast(path, "int32"), scores, lengths, chain


def _best(scores: Tensor, chain: Tensor, links: Tensor) -> Tensor:
    """The path of the highest sum of scores and chain."""
    (messages,) = scores.apply(Messages(), chain, links)
    sums = ops.expand_dims(scores + _preceding(messages), -1) + links[:, :, None, None] * chain
    table = ops.argmax(sums, axis=2)
    (path,) = table.apply(PathBack(), table[:, -1, 0])
    return path


def _with_boundaries(layer: CustomLayer, scores: Tensor, first: Tensor, last: Tensor) -> Tensor:
    for side, places in (("left", first), ("right", last)):
        boundary = layer.weight(f"{side}_boundary", (scores.shape[-1],))
        scores = scores + ops.expand_dims(places, -1) * boundary
    return scores


def _seen(x: Tensor) -> Tensor:
    """1 at each step that is not masked."""
    return ops.ones_like(x[:, :, 0]) if x.mask is None else ops.cast(x.mask, "float32")


def _rises(seen: Tensor) -> Tensor:
    """1 at each step that is seen behind one that is not."""
    return ops.relu(seen - _preceding(seen))


def _falls(seen: Tensor) -> Tensor:
    """1 at each step that is seen before one that is not."""
    return ops.relu(seen - _following(seen))


def _following(x: Tensor) -> Tensor:
    """What comes a step later; behind the last step, zero."""
    return ops.concatenate([x, ops.zeros_like(x[:, :1])], axis=1)[:, 1:]


def _preceding(x: Tensor) -> Tensor:
    """What came a step before; before the first step, zero."""
    return ops.concatenate([ops.zeros_like(x[:, :1]), x], axis=1)[:, :-1]
