"""Bytes of files, read where they stand."""

from __future__ import annotations

import io
from itertools import product
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# One slice for each axis, with a known start and stop and steps of 1.
Index = tuple[slice, ...]


class Stretch(io.RawIOBase):
    """A stretch of a file as a file of its own.

    Args:
        path: The file.
        start: Where the stretch starts.
        size: Its bytes; None for all up to the end of the file.
    """

    def __init__(self, path: Path, start: int = 0, size: int | None = None) -> None:
        super().__init__()
        self._file = path.open("rb", buffering=0)
        self._start = start
        self._size = path.stat().st_size - start if size is None else size
        self._position = 0

    def readable(self) -> bool:
        """It can be read."""
        return True

    def seekable(self) -> bool:
        """Any place in it can be read."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Goes to a place."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(base + offset, 0)
        return self._position

    def readinto(self, buffer: Any) -> int:
        """Reads what is there, at most as much as fits."""
        view = memoryview(buffer).cast("B")
        count = max(min(len(view), self._size - self._position), 0)
        self._file.seek(self._start + self._position)
        read = self._file.readinto(view[:count]) or 0
        self._position += read
        return read

    def close(self) -> None:
        """Closes the file."""
        self._file.close()
        super().close()


def read_tile(
    file: io.RawIOBase, start: int, dtype: np.dtype[Any], shape: tuple[int, ...], index: Index
) -> NDArray[Any]:
    """A tile of an array that stands in a file in C order; only its bytes are read.

    Args:
        file: The file.
        start: Where the array starts.
        dtype: The array's dtype.
        shape: The array's shape.
        index: Which part of it.

    Raises:
        OSError: The file ends within it.
    """
    import numpy as np

    tile = np.empty([part.stop - part.start for part in index], dtype)
    if not tile.size:
        return tile
    strides = [prod(shape[axis + 1 :]) * dtype.itemsize for axis in range(len(shape))]
    whole = next((axis for axis in reversed(range(len(shape))) if tile.shape[axis] != shape[axis]), 0)
    rows = tile.reshape(prod(tile.shape[:whole]), -1).view("u1")
    offset = start + sum(part.start * stride for part, stride in zip(index, strides, strict=True))
    for row, position in zip(rows, product(*map(range, tile.shape[:whole])), strict=True):
        file.seek(offset + sum(i * stride for i, stride in zip(position, strides, strict=False)))
        _fill(file, row.data)
    return tile


def _fill(file: io.RawIOBase, view: memoryview) -> None:
    done = 0
    while done < len(view):
        count = file.readinto(view[done:])
        if not count:
            raise OSError("the file ends within it")
        done += count
