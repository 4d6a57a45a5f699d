"""Matches the columns of files with the inputs of a model."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, zip_longest
from pathlib import Path

import numpy as np

from kerasport.errors import InputError, OptionError
from kerasport.prediction.checks import check, match_names
from kerasport.prediction.formats import open_readers, read_format
from kerasport.prediction.joining import joined
from kerasport.prediction.location import locations
from kerasport.prediction.rows import Array, BadRow, Column, Reader, Request, Rows
from kerasport.runtime.sessions import Port


@dataclass(frozen=True)
class Source:
    """A column of a reader."""

    reader: Reader
    column: Column

    @property
    def shape(self) -> tuple[int | None, ...]:
        """Of the whole array; the number of rows is None where it is not known."""
        return (self.reader.rows, *self.column.shape)

    def read(self) -> Array:
        """All rows at once.

        Raises:
            InputError: One cannot be read.
        """
        count = self.reader.count()
        chunks = list(self.reader.batches(max(count, 1)))
        for bad in chain.from_iterable(chunk.bad for chunk in chunks):
            raise InputError(f"{self.reader.name}: row {bad.row}: {bad.reason}.")
        if not chunks:
            return np.empty((0, *self.column.shape), self.column.dtype)
        return np.concatenate([chunk.columns[self.column.name] for chunk in chunks])


def open_inputs(given: Sequence[str], request: Request) -> Bound:
    """A reader of just what the model's inputs take, under their names, and of the columns that are kept.

    Args:
        given: ``FILE``, or ``NAME=FILE``; a file may hold several inputs by name.
        request: What is wanted of the files.

    Raises:
        InputError: Files are missing or unreadable, or do not fit the inputs.
    """
    names = [port.name for port in request.ports]
    _check_names(names, request)
    found = named_sources(given, request)
    match_names(names, [name for name in found if name not in request.keep])
    for name in request.keep:
        if name not in found:
            raise InputError(f"{given[0]} has no column {name!r}; it has {', '.join(found)}.")
    opening = partial(open_inputs, tuple(given), request)
    bound = Bound(request.ports, {name: found[name] for name in [*names, *request.keep]}, opening)
    for port, source in zip(request.ports, bound.sources.values(), strict=False):
        column = bound.taken(port.name)
        check(port, (source.reader.rows, *column.shape), column.dtype)
    counts = {name: source.reader.rows for name, source in found.items() if source.reader.rows is not None}
    if len(set(counts.values())) > 1:
        raise different_rows(counts)
    return bound


def _check_names(names: Sequence[str], request: Request) -> None:
    """Raises OptionError where columns are chosen for an input that is not there, or kept under an input's name."""
    for name in request.columns:
        if name and name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            hint = f"Did you mean {near[0]!r}?" if near else ""
            raise OptionError(
                f"--columns {name}=...: the model has no input {name!r}; it has {', '.join(names)}.", hint
            )
    for name in request.keep:
        if name in names:
            raise OptionError(f"--keep-columns {name}: an input of the model has this name.", "Rename the column.")


def different_rows(counts: dict[str, int]) -> InputError:
    """The error that inputs have different numbers of rows."""
    listed = ", ".join(f"{name} has {count}" for name, count in counts.items())
    return InputError(f"The inputs have different numbers of rows: {listed}.")


def named_sources(given: Sequence[str], request: Request) -> dict[str, Source]:
    """The sources by name, whether or not the names are right and the arrays fit.

    What a file gives beyond arrays, columns to carry through, is looked for in the first file.
    """
    ports = {port.name: port for port in request.ports}
    items = [_named(item, ports) for item in given]
    free = [port for name, port in ports.items() if name not in dict(items)]
    found: dict[str, Source] = {}
    unnamed: list[Source] = []
    for index, (name, file) in enumerate(items):
        fed = (ports[name],) if name in ports else tuple(free)
        wish = replace(request, ports=fed, keep=request.keep if index == 0 else ())
        sources = _sources(file, wish)
        inputs = [source for source in sources if source.column.name not in wish.keep]
        found |= {source.column.name: source for source in sources if source.column.name in wish.keep}
        if name:
            found[name] = _single(inputs, f"{name}={file}")
        elif len(inputs) == 1 and len(ports) == 1:
            found[next(iter(ports))] = inputs[0]
        elif len(inputs) > 1 or Path(file).suffix == ".npz" or all(source.column.name in ports for source in inputs):
            found |= {source.column.name: source for source in inputs}
        else:
            unnamed += inputs
    free = [port for name, port in ports.items() if name not in found]
    if unnamed and len(unnamed) == len(free):
        found |= {port.name: source for port, source in zip(free, unnamed, strict=True)}
    return found


def _named(item: str, ports: Collection[str]) -> tuple[str, str]:
    """The name of an input, or "", and a file, in the name of which there may be an equals sign as well."""
    name, separator, file = item.partition("=")
    is_file = name not in ports and (Path(item).exists() or any(letter in name for letter in "/\\*?["))
    return ("", item) if not separator or is_file else (name, file)


def _sources(text: str, request: Request) -> list[Source]:
    """The columns of a file; of several files that a pattern names, one after another."""
    found = locations(text)
    name = text if len(found) == 1 else f"{text} ({len(found):,} files)"
    format = read_format(found[0], request.format) if len(found) > 1 else None
    if format is not None and format.together:
        readers = format.open_together(name, found, request)
    else:
        readers = joined(name, [open_readers(location, request) for location in found])
    return [Source(reader, column) for reader in readers for column in reader.columns]


def _single(sources: list[Source], item: str) -> Source:
    if len(sources) != 1:
        raise InputError(f"{item} holds {len(sources)} arrays: {', '.join(s.column.name for s in sources)}.")
    return sources[0]


class Bound:
    """A reader of a model's inputs.

    Attributes:
        sources: Where each column comes from.
        opening: Opens the same again.
        direct: Whether rows in the middle can be read without those before: where their number is known, no format of
            which files are read has to go through them.
    """

    def __init__(self, ports: Sequence[Port], sources: dict[str, Source], opening: Callable[[], Bound]) -> None:
        kept = [name for name in sources if name not in {port.name for port in ports}]
        self._ports = {port.name: port for port in ports}
        self.sources = {name: sources[name] for name in [*self._ports, *kept]}
        self._readers = list({id(source.reader): source.reader for source in self.sources.values()}.values())
        self.name = ", ".join(f"{name} of {source.reader.name}" for name, source in self.sources.items())
        self.columns = tuple(self.taken(name) for name in self.sources)
        self.files = tuple(path for reader in self._readers for path in reader.files)
        self.opening = opening
        self.direct = all(reader.rows is not None for reader in self._readers)

    @property
    def rows(self) -> int | None:
        """How many rows there are, where one of the files tells."""
        return next((reader.rows for reader in self._readers if reader.rows is not None), None)

    @property
    def rereadable(self) -> bool:
        """Whether the rows can be read more than once."""
        return all(reader.files for reader in self._readers)

    def count(self) -> int:
        """How many rows there are."""
        return self._readers[0].count() if self.rows is None else self.rows

    def taken(self, name: str) -> Column:
        """A column as the model takes it: strings, one a row, make a column for an input with an axis of size 1."""
        column = self.sources[name].column
        wide = self._widened(name)
        return Column(name, (1,) if wide else column.shape, column.dtype)

    def read(self) -> dict[str, Array]:
        """All rows of all columns at once."""
        return {name: self._shaped(name, source.read()) for name, source in self.sources.items()}

    def batches(self, size: int, start: int = 0, stop: int | None = None) -> Iterator[Rows]:
        """Chunks of all columns.

        Raises:
            InputError: One file has fewer rows than another.
        """
        streams = [reader.batches(size, start, stop) for reader in self._readers]
        ended = Rows(0, {"": np.empty(0)})
        for index, chunks in enumerate(zip_longest(*streams, fillvalue=ended)):
            first = start + index * size
            counts = {reader.name: first + len(chunk) for reader, chunk in zip(self._readers, chunks, strict=True)}
            if len(set(counts.values())) > 1:
                raise different_rows(counts)
            yield self._joined(first, chunks)

    def _joined(self, start: int, chunks: Sequence[Rows]) -> Rows:
        """What stands side by side in several files."""
        by_reader = {id(reader): chunk for reader, chunk in zip(self._readers, chunks, strict=True)}
        columns = {
            name: self._shaped(name, by_reader[id(source.reader)].columns[source.column.name])
            for name, source in self.sources.items()
        }
        bad: dict[int, BadRow] = {}
        for chunk in chunks:
            for row in chunk.bad:
                bad.setdefault(row.row, row)
        return Rows(start, columns, tuple(bad[row] for row in sorted(bad)))

    def _shaped(self, name: str, array: Array) -> Array:
        return array[:, None] if self._widened(name) else array

    def _widened(self, name: str) -> bool:
        column, port = self.sources[name].column, self._ports.get(name)
        return port is not None and column.dtype.kind in "US" and not column.shape and len(port.shape) == 2
