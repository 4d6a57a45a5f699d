"""The files that make up a ``.keras`` model, whether zipped or in a directory; nothing is extracted to disk."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol

from kerasport.errors import DamagedFileError
from kerasport.limits import limits, way_on
from kerasport.reader.h5 import H5File
from kerasport.reader.stretch import Stretch

AGAIN = "Download or copy it again."
_BLOCK = 1 << 20
# What reading a member raises where its bytes are not what they should be, or of a kind that Python does not know.
_UNREADABLE = (zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, OSError, EOFError, RuntimeError, ValueError)


class Members(Protocol):
    """The named files of one model.

    Attributes:
        path: The archive or directory.
        names: The names of its files, with slashes.
    """

    path: Path
    names: Sequence[str]

    def read(self, name: str) -> bytes:
        """The bytes of a text file.

        Raises:
            DamagedFileError: They are not all there, or too many.
        """

    def open_h5(self, name: str) -> H5File:
        """A member as an open HDF5 file; a part that is not compressed is read in place.

        Raises:
            DamagedFileError: It is broken.
        """

    def check(self, name: str) -> None:
        """Compares a member that was opened in place with the checksum of it, if there is one.

        Raises:
            DamagedFileError: It has changed since it was written.
        """

    def files(self, *names: str) -> tuple[Path, ...]:
        """The files on disk that have these members."""


class ZipMembers:
    """The members of a zip archive.

    Raises:
        DamagedFileError: It is no complete zip archive.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with zipfile.ZipFile(path) as archive:
                self._infos = archive.infolist()
        except (zipfile.BadZipFile, OSError, ValueError) as error:
            raise DamagedFileError(f"{path} is a damaged zip archive: {error}.", AGAIN) from error
        self.names: Sequence[str] = [info.filename for info in self._infos]

    def read(self, name: str) -> bytes:
        """The bytes of a member."""
        info = self._info(name)
        if info.file_size > limits().text:
            what = f"{self.path}: {name} claims {info.file_size:,} bytes, far more than any text of a model."
            raise DamagedFileError(what, way_on("text"))
        return self._unpacked(info)

    def open_h5(self, name: str) -> H5File:
        """A member as an HDF5 file."""
        info = self._info(name)
        try:
            if info.compress_type == zipfile.ZIP_STORED and not info.flag_bits & 1:
                return H5File(Stretch(self.path, _data_offset(self.path, info), info.file_size))
            if info.file_size > limits().expansion * max(info.compress_size, 1):
                what = f"{self.path}: {name} claims {info.file_size:,} bytes out of {info.compress_size:,}."
                raise DamagedFileError(what, way_on("expansion"))
            return H5File(io.BytesIO(self._unpacked(info)))
        except OSError as error:
            raise DamagedFileError(f"{self.path}: {name} cannot be read: {error}.", AGAIN) from error

    def check(self, name: str) -> None:
        """Reads a member that is not compressed to its end, where its checksum is compared."""
        info = self._info(name)
        if info.compress_type == zipfile.ZIP_STORED:
            with self._opened(info) as file:
                while file.read(_BLOCK):
                    pass

    def files(self, *names: str) -> tuple[Path, ...]:
        """The archive itself."""
        return (self.path,)

    def _info(self, name: str) -> zipfile.ZipInfo:
        found = [info for info in self._infos if info.filename == name]
        if len(found) != 1:
            raise DamagedFileError(f"{self.path} has {len(found)} members named {name}; a Keras archive has one.")
        return found[0]

    def _unpacked(self, info: zipfile.ZipInfo) -> bytes:
        with self._opened(info) as file:
            return file.read(info.file_size)

    @contextmanager
    def _opened(self, info: zipfile.ZipInfo) -> Iterator[IO[bytes]]:
        try:
            with zipfile.ZipFile(self.path) as archive, archive.open(info) as file:
                yield file
        except _UNREADABLE as error:
            raise DamagedFileError(f"{self.path}: {info.filename} cannot be read: {error}.", AGAIN) from error


class FolderMembers:
    """The files in a directory, as an archive unzipped or as Keras's ``zipped=False`` leaves them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        found = sorted(path.rglob("*"))
        self.names: Sequence[str] = [file.relative_to(path).as_posix() for file in found if not file.is_dir()]

    def read(self, name: str) -> bytes:
        """The bytes of a file."""
        path = self._file(name)
        size = path.stat().st_size
        if size > limits().text:
            raise DamagedFileError(f"{path} has {size:,} bytes, far more than any text of a model.", way_on("text"))
        return path.read_bytes()

    def open_h5(self, name: str) -> H5File:
        """A file as an HDF5 file."""
        path = self._file(name)
        try:
            return H5File(path)
        except OSError as error:
            raise DamagedFileError(f"{path} cannot be read: {error}.", AGAIN) from error

    def check(self, name: str) -> None:
        """Files have no checksums."""

    def files(self, *names: str) -> tuple[Path, ...]:
        """These files."""
        return tuple(self.path / name for name in names)

    def _file(self, name: str) -> Path:
        return plain_file(self.path, name)


def plain_file(folder: Path, name: str) -> Path:
    """A file in a folder, by its name alone and not through a link.

    Raises:
        DamagedFileError: It is not there, or elsewhere.
    """
    path = folder / name
    if any(part.is_symlink() for part in (path, *path.parents[: len(Path(name).parts) - 1])):
        raise DamagedFileError(
            f"{path} is a link, which kerasport does not follow.", "Copy the files themselves: cp -rL."
        )
    if not path.is_file():
        raise DamagedFileError(f"{path} is missing.", AGAIN)
    return path


def _data_offset(path: Path, info: zipfile.ZipInfo) -> int:
    """Where a member's bytes begin: behind its local header, whose name and extra field have their own lengths."""
    with path.open("rb") as file:
        file.seek(info.header_offset)
        header = file.read(30)
    if len(header) < 30 or not header.startswith(b"PK\x03\x04"):
        raise DamagedFileError(f"{path} is a damaged zip archive.", AGAIN)
    lengths = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
    return info.header_offset + 30 + lengths
