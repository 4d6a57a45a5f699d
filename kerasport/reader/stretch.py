"""Bytes of files, read where they stand."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any


class Stretch(io.RawIOBase):
    """A stretch of a file as a file of its own.

    Args:
        path: The file.
        start: Where the stretch starts.
        size: Its bytes; None for all up to the end of the file.

    Attributes:
        size: Its bytes.
    """

    def __init__(self, path: Path, start: int = 0, size: int | None = None) -> None:
        super().__init__()
        self._file = path.open("rb", buffering=0)
        self._start = start
        self.size = path.stat().st_size - start if size is None else size
        self._position = 0

    def readable(self) -> bool:
        """It can be read."""
        return True

    def seekable(self) -> bool:
        """Any place in it can be read."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Goes to a place."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        self._position = max(base + offset, 0)
        return self._position

    def readinto(self, buffer: Any) -> int:
        """Reads what is there, at most as much as fits."""
        view = memoryview(buffer).cast("B")
        count = max(min(len(view), self.size - self._position), 0)
        if not count:
            return 0
        self._file.seek(self._start + self._position)
        read = self._file.readinto(view[:count]) or 0
        self._position += read
        return read

    def close(self) -> None:
        """Closes the file."""
        self._file.close()
        super().close()
