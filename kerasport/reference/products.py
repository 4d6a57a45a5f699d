"""Tensor products and gathering, in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

from kerasport.layers import products
from kerasport.reference.registry import REFERENCE, Array, Context


@REFERENCE.register(products.Matmul)
def matmul(spec: products.Matmul, context: Context, x: Array, y: Array) -> Array:
    """``x @ y``."""
    return np.asarray(np.matmul(x, y))


@REFERENCE.register(products.Einsum)
def einsum(spec: products.Einsum, context: Context, *inputs: Array) -> Array:
    """The sum."""
    return np.asarray(np.einsum(spec.equation, *inputs, optimize=True))


@REFERENCE.register(products.Gather)
def gather(spec: products.Gather, context: Context, x: Array, places: Array) -> Array:
    """Integer indexing; leading axes in common are indexed by their own positions."""
    axis, batch = spec.axis % x.ndim, spec.batch_axes
    if not batch:
        return np.take(x, places, axis)
    moved = np.moveaxis(x, axis, batch)
    own = np.ogrid[tuple(slice(n) for n in x.shape[:batch])]
    index = (*(grid.reshape(*grid.shape, *[1] * (places.ndim - batch)) for grid in own), places)
    picked = moved[index]
    middle = range(batch, axis)
    for step, _ in enumerate(middle):
        picked = np.moveaxis(picked, places.ndim + step, batch + step)
    return np.asarray(picked)


@REFERENCE.register(products.TakeAlong)
def take_along(spec: products.TakeAlong, context: Context, x: Array, places: Array) -> Array:
    """``np.take_along_axis`` of broadcast arrays."""
    axis = spec.axis % x.ndim
    rest = np.broadcast_shapes(*((*a.shape[:axis], *a.shape[axis + 1 :]) for a in (x, places)))
    values, where = (np.broadcast_to(a, (*rest[:axis], a.shape[axis], *rest[axis:])) for a in (x, places))
    return np.asarray(np.take_along_axis(values, where, axis=axis))


@REFERENCE.register(products.OneHot)
def one_hot(spec: products.OneHot, context: Context, x: Array) -> Array:
    """By comparison with every place."""
    dtype: Any = context.dtype if spec.dtype.startswith("float") else spec.dtype
    hot = np.equal(x[..., None], np.arange(spec.depth))
    return np.asarray(np.moveaxis(np.where(hot, spec.on, spec.off).astype(dtype), -1, spec.axis))
