"""``.keras`` archives, read in place: nothing is extracted to disk.

https://keras.io/api/models/model_saving_apis/model_saving_and_loading/: a zip with ``config.json``,
``metadata.json`` and ``model.weights.h5``, which Keras stores uncompressed.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import h5py

from kerasport.errors import DamagedFileError
from kerasport.reader.saved import SavedModel
from kerasport.reader.tree import WeightTree

_CONFIG, _METADATA, _WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
_TEXT_LIMIT = 256 << 20
_AGAIN = "Download or copy it again."


def open_archive(path: Path) -> SavedModel:
    """Opens a ``.keras`` archive.

    Raises:
        DamagedFileError: Members are missing, twice there, or broken.
    """
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError) as error:
        raise DamagedFileError(f"{path} is a damaged zip archive: {error}.", _AGAIN) from error
    with archive:
        names = archive.namelist()
        for name in (_CONFIG, _WEIGHTS):
            if names.count(name) != 1:
                raise DamagedFileError(f"{path} has {names.count(name)} members named {name}; a Keras archive has one.")
        config = _json(path, archive, _CONFIG)
        metadata = _json(path, archive, _METADATA) if _METADATA in names else {}
        weights = _open_weights(path, archive)
    return SavedModel(
        path=path,
        config=config,
        keras_version=str(metadata.get("keras_version", "")),
        backend=str(metadata.get("backend", "")),
        weights={},
        tree=WeightTree(path, weights),
        text=partial(_text, path),
        on_close=weights.close,
    )


def _text(path: Path, name: str) -> str | None:
    """A member's text, None where there is none of that name.

    Raises:
        DamagedFileError: It is too large, broken, or no text.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if name not in archive.namelist():
                return None
            return _read(path, archive, name).decode("utf-8")
    except (ValueError, zipfile.BadZipFile, EOFError, OSError) as error:
        raise DamagedFileError(f"{path}: {name} cannot be read: {error}.", _AGAIN) from error


def _read(path: Path, archive: zipfile.ZipFile, name: str) -> bytes:
    """A member that is text, if it does not claim to be larger than any is."""
    size = archive.getinfo(name).file_size
    if size > _TEXT_LIMIT:
        raise DamagedFileError(f"{path}: {name} claims {size:,} bytes, which is more than any text there has.")
    with archive.open(name) as file:
        return file.read(_TEXT_LIMIT)


def _json(path: Path, archive: zipfile.ZipFile, name: str) -> Mapping[str, Any]:
    try:
        value = json.loads(_read(path, archive, name))
    except (ValueError, RecursionError, zipfile.BadZipFile, EOFError, OSError) as error:
        raise DamagedFileError(f"{path}: {name} cannot be read: {error}.", _AGAIN) from error
    if not isinstance(value, dict):
        raise DamagedFileError(f"{path}: {name} is not a JSON object.")
    return value


def _open_weights(path: Path, archive: zipfile.ZipFile) -> h5py.File:
    info = archive.getinfo(_WEIGHTS)
    try:
        if info.compress_type == zipfile.ZIP_STORED:
            return h5py.File(_Part(path, _data_offset(path, info), info.file_size), "r")
        if info.file_size > 1000 * max(info.compress_size, 1):
            raise DamagedFileError(f"{path}: {_WEIGHTS} claims {info.file_size:,} bytes out of {info.compress_size:,}.")
        return h5py.File(io.BytesIO(archive.read(_WEIGHTS)), "r")
    except (OSError, zipfile.BadZipFile, EOFError) as error:
        raise DamagedFileError(f"{path}: {_WEIGHTS} cannot be read: {error}.", _AGAIN) from error


def _data_offset(path: Path, info: zipfile.ZipInfo) -> int:
    """Where a member's bytes begin: behind its local header, whose name and extra field have their own lengths."""
    with path.open("rb") as file:
        file.seek(info.header_offset)
        header = file.read(30)
    if len(header) < 30 or not header.startswith(b"PK\x03\x04"):
        raise DamagedFileError(f"{path} is a damaged zip archive.", _AGAIN)
    lengths = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
    return info.header_offset + 30 + lengths


class _Part(io.RawIOBase):
    """A stretch of a file as a file of its own."""

    def __init__(self, path: Path, start: int, size: int) -> None:
        super().__init__()
        self._file = path.open("rb")
        self._start = start
        self._size = size
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(base + offset, 0)
        return self._position

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        count = max(min(len(view), self._size - self._position), 0)
        self._file.seek(self._start + self._position)
        read = self._file.readinto(view[:count]) or 0
        self._position += read
        return read

    def close(self) -> None:
        self._file.close()
        super().close()
