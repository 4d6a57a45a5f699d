"""The data that flows from a reader through a model to a writer: rows, one chunk at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from kerasport.runtime.sessions import Port

Array = NDArray[Any]


@dataclass(frozen=True)
class Column:
    """A named array of which each row is one item.

    Attributes:
        name: Its name.
        shape: Of one row; () for a scalar.
        dtype: Of the values; of strings, the width means nothing.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]


@dataclass(frozen=True)
class BadRow:
    """A row that cannot be used.

    Attributes:
        row: Its number from the reader's beginning, from 0.
        reason: Why, as a clause: "'age' holds 'n/a', which is no number".
    """

    row: int
    reason: str


@dataclass(frozen=True)
class Rows:
    """Consecutive rows.

    Attributes:
        start: The number of the first.
        columns: Their values by column.
        bad: Those that cannot be used; they stand in their places, as zeros or empty strings.
    """

    start: int
    columns: Mapping[str, Array]
    bad: tuple[BadRow, ...] = ()

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))


class Reader(Protocol):
    """Rows of a file, of several, or of standard input."""

    @property
    def name(self) -> str:
        """What it reads, as the user calls it."""

    @property
    def columns(self) -> tuple[Column, ...]:
        """All that it can give."""

    @property
    def rows(self) -> int | None:
        """How many there are; None where only reading through would tell."""

    @property
    def files(self) -> tuple[Path, ...]:
        """What it reads from; () for standard input, which can be read once."""

    def count(self) -> int:
        """How many rows there are, read through where nothing less tells."""

    def batches(self, size: int, start: int = 0, stop: int | None = None) -> Iterator[Rows]:
        """Consecutive chunks of so many rows, the last one shorter, from one row up to another."""


class Table(Reader, Protocol):
    """A reader of all that a model takes."""

    @property
    def rereadable(self) -> bool:
        """Whether the rows can be read more than once."""


class Writer(Protocol):
    """A file that grows by rows, and can be continued by another process."""

    def write(self, columns: Mapping[str, Array]) -> None:
        """Appends rows; the columns are always the same, in the same order."""

    def position(self) -> dict[str, Any]:
        """Brings everything to the disk; what a new writer needs to continue from here, as JSON values."""

    def finish(self) -> Path:
        """Completes the file and gives its path."""

    def close(self) -> None:
        """Lets go of the file, complete or not."""


@dataclass(frozen=True)
class Request:
    """What is wanted of the files that a user names.

    Attributes:
        ports: The inputs of the model, or whatever else the arrays are for.
        columns: For an input, or "" for the only one, the columns that make it up.
        keep: Columns to carry through to the output.
        format: The name of the format, if the user gives it.
        options: Further options by name, for the formats that know them.
    """

    ports: tuple[Port, ...]
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    keep: tuple[str, ...] = ()
    format: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
