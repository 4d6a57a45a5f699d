"""External data of an ONNX model: where its weights are stored, checked before anything opens the files.

ONNX Runtime opens what a model names (https://github.com/onnx/onnx/blob/main/docs/ExternalData.md). A model from a
stranger may name any file of the user's; only files in the model's own folder are its own.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from mmap import ACCESS_READ, mmap
from pathlib import Path

from kerasport.errors import FileError, NotAModelError
from kerasport.onnxfile.protobuf import BYTES, VARINT, fields, read_varint

# The fields that lead from a message to tensors: for each message, the number and the message that is there
# (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).
_WAYS: Mapping[str, Mapping[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
}
_NAME, _ENTRY, _LOCATION = 8, 13, 14
_DEEPEST = 100
_DIGITS = 18
_KEYS = {"location", "offset", "length", "checksum", "basepath"}
_COPY = "Copy the model and its data files themselves into one folder: cp -L."


@dataclass(frozen=True)
class External:
    """A tensor whose values are in a file of their own.

    Attributes:
        tensor: Its name.
        entries: What the model says of the file: "location", "offset", "length".
    """

    tensor: str
    entries: Mapping[str, str]


def data_name(target: Path) -> str:
    """What to call a new model's data file: ``<target>.data``, unless the model that is there uses that.

    There are two names, so that a new model's can be there while the old model still has its own: the one moment in
    which the model file is replaced then decides which of the two models is there, whole.
    """
    return next((name for name in _data_names(target) if name not in _used(target)), f"{target.name}.data")


def remove_other_data(target: Path) -> None:
    """Removes the data file, of these two, that the model which is there does not use."""
    used = _used(target)
    for name in _data_names(target):
        if name not in used:
            target.with_name(name).unlink(missing_ok=True)


def _data_names(target: Path) -> tuple[str, ...]:
    return f"{target.name}.data", f"{target.name}.1.data"


def _used(target: Path) -> set[str | None]:
    """The data files of a model; what is no model has none."""
    if not target.is_file() or target.is_symlink():
        return set()
    try:
        return {external.entries.get("location") for external in external_tensors(target)}
    except FileError:
        return set()


def check_external(path: Path) -> None:
    """Makes sure that an ONNX file keeps its weights only in plain files in its own folder.

    Raises:
        FileError: It cannot be read.
        NotAModelError: It is no ONNX model, or names another file, a link, or a part that its file has not.
    """
    checked: set[tuple[tuple[str, str], ...]] = set()
    for external in external_tensors(path):
        key = tuple(sorted(external.entries.items()))
        if key not in checked:
            data_file(path, external)
            checked.add(key)


def data_file(path: Path, external: External) -> tuple[Path, int, int | None]:
    """The file of a tensor's values, where they begin in it, and how many bytes they have, if the model says so.

    Raises:
        NotAModelError: It is not a plain file in the model's folder, or has not so many bytes.
    """
    entries = external.entries
    name = entries.get("location", "")
    plain = Path(name)
    where = f"{path}: the weight {external.tensor[:80]!r}"
    if not name or "\0" in name or plain.is_absolute() or ".." in plain.parts or ":" in name or "\\" in name:
        raise NotAModelError(f"{where} is outside of the model's folder, at {name[:80]!r}.", _COPY)
    if unknown := entries.keys() - _KEYS:
        raise NotAModelError(f"{where} has an unknown entry {min(unknown)[:40]!r} on its external data.")
    file = path.parent / plain
    size = _plain_size(path.parent, plain, where)
    offset, length = (_number(entries.get(key), where) for key in ("offset", "length"))
    begin = offset or 0
    if begin + (length or 0) > size:
        raise NotAModelError(f"{where} is cut off: {file} has {size:,} bytes where {begin + (length or 0):,} are due.")
    return file, begin, length


def _plain_size(folder: Path, name: Path, where: str) -> int:
    file = folder / name
    if any((folder / Path(*name.parts[:count])).is_symlink() for count in range(1, len(name.parts) + 1)):
        raise NotAModelError(f"{where} is behind a link, {file}, which kerasport does not follow.", _COPY)
    try:
        found = file.lstat()
    except OSError as error:
        raise NotAModelError(f"{where} should be in {file}, which cannot be opened: {error.strerror}.") from error
    if not stat.S_ISREG(found.st_mode):
        raise NotAModelError(f"{where} should be in {file}, which is no plain file.")
    if found.st_nlink > 1:
        raise NotAModelError(f"{where} is in {file}, which has another name elsewhere (a hard link).", _COPY)
    return found.st_size


def _number(text: str | None, where: str) -> int | None:
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > _DIGITS:
        raise NotAModelError(f"{where} has {text[:40]!r} where its external data need a number.")
    return int(text)


def external_tensors(path: Path) -> Iterator[External]:
    """All tensors of an ONNX file whose values are elsewhere: initializers, sparse ones, attributes, inner graphs.

    Raises:
        FileError: There is no such file.
        NotAModelError: It is not an ONNX model.
    """
    try:
        with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as data:
            yield from _below(data, "model", 0, len(data), 0)
    except OSError as error:
        raise FileError(f"{path} cannot be opened: {error.strerror}.") from error
    except (ValueError, IndexError) as error:
        raise NotAModelError(f"{path} is not an ONNX model: {error}.") from error


def _below(data: mmap, message: str, start: int, end: int, depth: int) -> Iterator[External]:
    if depth > _DEEPEST:
        raise ValueError("its graphs are nested without end")
    if message == "tensor":
        yield from _tensor(data, start, end)
        return
    ways = _WAYS[message]
    for number, kind, _, content, stop in fields(data, start, end):
        if kind == BYTES and number in ways:
            yield from _below(data, ways[number], content, stop, depth + 1)


def _tensor(data: mmap, start: int, end: int) -> Iterator[External]:
    """The tensor, if its values are elsewhere; of several values of one field the last counts, as protobuf has it."""
    name, elsewhere, entries = "", 0, list[tuple[str, str]]()
    for number, kind, _, content, stop in fields(data, start, end):
        if (number, kind) == (_NAME, BYTES):
            name = _text(data[content:stop])
        elif (number, kind) == (_LOCATION, VARINT):
            elsewhere, _ = read_varint(data, content)
        elif (number, kind) == (_ENTRY, BYTES):
            entries.append(_entry(data, content, stop))
    if elsewhere or entries:
        if len(dict(entries)) < len(entries):
            raise ValueError(f"the weight {name[:80]!r} says twice where its values are")
        yield External(name, dict(entries))


def _entry(data: mmap, start: int, end: int) -> tuple[str, str]:
    found = {number: _text(data[content:stop]) for number, kind, _, content, stop in fields(data, start, end)}
    return found.get(1, ""), found.get(2, "")


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
