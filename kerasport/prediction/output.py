"""Writes predictions to a file that appears complete or not at all and can be resumed, or to a pipe."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from kerasport.errors import FileError, OptionError
from kerasport.files import keep_names
from kerasport.prediction.checks import check_widths
from kerasport.prediction.formats import Format, write_format
from kerasport.prediction.formats.appended import Appended
from kerasport.prediction.journal import Journal, Made, opened
from kerasport.prediction.pipeline import Predicted
from kerasport.prediction.rows import Array, Column, Writer

STANDARD_OUTPUT = Path("-")
_SECONDS = 5.0  # between two times that everything is brought to the disk


@dataclass(frozen=True)
class Target:
    """Where predictions go.

    Attributes:
        path: The file; ``-`` for standard output.
        format: Its format.
        bad_rows: The file that lists the rows that could not be used.
        rows: How many rows there will be, as far as is known.
        made: What they are made of.
        resume: Whether to continue what another process left there.
    """

    path: Path
    format: Format
    bad_rows: Path
    rows: int | None = None
    made: Made = field(default_factory=dict)
    resume: bool = False

    @property
    def piped(self) -> bool:
        """Whether it is standard output."""
        return self.path == STANDARD_OUTPUT


def check_target(path: Path, format: str, names: Sequence[str]) -> Format:
    """The format of an output file.

    Raises:
        OptionError: There is no such format, or it does not hold so many columns.
    """
    found = write_format(path, format)
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        what = f"The output would have the column {twice[0]!r} twice, once copied and once from the model."
        raise OptionError(what, "Rename the one that is copied.")
    if not found.several and len(names) > 1:
        what = f"{path}: {found.name} holds one column, and there are {len(names)} ({', '.join(names)})."
        raise OptionError(what, "Name the output file *.npz, *.csv or *.jsonl.")
    return found


class Output:
    """A file of predictions on its way.

    Attributes:
        start: The first row of the input that is still to be predicted.
        settings: What the process that began the file chose, for those that continue it; {} for a new file.
        written: Rows in the file.
        bad: Rows that could not be used.
    """

    def __init__(self, target: Target, journal: Journal) -> None:
        self._target, self._journal = target, journal
        noted = journal.noted or {"next": 0, "settings": {}, "written": 0, "bad": 0}
        self.start: int = noted["next"]
        self.settings: dict[str, Any] = noted["settings"]
        self.written: int = noted["written"]
        self.bad: int = noted["bad"]
        self._columns: list[Column] = []
        self._writer: Writer | None = None
        self._listed: Appended | None = None
        self._next = self.start
        self._saved = time.monotonic()
        if journal.noted:
            self._open([Column(name, tuple(shape), np.dtype(dtype)) for name, shape, dtype in noted["columns"]])

    def write(self, predicted: Predicted) -> None:
        """Appends rows; from time to time, brings everything to the disk."""
        if self._writer is None:
            self._open([Column(name, a.shape[1:], a.dtype) for name, a in predicted.columns.items()])
        assert self._writer is not None
        assert self._listed is not None
        shapes = [column.shape for column in self._columns]
        check_widths(self._columns, shapes, list(predicted.columns.values()), predicted.start)
        self._writer.write(predicted.columns)
        self.written += len(next(iter(predicted.columns.values())))
        self.bad += len(predicted.bad)
        if predicted.bad:
            self._listed.write({"bad": np.array([(bad.row, bad.reason) for bad in predicted.bad], object)})
        self._next = predicted.end
        if not self._target.piped and time.monotonic() - self._saved > _SECONDS:
            self._save()

    def finish(self) -> None:
        """Puts the file, and the list of bad rows if there are any, where they belong."""
        assert self._writer is not None
        assert self._listed is not None
        whole, listed = self._writer.finish(), self._listed.finish()
        if self.bad:
            _publish(listed, self._target.bad_rows)
        if not self._target.piped:
            _publish(whole, self._target.path)
        elif not self._target.format.streams:
            with whole.open("rb") as file:
                shutil.copyfileobj(file, sys.stdout.buffer)
        if not self.bad:
            self._target.bad_rows.unlink(missing_ok=True)

    def close(self) -> None:
        """Closes what is open."""
        for writer in (self._writer, self._listed):
            if writer is not None:
                writer.close()

    def _save(self) -> None:
        """Brings everything to the disk, and notes that it is there."""
        assert self._writer is not None
        assert self._listed is not None
        facts = {
            "next": self._next,
            "written": self.written,
            "bad": self.bad,
            "settings": self.settings,
            "columns": [(column.name, column.shape, column.dtype.str) for column in self._columns],
            "position": self._writer.position(),
            "listed": self._listed.position(),
        }
        self._journal.note(self._target.made, facts)
        self._saved = time.monotonic()

    def _open(self, columns: list[Column]) -> None:
        noted = self._journal.noted or {"position": None, "listed": None}
        folder, target = self._journal.folder, self._target
        self._columns = columns
        if target.piped and target.format.streams:
            self._writer = target.format.open_stream(sys.stdout.buffer, columns)
        else:
            self._writer = target.format.open_writer(folder, target.path.name, columns, target.rows, noted["position"])
        self._listed = Appended((folder / "bad.jsonl"), b"", _lines, noted["listed"])


@contextmanager
def output(target: Target) -> Iterator[Output]:
    """An output file, which takes its place when all went well.

    Raises:
        FileError: It cannot be written.
        OptionError: What is to be continued was made of something else.
    """
    with _temporary() if target.piped else opened(target.path, target.made, target.resume) as journal:
        found = Output(target, journal)
        try:
            try:
                yield found
                found.finish()
            finally:
                found.close()  # which writes, too
        except BrokenPipeError:
            raise
        except OSError as error:
            raise FileError(f"{target.path} cannot be written: {error.strerror or error}.") from error


@contextmanager
def _temporary() -> Iterator[Journal]:
    with tempfile.TemporaryDirectory(prefix="kerasport-") as folder:
        yield Journal(Path(folder), None)


def _publish(written: Path, target: Path) -> None:
    """Moves a file to its place, which may be on another file system."""
    with written.open("rb+") as file:
        os.fsync(file.fileno())
    if written.stat().st_dev == target.absolute().parent.stat().st_dev:
        written.replace(target)
    else:
        shutil.move(written, target)
    keep_names(target.absolute().parent)


def _lines(columns: Mapping[str, Array]) -> bytes:
    """A JSON object a line for each bad row."""
    return b"".join(
        json.dumps({"row": row, "reason": reason}, ensure_ascii=False).encode() + b"\n"
        for row, reason in columns["bad"]
    )
