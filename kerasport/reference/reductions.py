"""Reductions and other operations along axes, in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from kerasport.layers import reductions
from kerasport.reference.registry import REFERENCE, Array, Context


def _logsumexp(x: Array, axis: tuple[int, ...], keepdims: bool) -> Array:
    top = x.max(axis=axis, keepdims=True)
    total = top + np.log(np.exp(x - top).sum(axis=axis, keepdims=True))
    return np.asarray(total if keepdims else np.squeeze(total, axis))


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "sum": np.sum,
    "mean": np.mean,
    "max": np.max,
    "min": np.min,
    "prod": np.prod,
    "any": np.any,
    "all": np.all,
    "logsumexp": _logsumexp,
    "l1": lambda x, axis, keepdims: np.abs(x).sum(axis=axis, keepdims=keepdims),
    "l2": lambda x, axis, keepdims: np.sqrt((x * x).sum(axis=axis, keepdims=keepdims)),
}


@REFERENCE.register(reductions.Reduce)
def reduce(spec: reductions.Reduce, context: Context, x: Array) -> Array:
    """The function of that name."""
    y = np.asarray(_FUNCTIONS[spec.function](x, axis=spec.over(x.ndim), keepdims=spec.keepdims))
    return y if spec.function in ("any", "all") else y.astype(x.dtype, copy=False)


@REFERENCE.register(reductions.ArgExtreme)
def arg_extreme(spec: reductions.ArgExtreme, context: Context, x: Array) -> Array:
    """The place of the extreme."""
    find = np.argmax if spec.largest else np.argmin
    return np.asarray(find(x, axis=spec.axis, keepdims=spec.keepdims))


@REFERENCE.register(reductions.Cumulative)
def cumulative(spec: reductions.Cumulative, context: Context, x: Array) -> Array:
    """Running sums or products."""
    y = np.flip(x, spec.axis) if spec.reverse else x
    totals = np.cumprod(y, axis=spec.axis) if spec.product else np.cumsum(y, axis=spec.axis)
    if spec.exclusive:
        first = np.full_like(np.take(totals, [0], spec.axis), 1 if spec.product else 0)
        rest = np.take(totals, np.arange(x.shape[spec.axis] - 1), spec.axis)
        totals = np.concatenate([first, rest], spec.axis)
    return (np.flip(totals, spec.axis) if spec.reverse else totals).astype(x.dtype, copy=False)


@REFERENCE.register(reductions.TopK)
def top_k(spec: reductions.TopK, context: Context, x: Array) -> tuple[Array, Array]:
    """A stable sort's first places."""
    places = np.argsort(-x if spec.largest else x, axis=spec.axis, kind="stable")
    places = np.take(places, np.arange(x.shape[spec.axis] if spec.k is None else spec.k), spec.axis)
    return np.take_along_axis(x, places, spec.axis), places.astype(np.int64)
