"""NumPy's .npy: one array, never pickled objects."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tokenize import TokenError
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy

from kerasport.errors import InputError
from kerasport.prediction.location import Location
from kerasport.prediction.rows import Array, Column, Reader, Request, Rows

# What NumPy raises on headers that are not what they say.
UNREADABLE = (ValueError, TypeError, LookupError, ArithmeticError, RuntimeError, EOFError, SyntaxError, TokenError)


def open_readers(location: Location, request: Request) -> Sequence[Reader]:
    """The reader of an .npy file."""
    return [_Npy(location)]


def open_writer(
    folder: Path, name: str, columns: Sequence[Column], rows: int | None, position: Mapping[str, Any] | None
) -> NpyWriter:
    """The writer of an .npy file."""
    (column,) = columns
    return NpyWriter(folder / name, column, position)


def read_header(file: IO[bytes], name: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """The shape, whether the first axis runs fastest, and the dtype.

    Raises:
        InputError: It is unreadable, or the array holds Python objects.
    """
    try:
        version = npy.read_magic(file)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, fortran, dtype = read(file)
    except UNREADABLE as error:
        raise InputError(f"{name} is not a readable NumPy file: {error}.") from error
    if dtype.hasobject:
        raise InputError(f"{name} holds pickled objects, which kerasport never loads.")
    if not shape:
        raise InputError(f"{name} holds one value, not rows of them.")
    if min(shape) < 0:
        raise InputError(f"{name} is not a readable NumPy file: it has the shape {shape}.")
    return shape, fortran, dtype


def read_rows(file: IO[bytes], rows: int, shape: tuple[int, ...], dtype: np.dtype[Any], name: str) -> Array:
    """The next rows of an array in C order."""
    array = np.empty((rows, *shape), dtype)
    if not array.nbytes:
        return array
    rest = array.reshape(-1).view(np.uint8).data
    while rest:
        count = file.readinto(rest)  # type: ignore[attr-defined]
        if not count:
            raise InputError(f"{name} is cut off.")
        rest = rest[count:]
    return array


class _Npy:
    """The array in an .npy file. It is read, not mapped: what a process has mapped counts as its memory."""

    def __init__(self, location: Location) -> None:
        self._location = location
        self.name = Path(location.text).name
        self.files = location.files
        with location.opened() as file:
            shape, self._fortran, dtype = read_header(file, location.text)
            self._offset = file.tell() if location.path is not None else 0
        if location.path is None and self._fortran:
            raise InputError("An array in Fortran order cannot be read from a pipe.", "Use a file.")
        whole = self._offset + dtype.itemsize * math.prod(shape)
        if location.path is not None and whole > location.path.stat().st_size:
            raise InputError(f"{location.text} is cut off: it is shorter than an array of shape {shape}.")
        self.rows = shape[0]
        self.columns = (Column(self.name, shape[1:], dtype),)

    def count(self) -> int:
        return self.rows

    def batches(self, size: int, start: int = 0, stop: int | None = None) -> Iterator[Rows]:
        stop = self.rows if stop is None else min(stop, self.rows)
        with self._location.opened() as file:
            if self.files:
                row = self.columns[0].dtype.itemsize * math.prod(self.columns[0].shape)
                file.seek(self._offset + start * row)
            for at in range(start, stop, size):
                yield Rows(at, {self.name: self._read(file, at, min(size, stop - at))})

    def _read(self, file: IO[bytes], start: int, rows: int) -> Array:
        (column,) = self.columns
        if not self._fortran:
            return read_rows(file, rows, column.shape, column.dtype, self.name)
        shape = (self.rows, *column.shape)
        mapped = np.memmap(file, column.dtype, "r", self._offset, shape, order="F")  # unmapped again after each chunk
        return np.array(mapped[start : start + rows], order="C")


class NpyWriter:
    """One array on its way into a file; strings, which may grow from chunk to chunk, get the width of the longest."""

    def __init__(self, path: Path, column: Column, position: Mapping[str, Any] | None = None) -> None:
        self._path, self._column = path, column
        self._file = path.open("w+b" if position is None else "r+b")
        state: Mapping[str, Any] = position or {"rows": 0, "strings": []}
        self._rows: int = state["rows"]
        self._strings: list[tuple[int, str]] = [(size, dtype) for size, dtype in state["strings"]]
        if position is None:
            self._write_header(self._file, column.dtype)
        else:
            self._file.truncate(position["bytes"])
            self._file.seek(0, os.SEEK_END)

    def write(self, columns: Mapping[str, Array]) -> None:
        """Appends rows."""
        array = np.ascontiguousarray(columns[self._column.name])
        self._rows += len(array)
        if array.dtype.kind == "U":
            self._note(array)
        self._file.write(array.data if array.dtype.kind != "U" else array.tobytes())

    def position(self) -> dict[str, Any]:
        """Where the file ends once all of it is on the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())
        return {"bytes": self._file.tell(), "rows": self._rows, "strings": self._strings}

    def finish(self) -> Path:
        """Notes how many rows there are; until then, and if it is done again, nothing that was written is changed."""
        if any(np.dtype(text) != self._column.dtype for _, text in self._strings):
            return self._widened()
        self._file.seek(0)
        self._write_header(self._file, self._column.dtype)
        self.close()
        return self._path

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _note(self, array: Array) -> None:
        """Notes the width of some strings; consecutive ones of the same width are noted once."""
        if self._strings and self._strings[-1][1] == array.dtype.str:
            self._strings[-1] = (self._strings[-1][0] + array.size, array.dtype.str)
        else:
            self._strings.append((array.size, array.dtype.str))

    def _widened(self) -> Path:
        """Another file, in which all strings have the width of the longest."""
        widest = max((np.dtype(text) for _, text in self._strings), key=lambda dtype: dtype.itemsize)
        path = self._path.with_name(f"wide-{self._path.name}")
        self._file.seek(0)
        read_header(self._file, self._path.name)
        with path.open("wb") as wide:
            self._write_header(wide, widest)
            for size, text in self._strings:
                for part in _portions(self._file, size, np.dtype(text)):
                    wide.write(part.astype(widest).tobytes())
        self.close()
        return path

    def _write_header(self, file: IO[bytes], dtype: np.dtype[Any]) -> None:
        """Writes the header, whose length does not depend on the number of rows."""
        shape = (self._rows, *self._column.shape)
        header = {"descr": npy.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
        npy.write_array_header_2_0(file, header)


def _portions(file: IO[bytes], size: int, dtype: np.dtype[Any], most: int = 1 << 16) -> Iterator[Array]:
    for start in range(0, size, most):
        yield np.frombuffer(file.read(min(most, size - start) * dtype.itemsize), dtype)
