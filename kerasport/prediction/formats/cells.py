"""Fields of text into arrays: numbers, truth values and strings, with the reason for each row that cannot be read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any

import numpy as np

from kerasport.prediction.formats.values import KINDS, Faults, encodable, narrowed
from kerasport.prediction.rows import Array

Record = Sequence[str]
_TRUTH = {"true": True, "false": False, "1": True, "0": False, "1.0": True, "0.0": False}
_SHOWN = 40


def whole_records(records: Sequence[Record], fields: int, faults: Faults) -> Sequence[Record]:
    """The records; those with another number of fields are noted, and filled up or cut."""
    if all(len(record) == fields for record in records):
        return records
    blank = [""] * fields
    for row, record in enumerate(records):
        if len(record) != fields:
            faults.add(row, f"it has {len(record)} field{'s' * (len(record) != 1)} instead of {fields}")
    return [[*record, *blank][:fields] for record in records]


def texts(records: Sequence[Record], place: int, name: str, faults: Faults) -> Array:
    """A column of strings, (rows,)."""
    values = [record[place] for record in records]
    encodable(values, name, faults)
    return np.array(values, "str")


def numbers(
    records: Sequence[Record], places: Sequence[int], names: Sequence[str], dtype: np.dtype[Any], faults: Faults
) -> Array:
    """Some columns of numbers, (rows, columns); a row with anything else is noted, and holds zeros.

    Args:
        records: The fields of each row.
        places: The columns, by their places.
        names: Their names.
        dtype: Of real or whole numbers, or truth values.
        faults: Takes the rows that cannot be read.
    """
    fields = list(chain.from_iterable(map(_picker(places), records)))
    for parse in (_PLAIN[dtype.kind], _PARSERS[dtype.kind]):
        try:
            array = np.array(list(map(parse, _checked(fields))), _wide(dtype))
            break
        except (ValueError, OverflowError):
            continue
    else:
        array = _one_by_one(records, places, names, dtype, faults)
    return narrowed(array.reshape(len(records), len(places)), dtype, names, faults)


def _picker(places: Sequence[int]) -> Callable[[Record], Sequence[str]]:
    return itemgetter(*places) if len(places) > 1 else itemgetter(slice(places[0], places[0] + 1))


def _checked(fields: Sequence[str]) -> Sequence[str]:
    """The fields, none of which has underscores, which Python takes in numbers and nobody else does."""
    if "_" in "".join(fields):
        raise ValueError
    return fields


def _one_by_one(
    records: Sequence[Record], places: Sequence[int], names: Sequence[str], dtype: np.dtype[Any], faults: Faults
) -> Array:
    """The numbers where not all fields are, with the reasons."""
    array = np.zeros((len(records), len(places)), _wide(dtype))
    parse = _PARSERS[dtype.kind]
    for row, record in enumerate(records):
        for place, name, index in zip(places, names, range(len(places)), strict=True):
            try:
                array[row, index] = parse(*_checked([record[place]]))
            except (ValueError, OverflowError):
                faults.add(row, _reason(name, record[place], dtype))
                array[row] = 0
                break
    return array


def _reason(name: str, field: str, dtype: np.dtype[Any]) -> str:
    if not field.strip():
        return f"{name!r} is empty"
    shown = repr(field if len(field) <= _SHOWN else field[:_SHOWN] + "...")
    return f"{name!r} holds {shown}, no {KINDS[dtype.kind]}"


def _wide(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return np.dtype({"f": "float64", "i": "int64", "u": "uint64", "b": "bool"}[dtype.kind])


def _number(field: str) -> float:
    """A number; tables of pandas have truth values among them."""
    try:
        return float(field)
    except ValueError:
        return _boolean(field)


def _integer(field: str) -> int:
    """A whole number, which may be written as 3.0, or a truth value."""
    try:
        return int(field)
    except ValueError:
        value = _number(field)
        if not float(value).is_integer():
            raise
        return int(value)


def _boolean(field: str) -> bool:
    try:
        return _TRUTH[field.strip().lower()]
    except KeyError as error:
        raise ValueError from error


_Parser = Callable[[str], float]
_PLAIN: dict[str, _Parser] = {"f": float, "i": int, "u": int, "b": _boolean}
_PARSERS: dict[str, _Parser] = {"f": _number, "i": _integer, "u": _integer, "b": _boolean}
