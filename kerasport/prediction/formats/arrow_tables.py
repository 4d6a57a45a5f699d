"""What is read of Parquet and of Arrow files: record batches, of which columns feed the inputs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np

from kerasport.errors import InputError
from kerasport.prediction.formats.arrow_library import pa, readable
from kerasport.prediction.formats.arrow_values import as_numpy, carried, carried_as, is_list, kinds, tensor_shape
from kerasport.prediction.formats.columns import Header, assign, list_shape, row_shape
from kerasport.prediction.formats.values import KINDS, Faults
from kerasport.prediction.location import Location
from kerasport.prediction.rows import Array, Column, Request, Rows
from kerasport.runtime.sessions import Port


class Stored(Protocol):
    """A file of record batches.

    Attributes:
        schema: What columns they have.
        rows: How many rows there are, where that is known without reading them.
    """

    schema: pa.Schema
    rows: int | None

    def read(self, names: Sequence[str], start: int, size: int) -> Iterator[pa.RecordBatch]:
        """Record batches of some columns, from a row on, of about so many rows each."""


class ArrowReader:
    """Rows that come as Arrow record batches.

    Args:
        location: Where they are.
        request: The inputs that they may feed.
        stored: The open file.
    """

    def __init__(self, location: Location, request: Request, stored: Stored) -> None:
        self.name, self.files, self.rows = location.text, location.files, stored.rows
        self._stored, self._schema = stored, stored.schema
        nested = frozenset(place for place, field in enumerate(self._schema) if is_list(field.type))
        self._header = Header(self.name, tuple(self._schema.names), nested)
        self._assigned = assign(request.ports, self._header, request.columns, request.keep)
        places = {place for places in self._assigned.inputs.values() for place in places}
        self._names = [self._header.names[place] for place in sorted({*places, *self._assigned.kept.values()})]
        with readable(self.name):
            self._inputs = [Column(port.name, self._shape(port), np.dtype(port.dtype)) for port in request.ports]
        self._kept = [Column(name, (), self._carried_as(place)) for name, place in self._assigned.kept.items()]
        self.columns = (*self._inputs, *self._kept)

    def count(self) -> int:
        """The number of rows, which an Arrow file tells only when it is read through."""
        if self.rows is None:
            self.rows = sum(batch.num_rows for batch in self._stored.read(self._names, 0, 1 << 16))
        return self.rows

    def batches(self, size: int, start: int = 0, stop: int | None = None) -> Iterator[Rows]:
        """The rows in chunks of a size."""
        with readable(self.name):
            for table in _rebatched(self._stored.read(self._names, start, size), size):
                rows = table.num_rows if stop is None else min(table.num_rows, stop - start)
                if rows <= 0:
                    return
                yield self._chunk(start, table.slice(0, rows))
                start += rows

    def _chunk(self, start: int, table: pa.Table) -> Rows:
        faults = Faults()
        columns = {column.name: self._input(table, column, faults) for column in self._inputs}
        for column in self._kept:
            columns[column.name] = carried(table.column(column.name), column.dtype, column.name, faults)
        return Rows(start, columns, faults.bad_rows(start))

    def _input(self, table: pa.Table, column: Column, faults: Faults) -> Array:
        """A column of lists, or some of single values beside each other."""
        places = self._assigned.inputs[column.name]
        shape = column.shape if places[0] in self._header.nested else ()
        if tensor_shape(self._schema.field(places[0]).type) is not None:
            shape = (math.prod(shape),)
        names = [self._header.names[place] for place in places]
        parts = [as_numpy(table.column(name), shape, column.dtype, name, faults) for name in names]
        return np.stack(parts, axis=1).reshape(table.num_rows, *column.shape)

    def _shape(self, port: Port) -> tuple[int, ...]:
        """The shape of a row; of lists, that of the first one."""
        places = self._assigned.inputs[port.name]
        kind = np.dtype(port.dtype).kind
        for place in places:
            name, type_ = self._header.names[place], self._schema.field(place).type
            if kind not in kinds(type_):
                what = f"The input {port.name!r} takes {KINDS[kind]}s; {name!r} in {self.name} holds {type_}."
                raise InputError(what, f"Choose other columns with --columns {port.name}=a,b,c.")
        if places[0] not in self._header.nested:
            return row_shape(self.name, port, len(places))
        tensor = tensor_shape(self._schema.field(places[0]).type)
        if tensor is not None:
            return list_shape(self._header, places[0], port, tensor)
        first = self._first(self._header.names[places[0]])
        if first is None:
            return row_shape(self.name, port, 0)
        try:
            return list_shape(self._header, places[0], port, np.array(first).shape)
        except ValueError as error:
            what = f"{self.name}: the first {self._header.names[places[0]]!r} has lists of different lengths in it."
            raise InputError(what) from error

    def _first(self, name: str) -> object:
        """The first value of a column that is not null."""
        for batch in self._stored.read(self._names, 0, 64):
            found = batch.column(name).drop_null()
            return found[0].as_py() if len(found) else None
        return None

    def _carried_as(self, place: int) -> np.dtype[Any]:
        if place in self._header.nested:
            what = f"{self._header.names[place]!r} in {self.name} holds lists, which cannot be copied to the output."
            raise InputError(what, "Name other columns with --keep-columns.")
        return carried_as(self._schema.field(place).type)


def from_row(batches: Iterable[pa.RecordBatch], start: int) -> Iterator[pa.RecordBatch]:
    """What follows the first rows."""
    for batch in batches:
        if start < batch.num_rows:
            yield batch.slice(start)
        start = max(start - batch.num_rows, 0)


def _rebatched(batches: Iterable[pa.RecordBatch], size: int) -> Iterator[pa.Table]:
    """The same rows in tables of a size, the last one shorter."""
    waiting: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        waiting.append(batch)
        rows += batch.num_rows
        while rows >= size:
            table = pa.Table.from_batches(waiting)
            yield table.slice(0, size)
            waiting = table.slice(size).to_batches()
            rows -= size
    if rows:
        yield pa.Table.from_batches(waiting)
