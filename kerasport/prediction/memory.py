"""Arrays in memory as a reader."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from kerasport.prediction.rows import Array, Column, Rows


class Arrays:
    """Arrays of the same number of rows.

    Args:
        arrays: By name.

    Attributes:
        arrays: The same.
    """

    name = "the arrays"
    rereadable = True
    files: tuple[Path, ...] = ()

    def __init__(self, arrays: Mapping[str, Array]) -> None:
        self.arrays = arrays
        self.columns = tuple(Column(name, array.shape[1:], array.dtype) for name, array in arrays.items())
        self.rows = len(next(iter(arrays.values())))

    def count(self) -> int:
        """How many rows there are."""
        return self.rows

    def batches(self, size: int, start: int = 0, stop: int | None = None) -> Iterator[Rows]:
        """Slices of the arrays."""
        stop = self.rows if stop is None else min(stop, self.rows)
        for at in range(start, stop, size):
            end = min(at + size, stop)
            yield Rows(at, {name: array[at:end] for name, array in self.arrays.items()})
