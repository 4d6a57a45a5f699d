"""Merging layers in NumPy."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from kerasport.layers import merge
from kerasport.reference.normalization import unit_length
from kerasport.reference.registry import REFERENCE, Array, Context


@REFERENCE.register(merge.Add)
def add(spec: merge.Add, context: Context, *inputs: Array) -> Array:
    """The sum."""
    return reduced(np.add, aligned(inputs))


@REFERENCE.register(merge.Average)
def average(spec: merge.Average, context: Context, *inputs: Array) -> Array:
    """The mean."""
    return np.asarray(reduced(np.add, aligned(inputs)) / len(inputs))


@REFERENCE.register(merge.Subtract)
def subtract(spec: merge.Subtract, context: Context, *inputs: Array) -> Array:
    """The difference."""
    x, y = aligned(inputs)
    return x - y


@REFERENCE.register(merge.Multiply)
def multiply(spec: merge.Multiply, context: Context, *inputs: Array) -> Array:
    """The product of all factors that are not masked, and 0 where all are."""
    masks = _masks(spec, context, inputs)
    factors = [
        x if mask is None else np.where(mask, x, x.dtype.type(1))
        for mask, x in zip(masks, aligned(inputs), strict=True)
    ]
    product = reduced(np.multiply, factors)
    given = [mask for mask in masks if mask is not None]
    return np.where(np.logical_or.reduce(given), product, 0) if len(given) == len(masks) else product


@REFERENCE.register(merge.Maximum)
def maximum(spec: merge.Maximum, context: Context, *inputs: Array) -> Array:
    """The largest value."""
    return _extremum(np.maximum, spec, context, inputs)


@REFERENCE.register(merge.Minimum)
def minimum(spec: merge.Minimum, context: Context, *inputs: Array) -> Array:
    """The smallest value."""
    return _extremum(np.minimum, spec, context, inputs)


def _extremum(
    function: Callable[[Array, Array], Array], spec: merge.MaskedMerge, context: Context, inputs: Sequence[Array]
) -> Array:
    """As Keras does it, one input after the other.

    A masked value gives way to the other one; once an input without a mask has come, all that there is counts.
    """
    masks, arrays = _masks(spec, context, inputs), aligned(inputs)
    result, valid = arrays[0], masks[0]
    for x, mask in zip(arrays[1:], masks[1:], strict=True):
        candidate = x if mask is None else np.where(mask, x, result)
        current = result if valid is None else np.where(valid, result, candidate)
        result = function(current, candidate)
        valid = None if valid is None or mask is None else valid | mask
    return result


def _masks(spec: merge.MaskedMerge, context: Context, inputs: Sequence[Array]) -> list[Array | None]:
    """The masks that matter, each with an axis for the features."""
    if spec.mask_rule == "and" or not context.masks:
        return [None] * len(inputs)
    rank = max(x.ndim for x in inputs)
    return [
        mask[..., None] if mask is not None and x.ndim == rank else None
        for mask, x in zip(context.masks, inputs, strict=True)
    ]


@REFERENCE.register(merge.Concatenate)
def concatenate(spec: merge.Concatenate, context: Context, *inputs: Array) -> Array:
    """Along the axis."""
    return np.concatenate(inputs, axis=spec.axis)


@REFERENCE.register(merge.Dot)
def dot(spec: merge.Dot, context: Context, x: Array, y: Array) -> Array:
    """``sum_k x[b, m, k] * y[b, n, k]``, with the axes that are not summed flattened to m and n."""
    first, second = spec.axes[0] % x.ndim, spec.axes[1] % y.ndim
    if spec.normalize:
        x, y = unit_length(x, (first,), spec.floor), unit_length(y, (second,), spec.floor)
    x, y = np.moveaxis(x, first, -1), np.moveaxis(y, second, -1)
    if spec.batch_axes and max(x.ndim, y.ndim) > 3:
        return np.asarray(np.einsum("...mk,...nk->...mn", x, y))
    left, right = x.shape[1:-1], y.shape[1:-1]
    flat = [array.reshape(len(array), -1, array.shape[-1]) for array in (x, y)]
    return np.asarray(np.einsum("bmk,bnk->bmn", *flat).reshape(len(x), *(left + right or (1,))))


def reduced(function: np.ufunc, arrays: Sequence[Array]) -> Array:
    """Of all arrays, one after the other, in their common dtype."""
    first, *others = arrays
    y = first.astype(np.result_type(*arrays))
    for array in others:
        function(y, array, out=y)
    return y


def aligned(inputs: Sequence[Array]) -> list[Array]:
    """The inputs broadcast against each other, those of lower rank expanded behind the batch."""
    return list(np.broadcast_arrays(*_expanded(inputs)))


def _expanded(inputs: Sequence[Array]) -> list[Array]:
    rank = max(x.ndim for x in inputs)
    return [x.reshape(x.shape[:1] + (1,) * (rank - x.ndim) + x.shape[1:]) for x in inputs]
