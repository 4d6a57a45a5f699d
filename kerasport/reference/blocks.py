"""Row-wise functions applied to a few rows at a time, so that intermediate values stay in the CPU cache."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import numpy as np

from kerasport.reference.registry import Array

_BLOCK = 1 << 15  # numbers


def by_rows(function: Callable[[Array], Array], x: Array, axes: int) -> Array:
    """``function(x)``, in x's dtype, of a function that treats every row alike and keeps its shape.

    Args:
        function: Takes and gives (rows, *row).
        x: (..., *row).
        axes: How many axes a row has; none where the function is elementwise.
    """
    if x.size <= _BLOCK:
        return function(x).astype(x.dtype, copy=False)
    row = x.shape[x.ndim - axes :]
    rows = x.reshape(-1, *row)
    y = np.empty_like(rows, order="C")
    step = max(_BLOCK // prod(row), 1)
    for start in range(0, len(rows), step):
        y[start : start + step] = function(rows[start : start + step])
    return y.reshape(x.shape)
