"""Arrays in memory as a reader."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from kerasport.prediction.rebatching import rebatched
from kerasport.prediction.rows import Array, BadRow, Column, Rows


class Arrays:
    """Arrays of the same number of rows.

    Args:
        arrays: By name.
        start: The number of their first row.
        bad: The rows that cannot be used.

    Attributes:
        arrays: The same.
    """

    name = "the arrays"
    rereadable = True
    files: tuple[Path, ...] = ()

    def __init__(self, arrays: Mapping[str, Array], start: int = 0, bad: Sequence[BadRow] = ()) -> None:
        self.arrays, self._start, self._bad = arrays, start, bad
        self.columns = tuple(Column(name, array.shape[1:], array.dtype) for name, array in arrays.items())
        self.rows = len(next(iter(arrays.values())))

    def count(self) -> int:
        """How many rows there are."""
        return self.rows

    def batches(self, size: int, start: int = 0, stop: int | None = None) -> Iterator[Rows]:
        """Slices of the arrays."""
        yield from rebatched([Rows(self._start, self.arrays, tuple(self._bad))], size, start, stop)
