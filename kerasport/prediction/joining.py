"""Several files with the same columns, read one after another as one table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kerasport.errors import InputError
from kerasport.prediction.rebatching import rebatched
from kerasport.prediction.rows import BadRow, Reader, Rows


def joined(name: str, files: Sequence[Sequence[Reader]]) -> Sequence[Reader]:
    """The readers of one file; of several files, their readers joined.

    Args:
        name: What the user calls them all.
        files: For each file, its readers.

    Raises:
        InputError: The files have different columns.
    """
    if len(files) == 1:
        return files[0]
    groups = list(zip(*files, strict=False))
    if any(len(readers) != len(files[0]) for readers in files):
        raise InputError(f"{name}: the files hold different numbers of arrays.")
    return [_Joined(name, group) for group in groups]


class _Joined:
    """Readers one after another."""

    def __init__(self, name: str, readers: Sequence[Reader]) -> None:
        self.name, self._readers = name, readers
        self.columns = readers[0].columns
        self.files = tuple(path for reader in readers for path in reader.files)
        first = self._shapes(readers[0])
        for reader in readers:
            if self._shapes(reader) != first:
                listed = f"{readers[0].name} holds {first}, {reader.name} {self._shapes(reader)}"
                raise InputError(f"{name}: the files hold different columns: {listed}.")

    @property
    def rows(self) -> int | None:
        """The sum, where all are known."""
        counts = [reader.rows for reader in self._readers]
        return None if None in counts else sum(count for count in counts if count is not None)

    def count(self) -> int:
        """The sum, read through where need be."""
        return sum(reader.count() for reader in self._readers)

    def batches(self, size: int, start: int = 0, stop: int | None = None) -> Iterator[Rows]:
        """Chunks of full size, across the ends of files."""
        yield from rebatched(self._pieces(size, start, stop), size, start, stop)

    def _pieces(self, size: int, start: int, stop: int | None) -> Iterator[Rows]:
        """What each file has of the rows asked for, numbered over all of them."""
        before = 0
        for reader in self._readers:
            if stop is not None and before >= stop:
                return
            end = None
            if reader.rows is None or before + reader.rows > start:
                for rows in reader.batches(size, max(start - before, 0), None if stop is None else stop - before):
                    yield self._moved(rows, before, reader)
                    end = rows.start + len(rows)
            before += reader.count() if end is None else end

    def _moved(self, rows: Rows, by: int, reader: Reader) -> Rows:
        """A file's rows, under the names of the first file's columns, numbered over all files."""
        names = [column.name for column in self.columns]
        given = dict(zip(names, rows.columns.values(), strict=True)) if len(names) == 1 else rows.columns
        bad = tuple(BadRow(bad.row + by, f"{reader.name}, row {bad.row}: {bad.reason}") for bad in rows.bad)
        return Rows(rows.start + by, {name: given[name] for name in names}, bad)

    @staticmethod
    def _shapes(reader: Reader) -> dict[str, tuple[int, ...]]:
        """The shapes of rows by column; the name of an only column does not matter."""
        single = len(reader.columns) == 1
        return {"" if single else column.name: column.shape for column in reader.columns}
