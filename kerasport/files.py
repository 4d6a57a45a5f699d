"""Output files that appear complete or not at all."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from kerasport.errors import FileError
from kerasport.private import private_folder

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

# Bytes that are written between two syncs.
_FLUSHED = 64 << 20
# What is met only in writing.
_UNWRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}


@contextmanager
def whole(target: Path) -> Iterator[Path]:
    """Gives a path to write to; what was written there takes the target's place only when all went well.

    The path is in a private folder beside the target and has the target's name; files written beside it
    (an ONNX model's external data) move along, before it.

    Raises:
        FileError: The target's folder is missing or cannot be written to, or there is no room for it.
    """
    target = Path(target)
    if target.is_dir() and not target.is_symlink():
        raise FileError(f"{target} cannot be written: it is a folder.")
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(private_folder(target.absolute().parent))
        except OSError as error:
            hint = "Check that its folder exists and is writable."
            raise FileError(f"{target} cannot be written: {error.strerror}.", hint) from error
        try:
            yield folder / target.name
            _publish(folder, target)
        except OSError as error:
            if error.errno not in _UNWRITABLE:
                raise
            hint = "Make room there, or write elsewhere; what was there before is unchanged."
            raise FileError(f"{target} cannot be written: {error.strerror}.", hint) from error


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
            self._heed()
            self._waiting = 0
            self._sync = self._beside.submit(os.fsync, self.fileno())
        return count

    def close(self) -> None:
        """Waits for the sync and closes the file."""
        self._beside.shutdown()
        super().close()
        self._heed()

    def _heed(self) -> None:
        """Raises what the last sync has met: the system tells it once, and no later sync would."""
        sync, self._sync = self._sync, None
        if sync is not None:
            sync.result()


def _publish(folder: Path, target: Path) -> None:
    """Moves files beside the target, it last, and has the disk keep them."""
    written = sorted(folder.iterdir(), key=lambda item: item.name == target.name)
    for path in written:
        with path.open("rb+") as file:
            os.fsync(file.fileno())
    try:
        for path in written:
            path.replace(target.with_name(path.name))
    except BaseException as error:
        if (folder / target.name).exists():  # what went before it would only be in the way
            for path in written[:-1]:
                target.with_name(path.name).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise FileError(f"{target} cannot be written: {error.strerror}.") from error
        raise
    keep_names(target.absolute().parent)


def keep_names(folder: Path) -> None:
    """Has the disk keep what files in a folder are called now, where the system can."""
    if hasattr(os, "O_DIRECTORY"):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
