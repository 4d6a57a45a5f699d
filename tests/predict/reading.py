"""Reading files of all formats in tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasport.prediction.formats import open_readers
from kerasport.prediction.location import locations
from kerasport.prediction.rows import Reader, Request
from kerasport.runtime.sessions import Port

FIXTURES = Path(__file__).parent.parent.parent / "fixtures"


def port(name: str = "x", *shape: int | None, dtype: str = "float32") -> Port:
    """An input of rows of a shape."""
    return Port(name, (None, *shape), dtype)


def opened(
    file: Path | str,
    ports: Sequence[Port],
    columns: Mapping[str, tuple[str, ...]] | None = None,
    keep: tuple[str, ...] = (),
    **options: str,
) -> Reader:
    """The only reader of a file."""
    (location,) = locations(str(file))
    wish = Request(tuple(ports), columns or {}, keep, options={"preprocess": "none", **options})
    (reader,) = open_readers(location, wish)
    return reader


def rows_of(reader: Reader, size: int = 7, start: int = 0, stop: int | None = None) -> dict[str, NDArray[Any]]:
    """All columns, read in chunks of a size, none of whose rows may be bad."""
    chunks = list(reader.batches(size, start, stop))
    assert all(len(chunk) == size for chunk in chunks[:-1])
    assert [chunk.start for chunk in chunks] == [start + size * index for index in range(len(chunks))]
    assert [bad for chunk in chunks for bad in chunk.bad] == []
    for chunk in chunks:
        for column in reader.columns:
            array = chunk.columns[column.name]
            assert array.shape[1:] == column.shape
            assert array.dtype.kind == column.dtype.kind
            assert array.dtype.kind == "U" or array.dtype == column.dtype
    return {column.name: np.concatenate([chunk.columns[column.name] for chunk in chunks]) for column in reader.columns}


def reasons(reader: Reader, size: int = 3) -> dict[int, str]:
    """Why rows cannot be used, by their numbers."""
    return {bad.row: bad.reason for chunk in reader.batches(size) for bad in chunk.bad}
