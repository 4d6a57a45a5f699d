"""JSON lines: an object a line, by the names of columns or inputs, or the value alone for the only input."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import IO, Any

import numpy as np

from kerasport.errors import InputError
from kerasport.prediction.formats.appended import Appended, Encode, Streamed
from kerasport.prediction.formats.columns import Header, assign, list_shape, row_shape
from kerasport.prediction.formats.texts import Text, lines_of
from kerasport.prediction.formats.values import Faults, plain_texts, tensors
from kerasport.prediction.formats.written import json_texts
from kerasport.prediction.location import Location
from kerasport.prediction.rows import Array, Column, Reader, Request, Rows
from kerasport.runtime.sessions import Port

_Record = Mapping[str, Any]
_BROKEN = (ValueError, RecursionError)


def open_readers(location: Location, request: Request) -> Sequence[Reader]:
    """The reader of a text of JSON lines."""
    with closing(Text(location)) as text:
        return [_JsonLines(location, request, text)]


def open_writer(
    folder: Path, name: str, columns: Sequence[Column], rows: int | None, position: Mapping[str, Any] | None
) -> Appended:
    """The writer of JSON lines: an object a line, with the names of the columns."""
    return Appended(folder / name, b"", _encoding(columns), position)


def open_stream(stream: IO[bytes], columns: Sequence[Column]) -> Streamed:
    """The writer of JSON lines into a pipe."""
    return Streamed(stream, b"", _encoding(columns))


def _encoding(columns: Sequence[Column]) -> Encode:
    names = [json.dumps(column.name, ensure_ascii=False).replace("%", "%%") for column in columns]
    line = "{" + ", ".join(f"{name}: %s" for name in names) + "}\n"

    def encode(arrays: Mapping[str, Array]) -> bytes:
        texts = [json_texts(arrays[column.name]) for column in columns]
        return "".join(line % row for row in zip(*texts, strict=True)).encode()

    return encode


class _JsonLines:
    """A text of JSON lines, or one that comes on standard input.

    Args:
        location: Where it is.
        request: The inputs that it may feed.
        text: What is there.
    """

    def __init__(self, location: Location, request: Request, text: Text) -> None:
        self.name = location.text
        self.rows: int | None = None
        self.files = location.files
        self._text = text
        first = _first_of(self.name, lines_of(self._text.head))
        self._alone = "" if isinstance(first, dict) else _only(self.name, request.ports)
        record = {self._alone: first} if self._alone else first
        self._keys = tuple(record)
        nested = frozenset(place for place, value in enumerate(record.values()) if isinstance(value, list))
        self._header = Header(self.name, self._keys, nested)
        self._ports = request.ports
        self._assigned = assign(request.ports, self._header, request.columns, request.keep)
        inputs = [Column(port.name, self._shape(port, record), np.dtype(port.dtype)) for port in request.ports]
        self._kept = [Column(name, (), _kept_as(record[name])) for name in self._assigned.kept]
        self.columns = (*inputs, *self._kept)

    def count(self) -> int:
        """The number of rows; reads through the file."""
        return sum(1 for _ in self._data())

    def batches(self, size: int, start: int = 0, stop: int | None = None) -> Iterator[Rows]:
        """The rows in chunks of a size."""
        lines = islice(self._data(), start, stop)
        while chunk := list(islice(lines, size)):
            yield self._chunk(start, chunk)
            start += len(chunk)

    def _data(self) -> Iterator[str]:
        """The lines that are not empty."""
        with closing(self._text.again()) as text:
            yield from (line for line in text.lines() if not line.isspace())

    def _chunk(self, start: int, lines: Sequence[str]) -> Rows:
        faults = Faults()
        records = self._records(lines, faults)
        columns: dict[str, Array] = {}
        for column in self.columns[: len(self._ports)]:
            columns[column.name] = self._input(records, column, faults)
        for column in self._kept:
            values = [record.get(column.name) for record in records]
            if column.dtype.kind == "U":
                columns[column.name] = plain_texts(values, column.name, faults)
            else:
                columns[column.name] = tensors(values, (), column.dtype, column.name, faults)
        return Rows(start, columns, faults.bad_rows(start))

    def _input(self, records: Sequence[_Record], column: Column, faults: Faults) -> Array:
        """A column of lists, or some of single values beside each other."""
        places = self._assigned.inputs[column.name]
        shape = column.shape if places[0] in self._header.nested else ()
        names = [self._keys[place] for place in places]
        parts = [tensors([record.get(name) for record in records], shape, column.dtype, name, faults) for name in names]
        return np.stack(parts, axis=1).reshape(len(records), *column.shape)

    def _records(self, lines: Sequence[str], faults: Faults) -> Sequence[_Record]:
        """The object of each line; of a line that has none, an empty one."""
        records = []
        for row, line in enumerate(lines):
            try:
                value = json.loads(line.rstrip())
            except _BROKEN as error:
                faults.add(row, f"it is not valid JSON: {error}")
                value = {}
            else:
                if self._alone:
                    value = {self._alone: value}
                elif not isinstance(value, dict):
                    faults.add(row, "it is not a JSON object")
                    value = {}
            records.append(value)
        return records

    def _shape(self, port: Port, record: _Record) -> tuple[int, ...]:
        """The shape of a row, of which open axes are as long as in the first."""
        places = self._assigned.inputs[port.name]
        if places[0] not in self._header.nested:
            return row_shape(self.name, port, len(places))
        try:
            return list_shape(self._header, places[0], port, np.array(record[self._keys[places[0]]]).shape)
        except ValueError as error:
            what = f"{self.name}: the first {self._keys[places[0]]!r} has lists of different lengths in it."
            raise InputError(what, "Each row needs as many numbers as the input takes.") from error


def _kept_as(value: Any) -> np.dtype[Any]:
    """The dtype in which a key is carried through, by its first value."""
    if isinstance(value, bool | int | float):
        return np.dtype(type(value))
    return np.dtype("str")


def _first_of(name: str, lines: Iterable[str]) -> Any:
    """The first value; what is no JSON may follow, and is a bad row."""
    for line in lines:
        try:
            return json.loads(line)
        except _BROKEN:
            continue
    raise InputError(f"{name} has no JSON value in its first lines.", "JSON lines has one value per line.")


def _only(name: str, ports: Sequence[Port]) -> str:
    """The only input."""
    if len(ports) == 1:
        return ports[0].name
    names = ", ".join(port.name for port in ports)
    raise InputError(f"{name} has values without names, for the inputs {names}.", 'Write objects: {"input": value}.')
