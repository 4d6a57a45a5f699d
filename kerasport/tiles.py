"""Splits large arrays into tiles so that both reading and writing them access long contiguous runs of memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from io import RawIOBase
from itertools import product
from math import prod
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

# One slice for each axis, with a known start and stop and steps of 1.
Index = tuple[slice, ...]
# Elements of a block, and bytes up to which an array is copied at once.
_BLOCK = 64
_SMALL = 1 << 18


def everything(shape: Sequence[int]) -> Index:
    """The index of a whole array."""
    return tuple(slice(0, size) for size in shape)


def sizes(shape: Sequence[int], order: Sequence[int], limit: int) -> tuple[int, ...]:
    """The size of tiles that have at most ``limit`` elements.

    The array is read in one order of its axes and written in another. One axis at a time is halved, each time the
    one that leaves the longest runs of neighbouring elements on that side where they are shorter.

    Args:
        shape: The array's shape, in the order in which it is written.
        order: Its axes from the slowest to the fastest in the order in which it is read.
        limit: The most elements of a tile, at least 1.
    """
    tile = list(shape)
    while prod(tile) > limit:
        choices = [(axis, [*tile[:axis], (tile[axis] + 1) // 2, *tile[axis + 1 :]]) for axis in range(len(tile))]
        _, tile = max(
            ((axis, smaller) for axis, smaller in choices if smaller != tile),
            key=lambda choice: (min(_run(shape, choice[1], order), _run(shape, choice[1])), -choice[0]),
        )
    return tuple(tile)


def _run(shape: Sequence[int], tile: Sequence[int], order: Sequence[int] | None = None) -> int:
    """How many elements of a tile are neighbours when the axes lie in this order."""
    run = 1
    for axis in reversed(order if order is not None else range(len(shape))):
        run *= tile[axis]
        if tile[axis] < shape[axis]:
            break
    return run


def grid(shape: Sequence[int], tile: Sequence[int]) -> Iterator[Index]:
    """The tiles of an array, in C order; those at the ends may be smaller."""
    steps = [range(0, size, step) for size, step in zip(shape, tile, strict=True)]
    for starts in product(*steps):
        ends = (min(start + step, size) for start, step, size in zip(starts, tile, shape, strict=True))
        yield tuple(slice(start, end) for start, end in zip(starts, ends, strict=True))


def contiguous(values: NDArray[Any]) -> NDArray[Any]:
    """A view with its axes in another order as an array in C order.

    It is copied by blocks of neighbouring elements, for long strides would use each line of the cache for one element.
    """
    if values.flags.c_contiguous:
        return values
    if values.nbytes < _SMALL:
        return np.ascontiguousarray(values)
    order = sorted(range(values.ndim), key=lambda axis: -values.strides[axis])
    result = np.empty(values.shape, values.dtype)
    for start in range(0, values.shape[order[-1]], _BLOCK):
        part = (*[slice(None)] * order[-1], slice(start, start + _BLOCK))
        result[part] = np.ascontiguousarray(values[part].transpose(order)).transpose(np.argsort(order))
    return result


def runs(shape: Sequence[int], index: Index) -> tuple[list[int], int]:
    """The stretches of neighbouring elements that make up a part of an array in C order.

    Args:
        shape: The array's shape.
        index: Which part of it.

    Returns:
        Where each starts in the array, and the elements of each.
    """
    part = [axis.stop - axis.start for axis in index]
    strides = [prod(shape[axis + 1 :]) for axis in range(len(shape))]
    last = max((axis for axis in range(len(shape)) if part[axis] != shape[axis]), default=0)
    starts = np.array([sum(axis.start * stride for axis, stride in zip(index, strides, strict=True))])
    for axis in range(last):
        starts = np.add.outer(starts, np.arange(part[axis]) * strides[axis]).reshape(-1)
    return starts.tolist(), prod(part[last:])


def read(file: RawIOBase, start: int, dtype: np.dtype[Any], shape: Sequence[int], index: Index) -> NDArray[Any]:
    """Reads a part of an array in C order from where it stands in a file; no other bytes are read.

    Args:
        file: The file.
        start: Where the array starts.
        dtype: The array's dtype.
        shape: The array's shape.
        index: Which part of it.

    Raises:
        OSError: The file ends within it.
    """
    tile = np.empty([part.stop - part.start for part in index], dtype)
    view = tile.reshape(-1).view("u1").data
    offsets, run = runs(shape, index)
    size = run * dtype.itemsize
    for place, offset in zip(range(0, len(view), size or 1), offsets, strict=False):
        file.seek(start + offset * dtype.itemsize)
        rest = view[place : place + size]
        while rest:
            count = file.readinto(rest)
            if not count:
                raise OSError("the file ends within it")
            rest = rest[count:]
    return tile


def write(file: BinaryIO, start: int, shape: Sequence[int], index: Index, tile: NDArray[Any]) -> None:
    """Writes a part of an array in C order to its places in a file.

    Args:
        file: Open for writing; positions may lie behind its end.
        start: Where the array starts in it.
        shape: The array's shape.
        index: Where in the array the part is.
        tile: Its values, contiguous.
    """
    view = tile.reshape(-1).view("u1").data
    offsets, run = runs(shape, index)
    size = run * tile.itemsize
    for place, offset in zip(range(0, len(view), size or 1), offsets, strict=False):
        file.seek(start + offset * tile.itemsize)
        file.write(view[place : place + size])
