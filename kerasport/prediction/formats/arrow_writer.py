"""Parquet and Arrow files that grow by groups of rows, and can be continued by another process."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kerasport.prediction.formats.arrow_library import pa
from kerasport.prediction.rows import Array, Column

Columns = Mapping[str, Array]
_GROUP_ROWS = 1 << 16
_GROUP_BYTES = 16 << 20
_TEXT_BYTES = 64


class GroupsWriter:
    """A file of groups of rows. Neither format can be continued, so each group is a file of its own until the end.

    How many rows are a group depends on the columns only, so that the same rows give the same bytes, however they come.

    Args:
        folder: Where the groups and the file are.
        name: The file.
        columns: What is written.
        open_file: Opens a file for a schema, to which tables can be written.
        position: Where a writer before is to be continued; None for a new file.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        columns: Sequence[Column],
        open_file: Callable[[Path, pa.Schema], Any],
        position: Mapping[str, Any] | None = None,
    ) -> None:
        self._folder, self._path, self._open_file = folder, folder / name, open_file
        self._columns = tuple(columns)
        self._schema = pa.schema([(column.name, _type(column)) for column in columns])
        row = sum(math.prod(column.shape) * (column.dtype.itemsize or _TEXT_BYTES) for column in columns)
        self._group = min(max(_GROUP_BYTES // max(row, 1), 1), _GROUP_ROWS)
        state: Mapping[str, Any] = position or {"groups": 0, "rest": ""}
        self._groups: int = state["groups"]
        self._waiting = (
            [_load_rest(folder / state["rest"], [column.name for column in columns])] if state["rest"] else []
        )
        self._rests = [state["rest"]] if state["rest"] else []

    def write(self, columns: Mapping[str, Array]) -> None:
        """Appends rows."""
        self._waiting.append({column.name: columns[column.name] for column in self._columns})
        if self._rows() < self._group:
            return
        waiting = _joined(self._waiting)
        for start in range(0, _length(waiting) - self._group + 1, self._group):
            group = _sliced(waiting, start, start + self._group)
            _save(self._folder / self._part(self._groups), self._table(group))
            self._groups += 1
        self._waiting = [_sliced(waiting, start + self._group, None)]

    def position(self) -> dict[str, Any]:
        """How many groups there are, and the file of the rows that are no group yet."""
        if not self._rows():
            return {"groups": self._groups, "rest": ""}
        name = f"rest-{self._groups}-{self._rows()}.npz"
        _save_rest(self._folder / name, _joined(self._waiting))
        before = [old for old in self._rests if old != name]
        for old in before[:-1]:  # the last of them is what the position needs that was noted last
            (self._folder / old).unlink(missing_ok=True)
        self._rests = [*before[-1:], name]
        return {"groups": self._groups, "rest": name}

    def finish(self) -> Path:
        """Joins the groups; their files stay, for this may be interrupted, too."""
        with self._open_file(self._path, self._schema) as file:
            for group in range(self._groups):
                file.write_table(_load(self._folder / self._part(group)), self._group)
            if self._rows():
                file.write_table(self._table(_joined(self._waiting)), self._group)
        return self._path

    def close(self) -> None:
        """Nothing is open between two calls."""

    def _rows(self) -> int:
        return sum(map(_length, self._waiting))

    def _part(self, group: int) -> str:
        return f"group-{group}.arrow"

    def _table(self, columns: Columns) -> pa.Table:
        arrays = [_array(columns[column.name], column) for column in self._columns]
        return pa.Table.from_arrays(arrays, schema=self._schema)


def _length(columns: Columns) -> int:
    return len(next(iter(columns.values())))


def _sliced(columns: Columns, start: int, stop: int | None) -> Columns:
    return {name: array[start:stop] for name, array in columns.items()}


def _joined(pieces: Sequence[Columns]) -> Columns:
    return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}


def _save_rest(path: Path, columns: Columns) -> None:
    with path.open("wb") as file:
        np.savez(file, *columns.values())  # by place, for names may be those of savez's own arguments
        file.flush()
        os.fsync(file.fileno())


def _load_rest(path: Path, names: Sequence[str]) -> Columns:
    with np.load(path) as archive:
        return dict(zip(names, archive.values(), strict=True))


def _save(path: Path, table: pa.Table) -> None:
    with path.open("wb") as file:
        with pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)
        file.flush()
        os.fsync(file.fileno())


def _load(path: Path) -> pa.Table:
    with pa.OSFile(str(path)) as source, pa.ipc.open_file(source) as file:
        return file.read_all()


def _type(column: Column) -> pa.DataType:
    type_ = pa.string() if column.dtype.kind == "U" else pa.from_numpy_dtype(column.dtype)
    for _ in column.shape:
        type_ = pa.list_(type_)
    return type_


def _array(array: Array, column: Column) -> pa.Array:
    flat = np.ascontiguousarray(array).reshape(-1)
    values = pa.array(flat.tolist(), pa.string()) if column.dtype.kind == "U" else pa.array(flat)
    count = array.size
    for size in reversed(column.shape):
        count //= size
        offsets = pa.array(np.arange(0, (count + 1) * size, size, dtype=np.int32)[: count + 1])
        values = pa.ListArray.from_arrays(offsets, values)
    return values
