"""Columns of Arrow into NumPy arrays of one shape a row, with the reason for each row that does not fit."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kerasport.prediction.formats.values import Faults, narrowed
from kerasport.prediction.rows import Array


def kinds(type_: pa.DataType) -> str:
    """The kinds of NumPy dtypes that values of a type, or those in its lists, can be read as."""
    type_ = _leaf(type_)
    if pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_decimal(type_):
        return "fiub"
    if pa.types.is_boolean(type_):
        return "fiub"
    if _is_text(type_):
        return "U"
    return "fiubU" if pa.types.is_null(type_) else ""


def is_list(type_: pa.DataType) -> bool:
    """Whether a value is a list of values."""
    type_ = _stored(type_)
    return bool(pa.types.is_list(type_) or pa.types.is_large_list(type_) or pa.types.is_fixed_size_list(type_))


def tensor_shape(type_: pa.DataType) -> tuple[int, ...] | None:
    """The shape of tensors, whose values are stored one behind the other; None for another type."""
    if not isinstance(type_, pa.FixedShapeTensorType) or type_.permutation not in (None, list(range(len(type_.shape)))):
        return None
    return tuple(type_.shape)


def carried_as(type_: pa.DataType) -> np.dtype[Any]:
    """The dtype in which single values are carried through: numbers as they are, all else as text."""
    if pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_boolean(type_):
        found: np.dtype[Any] = np.dtype(type_.to_pandas_dtype())
        return found
    return np.dtype("str")


def carried(column: pa.ChunkedArray, dtype: np.dtype[Any], name: str, faults: Faults) -> Array:
    """A column of single values to be carried through; null is NaN or "", and a fault where neither can be."""
    if dtype.kind == "U":
        return np.array(pc.fill_null(_decoded(column).cast(pa.string()), "").to_pylist(), "str")
    if dtype.kind == "f":
        return np.asarray(pc.fill_null(column, math.nan).to_numpy())
    return as_numpy(column, (), dtype, name, faults)


def as_numpy(column: pa.ChunkedArray, shape: tuple[int, ...], dtype: np.dtype[Any], name: str, faults: Faults) -> Array:
    """A column as an array.

    Args:
        column: Single values, or lists that are nested as deeply as the shape is long.
        shape: Of a row.
        dtype: What is wanted.
        name: The column, for messages.
        faults: Takes the rows with nulls, or of another shape; they are zeros or "".
    """
    values = _plain(_combined(column))
    rows = np.arange(len(values))
    for axis, size in enumerate(shape):
        lengths = np.asarray(pc.fill_null(pc.list_value_length(values), -1))
        each = lengths.reshape(len(rows), -1)
        for row in np.flatnonzero((each != size).any(axis=1)):
            wrong = int(each[row][each[row] != size][0])
            faults.add(int(rows[row]), _wrong_length(name, wrong, size, axis))
        good = (each == size).all(axis=1)
        rows, values = rows[good], _plain(values.filter(pa.array(np.repeat(good, each.shape[1]))).flatten())
    null = np.asarray(values.is_null()).reshape(len(rows), -1).any(axis=1)
    for row in rows[null]:
        faults.add(int(row), f"{name!r} is null" if not shape else f"{name!r} holds null")
    found = _leaves(values, dtype).reshape(len(rows), *shape)
    if dtype.kind == "U":
        array = np.full((len(column), *shape), "", found.dtype)
        array[rows] = found
        return array
    array = np.zeros((len(column), *shape), found.dtype)
    array[rows] = found
    return narrowed(array, dtype, [name], faults)


def _wrong_length(name: str, length: int, size: int, axis: int) -> str:
    if length < 0:
        return f"{name!r} is null" if axis == 0 else f"{name!r} holds null"
    return f"{name!r} has {'lists of ' if axis else ''}{length} values; {size} are needed"


def _leaves(values: pa.Array, dtype: np.dtype[Any]) -> Array:
    """Single values, of which nulls are zeros or ""."""
    if dtype.kind == "U":
        return np.array(pc.fill_null(values.cast(pa.string()), "").to_pylist(), "str")
    if pa.types.is_decimal(values.type) or pa.types.is_null(values.type):
        values = values.cast(pa.float64())
    zero = pa.scalar(0).cast(values.type)
    return np.asarray(pc.fill_null(values, zero).to_numpy(zero_copy_only=False))


def _combined(column: pa.ChunkedArray) -> pa.Array:
    chunks = column.combine_chunks()
    return pa.concat_arrays(chunks.chunks) if isinstance(chunks, pa.ChunkedArray) else chunks


def _plain(values: pa.Array) -> pa.Array:
    """The values without dictionary or extension type."""
    if isinstance(values, pa.ExtensionArray):
        return _plain(values.storage)
    return _decoded(values)


def _decoded(values: Any) -> Any:
    return values.cast(values.type.value_type) if pa.types.is_dictionary(values.type) else values


def _stored(type_: pa.DataType) -> pa.DataType:
    if isinstance(type_, pa.BaseExtensionType):
        return _stored(type_.storage_type)
    return type_.value_type if pa.types.is_dictionary(type_) else type_


def _leaf(type_: pa.DataType) -> pa.DataType:
    type_ = _stored(type_)
    return _leaf(type_.value_type) if is_list(type_) else type_


def _is_text(type_: pa.DataType) -> bool:
    return bool(pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_string_view(type_))
