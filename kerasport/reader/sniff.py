"""Tells what a file is from its first bytes, so that a wrong one gets a sentence and not a guess."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from json import detect_encoding
from pathlib import Path
from typing import BinaryIO, Literal

from kerasport.errors import DamagedFileError, FileError, NotAModelError

Kind = Literal["hdf5", "archive", "json", "yaml"]
HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
# Where the superblock may stand: behind a user block, whose size is 512 or twice, four times ... that.
_USER_BLOCKS = [0, *(512 << power for power in range(16))]
_SAVE_AGAIN = "Save it again from Keras as a whole model: model.save('model.h5')."
_WEIGHTS = ("model.weights.h5", "variables.h5", "model.weights.npz")
_DOWNLOAD = "Download the file itself."
_YAML = re.compile(r"(?:\s|#.*\n|---)*(?:backend|class_name|config|keras_version|module)\s*:")


def kind(path: Path) -> Kind:
    """How a model file is stored; an HDF5 file is complete by its own account.

    Raises:
        FileError: It is not there, of another kind, or shorter than it says.
    """
    if path.is_dir():
        if (path / "config.json").is_file() and any((path / name).exists() for name in _WEIGHTS):
            return "archive"
        raise _directory(path)
    if path.exists() and not path.is_file():  # to open it might wait for ever
        raise NotAModelError(f"{path} is a pipe or a device, not a file.", "Write its output to a file first.")
    try:
        with path.open("rb") as file:
            head = file.read(4096)
            start = _superblock(file)
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
    what, hint = describe(path, head, size)
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
    if re.match(r"""\{\s*["}]|"\{""", text):
        return "json"
    return "yaml" if _YAML.match(text) else None


def _unopened(path: Path, error: OSError) -> FileError:
    """A path that cannot be opened; TensorFlow's checkpoints have names to which suffixes are added."""
    if path.with_name(f"{path.name}.index").exists():
        return NotAModelError(
            f"{path} is a TensorFlow checkpoint.",
            "Load it in the Keras that wrote it: model.load_weights(...), then model.save_weights('weights.h5').",
        )
    return FileError(f"{path} cannot be opened: {error.strerror or error}.")


def describe(path: Path, head: bytes, size: int) -> tuple[str, str]:
    """What the file is, and the way on."""
    if not size:
        return "empty", "Download or copy it again."
    for matches, what, hint in _KINDS:
        if matches(head):
            return what, hint
    if head.startswith(b"PK\x03\x04"):
        return _zip(path)
    return (
        "in no format that kerasport knows",
        "kerasport reads what model.save() writes, and model.to_json() with --weights.",
    )


def _starts(*prefixes: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(prefixes)


def _text(*prefixes: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.lstrip().lower().startswith(prefixes)


def _onnx(head: bytes) -> bool:
    return head[:1] == b"\x08" and len(head) > 2 and head[1] < 32 and head[2:3] in (b"\x12", b"\x3a", b"\x42", b"\x1a")


def _safetensors(head: bytes) -> bool:
    return len(head) > 9 and head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 1 << 30


_Kind = tuple[Callable[[bytes], bool], str, str]
_KINDS: tuple[_Kind, ...] = (
    (_starts(b"version https://git-lfs"), "a git-LFS pointer, not the file itself", "Run `git lfs pull` where it is."),
    (_text(b"<!doctype html", b"<html"), "an HTML page", f"The download returned a web page. {_DOWNLOAD}"),
    (_text(b"<?xml"), "an XML document", f"The download may have returned an error message. {_DOWNLOAD}"),
    (lambda head: head[4:8] == b"TFL3", "a TensorFlow Lite model", "Use the Keras model that it was made from."),
    (_starts(b"\x93NUMPY"), "a NumPy array (.npy)", "The first argument is the model; arrays go to --input."),
    (_starts(b"\x1f\x8b"), "gzip-compressed", "Decompress it first: gunzip or tar xzf."),
    (lambda head: head[257:262] == b"ustar", "a tar archive", "Unpack it first: tar xf."),
    (_starts(b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"),
     "a Python pickle (PyTorch, joblib or other), which kerasport never loads", _SAVE_AGAIN),
    (_safetensors, "a safetensors file, which holds weights without a model", _SAVE_AGAIN),
    (_onnx, "already an ONNX model", "Use it as it is: `kerasport predict model.onnx --input data.npy`."),
    (_starts(b"\x0a", b"\x08\x01"), "a protocol buffer (a SavedModel or frozen graph, most likely)", _SAVE_AGAIN),
)  # fmt: skip


def _directory(path: Path) -> FileError:
    if (path / "saved_model.pb").exists() or (path / "keras_metadata.pb").exists():
        return NotAModelError(f"{path} is a TensorFlow SavedModel directory, not a Keras model file.", _SAVE_AGAIN)
    return NotAModelError(f"{path} is a directory, not a Keras model file.")


def _is_archive(path: Path, head: bytes) -> bool:
    if not head.startswith(b"PK"):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, ValueError):
        return False
    return "config.json" in names and bool(names & set(_WEIGHTS))


def _zip(path: Path) -> tuple[str, str]:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile:
        return "a damaged zip archive (a truncated download, most likely)", "Download or copy it again."
    if any(name.endswith("data.pkl") for name in names):
        return "a PyTorch file", "Export it with torch.onnx instead."
    if any(name.endswith(".npy") for name in names):
        return "a NumPy archive (.npz)", "The first argument is the model; arrays go to --input."
    return "a zip archive of another kind", "Unpack it first if the model is inside."


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
