"""Blocks of a table of text read by pyarrow, which is many times faster, where it reads what the slow way would."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
from pyarrow import csv

from kerasport.prediction.rows import Array


class ArrowCells:
    """Reads blocks of lines without quotes, of which wanted are texts and real numbers.

    pyarrow reads some things as numbers that Python does not, and the other way round. A block is read here only if all
    in it are finite decimal numbers and texts in UTF-8, and all rows have the right number of fields.

    Args:
        names: The columns that are wanted, by place; names do not repeat.
        fields: How many columns there are.
        is_text: For each that is wanted, whether it is text.
        delimiter: What stands between fields.
    """

    def __init__(self, places: Sequence[int], texts: Sequence[int], fields: int, delimiter: str) -> None:
        names = [str(place) for place in range(fields)]
        types = {str(place): pa.string() if place in texts else pa.float64() for place in places}
        self._places, self._texts = places, frozenset(texts)
        self._reading = csv.ReadOptions(use_threads=False, column_names=names, block_size=(1 << 31) - 1)
        self._parsing = csv.ParseOptions(delimiter=delimiter, quote_char=False)
        self._converting = csv.ConvertOptions(column_types=types, include_columns=list(types), null_values=[])

    def read(self, block: str) -> Mapping[int, Array] | None:
        """The wanted columns by place, of lines with their ends; None where the slow way must say what is in them."""
        if '"' in block or block.count("\r") != block.count("\r\n"):
            return None
        data = pa.py_buffer(block.encode("utf-8", "surrogateescape"))
        try:
            table = csv.read_csv(pa.BufferReader(data), self._reading, self._parsing, self._converting)
        except pa.ArrowInvalid:
            return None
        columns = {place: self._column(table, place) for place in self._places}
        numbers = [column for place, column in columns.items() if place not in self._texts]
        return columns if all(np.isfinite(column).all() for column in numbers) else None

    def _column(self, table: pa.Table, place: int) -> Array:
        column = table.column(str(place))
        return np.array(column.to_pylist(), "str") if place in self._texts else column.to_numpy()
