"""Parquet files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from kerasport.prediction.formats.arrow_library import pa, readable
from kerasport.prediction.formats.arrow_tables import ArrowReader, from_row
from kerasport.prediction.formats.arrow_writer import GroupsWriter
from kerasport.prediction.location import Location
from kerasport.prediction.rows import Column, Reader, Request


def open_readers(location: Location, request: Request) -> Sequence[Reader]:
    """The reader of a Parquet file."""
    with readable(location.text):
        return [ArrowReader(location, request, _Parquet(location))]


def open_writer(
    folder: Path, name: str, columns: Sequence[Column], rows: int | None, position: Mapping[str, Any] | None
) -> GroupsWriter:
    """The writer of a Parquet file."""
    from pyarrow.parquet import ParquetWriter

    return GroupsWriter(folder, name, columns, ParquetWriter, position)


_BUFFER = 1 << 20


class _Parquet:
    """A Parquet file, of which only the wanted columns are read."""

    def __init__(self, location: Location) -> None:
        self._path = location.path
        with self._open() as file:
            self.schema: pa.Schema = file.schema_arrow
            self.rows: int | None = file.metadata.num_rows
            self._groups = [file.metadata.row_group(index).num_rows for index in range(file.num_row_groups)]

    def read(self, names: Sequence[str], start: int, size: int) -> Iterator[pa.RecordBatch]:
        """Its rows from one on; row groups before it are not read."""
        first = 0
        while first < len(self._groups) and start >= self._groups[first]:
            start -= self._groups[first]
            first += 1
        groups = range(first, len(self._groups))
        with self._open() as file:
            yield from from_row(file.iter_batches(size, row_groups=groups, columns=list(names)), start)

    def _open(self) -> Any:
        from pyarrow.parquet import ParquetFile

        # What is buffered ahead stays in memory until the file is closed, and so would all of the file in the end.
        return ParquetFile(self._path, pre_buffer=False, buffer_size=_BUFFER)
