"""What rounding explains: a second look at layers whose error exceeds the limit.

If the reference computed in float32 is wrong too, float32 is to blame and not the translation: it may overflow, or lose
all digits, as the logarithm of a number close to 1 does. A sum of large terms that cancel has an error of the size of
its terms; perturbing the inputs by half a unit in the last place shows how large it is.
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
from kerasport.validation.perturbation import HALF_A_UNIT, Perturbation

Array = NDArray[Any]
Enough = Callable[[str, Array], bool]
# A change by this fraction of the largest value is not an error but the other branch of a step.
_JUMP = 2.0**-10
# How often inputs are perturbed: the effect of a rounding on a chain of steps depends on its direction.
_PERTURBATIONS = 4


@dataclass(frozen=True)
class Suspect:
    """A layer whose error exceeds its limit.

    Attributes:
        entry: What was measured.
        limit: What was allowed.
        errors: The largest error of each channel that is not within the limit.
    """

    entry: LayerError
    limit: Limit
    errors: Array

    def settled(self, noise: Array, overflows: bool, factor: float) -> LayerError:
        """The entry, judged again by what float32 does to the reference.

        Args:
            noise: The largest error of each channel of the reference in float32.
            overflows: Whether finite weights produced values that are not finite.
            factor: The allowed multiple of the noise.
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


def settled(graph: Graph, given: Sequence[Array], suspect: Suspect, factor: float) -> LayerError:
    """Judges a layer again, by computing it in float32 on exactly the inputs that it was judged on.

    Args:
        graph: The layer.
        given: Its inputs.
        suspect: What was measured.
        factor: The allowed multiple of the noise.
    """

    def explained(noise: Array) -> bool:
        return suspect.settled(noise, False, factor).passed

    return suspect.settled(*rounding(graph, given, explained), factor)


def rounding(
    graph: Graph, given: Sequence[Array], enough: Callable[[Array], bool] = lambda noise: False
) -> tuple[Array, bool]:
    """The noise of a layer: its error in float32, and the effect of inputs that are off by a rounding.

    Args:
        graph: The layer.
        given: Its inputs.
        enough: Whether a noise is large enough to decide, so that the inputs need not be perturbed further.

    Returns:
        The largest error of each channel, and whether finite weights produced values that are not finite.
    """
    with np.errstate(all="ignore"):
        return _rounding(graph, given, enough)


def _rounding(graph: Graph, given: Sequence[Array], enough: Callable[[Array], bool]) -> tuple[Array, bool]:
    (double,), (single,) = run(graph, given, np.float64), run(graph, given, np.float32)
    if single.dtype.kind != "f":
        return np.zeros(()), False
    magnitude = max(call.spec.magnitude for call in graph.calls)
    worst, jump = noise(single, double), _JUMP * np.abs(double).max(initial=0.0)
    jump = np.inf if any(call.spec.eliminates for call in graph.calls) else jump  # an elimination has no branches
    worst = np.maximum(worst, HALF_A_UNIT * magnitude)
    perturbation = Perturbation(graph)
    for _ in range(_PERTURBATIONS):
        if enough(worst):
            break
        perturbed = [perturbation.perturbed(value, array) for value, array in zip(graph.inputs, given, strict=True)]
        (other,) = run(graph, perturbed, np.float64)
        worst = np.maximum(worst, noise(np.where(np.abs(other - double) < jump, other, double), double))
    return worst, not np.isfinite(single).all() and has_finite_weights(graph)
