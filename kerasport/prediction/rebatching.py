"""Regroups rows that come in pieces of any size into batches of one size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from kerasport.prediction.rows import Rows


def rebatched(pieces: Iterable[Rows], size: int, start: int = 0, stop: int | None = None) -> Iterator[Rows]:
    """The rows of a range in batches of one size; the last one may be smaller.

    Args:
        pieces: Consecutive rows.
        size: Rows per batch.
        start: The first row to return; earlier ones are skipped.
        stop: The row after the last one; None for all.
    """
    waiting: list[Rows] = []
    count = 0
    for piece in pieces:
        waiting.append(_between(piece, start, stop))
        count += len(waiting[-1])
        if count >= size:
            joined = _joined(waiting)
            edge = joined.start + count - count % size
            yield from (_between(joined, at, at + size) for at in range(joined.start, edge, size))
            waiting, count = [_between(joined, edge, None)], count % size
        if stop is not None and piece.start + len(piece) >= stop:
            break
    if count:
        yield _joined(waiting)


def _between(rows: Rows, start: int, stop: int | None) -> Rows:
    first = min(max(start - rows.start, 0), len(rows))
    last = len(rows) if stop is None else min(max(stop - rows.start, first), len(rows))
    if (first, last) == (0, len(rows)):
        return rows
    columns = {name: array[first:last] for name, array in rows.columns.items()}
    at, end = rows.start + first, rows.start + last
    return Rows(at, columns, tuple(bad for bad in rows.bad if at <= bad.row < end))


def _joined(pieces: Sequence[Rows]) -> Rows:
    if len(pieces) == 1:
        return pieces[0]
    columns = {name: np.concatenate([piece.columns[name] for piece in pieces]) for name in pieces[0].columns}
    return Rows(pieces[0].start, columns, tuple(bad for piece in pieces for bad in piece.bad))
