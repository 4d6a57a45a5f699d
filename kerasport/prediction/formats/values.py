"""Python values and arrays of them into the arrays of a column, with the reason for each row that does not fit."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasport.prediction.rows import Array, BadRow

KINDS = {"f": "number", "i": "whole number", "u": "whole number", "b": "truth value", "U": "text"}
_SHOWN = 40


class Faults:
    """The first reason against each row of a chunk, by its place in it."""

    def __init__(self) -> None:
        self._reasons: dict[int, str] = {}

    def add(self, row: int, reason: str) -> None:
        """Notes why a row cannot be used, unless another reason is noted already."""
        self._reasons.setdefault(row, reason)

    def bad_rows(self, start: int) -> tuple[BadRow, ...]:
        """The rows, of a chunk that starts with a row of this number."""
        return tuple(BadRow(start + row, reason) for row, reason in sorted(self._reasons.items()))


def narrowed(array: Array, dtype: np.dtype[Any], names: Sequence[str], faults: Faults) -> Array:
    """Numbers in another dtype; rows with one that it cannot hold are noted, and are zeros.

    Args:
        array: The numbers, rows first.
        dtype: What is wanted.
        names: The column that they are of; or the columns, that many a row.
        faults: Takes the rows.
    """
    if array.dtype == dtype:
        return array
    with np.errstate(over="ignore", invalid="ignore"):
        narrow = array.astype(dtype)
        lost = np.isfinite(array) != np.isfinite(narrow) if dtype.kind == "f" else narrow != array
    for row, *place in np.argwhere(lost):
        value = array[(row, *place)]
        name = names[place[0] if len(names) > 1 else 0]
        faults.add(int(row), f"{name!r} holds {value}, no {KINDS[dtype.kind]} of {dtype}")
        narrow[row] = 0
    return narrow


def tensors(values: Sequence[Any], shape: tuple[int, ...], dtype: np.dtype[Any], name: str, faults: Faults) -> Array:
    """A column of numbers or texts, or of nested lists of them, of one shape.

    Args:
        values: For each row.
        shape: Of a row.
        dtype: What is wanted.
        name: The column, for messages.
        faults: Takes the rows that are something else; they are zeros or "".
    """
    try:
        array = np.array(values, _read_as(dtype))
    except ValueError:
        array = np.empty(0)
    if array.shape != (len(values), *shape) or not _suits(array, dtype):
        array = _one_by_one(values, shape, dtype, name, faults)
    if dtype.kind == "U":
        return array.astype("str")
    return narrowed(array, dtype, [name], faults)


def plain_texts(values: Sequence[Any], name: str, faults: Faults) -> Array:
    """A column of texts to be carried through: what is none is shown as JSON, and null as ""."""
    found = ["" if value is None else value if isinstance(value, str) else json.dumps(value) for value in values]
    encodable(found, name, faults)
    return np.array(found, "str")


def encodable(values: list[str], name: str, faults: Faults) -> None:
    """Notes rows whose text is no Unicode text, as bytes become that are no UTF-8, and empties them."""
    if "".join(values).isascii():
        return
    for row, value in enumerate(values):
        try:
            value.encode()
        except UnicodeEncodeError:
            faults.add(row, f"{name!r} holds bytes that are not UTF-8")
            values[row] = ""


def _read_as(dtype: np.dtype[Any]) -> type | None:
    """In which dtype NumPy is to read values: in one that keeps texts and numbers apart."""
    return object if dtype.kind == "U" else None


def _suits(array: Array, dtype: np.dtype[Any]) -> bool:
    if dtype.kind != "U":
        return array.dtype.kind in "fiub"
    try:
        "".join(array.ravel().tolist()).encode()
    except (TypeError, UnicodeEncodeError):
        return False
    return True


def _one_by_one(
    values: Sequence[Any], shape: tuple[int, ...], dtype: np.dtype[Any], name: str, faults: Faults
) -> Array:
    """The column where not all rows fit, with the reasons."""
    rows: list[Any] = []
    for row, value in enumerate(values):
        found, reason = _single(value, shape, dtype)
        if reason:
            faults.add(row, f"{name!r} {reason}")
        rows.append(np.full(shape, "" if dtype.kind == "U" else 0.0, _read_as(dtype)) if reason else found)
    return np.array(rows, _read_as(dtype)).reshape(len(values), *shape)


def _single(value: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Array, str]:
    """One row, and why it is unfit, or ""."""
    if value is None:
        return np.empty(0), "is null or missing"
    try:
        found = np.array(value, _read_as(dtype))
    except ValueError:
        return np.empty(0), "holds lists of different lengths"
    if not _suits(found, dtype):
        shown = json.dumps(value)
        shown = shown if len(shown) <= _SHOWN else shown[:_SHOWN] + "..."
        return found, f"holds {shown}, no {KINDS[dtype.kind]}" + ("s" if found.ndim else "")
    if found.shape != shape:
        return found, f"has the shape {found.shape}; {shape} is needed"
    return found, ""
