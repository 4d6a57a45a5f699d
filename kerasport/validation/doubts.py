"""A second look at layers whose error is larger than their arithmetic should explain.

What the reference in float32 does not get right either is float32's fault, not the translation's: it may overflow, or
lose all digits, as the logarithm of what hardly differs from 1 does. And a sum of large terms that cancel has errors of
the terms' size: how large, is seen when the inputs are shaken by half a unit in the last place.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasport.layers.base import Value
from kerasport.reference import run_layers
from kerasport.validation.error import NOT_FINITE, OVERFLOW, ROUNDING, LayerError, Limit, noise
from kerasport.validation.plan import Plan

Array = NDArray[Any]
# A change of this part of the largest value is no error, but another branch of a step.
_JUMP = 2.0**-10


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

    def settled(self, rounding: Array, finite: bool) -> LayerError:
        """The entry in the light of what float32 does to the reference.

        Args:
            rounding: The largest error of each channel of the reference in float32.
            finite: Whether it has only finite values.
        """
        if self.entry.detail == NOT_FINITE and not finite:
            return replace(self.entry, max_abs=0.0, max_rel=0.0, mean_abs=0.0, passed=True, detail=OVERFLOW)
        if self.entry.detail:
            return self.entry
        units = np.maximum(self.limit.unit, rounding)
        found = float(((self.errors - self.limit.slack) / units).max(initial=0.0))
        passed = found <= self.limit.roundings
        return replace(self.entry, roundings=found, passed=passed, detail=ROUNDING if passed else "")


def settle(plan: Plan, inputs: Sequence[Array], doubts: Mapping[str, Doubt]) -> dict[str, LayerError]:
    """Computes the doubted layers in float32, on the exact inputs that they were judged on."""
    found = roundings(plan, inputs, doubts)
    return {name: doubt.settled(*found[name]) if name in found else doubt.entry for name, doubt in doubts.items()}


def roundings(plan: Plan, inputs: Sequence[Array], names: Collection[str]) -> dict[str, tuple[Array, bool]]:
    """What computing in float32 does to some layers, and what inputs do that are off by a rounding.

    Returns:
        For each name the largest error of each channel, and whether all values are finite.
    """
    crossing: dict[str, Array] = {}
    rng = np.random.default_rng(0)

    def exact(value: Value, array: Array) -> Array:
        crossing[value.name] = plan.rounded(value, array)
        return crossing[value.name]

    def rough(value: Value, array: Array) -> Array:
        return crossing[value.name] if value.name in plan.places else array

    matrices = {value.name for call in plan.graph.calls if call.spec.eliminates for value in call.inputs}

    def shaken(value: Value, array: Array) -> Array:
        return _shaken(rough(value, array), rng, value.name in matrices) if value.name in plan.places else array

    given = zip(plan.graph.inputs, inputs, strict=True)
    shaken_inputs = [_shaken(np.asarray(array), rng, value.name in matrices) for value, array in given]
    runs = (
        run_layers(plan.graph, inputs, np.float64, exact),
        run_layers(plan.graph, inputs, np.float32, rough),
        run_layers(plan.graph, shaken_inputs, np.float64, shaken),
    )
    found: dict[str, tuple[Array, bool]] = {}
    left = set(names)
    with np.errstate(all="ignore"):
        while left:
            (call, doubles), (_, singles), (_, others) = map(next, runs)
            for value, double, single, other in zip(call.outputs, doubles, singles, others, strict=True):
                if value.name in left and single.dtype.kind == "f":
                    unrest = noise(other, double)
                    unrest = np.where(unrest < _JUMP * np.abs(double).max(initial=0.0), unrest, 0.0)
                    found[value.name] = np.maximum(noise(single, double), unrest), bool(np.isfinite(single).all())
                left.discard(value.name)
                crossing.pop(value.name)
    return found


def _shaken(array: Array, rng: np.random.Generator, as_matrices: bool) -> Array:
    """Numbers off by half a unit in their own last place, or in that of the largest one of their matrix.

    The second is what elimination does (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., theorem 9.4).
    """
    if array.dtype.kind != "f":
        return array
    size = np.abs(array).astype(np.float64)
    if as_matrices and array.ndim > 1:
        size = size.max(axis=(-2, -1), keepdims=True, initial=0.0)
    return np.asarray(array + 2.0**-24 * size * rng.choice((-1.0, 1.0), array.shape), np.float64)
