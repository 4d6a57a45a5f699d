"""A text in blocks of whole lines; from standard input, it is read once."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import ExitStack

from kerasport.errors import InputError
from kerasport.limits import limits, way_on
from kerasport.prediction.location import Location

_BLOCK = 1 << 20


class Text:
    """A text in UTF-8; bytes that are none stay, as surrogates.

    Args:
        location: Where it is.

    Attributes:
        head: Its beginning, which is the first block as well.
    """

    def __init__(self, location: Location) -> None:
        self._location = location
        self._opened = ExitStack()
        raw = self._opened.enter_context(location.opened())
        self._stream = io.TextIOWrapper(raw, encoding="utf-8-sig", errors="surrogateescape", newline="")
        self.head = self._next = self._read()
        if "\0" in self.head:
            self.close()
            what = f"{location.text} is not UTF-8 text."
            raise InputError(what, "Write it in UTF-8; UTF-16, as some spreadsheets write, is not read.")

    def again(self) -> Text:
        """The same text from its beginning."""
        return self if self._location.path is None else Text(self._location)

    def block(self) -> str:
        """The next lines; "" at the end."""
        block, self._next = self._next, ""
        return block or self._read()

    def line(self) -> str:
        """The next line after a block; "" at the end."""
        longest = limits().text
        line = self._stream.readline(longest)
        if len(line) == longest:
            raise InputError(f"{self._location.text} has a line of more than {longest:,} characters.", way_on("text"))
        return line

    def lines(self) -> Iterator[str]:
        """All lines from here on, with their ends."""
        while block := self.block():
            yield from lines_of(block)

    def close(self) -> None:
        """Closes a file, which is opened again when it is read; a pipe stays open."""
        if self._location.path is not None:
            self._stream.close()
            self._opened.close()

    def _read(self) -> str:
        block = self._stream.read(_BLOCK)
        return block + self.line() if block else block


def lines_of(block: str) -> Iterator[str]:
    """The lines of a block, with their ends."""
    return iter(io.StringIO(block, newline=""))
