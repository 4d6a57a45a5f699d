"""Which values each query may attend to: masks, causal order and windows, combined into one bool tensor."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kerasport.export.builder import Scope
from kerasport.export.layout import Tensor
from kerasport.export.ops import any_, truth

LOWEST = -1e9
# Up to this size, positions that see each other are written as a constant, not computed.
_CONSTANT_LIMIT = 1 << 20


def combined(b: Scope, terms: Sequence[str]) -> str:
    """All terms together, which broadcast; "" for none."""
    result = ""
    for term in terms:
        result = b.once("And", result, term) if result else term
    return result


def spread(b: Scope, mask: Tensor, rank: int, axes: Sequence[int]) -> str:
    """A mask whose axes are these of a value of some rank, with axes of size 1 for the others."""
    value = truth(b, mask)
    missing = [axis for axis in range(rank) if axis not in {axis % rank for axis in axes}]
    return b.once("Unsqueeze", value, b.constant(missing, "axes")) if missing else value


def positions(b: Scope, query: Tensor, value: Tensor, axes: tuple[int, int], causal: bool, window: int | None) -> str:
    """(query steps, value steps): whether the value is not behind the query's step, and nearer than the window.

    Args:
        b: Where nodes go.
        query: Has the query's steps.
        value: Has the value's steps.
        axes: The axis of the steps of each.
        causal: Whether a query sees only the values up to its own step.
        window: The distance from which on steps do not see each other.
    """
    sizes = query.type.shape[axes[0]], value.type.shape[axes[1]]
    if None not in sizes and (sizes[0] or 0) * (sizes[1] or 0) <= _CONSTANT_LIMIT:
        rows, columns = np.ogrid[: sizes[0], : sizes[1]]
        seen = np.full(np.broadcast_shapes(rows.shape, columns.shape), True)
        seen &= rows >= columns if causal else True
        seen &= abs(rows - columns) < window if window is not None else True
        return b.constant(seen, "visible")
    across = b.once("Unsqueeze", _steps(b, query, axes[0]), b.constant([1], "axes"))
    along = _steps(b, value, axes[1])
    terms = []
    if causal:
        terms.append(b.once("GreaterOrEqual", across, along))
    if window is not None:
        distance = b.once("Abs", b.once("Sub", across, along))
        terms.append(b.once("Less", distance, b.constant(window, "window")))
    return combined(b, terms)


def _steps(b: Scope, x: Tensor, axis: int) -> str:
    """0, 1, 2 ... along an axis."""
    size = x.type.shape[axis]
    if size is not None:
        return b.constant(np.arange(size), "steps")
    length = b.once("Gather", b.once("Shape", x.name), b.constant(x.stored_axis(axis), "axis"))
    return b.once("Range", b.constant(0, "start"), length, b.constant(1, "step"))


def weights(b: Scope, scores: str, visible: str, zeroed: bool = False) -> str:
    """The softmax of scores, those of what is not visible lowered, and zero where that must hold for all."""
    if visible:
        scores = b.op("Where", visible, scores, b.constant(LOWEST, "lowest"))
    distribution = b.op("Softmax", scores, axis=-1)
    return b.op("Where", visible, distribution, b.constant(0.0, "zero")) if visible and zeroed else distribution


def additive(b: Scope, visible: str) -> str:
    """What is visible as numbers to add to scores."""
    return b.once("Where", visible, b.constant(0.0, "zero"), b.constant(LOWEST, "lowest"))


def or_everything(b: Scope, visible: str, axes: int = 1) -> str:
    """What is visible, and everything to a query to which nothing is; values are along the last axes."""
    blind = b.once("Not", any_(b, visible, list(range(-axes, 0)), keepdims=True))
    return b.once("Or", visible, blind)
