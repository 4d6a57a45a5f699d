"""CSV: fields between commas, semicolons, tabs or bars, quoted or not, with a header or without."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from kerasport.errors import InputError
from kerasport.prediction.formats import cells
from kerasport.prediction.formats.appended import Appended, Encode, Streamed
from kerasport.prediction.formats.columns import Header, assign, listed, row_shape
from kerasport.prediction.formats.texts import Text, lines_of
from kerasport.prediction.formats.values import Faults, narrowed
from kerasport.prediction.formats.written import csv_fields, csv_names
from kerasport.prediction.location import Location
from kerasport.prediction.rebatching import rebatched
from kerasport.prediction.rows import Array, Column, Reader, Request, Rows
from kerasport.runtime.sessions import Port

if TYPE_CHECKING:
    from kerasport.prediction.formats.arrow_cells import ArrowCells

_LOOKED_AT = 20
_DELIMITERS = ",;\t|"
_NAMES = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "bar": "|", "space": " "}


def open_readers(location: Location, request: Request) -> Sequence[Reader]:
    """The reader of a table in a text."""
    with closing(Text(location)) as text:
        return [_Delimited(location, request, text)]


def open_writer(
    folder: Path, name: str, columns: Sequence[Column], rows: int | None, position: Mapping[str, Any] | None
) -> Appended:
    """The writer of a table in a text: tabs between the fields of a .tsv, else commas."""
    header, encode = _encoding(columns, "\t" if name.endswith(".tsv") else ",")
    return Appended(folder / name, header, encode, position)


def open_stream(stream: IO[bytes], columns: Sequence[Column]) -> Streamed:
    """The writer of a table into a pipe."""
    return Streamed(stream, *_encoding(columns, ","))


def _encoding(columns: Sequence[Column], delimiter: str) -> tuple[bytes, Encode]:
    header = [name for column in columns for name in csv_names(column)]

    def encode(arrays: Mapping[str, Array]) -> bytes:
        fields = [field for column in columns for field in csv_fields(arrays[column.name])]
        return _text(zip(*fields, strict=True), delimiter)

    return _text([header], delimiter), encode


class _Delimited:
    """A CSV file, or one that comes on standard input.

    Args:
        location: Where it is.
        request: The inputs that it may feed; options "delimiter" and "header".
        text: What is there.
    """

    rows: int | None = None

    def __init__(self, location: Location, request: Request, text: Text) -> None:
        self.name, self.files = location.text, location.files
        self._text = text
        given = request.options.get("delimiter", "")
        first = list(islice(lines_of(self._text.head), _LOOKED_AT))
        self._delimiter = _NAMES.get(given, given) or delimiter_of(first)
        records = list(islice(filter(None, csv.reader(first, delimiter=self._delimiter)), 2))
        if not records:
            raise InputError(f"{self.name} is empty.")
        self._has_header = has_header(self.name, records, request)
        names = records[0] if self._has_header else [str(place) for place in range(len(records[0]))]
        self._header = Header(self.name, tuple(names))
        self._ports = request.ports
        self._assigned = assign(request.ports, self._header, request.columns, request.keep)
        self._arrow = self._fast()
        self.columns = (
            *(Column(port.name, self._shape(port), np.dtype(port.dtype)) for port in self._ports),
            *(Column(name, (), np.dtype("str")) for name in self._assigned.kept),
        )

    def count(self) -> int:
        """The number of rows; reads through the file."""
        return sum(map(len, self._pieces()))

    def batches(self, size: int, start: int = 0, stop: int | None = None) -> Iterator[Rows]:
        """The rows in chunks of a size."""
        yield from rebatched(self._pieces(start), size, start, stop)

    def _pieces(self, start: int = 0) -> Iterator[Rows]:
        """The rows of each block; those that end before a first row are passed by."""
        at = 0
        with closing(self._text.again()) as text:
            for block in self._blocks(text):
                columns = self._arrow.read(block) if self._arrow and at >= start else None
                if columns is not None:
                    piece = self._from_columns(at, columns)
                    at += len(piece)
                    yield piece
                    continue
                records = self._records(block, text)
                at += len(records)
                if records and at > start:
                    yield self._from_records(at - len(records), records)

    def _blocks(self, text: Text) -> Iterator[str]:
        """The blocks without the header."""
        block = text.block()
        if self._has_header:
            reader = csv.reader(lines_of(block), delimiter=self._delimiter)
            next(filter(None, reader))
            block = "".join(islice(lines_of(block), reader.line_num, None))
        while block:
            yield block
            block = text.block()

    def _records(self, block: str, text: Text) -> list[list[str]]:
        """The fields of each row in a block, and in what follows, where its last row goes on; empty lines are none."""
        inside = False

        def lines() -> Iterator[str]:
            nonlocal inside
            for line in lines_of(block):
                inside = True
                yield line
            while inside and (line := text.line()):
                yield line

        reader = csv.reader(lines(), delimiter=self._delimiter)
        records = []
        try:
            for record in reader:
                inside = False
                if record:
                    records.append(record)
        except csv.Error as error:
            what = f"{self.name} cannot be read as a table: {error}, in or after {records[-1:] or block[:40]!r}."
            raise InputError(what, "A quote may have been opened and never closed.") from error
        return records

    def _from_records(self, start: int, records: Sequence[list[str]]) -> Rows:
        faults = Faults()
        whole = cells.whole_records(records, len(self._header.names), faults)
        columns: dict[str, Array] = {}
        for port in self._ports:
            places, names = self._places(port)
            if port.dtype == "str":
                texts = [cells.texts(whole, place, name, faults) for place, name in zip(places, names, strict=True)]
                array = np.stack(texts, axis=1)
            else:
                array = cells.numbers(whole, places, names, np.dtype(port.dtype), faults)
            columns[port.name] = array.reshape(len(records), *self._shape(port))
        for name, place in self._assigned.kept.items():
            columns[name] = cells.texts(whole, place, name, faults)
        return Rows(start, columns, faults.bad_rows(start))

    def _from_columns(self, start: int, found: Mapping[int, Array]) -> Rows:
        faults = Faults()
        columns: dict[str, Array] = {}
        for port in self._ports:
            places, names = self._places(port)
            array = np.stack([found[place] for place in places], axis=1)
            if port.dtype != "str":
                array = narrowed(array, np.dtype(port.dtype), names, faults)
            columns[port.name] = array.reshape(len(array), *self._shape(port))
        columns |= {name: found[place] for name, place in self._assigned.kept.items()}
        return Rows(start, columns, faults.bad_rows(start))

    def _places(self, port: Port) -> tuple[tuple[int, ...], list[str]]:
        """The places and the names of the columns that an input takes."""
        places = self._assigned.inputs[port.name]
        return places, [self._header.names[place] for place in places]

    def _fast(self) -> ArrowCells | None:
        """What reads blocks fast, where pyarrow is installed and only texts and real numbers are wanted."""
        try:
            from kerasport.prediction.formats.arrow_cells import ArrowCells
        except ImportError:
            return None
        kinds = {place: np.dtype(port.dtype).kind for port in self._ports for place in self._assigned.inputs[port.name]}
        kept = set(self._assigned.kept.values())
        if not set(kinds.values()) <= {"f", "U"} or kept & set(kinds):
            return None
        texts = [*kept, *(place for place, kind in kinds.items() if kind == "U")]
        return ArrowCells([*kinds, *kept], texts, len(self._header.names), self._delimiter)

    def _shape(self, port: Port) -> tuple[int, ...]:
        return row_shape(self.name, port, len(self._assigned.inputs[port.name]))


def _text(records: Iterable[Sequence[str]], delimiter: str) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=delimiter, lineterminator="\n").writerows(records)
    return buffer.getvalue().encode()


def delimiter_of(lines: Sequence[str]) -> str:
    """The delimiter that parts the first lines into the most fields, as many in each; a comma where none does."""

    def fields(delimiter: str) -> int:
        counts = {len(record) for record in csv.reader(lines, delimiter=delimiter) if record}
        return counts.pop() if len(counts) == 1 else 0

    found = max(_DELIMITERS, key=fields)
    if fields(found) > 1:
        return found
    first = next(iter(lines), "")
    return max(_DELIMITERS, key=first.count)


def has_header(name: str, records: Sequence[Sequence[str]], request: Request) -> bool:
    """Whether the first record names the columns; where that cannot be told, the user is asked.

    Args:
        name: The table, for messages.
        records: The first ones.
        request: What is wanted of them.

    Raises:
        InputError: It cannot be told.
    """
    if request.options.get("header"):
        return request.options["header"] == "yes"
    first = records[0]
    words = [field for field in first if not _is_number(field)]
    if _wanted(request) & set(words):
        return True
    if not words and not _counted(first):
        return False
    numbers_wanted = any(port.dtype != "str" for port in request.ports)
    if len(words) == len(first) and (numbers_wanted or any(map(_is_number, records[-1]))):
        return True
    what = f"Whether the first line of {name} names its columns is ambiguous: {listed(first)}."
    raise InputError(what, "Use --header or --no-header.")


def _wanted(request: Request) -> set[str]:
    """The names that would stand in a header."""
    inputs = [port.name for port in request.ports]
    chosen = [name for names in (*request.columns.values(), request.keep) for name in names]
    return {*inputs, *(f"{name}_0" for name in inputs), *chosen}


def _counted(fields: Sequence[str]) -> bool:
    """Whether the fields are 0, 1, 2 ..., as pandas names columns that have no names."""
    return all(field == str(place) for place, field in enumerate(fields))


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True
