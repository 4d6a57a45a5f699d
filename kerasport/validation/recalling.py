"""What the reference has given, asked for again: it is not kept, but computed once more."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasport.layers.base import Value
from kerasport.reference import run_layers
from kerasport.validation.plan import Plan

Array = NDArray[Any]


class Recalled:
    """Values of a trial as they cross from layer to layer; the reference is run as far as they are asked for.

    Args:
        plan: The trial.
        inputs: Of the model.
        names: Of the values that will be asked for.
    """

    def __init__(self, plan: Plan, inputs: Sequence[Array], names: Collection[str]) -> None:
        self._plan, self._names = plan, frozenset(names)
        given = {value.name: np.asarray(array) for value, array in zip(plan.graph.inputs, inputs, strict=True)}
        self._found = {name: given[name] for name in self._names & given.keys()}
        self._steps = run_layers(plan.graph, inputs, plan.dtype, self._passed_on)

    def _passed_on(self, value: Value, array: Array) -> Array:
        rounded = self._plan.rounded(value, array)
        if value.name in self._names:
            self._found[value.name] = rounded
        return rounded

    def values(self, names: Collection[str]) -> dict[str, Array]:
        """Some of the values."""
        while not self._found.keys() >= set(names):
            next(self._steps)
        return {name: self._found[name] for name in names}

    def forget(self, name: str) -> None:
        """Lets go of a value that is not asked for again."""
        del self._found[name]
