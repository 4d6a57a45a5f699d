"""Numbers and texts as CSV and JSON lines write them: the shortest digits that give the same number back."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

from kerasport.prediction.rows import Array, Column


def number_texts(array: Array, nan: str, infinity: str) -> list[str]:
    """Each number as text.

    Args:
        array: Numbers or truth values.
        nan: How NaN is written.
        infinity: How infinity is written; behind a minus, where it is negative.
    """
    flat = array.reshape(-1)
    texts: list[str] = flat.astype("str").tolist()
    if flat.dtype.kind == "f":
        for place in np.flatnonzero(~np.isfinite(flat)):
            texts[place] = nan if np.isnan(flat[place]) else infinity if flat[place] > 0 else f"-{infinity}"
    return texts


def csv_fields(array: Array) -> list[list[str]]:
    """The fields of each column that an array is written as; NaN is empty."""
    flat = array.reshape(len(array), -1)
    if array.dtype.kind == "U":
        return [column.tolist() for column in flat.T]
    return [number_texts(column, "", "inf") for column in np.ascontiguousarray(flat.T)]


def csv_names(column: Column) -> list[str]:
    """The names of the columns that a column is written as: NAME_0, NAME_1 ... where a row has several values."""
    return [f"{column.name}_{place}" for place in range(int(np.prod(column.shape)))] if column.shape else [column.name]


def json_texts(array: Array) -> list[str]:
    """Each row as JSON: a value, or nested lists. NaN is null; infinity, which JSON has not, a number beyond all."""
    if array.dtype.kind == "U":
        texts = [json.dumps(text, ensure_ascii=False) for text in array.reshape(-1).tolist()]
    elif array.dtype.kind == "b":
        texts = ["true" if value else "false" for value in array.reshape(-1)]
    else:
        texts = number_texts(array, "null", "1e999")
    for size in reversed(array.shape[1:]):
        texts = _lists(texts, size)
    return texts


def _lists(texts: Sequence[str], size: int) -> list[str]:
    return [f"[{', '.join(texts[at : at + size])}]" for at in range(0, len(texts), size)]
