"""The file formats of rows; the module of a format is imported when a file has that format."""

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
class Format:
    """A file format.

    Attributes:
        name: Its name on the command line.
        suffixes: The suffixes of its files.
        magic: What its files begin with; content takes precedence over the suffix.
        module: The module with its ``open_readers`` and ``open_writer``.
        reads: Whether it is read.
        writes: Whether it is written.
        several: Whether a file can hold several columns.
        pipes: Whether it can be read from a pipe.
        streams: Whether it can be written row by row to a pipe, by ``open_stream``.
        together: Whether the files matching a pattern are the rows of one table, one row each.
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
        """The table in which each file is a row."""
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
            folder: A folder of its own, where it may also put other files.
            name: The name of the finished file.
            columns: What will be written.
            rows: How many, if known.
            position: Where to continue an earlier writer in this folder; None for a new file.
        """
        writer: Writer = self._module().open_writer(folder, name, columns, rows, position)
        return writer

    def open_stream(self, stream: IO[bytes], columns: Sequence[Column]) -> Writer:
        """A writer to a pipe."""
        writer: Writer = self._module().open_stream(stream, columns)
        return writer

    def _module(self) -> Any:
        return import_module(f"kerasport.prediction.formats.{self.module}")


IMAGES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
IMAGES_BEGIN = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"II*\0", b"MM\0*")
FORMATS = (
    Format("npy", (".npy",), (b"\x93NUMPY",), "npy", several=False),
    Format("npz", (".npz",), (b"PK\x03\x04", b"PK\x05\x06"), "npz", pipes=False),
    Format("txt", (".txt",), (), "text", writes=False),
    Format("hdf5", (".h5", ".hdf5", ".hdf"), (b"\x89HDF\r\n\x1a\n",), "hdf5", writes=False, pipes=False),
    Format("csv", (".csv", ".tsv"), (), "delimited", streams=True),
    Format("jsonl", (".jsonl", ".ndjson"), (), "json_lines", streams=True),
    Format("parquet", (".parquet", ".pq"), (b"PAR1",), "parquet", pipes=False),
    Format("arrow", (".arrow", ".feather", ".arrows"), (b"ARROW1",), "arrow"),
    Format("images", IMAGES, IMAGES_BEGIN, "images", writes=False, pipes=False, together=True),
)


def open_readers(location: Location, request: Request) -> Sequence[Reader]:
    """The readers of a file, whose format is given by its content, its suffix or the user.

    Raises:
        InputError: The file does not exist, cannot be read, or has none of the formats.
    """
    try:
        return read_format(location, request.format).open_readers(location, request)
    except OSError as error:
        raise InputError(f"{location.text} cannot be read: {error.strerror or error}.") from error


def read_format(location: Location, named: str = "") -> Format:
    """The format of a file to read."""
    readable = [format for format in FORMATS if format.reads]
    is_folder = location.path is not None and location.path.is_dir()
    named = named or ("images" if is_folder else "")
    head = b"" if is_folder else location.head()
    suffix = "" if location.path is None else location.path.suffix.lower()
    found = (
        next((format for format in readable if format.name == named), None)
        or next((format for format in readable if head.startswith(format.magic)), None)
        or next((format for format in readable if suffix in format.suffixes), None)
    )
    if found is None:
        known = ", ".join(format.name for format in readable)
        raise InputError(
            f"{location.text} is in none of the known formats: {known}.",
            "If it is, name the format: --input-format.",
        )
    if location.path is None and not found.pipes:
        raise InputError(f"{found.name} cannot be read from a pipe.", "Use a file.")
    return found


def write_format(target: Path, named: str = "") -> Format:
    """The format of a file to write.

    Raises:
        OptionError: It is not a format that can be written.
    """
    writable = [format for format in FORMATS if format.writes]
    if target.name == "-" and not named:
        raise OptionError("Standard output needs a format.", "Name it: --output-format npy.")
    wanted = [format for format in writable if format.name == named or (not named and target.suffix in format.suffixes)]
    if not wanted:
        known = ", ".join(suffix for format in writable for suffix in format.suffixes[:1])
        raise OptionError(f"{target}: the output is written as {known}.")
    return wanted[0]
