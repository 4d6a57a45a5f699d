"""Datasets in HDF5 files: ``file.h5:/path``, or all those in a file or in a group of it."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from kerasport.errors import InputError
from kerasport.limits import limits, way_on
from kerasport.prediction.formats.columns import listed
from kerasport.prediction.formats.values import Faults
from kerasport.prediction.location import Location
from kerasport.prediction.rows import Array, Column, Reader, Request, Rows
from kerasport.reader.h5 import is_elsewhere, member, open_file
from kerasport.supervision import reading

_CACHE = 128 << 20


def open_readers(location: Location, request: Request) -> Sequence[Reader]:
    """A reader for each dataset that the location names.

    Raises:
        InputError: There is none, or it cannot be read.
        DamagedFileError: The file is no HDF5, or the way leads out of it.
    """
    assert location.path is not None  # this format is not read from pipes
    parts = [part for part in location.inner.split("/") if part]
    with reading(location.path), open_file(location.path) as file:
        found = member(file, *parts)
        if isinstance(found, h5py.h5d.DatasetID):
            return [_Dataset(location, parts, found)]
        if not isinstance(found, h5py.h5g.GroupID):
            raise _missing(location, file, parts)
        group = h5py.Group(found)
        wanted = {*(port.name for port in request.ports), *request.keep}
        names = [name for name in group if isinstance(group.get(name, getlink=True), h5py.HardLink)]
        names = [name for name in names if name in wanted] or names
        inside = [(name, member(group, name)) for name in names]
        datasets = [(name, item) for name, item in inside if isinstance(item, h5py.h5d.DatasetID)]
        if not datasets:
            what = f"{location.text.removesuffix(':')} has no arrays; it has {listed(group)}."
            raise InputError(what, "Name one: FILE.h5:/path.")
        return [_Dataset(location, [*parts, name], item) for name, item in datasets]


class _Dataset:
    """An array in an HDF5 file."""

    def __init__(self, location: Location, parts: Sequence[str], dataset: Any) -> None:
        assert location.path is not None
        self._path: Path = location.path
        self._parts = parts
        self.name = f"{location.path}:/{'/'.join(parts)}"
        self.files = location.files
        array = h5py.Dataset(dataset)
        self._is_text = h5py.check_string_dtype(array.dtype) is not None
        if is_elsewhere(dataset.get_create_plist()):
            raise InputError(f"{self.name} points to other files or arrays, which kerasport does not follow.")
        if not array.shape:
            raise InputError(f"{self.name} holds {'one value' if array.shape == () else 'nothing'}, not rows of them.")
        if not self._is_text and array.dtype.kind not in "fiub":
            raise InputError(f"{self.name} holds {array.dtype}, neither numbers nor texts.")
        self._check_size(array)
        dtype = np.dtype("str") if self._is_text else array.dtype
        self.rows: int = array.shape[0]
        self.columns = (Column(parts[-1], array.shape[1:], dtype),)

    def count(self) -> int:
        """The number of rows."""
        return self.rows

    def batches(self, size: int, start: int = 0, stop: int | None = None) -> Iterator[Rows]:
        """The rows in chunks of a size."""
        stop = self.rows if stop is None else min(stop, self.rows)
        with open_file(self._path) as file:
            array = self._open(file)
            for at in range(start, stop, size):
                yield self._chunk(array, at, min(size, stop - at))

    def _chunk(self, array: h5py.Dataset, start: int, rows: int) -> Rows:
        try:
            values: Array = array[start : start + rows]
        except (OSError, RuntimeError, ValueError) as error:
            raise InputError(f"{self.name} cannot be read from row {start} on: {error}.") from error
        faults = Faults()
        if self._is_text:
            values = _decoded(values, self._parts[-1], faults)
        return Rows(start, {self._parts[-1]: values}, faults.bad_rows(start))

    def _open(self, file: h5py.File) -> h5py.Dataset:
        """The array, with a cache for all chunks that a row is spread over, so that each chunk is unpacked once."""
        array = h5py.Dataset(member(file, *self._parts))
        if array.chunks is None:
            return array
        beside = math.prod(-(-size // chunk) for size, chunk in zip(array.shape[1:], array.chunks[1:], strict=True))
        wanted = beside * math.prod(array.chunks) * array.dtype.itemsize
        access = h5py.h5p.create(h5py.h5p.DATASET_ACCESS)
        access.set_chunk_cache(10_007, min(max(wanted, 1 << 20), _CACHE), 1.0)
        return h5py.Dataset(h5py.h5d.open(file.id, "/".join(self._parts).encode(), access))

    def _check_size(self, array: h5py.Dataset) -> None:
        """Raises InputError for what claims to unpack to more than any honest array does."""
        if math.prod(array.shape[1:]) > limits().values:
            raise InputError(f"{self.name} claims rows of shape {array.shape[1:]}.", way_on("values"))
        stored = array.id.get_storage_size()
        claimed = max(array.nbytes, math.prod(array.chunks or ()) * array.dtype.itemsize)
        if stored and claimed > limits().expansion * stored:
            raise InputError(f"{self.name} claims {claimed:,} bytes out of {stored:,}.", way_on("expansion"))


def _decoded(values: Array, name: str, faults: Faults) -> Array:
    """Bytes as texts in UTF-8."""
    flat = values.reshape(len(values), -1)
    texts = np.full(flat.shape, "", object)
    for row, items in enumerate(flat):
        try:
            texts[row] = [item.decode() for item in items]
        except UnicodeDecodeError:
            faults.add(row, f"{name!r} holds bytes that are not UTF-8")
    return texts.astype("str").reshape(values.shape)


def _missing(location: Location, file: h5py.File, parts: Sequence[str]) -> InputError:
    """Says what there is where an array was looked for."""
    above = member(file, *parts[:-1]) if len(parts) > 1 else file.id
    names = list(h5py.Group(above)) if isinstance(above, h5py.h5g.GroupID) else []
    near = difflib.get_close_matches(parts[-1], names, n=1)
    what = f"{location.path} has no array {location.inner!r}" + (f"; there are {listed(names)}." if names else ".")
    return InputError(what, f"Did you mean {near[0]!r}?" if near else "")
