"""Statistics over many durations, in constant memory."""

from __future__ import annotations

import math
from collections import Counter

_STEPS = 100  # of a factor e: quantiles are right to one part in a hundred


class Durations:
    """Seconds, counted by their rounded logarithms."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()

    def add(self, seconds: float) -> None:
        """Counts one."""
        self._counts[round(math.log(max(seconds, 1e-9)) * _STEPS)] += 1

    def update(self, others: Durations) -> None:
        """Counts those that were counted elsewhere."""
        self._counts.update(others._counts)

    def __len__(self) -> int:
        return self._counts.total()

    def quantile(self, part: float) -> float:
        """The seconds that so large a part of them did not exceed; 0.0 if there are none."""
        wanted, seen = part * self._counts.total(), 0
        for step in sorted(self._counts):
            seen += self._counts[step]
            if seen >= wanted:
                return math.exp(step / _STEPS)
        return 0.0
