"""Checks whether arrays fit a model's inputs; every error names the input and what it takes."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasport.errors import InputError
from kerasport.prediction.rows import BadRow, Column
from kerasport.runtime.sessions import Port

Array = NDArray[Any]


def named(ports: Sequence[Port], data: Array | Sequence[Array] | Mapping[str, Array]) -> list[Array]:
    """The arrays in the order of the inputs.

    Raises:
        InputError: Inputs are missing or unknown.
    """
    names = [port.name for port in ports]
    if isinstance(data, Mapping):
        match_names(names, list(data))
        return [np.asarray(data[name]) for name in names]
    if isinstance(data, np.ndarray):
        data = [data]
    if len(data) != len(ports):
        raise InputError(f"The model has {len(ports)} inputs ({', '.join(names)}) and {len(data)} arrays are given.")
    return [np.asarray(array) for array in data]


def match_names(names: Sequence[str], given: Sequence[str], kind: str = "input") -> None:
    """Raises InputError unless just these names are given, of inputs or of another kind."""
    for name in given:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            suggestion = f"Did you mean {near[0]!r}?" if near else ""
            raise InputError(f"The model has no {kind} {name!r}; it has {', '.join(names)}.", suggestion)
    missing = [name for name in names if name not in given]
    if missing:
        option = "--input" if kind == "input" else "--expected"
        raise InputError(f"The {kind} {missing[0]!r} is missing.", f"Give it as {option} {missing[0]}=FILE.")


def check(port: Port, shape: tuple[int | None, ...], dtype: np.dtype[Any]) -> None:
    """Raises InputError unless an array of this shape and dtype fits the input."""
    wanted, given = _listed(port.shape), _listed(shape)
    if len(shape) != len(port.shape):
        hint = "Add the batch axis: array[None]." if len(shape) == len(port.shape) - 1 else ""
        hint = "Make it a column: array[:, None]." if len(shape) == 1 and port.shape[1:] == (1,) else hint
        raise InputError(f"The input {port.name!r} takes arrays of shape {wanted}; given is {given}.", hint)
    if any(want not in (None, have) for want, have in zip(port.shape[1:], shape[1:], strict=True)):
        hint = ""
        if sorted(dim or 0 for dim in shape[1:]) == sorted(dim or 0 for dim in port.shape[1:]):
            hint = "The axes seem to be in another order."
        raise InputError(f"The input {port.name!r} takes arrays of shape {wanted}; given is {given}.", hint)
    kinds = {"f": "fiub", "i": "iuf", "u": "uif", "b": "b", "U": "US"}.get(np.dtype(port.dtype).kind, "")
    if dtype.kind not in kinds:
        wanted = "strings" if port.dtype == "str" else port.dtype
        hint = "Write them as numpy's own: array.astype('str')." if port.dtype == "str" else ""
        raise InputError(f"The input {port.name!r} takes {wanted}; given is {dtype}, which cannot be converted.", hint)


def _listed(shape: tuple[int | None, ...]) -> str:
    """A shape as Python writes it."""
    return "(" + ", ".join("any" if dim is None else str(dim) for dim in shape) + (",)" if len(shape) == 1 else ")")


def check_rows(port: Port, array: Array, start: int) -> Array:
    """The array in the input's dtype.

    Raises:
        InputError: It does not fit, or a row cannot be used.
    """
    check_batch(port, len(array), start)
    array, bad = usable(port, array, start)
    if bad:
        raise first_bad(bad)
    return array


def check_batch(port: Port, rows: int, start: int) -> None:
    """Raises InputError where an input takes another number of rows at a time."""
    if port.shape and port.shape[0] not in (None, rows):
        what = f"The input {port.name!r} takes {port.shape[0]} rows at a time; from row {start} on there are {rows}."
        raise InputError(what, f"Give it a multiple of {port.shape[0]} rows.")


def first_bad(bad: Sequence[BadRow]) -> InputError:
    """The error that rows cannot be used."""
    reason = bad[0].reason
    return InputError(
        f"{reason[:1].upper()}{reason[1:]}, first in row {bad[0].row}.",
        "Use --on-error skip to leave such rows out, or --on-error null to return NaN for them.",
    )


def usable(port: Port, array: Array, start: int) -> tuple[Array, list[BadRow]]:
    """The array in the input's dtype, with zeros in the rows that cannot be used, and these rows.

    Raises:
        InputError: The array's shape or dtype does not fit.
    """
    check(port, array.shape, array.dtype)
    if array.dtype.kind == "S":
        return _decoded(port, array, start)
    bad: dict[int, BadRow] = {}
    for flags, reason in _faults(port, array):
        if not flags.any():
            continue
        for row in np.flatnonzero(flags.reshape(len(array), -1).any(axis=1)):
            bad.setdefault(start + int(row), BadRow(start + int(row), f"the input {port.name!r} {reason}"))
    if bad:
        array = array.copy()
        array[[row - start for row in bad]] = 0
    return array.astype(port.dtype, copy=False), list(bad.values())


def _faults(port: Port, array: Array) -> Iterator[tuple[Array, str]]:
    """Which values cannot be used, and why."""
    wanted = np.dtype(port.dtype)
    if array.dtype.kind == "f":
        yield ~np.isfinite(array), "holds NaN or infinity"
        if wanted.kind in "iu":
            yield array != np.trunc(array), f"takes integers ({port.dtype}) but holds fractions"
    if wanted.kind in "iu" and array.dtype != wanted and array.dtype.kind in "iuf":
        limits = np.iinfo(wanted)
        yield (array < limits.min) | (array > limits.max), f"holds numbers beyond {port.dtype}"


def _decoded(port: Port, array: Array, start: int) -> tuple[Array, list[BadRow]]:
    try:
        return np.char.decode(array, "utf-8"), []
    except UnicodeDecodeError:
        return _decoded_one_by_one(port, array, start)


def _decoded_one_by_one(port: Port, array: Array, start: int) -> tuple[Array, list[BadRow]]:
    """Bytes of which some are no UTF-8."""
    texts: list[Any] = []
    bad: list[BadRow] = []
    for index, row in enumerate(array):
        try:
            texts.append(np.char.decode(row, "utf-8"))
        except UnicodeDecodeError:
            texts.append(np.zeros(array.shape[1:], "str"))
            bad.append(BadRow(start + index, f"the input {port.name!r} holds bytes that are not UTF-8"))
    return np.array(texts, "str"), bad


def check_widths(
    ports: Sequence[Port | Column], shapes: Sequence[tuple[int, ...]], outputs: Sequence[Array], start: int
) -> None:
    """Raises InputError where a batch's outputs are of another shape than those before: as long as its longest text."""
    for port, shape, output in zip(ports, shapes, outputs, strict=True):
        if output.shape[1:] != shape:
            raise InputError(
                f"The output {port.name!r} has the shape {output.shape[1:]} for the rows from {start} on, and {shape}"
                " for those before: its size depends on the batch.",
                "Predict all rows at once with a larger batch size.",
            )
