"""A second look at layers whose error is larger than their arithmetic should explain.

What the reference in float32 does not get right either is float32's fault, not the translation's: it may overflow, or
lose all digits, as the logarithm of what hardly differs from 1 does.
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
    """What computing in float32 does to some layers.

    Returns:
        For each name the largest error of each channel, and whether all values are finite.
    """
    crossing: dict[str, Array] = {}

    def double(value: Value, array: Array) -> Array:
        crossing[value.name] = plan.rounded(value, array)
        return crossing[value.name]

    def single(value: Value, array: Array) -> Array:
        exact = crossing.pop(value.name)
        return exact if value.name in plan.places else array

    found: dict[str, tuple[Array, bool]] = {}
    left = set(names)
    doubles = run_layers(plan.graph, inputs, np.float64, double)
    singles = run_layers(plan.graph, inputs, np.float32, single)
    with np.errstate(all="ignore"):
        while left:
            call, exact = next(doubles)
            _, rough = next(singles)
            for value, fine, coarse in zip(call.outputs, exact, rough, strict=True):
                if value.name in left and coarse.dtype.kind == "f":
                    found[value.name] = noise(coarse, fine), bool(np.isfinite(coarse).all())
                left.discard(value.name)
    return found
