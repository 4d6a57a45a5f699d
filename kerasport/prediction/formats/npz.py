"""NumPy's .npz: a zip archive of .npy files, read and written as streams."""

from __future__ import annotations

import math
import shutil
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from kerasport.errors import InputError
from kerasport.limits import limits, way_on
from kerasport.prediction.formats.npy import NpyWriter, read_header, read_rows
from kerasport.prediction.location import Location
from kerasport.prediction.rows import Array, Column, Reader, Request, Rows

_UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)


def open_readers(location: Location, request: Request) -> Sequence[Reader]:
    """A reader for each array in an .npz file."""
    try:
        with _archive(location) as archive:
            names = [name for name in archive.namelist() if name.endswith(".npy")]
            return [_Member(location, archive, name) for name in names]
    except _UNREADABLE as error:
        raise InputError(f"{location.text} is not a readable NumPy file: {error}.") from error


def open_writer(
    folder: Path, name: str, columns: Sequence[Column], rows: int | None, position: Mapping[str, Any] | None
) -> _NpzWriter:
    """The writer of an .npz file."""
    return _NpzWriter(folder, name, columns, position)


def _archive(location: Location) -> zipfile.ZipFile:
    assert location.path is not None  # this format is not read from pipes
    return zipfile.ZipFile(location.path)


class _Member:
    """One array in an archive."""

    def __init__(self, location: Location, archive: zipfile.ZipFile, name: str) -> None:
        self._location, self._member = location, name
        self.name = f"{location.text}: {name}"
        self.files = location.files
        info = archive.getinfo(name)
        if info.file_size > limits().expansion * max(info.compress_size, 1):
            what = f"{self.name} claims {info.file_size:,} bytes out of {info.compress_size:,}."
            raise InputError(what, way_on("expansion"))
        with archive.open(name) as file:
            shape, self._fortran, dtype = read_header(file, self.name)
        if dtype.itemsize * math.prod(shape) > info.file_size:
            raise InputError(f"{self.name} is cut off: it is shorter than an array of shape {shape}.")
        self.rows = shape[0]
        self.columns = (Column(name.removesuffix(".npy"), shape[1:], dtype),)

    def count(self) -> int:
        return self.rows

    def batches(self, size: int, start: int = 0, stop: int | None = None) -> Iterator[Rows]:
        stop = self.rows if stop is None else min(stop, self.rows)
        (column,) = self.columns
        try:
            with _archive(self._location) as archive, archive.open(self._member) as file:
                read_header(file, self.name)
                rows = self._from(file, start)
                for at in range(start, stop, size):
                    yield Rows(at, {column.name: rows(at, min(size, stop - at))})
        except _UNREADABLE as error:
            raise InputError(f"{self.name} cannot be read: {error}.") from error

    def _from(self, file: IO[bytes], start: int) -> Any:
        """A function that gives the rows from one on, once those before a first one are passed by."""
        (column,) = self.columns
        if self._fortran:
            whole = read_rows(file, self.rows, column.shape, column.dtype, self.name)
            whole = whole.reshape(-1).reshape((self.rows, *column.shape), order="F")
            return lambda at, rows: np.ascontiguousarray(whole[at : at + rows])
        file.seek(start * column.dtype.itemsize * math.prod(column.shape), 1)
        return lambda at, rows: read_rows(file, rows, column.shape, column.dtype, self.name)


class _NpzWriter:
    """One .npy for each column, put into an archive in the end."""

    def __init__(
        self, folder: Path, name: str, columns: Sequence[Column], position: Mapping[str, Any] | None = None
    ) -> None:
        self._path = folder / name
        self._names = [column.name for column in columns]
        self._parts = [
            NpyWriter(folder / f"part{index}.npy", column, None if position is None else position[str(index)])
            for index, column in enumerate(columns)
        ]

    def write(self, columns: Mapping[str, Array]) -> None:
        """Appends rows to each column."""
        for part in self._parts:
            part.write(columns)

    def position(self) -> dict[str, Any]:
        """Where each column ends."""
        return {str(index): part.position() for index, part in enumerate(self._parts)}

    def finish(self) -> Path:
        """Makes the archive; the date in it is always the same, so that the same rows give the same bytes."""
        with zipfile.ZipFile(self._path, "w", zipfile.ZIP_STORED) as archive:
            for name, writer in zip(self._names, self._parts, strict=True):
                part = writer.finish()
                with (
                    part.open("rb") as source,
                    archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member,
                ):
                    shutil.copyfileobj(source, member, 1 << 20)
        return self._path

    def close(self) -> None:
        """Closes the columns' files."""
        for part in self._parts:
            part.close()
