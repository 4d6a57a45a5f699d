"""Files to which bytes are appended: what CSV and JSON lines have in common."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from kerasport.prediction.rows import Array

Encode = Callable[[Mapping[str, Array]], bytes]


class Appended:
    """A writer of a file that is a header and then rows, each of them bytes.

    Args:
        path: The file.
        header: What it begins with.
        encode: The bytes of some rows.
        position: Where it is to be continued; None for a new file.
    """

    def __init__(self, path: Path, header: bytes, encode: Encode, position: Mapping[str, Any] | None = None) -> None:
        self._path, self._encode = path, encode
        self._file = path.open("wb" if position is None else "r+b")
        if position is None:
            self._file.write(header)
        else:
            self._file.truncate(position["bytes"])
            self._file.seek(0, os.SEEK_END)

    def write(self, columns: Mapping[str, Array]) -> None:
        """Appends rows."""
        self._file.write(self._encode(columns))

    def position(self) -> dict[str, Any]:
        """Where the file ends once all of it is on the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())
        return {"bytes": self._file.tell()}

    def finish(self) -> Path:
        """Closes the file."""
        self.close()
        return self._path

    def close(self) -> None:
        """Closes the file, complete or not."""
        self._file.close()


class Streamed:
    """The same into a pipe, which gets rows as soon as they are there.

    Args:
        stream: The pipe.
        header: What comes first.
        encode: The bytes of some rows.
    """

    def __init__(self, stream: IO[bytes], header: bytes, encode: Encode) -> None:
        self._stream, self._encode = stream, encode
        self._stream.write(header)

    def write(self, columns: Mapping[str, Array]) -> None:
        """Appends rows."""
        self._stream.write(self._encode(columns))
        self._stream.flush()

    def position(self) -> dict[str, Any]:
        """Nothing: a pipe cannot be continued."""
        return {}

    def finish(self) -> Path:
        """The pipe, as the user names it."""
        self._stream.flush()
        return Path("-")

    def close(self) -> None:
        """The pipe is its owner's to close."""
