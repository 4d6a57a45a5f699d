"""A second look at layers whose error is larger than their arithmetic should explain.

What the reference in float32 does not get right either is float32's fault, not the translation's: it may overflow, or
lose all digits, as the logarithm of what hardly differs from 1 does. And a sum of large terms that cancel has errors of
the terms' size: how large, is seen when the inputs are shaken by half a unit in the last place.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasport.finite import has_finite_weights
from kerasport.graph import Graph
from kerasport.reference import run
from kerasport.validation.error import NOT_FINITE, OVERFLOW, ROUNDING, LayerError, Limit, Tolerance, noise
from kerasport.validation.plan import Plan
from kerasport.validation.recalling import Recalled
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


def settle(
    plan: Plan, inputs: Sequence[Array], doubts: Mapping[str, Doubt], tolerance: Tolerance
) -> dict[str, LayerError]:
    """Computes the doubted layers in float32, on the exact inputs that they were judged on."""

    def explained(name: str, noise: Array) -> bool:
        return doubts[name].settled(noise, False, tolerance.noises).passed

    found = roundings(plan, inputs, doubts, explained)
    return {name: doubt.settled(*found[name], tolerance.noises) for name, doubt in doubts.items()}


def roundings(
    plan: Plan, inputs: Sequence[Array], names: Collection[str], enough: Enough = lambda name, noise: False
) -> dict[str, tuple[Array, bool]]:
    """What computing in float32 does to some layers, and what inputs do that are off by a rounding.

    Args:
        plan: The trial.
        inputs: Of the model.
        names: The layers.
        enough: Whether so much noise of a layer is enough to know, so that its inputs need not be shaken further.

    Returns:
        For each name the largest error of each channel, and whether finite weights have given values that are not.
    """
    graphs = {name: plan.graph_of(name) for name in names}
    with np.errstate(all="ignore"):
        return {
            name: _rounding(graphs[name], given, partial(enough, name)) for name, given in _given(plan, inputs, graphs)
        }


def _given(plan: Plan, inputs: Sequence[Array], graphs: Mapping[str, Graph]) -> Iterator[tuple[str, list[Array]]]:
    """What each layer reads, in the order of the layers, held no longer than one of them reads it."""
    uses = Counter(value.name for graph in graphs.values() for value in graph.inputs)
    recalled = Recalled(plan, inputs, uses)
    for layer in (name for name in plan.calls if name in graphs):
        read = [value.name for value in graphs[layer].inputs]
        yield layer, list(recalled.values(read).values())
        uses.subtract(read)
        for name in read:
            if not uses[name]:
                recalled.forget(name)


def _rounding(graph: Graph, given: Sequence[Array], enough: Callable[[Array], bool]) -> tuple[Array, bool]:
    """What float32, and inputs that are off by a rounding, do to the output of a graph."""
    (double,), (single,) = run(graph, given, np.float64), run(graph, given, np.float32)
    if single.dtype.kind != "f":
        return np.zeros(()), False
    magnitude = max(call.spec.magnitude for call in graph.calls)
    worst, jump = noise(single, double), _JUMP * np.abs(double).max(initial=0.0)
    worst = np.maximum(worst, HALF_A_UNIT * magnitude)
    shaking = Shaking(graph)
    for _ in range(_SHAKES):
        if enough(worst):
            break
        shaken = [shaking.shaken(value, array) for value, array in zip(graph.inputs, given, strict=True)]
        (other,) = run(graph, shaken, np.float64)
        worst = np.maximum(worst, noise(np.where(np.abs(other - double) < jump, other, double), double))
    return worst, not np.isfinite(single).all() and has_finite_weights(graph)
