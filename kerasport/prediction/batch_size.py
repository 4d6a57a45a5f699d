"""Chooses the number of rows that a model takes at a time."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

import numpy as np

from kerasport.prediction.engine import Engine
from kerasport.prediction.rows import Array, Column, Table
from kerasport.prediction.usage import resident_bytes

DEFAULT = 32
_SIZES = (8, 32, 128, 512, 2048, 8192)
_GAIN = 1.1  # a size must be so much faster than the next smaller one
_FEW = 4096  # rows for which trying is not worth its time
_INPUTS = 32 << 20  # bytes of a batch's inputs
_GROWTH = 128 << 20  # bytes of memory that a batch may take
_ENOUGH = 0.2  # seconds of trying one size, of which the fastest run counts


def default(columns: Sequence[Column]) -> int:
    """The size when nothing is tried: 32, or fewer of large rows."""
    row = sum(column.dtype.itemsize * math.prod(column.shape) for column in columns)
    return max(1, min(DEFAULT, _INPUTS // max(row, 1)))


def worth_trying(reader: Table) -> bool:
    """Whether there are so many rows that it pays, and the first of them can be read twice."""
    return reader.rereadable and (reader.rows is None or reader.rows > _FEW)


def fastest(engine: Engine, sample: Sequence[Array]) -> int:
    """The smallest size beyond which larger batches are hardly faster, or take too much memory.

    Args:
        engine: The model; it carries no states.
        sample: Some rows of each input.
    """
    base = resident_bytes()
    best, rate = 1, 0.0
    for size in _SIZES:
        batch = [_repeated(array, size) for array in sample]
        growth = (resident_bytes() - base) * (size / best)
        if rate and (growth > _GROWTH or sum(array.nbytes for array in batch) > _INPUTS):
            break
        seconds = _seconds(engine, batch)
        if size / seconds < _GAIN * rate:
            break
        best, rate = size, size / seconds
        if seconds > _ENOUGH:
            break
    return best


def _repeated(array: Array, rows: int) -> Array:
    return np.concatenate([array] * math.ceil(rows / len(array)))[:rows]


def _seconds(engine: Engine, batch: Sequence[Array]) -> float:
    """Of the fastest run."""
    runs: list[float] = []
    while len(runs) < 2 or (sum(runs) < _ENOUGH and len(runs) < 20):
        began = time.perf_counter()
        engine.run(batch)
        runs.append(time.perf_counter() - began)
    return min(runs)
