"""Bins and encodings of categories, in NumPy."""

from __future__ import annotations

import numpy as np

from kerasport.layers import categorical
from kerasport.layers.base import TensorType
from kerasport.reference.registry import REFERENCE, Array, Context


@REFERENCE.register(categorical.CategoryEncoding)
def category_encoding(spec: categorical.CategoryEncoding, context: Context, x: Array, *weights: Array) -> Array:
    """The numbers, cut to integers, encoded."""
    return encoded(spec, context, x.astype(np.int64), *weights)


@REFERENCE.register(categorical.Discretization)
def discretization(spec: categorical.Discretization, context: Context, x: Array) -> Array:
    """How many boundaries lie at or below each value."""
    boundaries = context.weights.get("boundaries", np.array(spec.boundaries or (), np.float32)).astype(np.float32)
    bins = np.searchsorted(boundaries, x.astype(np.float32), "right" if spec.includes_bound else "left")
    return encoded(spec, context, bins)


def encoded(spec: categorical.Encoding, context: Context, x: Array, *weights: Array) -> Array:
    """Category numbers as the spec's mode gives them: themselves, or their encoding."""
    if spec.mode == "int":
        return x.astype(np.int64)
    dtype = context.dtype if spec.encoded.startswith("float") else np.dtype(spec.encoded)
    if spec.mode == "one_hot":
        x = x[..., 0] if spec.drops_axis(TensorType(x.shape)) else x
        return _scattered(x[None], spec.depth, np.ones(1)).astype(dtype)
    axis = spec.joined_axis(x.ndim)
    weights = tuple(np.moveaxis(w, axis, 0) for w in weights) or (np.ones((1, 1)),)
    counts = _scattered(np.moveaxis(x, axis, 0), spec.depth, *weights)
    return ((counts > 0) if spec.mode == "multi_hot" else counts).astype(dtype)


def _scattered(x: Array, depth: int, weights: Array) -> Array:
    """The sums of the weights, over the first axis, by category along a new last axis."""
    sums = np.zeros((*x.shape[1:], depth + 1))
    places = np.indices(x.shape)[1:]
    weights = np.broadcast_to(weights.reshape(*weights.shape, *[1] * (x.ndim - weights.ndim)), x.shape)
    np.add.at(sums, (*places, np.where((x >= 0) & (x < depth), x, depth)), weights)
    return sums[..., :-1]
