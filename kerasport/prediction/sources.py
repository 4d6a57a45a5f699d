"""Arrays from .npy and .npz files, and texts from .txt files, a batch at a time, in constant memory."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from tokenize import TokenError
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from kerasport.errors import InputError
from kerasport.limits import limits, way_on
from kerasport.prediction.checks import check, match_names
from kerasport.runtime import Port

Array = NDArray[Any]


@dataclass(frozen=True)
class Source:
    """An array in a file.

    Attributes:
        name: Its name in an archive, else the file's.
        shape: Its shape.
        dtype: Its dtype.
        batches: Yields consecutive batches of the given number of rows.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    batches: Callable[[int], Iterator[Array]]


def open_sources(ports: Sequence[Port], given: Sequence[str]) -> list[Source]:
    """The sources of a model's inputs, in the inputs' order.

    Args:
        ports: The model's inputs.
        given: ``FILE``, or ``NAME=FILE``; an .npz may hold several inputs by name, and a .txt holds a text a line.

    Raises:
        InputError: Files are missing or unreadable, or do not fit the inputs.
    """
    found = named_sources(ports, given)
    names = [port.name for port in ports]
    match_names(names, list(found))
    return _fitting(ports, [found[name] for name in names])


def named_sources(ports: Sequence[Port], given: Sequence[str]) -> dict[str, Source]:
    """The same by name, whether or not the names are right and the arrays fit."""
    found: dict[str, Source] = {}
    unnamed: list[Source] = []
    for item in given:
        name, separator, file = item.partition("=")
        sources = _open(Path(file if separator else item))
        if separator:
            found[name] = _single(sources, item)
        elif len(sources) == 1 and len(ports) == 1:
            found[ports[0].name] = sources[0]
        elif Path(item).suffix == ".npz":
            found |= {source.name: source for source in sources}
        else:
            unnamed += sources
    free = [port.name for port in ports if port.name not in found]
    if unnamed and len(unnamed) == len(free):
        found |= dict(zip(free, unnamed, strict=True))
    return found


def _single(sources: list[Source], item: str) -> Source:
    if len(sources) != 1:
        raise InputError(f"{item} holds {len(sources)} arrays: {', '.join(source.name for source in sources)}.")
    return sources[0]


def _fitting(ports: Sequence[Port], sources: list[Source]) -> list[Source]:
    sources = [
        _as_column(source) if _wants_column(port, source) else source
        for port, source in zip(ports, sources, strict=True)
    ]
    for port, source in zip(ports, sources, strict=True):
        check(port, source.shape, source.dtype)
    rows = {source.name: source.shape[0] for source in sources if source.shape}
    if len(set(rows.values())) > 1:
        counts = ", ".join(f"{name} has {count}" for name, count in rows.items())
        raise InputError(f"The inputs have different numbers of rows: {counts}.")
    return sources


def _wants_column(port: Port, source: Source) -> bool:
    return source.dtype.kind in "US" and len(source.shape) == 1 and len(port.shape) == 2


# What NumPy and zipfile raise on files that are not what they say.
_UNREADABLE = (
    *(ValueError, TypeError, LookupError, ArithmeticError, RuntimeError, EOFError),
    *(SyntaxError, TokenError, zipfile.BadZipFile, zlib.error),
)


def _as_column(source: Source) -> Source:
    """Strings, one a row, for an input with an axis of size 1."""
    return replace(
        source, shape=(*source.shape, 1), batches=lambda size: (rows[:, None] for rows in source.batches(size))
    )


def _open(path: Path) -> list[Source]:
    try:
        with path.open("rb") as file:
            head = file.read(6)
        if head == npy.MAGIC_PREFIX:
            return [_npy(path)]
        if head.startswith(b"PK"):
            return _npz(path)
        if path.suffix == ".txt":
            return [_lines(path)]
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from error
    except _UNREADABLE as error:
        raise InputError(f"{path} is not a readable NumPy file: {error}.") from error
    raise InputError(f"{path} is not a NumPy file (.npy or .npz).", "Write it with numpy.save or numpy.savez.")


def _lines(path: Path) -> Source:
    """The lines of a text file, in UTF-8."""
    count = sum(1 for _ in _read_lines(path))

    def batches(size: int) -> Iterator[Array]:
        lines = _read_lines(path)
        while rows := list(islice(lines, size)):
            yield np.array(rows, "str")

    return Source(path.stem, (count,), np.dtype("str"), batches)


def _read_lines(path: Path) -> Iterator[str]:
    try:
        with path.open(encoding="utf-8-sig", newline="\n") as file:
            for line in file:
                yield line.removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not a text in UTF-8: {error}.") from error


def _npy(path: Path) -> Source:
    array = np.load(path, mmap_mode="r", allow_pickle=False)

    def batches(size: int) -> Iterator[Array]:
        for start in range(0, len(array), size):
            yield np.array(array[start : start + size])

    return Source(path.name, array.shape, array.dtype, batches)


def _npz(path: Path) -> list[Source]:
    with zipfile.ZipFile(path) as archive:
        return [_member(path, archive, name) for name in archive.namelist() if name.endswith(".npy")]


def _member(path: Path, archive: zipfile.ZipFile, name: str) -> Source:
    info = archive.getinfo(name)
    if info.file_size > limits().expansion * max(info.compress_size, 1):
        what = f"{path}: {name} claims {info.file_size:,} bytes out of {info.compress_size:,}."
        raise InputError(what, way_on("expansion"))
    with archive.open(name) as file:
        shape, fortran, dtype = _header(file)
    if dtype.hasobject:
        raise InputError(f"{path}: {name} holds pickled objects, which kerasport never loads.")

    def batches(size: int) -> Iterator[Array]:
        with zipfile.ZipFile(path) as again, again.open(name) as file:
            _header(file)
            if fortran:
                whole = np.frombuffer(file.read(), dtype).reshape(shape, order="F")
                yield from (whole[start : start + size] for start in range(0, shape[0], size))
                return
            row = dtype.itemsize * int(np.prod(shape[1:], dtype=np.int64))
            for start in range(0, shape[0], size):
                rows = min(size, shape[0] - start)
                data = file.read(rows * row)
                if len(data) < rows * row:
                    raise InputError(f"{path}: {name} is cut off.")
                yield np.frombuffer(data, dtype).reshape(rows, *shape[1:])

    return Source(name.removesuffix(".npy"), shape, dtype, batches)


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = npy.read_magic(file)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, fortran, dtype = read(file)
    return shape, fortran, dtype
