"""Bins, encodings and lookups of categories, in NumPy."""

from __future__ import annotations

import numpy as np

from kerasport.layers import categorical
from kerasport.layers.base import TensorType
from kerasport.reference.registry import REFERENCE, Array, Context


@REFERENCE.register(categorical.CategoryEncoding)
def category_encoding(spec: categorical.CategoryEncoding, context: Context, x: Array, *weights: Array) -> Array:
    """The numbers, cut to integers, encoded."""
    return _encoded(spec, context, x.astype(np.int64), *weights)


@REFERENCE.register(categorical.Discretization)
def discretization(spec: categorical.Discretization, context: Context, x: Array) -> Array:
    """How many boundaries lie at or below each value."""
    bins = np.searchsorted(
        np.array(spec.boundaries, np.float32), x.astype(np.float32), "right" if spec.includes_bound else "left"
    )
    return _encoded(spec, context, bins)


@REFERENCE.register(categorical.IntegerLookup)
def integer_lookup(spec: categorical.IntegerLookup, context: Context, x: Array) -> Array:
    """Places by bisection of the sorted vocabulary; inverted, the vocabulary at the places."""
    x = x.astype(np.int64)
    if spec.invert:
        return _tokens_at(spec, x)
    tokens = np.array(spec.tokens, np.int64)
    order = np.argsort(tokens)
    nearest = order[np.minimum(np.searchsorted(tokens, x, sorter=order), len(tokens) - 1)]
    others = x % spec.oov_indices + spec.oov_start if spec.oov_indices else np.full_like(x, -1)
    places = np.where(tokens[nearest] == x, nearest + spec.token_start, others)
    if spec.mask_token is not None:
        places = np.where(x == spec.mask_token, spec.mask_place, places)
    return _encoded(spec, context, places)


def _tokens_at(spec: categorical.IntegerLookup, x: Array) -> Array:
    tokens = np.array(spec.tokens, np.int64)
    places = x - spec.token_start
    inside = (places >= 0) & (places < len(tokens))
    found = np.where(inside, tokens[np.clip(places, 0, len(tokens) - 1)], spec.oov_token)
    return found if spec.mask_token is None else np.where(x == 0, spec.mask_token, found)


def _encoded(spec: categorical.Encoding, context: Context, x: Array, *weights: Array) -> Array:
    if spec.mode == "int":
        return x.astype(np.int64)
    if spec.mode == "one_hot":
        x = x[..., 0] if spec.drops_axis(TensorType(x.shape)) else x
        return _scattered(x[None], spec.depth, np.ones(1, context.dtype))
    counts = _scattered(np.moveaxis(x, 1, 0), spec.depth, *(np.moveaxis(w, 1, 0) for w in weights or [np.ones((1, 1))]))
    if spec.mode == "multi_hot":
        return (counts > 0).astype(context.dtype)
    return np.asarray(counts * np.array(spec.idf or 1, context.dtype), context.dtype)


def _scattered(x: Array, depth: int, weights: Array) -> Array:
    """The sums of the weights, over the first axis, by category along a new last axis."""
    sums = np.zeros((*x.shape[1:], depth + 1))
    places = np.indices(x.shape)[1:]
    weights = np.broadcast_to(weights.reshape(*weights.shape, *[1] * (x.ndim - weights.ndim)), x.shape)
    np.add.at(sums, (*places, np.where((x >= 0) & (x < depth), x, depth)), weights)
    return sums[..., :-1]
