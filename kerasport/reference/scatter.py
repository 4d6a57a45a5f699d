"""Scattering and gathering by index, in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from kerasport.layers import scatter
from kerasport.reference.registry import REFERENCE, Array, Context

_REDUCTIONS: dict[str, Callable[..., Any]] = {
    "add": np.add.at,
    "mul": np.multiply.at,
    "max": np.maximum.at,
    "min": np.minimum.at,
}


@REFERENCE.register(scatter.Scatter)
def scattered(spec: scatter.Scatter, context: Context, x: Array, places: Array, updates: Array) -> Array:
    """Place by place."""
    y = x.copy()
    index = tuple(np.moveaxis(places, -1, 0))
    if spec.reduction == "none":
        y[index] = updates
    else:
        _REDUCTIONS[spec.reduction](y, index, updates)
    return y


@REFERENCE.register(scatter.NonZero)
def non_zero(spec: scatter.NonZero, context: Context, x: Array) -> Array:
    """``np.nonzero``."""
    return np.stack(np.nonzero(x)).astype(np.int64)


@REFERENCE.register(scatter.GatherPlaces)
def gather_places(spec: scatter.GatherPlaces, context: Context, x: Array, places: Array) -> Array:
    """Indexing; the axes in common by their own positions."""
    batch = spec.batch_axes
    own = np.ogrid[tuple(slice(n) for n in places.shape[:batch])] if batch else []
    grids = (grid.reshape(*grid.shape, *[1] * (places.ndim - 1 - batch)) for grid in own)
    return np.asarray(x[(*grids, *np.moveaxis(places, -1, 0))])
