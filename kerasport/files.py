"""Output files that appear whole or not at all."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from kerasport.errors import FileError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

# Bytes that are written between two syncs.
_FLUSHED = 64 << 20


@contextmanager
def whole(target: Path) -> Iterator[Path]:
    """Gives a path to write to; what was written there takes the target's place only when all went well.

    The path is in a private folder beside the target and has the target's name; files written beside it
    (an ONNX model's external data) move along, before it.

    Raises:
        FileError: The target's folder is missing or cannot be written to.
    """
    target = Path(target)
    try:
        folder = tempfile.TemporaryDirectory(dir=target.absolute().parent, prefix=".kerasport-")
    except OSError as error:
        raise FileError(
            f"{target} cannot be written: {error.strerror}.", "Check that its folder exists and is writable."
        ) from error
    with folder as name:
        path = Path(name) / target.name
        yield path
        _publish(Path(name), path, target)


class Flushed(io.BufferedWriter):
    """A new file of which the disk gets what is written while more is written, so that its sync at the end is short.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(io.FileIO(path, "wb"))
        self._beside = ThreadPoolExecutor(1)
        self._sync: Future[None] | None = None
        self._waiting = 0

    def write(self, data: ReadableBuffer) -> int:
        """Writes, and from time to time starts a sync beside."""
        count = super().write(data)
        self._waiting += count
        if self._waiting > _FLUSHED and (self._sync is None or self._sync.done()):
            self._waiting = 0
            self._sync = self._beside.submit(os.fsync, self.fileno())
        return count

    def close(self) -> None:
        """Waits for the sync and closes the file."""
        self._beside.shutdown()
        super().close()


def _publish(folder: Path, path: Path, target: Path) -> None:
    for written in sorted(folder.iterdir(), key=lambda item: item == path):
        with written.open("rb+") as file:
            os.fsync(file.fileno())
        try:
            written.replace(target.with_name(written.name))
        except OSError as error:
            raise FileError(f"{target} cannot be written: {error.strerror}.") from error
