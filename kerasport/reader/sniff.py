"""Tells what a file is from its first bytes, so that a wrong one gets a sentence and not a guess."""

from __future__ import annotations

import re
import zipfile
from json import detect_encoding
from pathlib import Path
from typing import BinaryIO, Literal

from kerasport.errors import DamagedFileError, FileError, NotAModelError
from kerasport.reader import others

Kind = Literal["hdf5", "archive", "json", "yaml"]
HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
_ZIP_MAGIC = b"PK\x03\x04"
# Where the superblock may stand: behind a user block, whose size is 512 or twice, four times ... that. An archive holds
# HDF5 files uncompressed, one of which may happen to begin at such a place.
_USER_BLOCKS = [0, *(512 << power for power in range(16))]
_WEIGHTS = ("model.weights.h5", "variables.h5", "model.weights.npz")
_YAML = re.compile(
    r"(?:\s|#.*\n|---)*(?:- +)?(?:backend|class_name|config|input_layers|keras_version|layers|module)\s*:"
)


def kind(path: Path) -> Kind:
    """How a model file is stored; an HDF5 file is complete by its own account.

    Raises:
        FileError: It is not there, of another kind, or shorter than it says.
    """
    if path.is_dir():
        if (path / "config.json").is_file() and any((path / name).exists() for name in _WEIGHTS):
            return "archive"
        raise others.directory(path)
    if path.exists() and not path.is_file():  # to open it might wait for ever
        raise NotAModelError(f"{path} is a pipe or a device, not a file.", "Write its output to a file first.")
    try:
        with path.open("rb") as file:
            head = file.read(4096)
            start = None if head.startswith(_ZIP_MAGIC) else _superblock(file)
        size = path.stat().st_size
    except OSError as error:
        raise _unopened(path, error) from error
    if start is not None:
        _require_whole(path, start, size)
        return "hdf5"
    if _is_archive(path, head):
        return "archive"
    if (found := _text_kind(head)) is not None:
        return found
    what, hint = others.describe(path, head, size)
    raise NotAModelError(f"{path} is not a Keras model file: it is {what}.", hint)


def _superblock(file: BinaryIO) -> int | None:
    """Where an HDF5 file's superblock begins."""
    for start in _USER_BLOCKS:
        file.seek(start)
        magic = file.read(len(HDF5_MAGIC))
        if magic == HDF5_MAGIC:
            return start
        if len(magic) < len(HDF5_MAGIC):
            return None
    return None


def _text_kind(head: bytes) -> Kind | None:
    """JSON may begin with a byte order mark, be in UTF-16, or be a string of JSON."""
    try:
        text = head.decode(detect_encoding(head), "replace").lstrip("\ufeff \t\r\n")
    except LookupError:
        return None
    if re.match(r"""\{\s*["}]|\[\s*\{|"[{[]""", text):
        return "json"
    return "yaml" if _YAML.match(text) else None


def _unopened(path: Path, error: OSError) -> FileError:
    """A path that cannot be opened; TensorFlow's checkpoints have names to which suffixes are added."""
    if path.with_name(f"{path.name}.index").exists():
        return others.checkpoint(path)
    return FileError(f"{path} cannot be opened: {error.strerror or error}.")


def _is_archive(path: Path, head: bytes) -> bool:
    if not head.startswith(b"PK"):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, ValueError):
        return False
    return "config.json" in names and bool(names & set(_WEIGHTS))


def _require_whole(path: Path, start: int, size: int) -> None:
    """The superblock names the end of the file; less than that on disk is a cut-off file."""
    with path.open("rb") as file:
        file.seek(start)
        head = file.read(96)
    version = head[8] if len(head) > 13 else 255
    width = head[13] if version < 2 else head[9] if version < 4 else 0
    if width not in (2, 4, 8):
        raise DamagedFileError(f"{path} has a damaged HDF5 header.", "Download or copy it again.")
    end_field = {0: 24, 1: 28}.get(version, 12) + 2 * width
    end = int.from_bytes(head[end_field : end_field + width], "little")
    if end > size:
        raise DamagedFileError(
            f"{path} is cut off: it should have {end:,} bytes and has {size:,}.", "Download or copy it again."
        )
