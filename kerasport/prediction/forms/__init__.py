"""The forms in which rows are read and written; the module of a form is imported when a file is of that form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import IO, Any

from kerasport.errors import InputError, OptionError
from kerasport.prediction.location import Location
from kerasport.prediction.rows import Column, Reader, Request, Writer


@dataclass(frozen=True)
class Form:
    """A form of files.

    Attributes:
        name: What the user calls it.
        suffixes: Of files that have it.
        magic: What its files begin with; content tells more than a suffix.
        module: Where its ``open_readers`` and ``open_writer`` are.
        reads: Whether it is read.
        writes: Whether it is written.
        several: Whether a file holds several columns.
        pipes: Whether it is read from a pipe.
        streams: Whether it is written row by row, so that a pipe gets rows as they come, by ``open_stream``.
        together: Whether the files that a pattern names are the rows of one table, each of them one.
    """

    name: str
    suffixes: tuple[str, ...]
    magic: tuple[bytes, ...] = ()
    module: str = ""
    reads: bool = True
    writes: bool = True
    several: bool = True
    pipes: bool = True
    streams: bool = False
    together: bool = False

    def open_readers(self, location: Location, request: Request) -> Sequence[Reader]:
        """The tables in a file, or each of the arrays in it, which may be of different lengths."""
        found: Sequence[Reader] = self._module().open_readers(location, request)
        return found

    def open_together(self, name: str, files: Sequence[Location], request: Request) -> Sequence[Reader]:
        """The table of which each file is a row."""
        found: Sequence[Reader] = self._module().open_together(name, files, request)
        return found

    def open_writer(
        self,
        folder: Path,
        name: str,
        columns: Sequence[Column],
        rows: int | None = None,
        position: Mapping[str, Any] | None = None,
    ) -> Writer:
        """A writer of a file.

        Args:
            folder: Of its own, where it may also put other files.
            name: The name of the finished file.
            columns: What will be written.
            rows: How many, as far as is known.
            position: Where an earlier writer in this folder is to be continued; None for a new file.
        """
        writer: Writer = self._module().open_writer(folder, name, columns, rows, position)
        return writer

    def open_stream(self, stream: IO[bytes], columns: Sequence[Column]) -> Writer:
        """A writer into a pipe."""
        writer: Writer = self._module().open_stream(stream, columns)
        return writer

    def _module(self) -> Any:
        return import_module(f"kerasport.prediction.forms.{self.module}")


IMAGES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
IMAGES_BEGIN = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"II*\0", b"MM\0*")
FORMS = (
    Form("npy", (".npy",), (b"\x93NUMPY",), "npy", several=False),
    Form("npz", (".npz",), (b"PK\x03\x04", b"PK\x05\x06"), "npz", pipes=False),
    Form("txt", (".txt",), (), "text", writes=False),
    Form("hdf5", (".h5", ".hdf5", ".hdf"), (b"\x89HDF\r\n\x1a\n",), "hdf5", writes=False, pipes=False),
    Form("csv", (".csv", ".tsv"), (), "delimited", streams=True),
    Form("jsonl", (".jsonl", ".ndjson"), (), "json_lines", streams=True),
    Form("parquet", (".parquet", ".pq"), (b"PAR1",), "parquet", pipes=False),
    Form("arrow", (".arrow", ".feather", ".arrows"), (b"ARROW1",), "arrow"),
    Form("images", IMAGES, IMAGES_BEGIN, "images", writes=False, pipes=False, together=True),
)


def open_readers(location: Location, request: Request) -> Sequence[Reader]:
    """The readers of a file, whose form its content tells, or its suffix, or the user.

    Raises:
        InputError: The file is not there, not readable, or of none of the forms.
    """
    try:
        return read_form(location, request.form).open_readers(location, request)
    except OSError as error:
        raise InputError(f"{location.text} cannot be read: {error.strerror or error}.") from error


def read_form(location: Location, named: str = "") -> Form:
    """The form of a file to read."""
    readable = [form for form in FORMS if form.reads]
    is_folder = location.path is not None and location.path.is_dir()
    named = named or ("images" if is_folder else "")
    head = b"" if is_folder else location.head()
    suffix = "" if location.path is None else location.path.suffix.lower()
    found = (
        next((form for form in readable if form.name == named), None)
        or next((form for form in readable if head.startswith(form.magic)), None)
        or next((form for form in readable if suffix in form.suffixes), None)
    )
    if found is None:
        known = ", ".join(form.name for form in readable)
        raise InputError(
            f"{location.text} is in none of the known formats: {known}.",
            "If it is, name the format: --input-format.",
        )
    if location.path is None and not found.pipes:
        raise InputError(f"{found.name} cannot be read from a pipe.", "Use a file.")
    return found


def write_form(target: Path, named: str = "") -> Form:
    """The form of a file to write.

    Raises:
        OptionError: It is none of those that are written.
    """
    writable = [form for form in FORMS if form.writes]
    if target.name == "-" and not named:
        raise OptionError("Standard output needs a format.", "Name it: --output-format npy.")
    wanted = [form for form in writable if form.name == named or (not named and target.suffix in form.suffixes)]
    if not wanted:
        known = ", ".join(suffix for form in writable for suffix in form.suffixes[:1])
        raise OptionError(f"{target}: the output is written as {known}.")
    return wanted[0]
