"""Tells what a file is from its first bytes, so that a wrong one gets a sentence and not a guess."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from kerasport.errors import DamagedFileError, FileError, NotAModelError

HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
_SAVE_AGAIN = "Save it again from Keras as a whole model: model.save('model.h5')."
_DOWNLOAD = "Download the file itself."


def kind(path: Path) -> Literal["hdf5", "archive"]:
    """How a model file is stored; an HDF5 file is complete by its own account.

    Raises:
        FileError: It is not there, of another kind, or shorter than it says.
    """
    if path.is_dir():
        raise _directory(path)
    try:
        with path.open("rb") as file:
            head = file.read(4096)
        size = path.stat().st_size
    except OSError as error:
        raise FileError(f"{path} cannot be opened: {error.strerror or error}.") from error
    if head.startswith(HDF5_MAGIC):
        _require_whole(path, head, size)
        return "hdf5"
    if _is_archive(path, head):
        return "archive"
    what, hint = describe(path, head, size)
    raise NotAModelError(f"{path} is not a Keras model file: it is {what}.", hint)


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
        "kerasport reads whole models in HDF5, as model.save('model.h5') writes.",
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
    (_text(b"<!doctype html", b"<html"), "an HTML page", f"The download gave a web page. {_DOWNLOAD}"),
    (_text(b"<?xml"), "an XML document", f"The download may have given an error text. {_DOWNLOAD}"),
    (lambda head: head[4:8] == b"TFL3", "a TensorFlow Lite model", "The Keras model that it came from is needed."),
    (_starts(b"\x93NUMPY"), "a NumPy array (.npy)", "Give the model first; arrays go to --input."),
    (_starts(b"\x1f\x8b"), "gzip-compressed", "Uncompress it first: gunzip or tar xzf."),
    (lambda head: head[257:262] == b"ustar", "a tar archive", "Unpack it first: tar xf."),
    (_starts(b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"),
     "a Python pickle (PyTorch, joblib or other), which kerasport never loads", _SAVE_AGAIN),
    (_safetensors, "a safetensors file, which holds weights without their model", _SAVE_AGAIN),
    (_onnx, "an ONNX model already", "Use it as it is: `kerasport predict model.onnx --input data.npy`."),
    (_text(b"{"), "JSON: an architecture without weights, or an error text", _SAVE_AGAIN),
    (_text(b"class_name:", b"backend:"), "YAML: an architecture without weights", _SAVE_AGAIN),
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
            return {"config.json", "model.weights.h5"} <= set(archive.namelist())
    except zipfile.BadZipFile:
        return False


def _zip(path: Path) -> tuple[str, str]:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile:
        return "a damaged zip archive (a truncated download, most likely)", "Download or copy it again."
    if any(name.endswith("data.pkl") for name in names):
        return "a PyTorch file", "Export it with torch.onnx instead."
    if any(name.endswith(".npy") for name in names):
        return "a NumPy archive (.npz)", "Give the model first; arrays go to --input."
    return "a zip archive of another kind", "Unpack it first if the model is inside."


def _require_whole(path: Path, head: bytes, size: int) -> None:
    """The superblock names the end of the file; less than that on disk is a cut-off file."""
    version = head[8]
    width = head[13] if version < 2 else head[9]
    start = {0: 24, 1: 28}.get(version, 12)
    end_field = start + 2 * width
    end = int.from_bytes(head[end_field : end_field + width], "little")
    if version > 3 or width not in (2, 4, 8):
        raise DamagedFileError(f"{path} has a damaged HDF5 header.", "Download or copy it again.")
    if end > size:
        raise DamagedFileError(
            f"{path} is cut off: it should have {end:,} bytes and has {size:,}.", "Download or copy it again."
        )
