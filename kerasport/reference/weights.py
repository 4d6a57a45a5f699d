"""The weights of a layer as its reference function sees them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import numpy as np

from kerasport.reference.registry import Array

_BLOCK = 1 << 22  # numbers


class Stored(Protocol):
    """A weight in its file."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape."""

    @property
    def in_parts(self) -> bool:
        """Whether a part of it can be read without all of it."""

    def read(self) -> Array:
        """All of it."""

    def read_part(self, shape: tuple[int, ...], index: tuple[slice, ...]) -> Array:
        """A part of it, seen in this shape."""


class Weights(Mapping[str, Array]):
    """By role, in the compute dtype; each is read when it is asked for.

    Args:
        stored: The file's weights by role.
        dtype: What floating-point weights are cast to.
    """

    def __init__(self, stored: Mapping[str, Stored], dtype: type[np.floating[Any]]) -> None:
        self._stored, self._dtype = stored, dtype

    def __getitem__(self, role: str) -> Array:
        return cast(self._stored[role].read(), self._dtype)

    def __contains__(self, role: object) -> bool:
        return role in self._stored

    def __iter__(self) -> Iterator[str]:
        return iter(self._stored)

    def __len__(self) -> int:
        return len(self._stored)

    def rows(self, role: str, places: Array) -> Array:
        """Some rows of a table, of which no others are cast."""
        return cast(self._stored[role].read()[places], self._dtype)

    def blocks(self, role: str) -> Iterator[Array]:
        """The parts of a matrix, some rows at a time, so that a large one is never held in the compute dtype."""
        weight = self._stored[role]
        rows, columns = weight.shape
        step = max(_BLOCK // max(columns, 1), 1)
        whole = None if weight.in_parts and rows > step else weight.read()
        for start in range(0, max(rows, 1), step):
            part = slice(start, min(start + step, rows))
            block = weight.read_part(weight.shape, (part, slice(0, columns))) if whole is None else whole[part]
            yield cast(block, self._dtype)


def cast(array: Array, dtype: type[np.floating[Any]]) -> Array:
    """The array in this dtype if it holds floating-point numbers."""
    return array.astype(dtype, copy=False) if array.dtype.kind == "f" else array


def multiplied(x: Array, weights: Mapping[str, Array], role: str) -> Array:
    """``x @ weights[role]`` for a matrix, in blocks of its rows where it is still in its file."""
    if not isinstance(weights, Weights):
        return np.tensordot(x, weights[role], 1)
    flat, start, shares = x.reshape(-1, x.shape[-1]), 0, None
    for rows in weights.blocks(role):
        share = flat[:, start : start + len(rows)] @ rows
        shares, start = share if shares is None else np.add(shares, share, out=shares), start + len(rows)
    return np.asarray(shares).reshape(*x.shape[:-1], -1)


def rows_of(weights: Mapping[str, Array], role: str, places: Array) -> Array:
    """``weights[role][places]``."""
    return weights.rows(role, places) if isinstance(weights, Weights) else np.asarray(weights[role][places])
