"""Whether arrays fit a model's inputs; every refusal names the input and says what is right."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasport.errors import InputError
from kerasport.runtime import Port

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


def check(port: Port, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Raises InputError unless an array of this shape and dtype fits the input."""
    wanted = "(" + ", ".join("any" if dim is None else str(dim) for dim in port.shape) + ")"
    if len(shape) != len(port.shape):
        hint = "Add the batch axis: array[None]." if len(shape) == len(port.shape) - 1 else ""
        hint = "Make it a column: array[:, None]." if len(shape) == 1 and port.shape[1:] == (1,) else hint
        raise InputError(f"The input {port.name!r} takes arrays of shape {wanted}; given is {shape}.", hint)
    if any(want not in (None, have) for want, have in zip(port.shape[1:], shape[1:], strict=True)):
        hint = ""
        if sorted(shape[1:]) == sorted(dim or 0 for dim in port.shape[1:]):
            hint = "The axes seem to be in another order."
        raise InputError(f"The input {port.name!r} takes arrays of shape {wanted}; given is {shape}.", hint)
    kinds = {"f": "fiub", "i": "iuf", "u": "uif", "b": "b", "U": "US"}.get(np.dtype(port.dtype).kind, "")
    if dtype.kind not in kinds:
        wanted = "strings" if port.dtype == "str" else port.dtype
        hint = "Write them as numpy's own: array.astype('str')." if port.dtype == "str" else ""
        raise InputError(f"The input {port.name!r} takes {wanted}; given is {dtype}, which cannot be converted.", hint)


def check_rows(port: Port, array: Array, start: int) -> Array:
    """The array in the input's dtype.

    Raises:
        InputError: It does not fit, holds NaN or infinity, or loses its fractions in a whole-number input.
    """
    check(port, array.shape, array.dtype)
    if port.shape and port.shape[0] not in (None, len(array)):
        what = (
            f"The input {port.name!r} takes {port.shape[0]} rows at a time; from row {start} on there are {len(array)}."
        )
        raise InputError(what, f"Give it a multiple of {port.shape[0]} rows.")
    if array.dtype.kind == "f":
        bad = ~np.isfinite(array)
        if bad.any():
            row = int(np.argwhere(bad)[0][0]) + start
            raise InputError(f"The input {port.name!r} holds NaN or infinity, first in row {row}.")
        if np.dtype(port.dtype).kind in "iu" and (array != np.trunc(array)).any():
            raise InputError(f"The input {port.name!r} takes whole numbers ({port.dtype}); given are fractions.")
    if array.dtype.kind == "S":
        return _decoded(port, array, start)
    return array.astype(port.dtype, copy=False)


def _decoded(port: Port, array: Array, start: int) -> Array:
    try:
        return np.strings.decode(array, "utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"The input {port.name!r} holds bytes that are no UTF-8, in row {start} or later.") from error


def check_widths(
    ports: Sequence[Port], shapes: Sequence[tuple[int, ...]], outputs: Sequence[Array], start: int
) -> None:
    """Raises InputError where a batch's outputs are of another shape than those before: as long as its longest text."""
    for port, shape, output in zip(ports, shapes, outputs, strict=True):
        if output.shape[1:] != shape:
            raise InputError(
                f"The output {port.name!r} has the shape {output.shape[1:]} for the rows from {start} on, and {shape}"
                " for those before: its size depends on the batch.",
                "Predict all rows at once with a larger batch size.",
            )
