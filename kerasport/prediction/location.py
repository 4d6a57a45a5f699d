"""Where the user's data is: a file, a dataset in a file, or standard input."""

from __future__ import annotations

import glob
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO

from kerasport.errors import InputError


@dataclass(frozen=True)
class Location:
    """Something to read.

    Attributes:
        text: As the user calls it.
        path: The file or folder; None for standard input.
        inner: The path within the file, as in ``file.h5:/inner``.
    """

    text: str
    path: Path | None
    inner: str = ""

    @property
    def files(self) -> tuple[Path, ...]:
        """The file; () for standard input."""
        return () if self.path is None else (self.path,)

    @contextmanager
    def opened(self) -> Iterator[IO[bytes]]:
        """The bytes; standard input stays open, as it goes on where it was left."""
        if self.path is None:
            yield _standard_input()
        else:
            with self.path.open("rb") as file:
                yield file

    def head(self) -> bytes:
        """The first bytes, which are not taken away."""
        if self.path is None:
            waiting: bytes = getattr(_standard_input(), "peek", bytes)(16)
            return waiting[:16]
        with self.path.open("rb") as file:
            return file.read(16)


def _standard_input() -> IO[bytes]:
    return _descriptor() if sys.stdin is sys.__stdin__ else sys.stdin.buffer


@cache
def _descriptor() -> IO[bytes]:
    """Standard input, but not Python's own, which a thread that waits for it would lock: the process could not end."""
    return os.fdopen(0, "rb", closefd=False)


def locations(text: str) -> list[Location]:
    """What the user's text names: ``-``, a file, a folder, ``file.h5:/inner``, or a pattern of files in sorted order.

    Raises:
        InputError: No file is there, or none is like the pattern.
    """
    if text == "-":
        return [Location("standard input", None)]
    path = Path(text)
    if path.exists():
        return [Location(text, path)]
    file, colon, inner = text.partition(":/")
    if colon and Path(file).exists():
        return [Location(text, Path(file), "/" + inner)]
    if any(letter in text for letter in "*?["):
        found = sorted(glob.glob(text, recursive=True))  # noqa: PTH207 (a pattern may be absolute)
        if not found:
            raise InputError(f"No file matches {text}.")
        return [Location(name, Path(name)) for name in found]
    return [Location(text, path)]
