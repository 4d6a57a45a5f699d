"""A second look at layers whose error is larger than their arithmetic should explain.

What the reference in float32 does not get right either is float32's fault, not the translation's: it may overflow, or
lose all digits, as the logarithm of what hardly differs from 1 does. And a sum of large terms that cancel has errors of
the terms' size: how large, is seen when the inputs are shaken by half a unit in the last place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasport.finite import has_finite_weights
from kerasport.graph import Graph
from kerasport.reference import run
from kerasport.validation.error import NOT_FINITE, OVERFLOW, ROUNDING, LayerError, Limit, noise
from kerasport.validation.shaking import HALF_A_UNIT, Shaking

Array = NDArray[Any]
Enough = Callable[[str, Array], bool]
# A change of this part of the largest value is no error, but another branch of a step.
_JUMP = 2.0**-10
# How often inputs are shaken: what a chain of steps makes of a rounding depends on which one it is.
_SHAKES = 4


@dataclass(frozen=True)
class Doubt:
    """A layer that is doubted.

    Attributes:
        entry: What was measured.
        limit: What was allowed.
        errors: The largest error of each channel, where it is not within the limit.
    """

    entry: LayerError
    limit: Limit
    errors: Array

    def settled(self, noise: Array, overflows: bool, factor: float) -> LayerError:
        """The entry in the light of what float32 does to the reference.

        Args:
            noise: The largest error of each channel of the reference in float32.
            overflows: Whether finite weights have given values that are not.
            factor: How many times that is allowed.
        """
        if self.entry.detail == NOT_FINITE and overflows:
            return replace(self.entry, max_abs=0.0, max_rel=0.0, mean_abs=0.0, passed=True, detail=OVERFLOW)
        if self.entry.detail:
            return self.entry
        limit = self.limit
        allowed, units, errors = np.broadcast_arrays(
            limit.roundings * limit.with_noise(noise, factor).unit, limit.unit, self.errors - limit.slack
        )
        worst = int((errors / allowed).argmax())
        error, unit, most = errors.flat[worst], units.flat[worst], allowed.flat[worst]
        passed = bool(error <= most)
        detail = ROUNDING if passed and most > factor * unit else ""
        return replace(
            self.entry, roundings=float(error / unit), allowed=float(most / unit), passed=passed, detail=detail
        )


def settled(graph: Graph, given: Sequence[Array], doubt: Doubt, factor: float) -> LayerError:
    """What becomes of a doubted layer when it is computed in float32, on the exact inputs that it was judged on.

    Args:
        graph: The layer.
        given: Its inputs.
        doubt: The doubt.
        factor: How many times the noise is allowed.
    """

    def explained(noise: Array) -> bool:
        return doubt.settled(noise, False, factor).passed

    return doubt.settled(*rounding(graph, given, explained), factor)


def rounding(
    graph: Graph, given: Sequence[Array], enough: Callable[[Array], bool] = lambda noise: False
) -> tuple[Array, bool]:
    """What computing in float32 does to a layer, and what inputs do that are off by a rounding.

    Args:
        graph: The layer.
        given: Its inputs.
        enough: Whether so much noise is enough to know, so that the inputs need not be shaken further.

    Returns:
        The largest error of each channel, and whether finite weights have given values that are not.
    """
    with np.errstate(all="ignore"):
        return _rounding(graph, given, enough)


def _rounding(graph: Graph, given: Sequence[Array], enough: Callable[[Array], bool]) -> tuple[Array, bool]:
    (double,), (single,) = run(graph, given, np.float64), run(graph, given, np.float32)
    if single.dtype.kind != "f":
        return np.zeros(()), False
    magnitude = max(call.spec.magnitude for call in graph.calls)
    worst, jump = noise(single, double), _JUMP * np.abs(double).max(initial=0.0)
    jump = np.inf if any(call.spec.eliminates for call in graph.calls) else jump  # which has no branches
    worst = np.maximum(worst, HALF_A_UNIT * magnitude)
    shaking = Shaking(graph)
    for _ in range(_SHAKES):
        if enough(worst):
            break
        shaken = [shaking.shaken(value, array) for value, array in zip(graph.inputs, given, strict=True)]
        (other,) = run(graph, shaken, np.float64)
        worst = np.maximum(worst, noise(np.where(np.abs(other - double) < jump, other, double), double))
    return worst, not np.isfinite(single).all() and has_finite_weights(graph)
