"""Texts in UTF-8, one a line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from kerasport.prediction.location import Location
from kerasport.prediction.rows import BadRow, Column, Reader, Request, Rows


def open_readers(location: Location, request: Request) -> Sequence[Reader]:
    """The reader of a text's lines."""
    return [_Lines(location)]


class _Lines:
    """The lines of a text file."""

    def __init__(self, location: Location) -> None:
        self._location = location
        self.name = Path(location.text).stem
        self.files = location.files
        self.rows: int | None = None
        self.columns = (Column(self.name, (), np.dtype("str")),)

    def count(self) -> int:
        """Counts the lines, once."""
        if self.rows is None:
            with self._location.opened() as file:
                self.rows = sum(1 for _ in file)
        return self.rows

    def batches(self, size: int, start: int = 0, stop: int | None = None) -> Iterator[Rows]:
        with self._location.opened() as file:
            lines = islice(file, start, stop)
            at = start
            while taken := list(islice(lines, size)):
                bad: list[BadRow] = []
                texts = [self._text(line, at + index, bad) for index, line in enumerate(taken)]
                yield Rows(at, {self.name: np.array(texts, "str")}, tuple(bad))
                at += len(taken)

    def _text(self, line: bytes, row: int, bad: list[BadRow]) -> str:
        line = line.removesuffix(b"\n").removesuffix(b"\r")
        try:
            return line.removeprefix(b"\xef\xbb\xbf" if row == 0 else b"").decode("utf-8")
        except UnicodeDecodeError as error:
            bad.append(BadRow(row, f"{self._location.text} is not UTF-8 text: {error}"))
            return ""
