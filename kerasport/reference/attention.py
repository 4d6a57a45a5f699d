"""Attention layers in NumPy: projections and scores as Einstein sums, the softmax by its definition."""

from __future__ import annotations

import string
from dataclasses import replace
from math import prod

import numpy as np

from kerasport.layers import attention
from kerasport.layers.base import TensorType
from kerasport.layers.functions import function
from kerasport.reference import stored
from kerasport.reference.activation import apply
from kerasport.reference.registry import REFERENCE, Array, Context

_LOWEST = -1e9


@REFERENCE.register(attention.Attention)
def attention_layer(spec: attention.Attention, context: Context, *inputs: Array) -> tuple[Array, ...]:
    """The distribution over the values, applied to them."""
    query, value, key = spec.tensors(inputs)
    query_mask, value_mask = spec.masked(inputs, context.masks)
    scores = _scores(spec, context, query, key)
    visible = np.ones(scores.shape, bool)
    if value_mask is not None:
        visible &= value_mask.astype(bool)[..., None, :]
    if spec.causal:
        visible &= _causal(*scores.shape[-2:])
    if spec.exact:
        visible |= ~visible.any(axis=-1, keepdims=True)
    distribution = _softmax(np.where(visible, scores, _LOWEST).astype(scores.dtype), 1)
    output = np.einsum("...qk,...kd->...qd", distribution, value)
    if query_mask is not None:
        output = output * query_mask.astype(bool)[..., None]
    return (output, distribution) if spec.scores else (output,)


def _scores(spec: attention.Attention, context: Context, query: Array, key: Array) -> Array:
    scale = context.weights.get("scale", np.ones((), query.dtype))
    if spec.score == "dot":
        return np.asarray(np.einsum("...qd,...kd->...qk", query, key) * scale)
    added = query[..., :, None, :] + key[..., None, :, :]
    if spec.score == "additive":
        return np.asarray((scale * np.tanh(added)).sum(axis=-1))
    return np.asarray(context.weights["concat_score_weight"] * np.tanh(scale * added).sum(axis=-1))


@REFERENCE.register(attention.MultiHeadAttention)
def multi_head_attention(spec: attention.MultiHeadAttention, context: Context, *inputs: Array) -> tuple[Array, ...]:
    """Every head's distribution over its values, applied to them; the heads joined by the output's projection."""
    query, value, key = spec.tensors(inputs)
    axes = spec.attended(query.ndim)
    project = _Projections(spec, context, inputs)
    q = project("query", query)
    k, v = (
        np.repeat(project(name, x), spec.heads // spec.groups, axis=-2) for name, x in (("key", key), ("value", value))
    )
    of_query, of_value, of_scores = _letters(query.ndim + 1, axes)
    scores = np.einsum(f"{of_query},{of_value}->{of_scores}", q, k, optimize=True) / np.sqrt(spec.key_dim)
    scores = scores.astype(q.dtype)
    visible = _visible(spec, context, inputs, scores)
    distribution = _softmax(np.where(visible, scores, _LOWEST).astype(q.dtype), len(axes))
    if spec.zeroes_unseeing(query.ndim):
        distribution = distribution * visible
    y = np.einsum(f"{of_scores},{of_value}->{of_query}", distribution, v, optimize=True)
    if spec.gate:
        y = y * apply(function("sigmoid"), project("gate", query))
    output = project("attention_output", y)
    return (output, distribution) if spec.scores else (output,)


class _Projections:
    """``x . kernel + bias`` over the last axes, by the projection's name."""

    def __init__(self, spec: attention.MultiHeadAttention, context: Context, inputs: tuple[Array, ...]) -> None:
        self._spec, self._context = spec, context
        self._layouts = spec.layouts(*(TensorType(x.shape) for x in inputs))

    def __call__(self, name: str, x: Array) -> Array:
        prefix, form = f"{name}/", self._spec.stored
        weights = {role.removeprefix(prefix): w for role, w in self._context.weights.items() if role.startswith(prefix)}
        own, layout = replace(self._context, weights=weights), self._layouts[name]
        summed = len(layout.shape) - len(layout.channels)
        value = stored.rounded(form, own, x, tuple(range(x.ndim - summed, x.ndim)))
        y = np.tensordot(value, stored.base(form, layout, own), axes=summed)
        return np.asarray(y + stored.bias(form, own)) if self._spec.use_bias else y


def _letters(rank: int, axes: tuple[int, ...]) -> tuple[str, str, str]:
    """The axes of the projected query, of the projected value, and of the scores."""
    query = string.ascii_lowercase[:rank]
    value = "".join(letter.upper() if axis in axes else letter for axis, letter in enumerate(query))
    batch = "".join(letter for axis, letter in enumerate(query[:-1]) if axis not in axes)
    return query, value, batch + "".join(query[axis] for axis in axes) + "".join(value[axis] for axis in axes)


def _visible(spec: attention.MultiHeadAttention, context: Context, inputs: tuple[Array, ...], scores: Array) -> Array:
    """Which value each query may see, of the scores' rank."""
    steps = 2 * len(spec.attended(inputs[0].ndim))
    masks = spec.masked(inputs, context.masks)
    found = [mask[:, None, :] if i else mask[:, :, None] for i, mask in enumerate(masks) if mask is not None]
    given = spec.argument("attention_mask", inputs)
    if given is not None:
        found.append(given)
    if spec.causal:
        found.append(_causal(*scores.shape[-2:]))
    if spec.window is not None:
        rows, columns = np.ogrid[: scores.shape[-2], : scores.shape[-1]]
        found.append(abs(rows - columns) < spec.window)
    visible = np.ones((1,) * scores.ndim, bool)
    for mask in found:
        lead, last = mask.shape[: mask.ndim - steps], mask.shape[mask.ndim - steps :]
        visible = visible & mask.astype(bool).reshape(*lead, *(1,) * (scores.ndim - mask.ndim), *last)
    last = tuple(range(-steps // 2, 0))
    return visible | ~visible.any(axis=last, keepdims=True) if spec.exact else visible


def _causal(queries: int, values: int) -> Array:
    return np.tri(queries, values, dtype=bool)


def _softmax(scores: Array, axes: int) -> Array:
    """Over the last axes together."""
    flat = scores.reshape(*scores.shape[: scores.ndim - axes], prod(scores.shape[scores.ndim - axes :]))
    powers = np.exp(flat - flat.max(axis=-1, keepdims=True))
    return np.asarray((powers / powers.sum(axis=-1, keepdims=True)).reshape(scores.shape))
