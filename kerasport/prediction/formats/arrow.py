"""Arrow files (Feather is one) and streams of Arrow record batches."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

from kerasport.errors import InputError
from kerasport.prediction.formats.arrow_library import pa, readable
from kerasport.prediction.formats.arrow_tables import ArrowReader, from_row
from kerasport.prediction.formats.arrow_writer import GroupsWriter
from kerasport.prediction.location import Location
from kerasport.prediction.rows import Column, Reader, Request

MAGIC = b"ARROW1"


def open_readers(location: Location, request: Request) -> Sequence[Reader]:
    """The reader of an Arrow file, or of a stream, which is what comes from a pipe."""
    with readable(location.text):
        is_file = location.head().startswith(MAGIC)
        return [ArrowReader(location, request, _File(location) if is_file else _Stream(location))]


def open_writer(
    folder: Path, name: str, columns: Sequence[Column], rows: int | None, position: Mapping[str, Any] | None
) -> GroupsWriter:
    """The writer of an Arrow file."""
    return GroupsWriter(folder, name, columns, pa.ipc.new_file, position)


class _File:
    """An Arrow file."""

    rows: int | None = None

    def __init__(self, location: Location) -> None:
        if location.path is None:
            raise InputError("An Arrow file cannot be read from a pipe.", "Give it as a file, or pipe an Arrow stream.")
        self._path = str(location.path)
        with pa.OSFile(self._path) as source, pa.ipc.open_file(source) as file:
            self.schema = file.schema

    def read(self, names: Sequence[str], start: int, size: int) -> Iterator[pa.RecordBatch]:
        """Its record batches from a row on, as they are in the file."""
        fields = [self.schema.names.index(name) for name in names]
        options = pa.ipc.IpcReadOptions(included_fields=fields)
        with pa.OSFile(self._path) as source, pa.ipc.open_file(source, options=options) as file:
            yield from from_row(map(file.get_batch, range(file.num_record_batches)), start)


class _Stream:
    """A stream of record batches; from a pipe it is read once."""

    rows: int | None = None

    def __init__(self, location: Location) -> None:
        self._location = location
        self._batches = self._all()
        self.schema = next(self._batches)
        self._head = list(islice(self._batches, 1))
        if location.path is not None:
            self._batches.close()

    def read(self, names: Sequence[str], start: int, size: int) -> Iterator[pa.RecordBatch]:
        """Its record batches from a row on, as they come."""
        again = islice(self._all(), 1, None)
        batches = chain(self._head, self._batches) if self._location.path is None else again
        return (batch.select(names) for batch in from_row(batches, start))

    def _all(self) -> Generator[Any, None, None]:
        """The schema, and then the batches."""
        with self._location.opened() as file:
            stream = pa.ipc.open_stream(file)
            yield stream.schema
            yield from stream
