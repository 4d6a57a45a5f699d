"""What the inputs of a comparison have reached: a fault in what never changes would go unnoticed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasport.graph import Call, Graph
from kerasport.layers.functions import Function
from kerasport.reference.activation import apply

Array = NDArray[Any]
Ranges = Mapping[str, tuple[Array, Array]]
Gates = Mapping[str, Mapping[str, tuple[float, float]]]
_BESIDE = 2.0**-10
_HALF_OPEN = 0.5


class Coverage:
    """The smallest and the largest number in each channel of each layer's output, and in its gates, over all trials.

    A channel is an entry of the last axis; bools are taken together. Values that do not depend on the inputs are not
    looked at.
    """

    def __init__(self, graph: Graph) -> None:
        self._moving = _moving(graph)
        self._calls = {call.outputs[0].name: call for call in graph.calls}
        self._bools = {value.name for call in graph.calls for value in call.outputs if value.type.dtype == "bool"}
        self._ranges: dict[str, tuple[Array, Array]] = {}
        self._gates: dict[str, dict[str, tuple[float, float]]] = {}

    def add(self, ranges: Ranges, gates: Gates) -> None:
        """Takes a trial in."""
        for name in ranges.keys() & self._moving:
            low, high = ranges[name]
            lowest, highest = self._ranges.get(name, (low, high))
            fits = lowest.shape == low.shape
            self._ranges[name] = (np.minimum(low, lowest), np.maximum(high, highest)) if fits else (low, high)
        for name in gates.keys() & self._moving:
            known = self._gates.setdefault(name, {})
            for gate, (least, most) in gates[name].items():
                lower, upper = known.get(gate, (least, most))
                known[gate] = min(lower, least), max(upper, most)

    def channels(self, name: str) -> int:
        """How many channels a layer's output has; 0 where they are not looked at."""
        return self._ranges[name][0].size if name in self._ranges and name not in self._bools else 0

    def dead(self, name: str) -> int:
        """How many of them never changed."""
        if not self.channels(name):
            return 0
        low, high = self._ranges[name]
        return int((low >= high).sum())

    def idle(self, name: str) -> tuple[str, ...]:
        """What was never reached in a layer: sides of its activation, of its gates, of a bool, and what it joins."""
        if name not in self._ranges:
            return ()
        low, high = self._ranges[name]
        if name in self._bools:
            return (f"never {'false' if low else 'true'}",) if low == high else ()
        call = self._calls.get(name)
        if call is None:
            return ()
        found = _bends(call.spec.last_function, float(low.min(initial=np.inf)), float(high.max(initial=-np.inf)))
        return (*found, *_gates(self._gates.get(name, {})), *self._nothing(call))

    @property
    def never_false(self) -> frozenset[str]:
        """The bools that were true whatever the inputs: among them masks that mask nothing."""
        return frozenset(name for name in self._bools & self._ranges.keys() if self._ranges[name][0])

    def _nothing(self, call: Call) -> Iterator[str]:
        """Which of the values that a layer joins are always zero."""
        if len(call.inputs) > 1:
            for value in call.inputs:
                low, high = self._ranges.get(value.name, (np.ones(()), np.ones(())))
                if value.name not in self._bools and low.size and not low.any() and not high.any():
                    yield f"{value.name} always 0"

    @property
    def total(self) -> int:
        """How much has never changed or never been reached, in all layers, and might with wilder numbers.

        Bools are not counted: masks and tests for what is not finite do not depend on how wild numbers are.
        """
        return sum(self.dead(name) + len(self.idle(name)) for name in self._ranges.keys() - self._bools)


def _bends(function: Function | None, low: float, high: float) -> Iterator[str]:
    """The sides of an activation that lie outside of its outermost bends, and from which none of its results is."""
    if function is None or not function.bends:
        return
    first, last = function.bends[0], function.bends[-1]
    below, above = apply(function, np.array([first - _BESIDE, last + _BESIDE]))
    if low > below:
        yield f"{function.name} never below {first:.3g}"
    if high < above:
        yield f"{function.name} never above {last:.3g}"


def _gates(ranges: Mapping[str, tuple[float, float]]) -> Iterator[str]:
    for gate, (low, high) in ranges.items():
        if high <= _HALF_OPEN:
            yield f"{gate} never open"
        if low >= _HALF_OPEN:
            yield f"{gate} never closed"


def _moving(graph: Graph) -> set[str]:
    """The values that depend on the inputs' values."""
    moving = {value.name for value in graph.inputs}
    for call in graph.calls:
        if any(value.name in moving for value in (*call.inputs, *call.masks) if value):
            moving |= {value.name for value in call.outputs if value.type.content is None}
    return moving - {value.name for value in graph.inputs}
