"""What the inputs of a comparison have excited: a fault in a channel that never changes does not show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasport.graph import Graph

Array = NDArray[Any]
Ranges = Mapping[str, tuple[Array, Array]]


class Coverage:
    """The smallest and the largest number in each channel of each layer's output, over all trials.

    A channel is an entry of the last axis. Values that do not depend on the inputs are not looked at.
    """

    def __init__(self, graph: Graph) -> None:
        self._moving = _moving(graph)
        self._ranges: dict[str, tuple[Array, Array]] = {}

    def add(self, ranges: Ranges) -> None:
        """Takes a trial in."""
        for name in ranges.keys() & self._moving:
            low, high = ranges[name]
            lowest, highest = self._ranges.get(name, (low, high))
            fits = lowest.shape == low.shape
            self._ranges[name] = (np.minimum(low, lowest), np.maximum(high, highest)) if fits else (low, high)

    def channels(self, name: str) -> int:
        """How many channels a layer's output has; 0 where they are not looked at."""
        return self._ranges[name][0].size if name in self._ranges else 0

    def dead(self, name: str) -> int:
        """How many of them never changed."""
        if name not in self._ranges:
            return 0
        low, high = self._ranges[name]
        return int((low >= high).sum())

    @property
    def total(self) -> int:
        """How many channels never changed, of all layers."""
        return sum(map(self.dead, self._ranges))


def _moving(graph: Graph) -> set[str]:
    """The values that depend on the inputs' values."""
    moving = {value.name for value in graph.inputs}
    for call in graph.calls:
        if any(value.name in moving for value in (*call.inputs, *call.masks) if value):
            moving |= {value.name for value in call.outputs if value.type.content is None}
    return moving - {value.name for value in graph.inputs}
