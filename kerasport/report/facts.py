"""What a report says about the files and the machine."""

from __future__ import annotations

import hashlib
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from kerasport._version import __version__
from kerasport.errors import FileError

_PACKAGES = ("numpy", "h5py", "onnx", "onnxruntime")


def environment() -> dict[str, str]:
    """The versions of kerasport, Python, the platform and the libraries that computed."""
    return {
        "kerasport": __version__,
        "python": f"{platform.python_version()} ({platform.python_implementation()})",
        "platform": platform.platform(),
        **{name: _version(name) for name in _PACKAGES},
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def source_files(source: Path, weights: Path | None) -> list[tuple[str, Path]]:
    """The files that a model is read from, with their roles; of one that cannot be read, those that were named."""
    from kerasport.reader import open_model

    try:
        model = open_model(source, weights)
    except FileError:
        named = [("source", source)] + ([("weights", weights)] if weights is not None else [])
        return [(role, path) for role, path in named if path.is_file()]
    model.close()
    return [(role, path) for role, paths in model.files.items() for path in paths]


def onnx_files(onnx: Path) -> list[tuple[str, Path]]:
    """The files of an ONNX model, as far as they exist."""
    return [("onnx", path) for path in (onnx, *_external(onnx)) if path.is_file()]


def _external(onnx: Path) -> list[Path]:
    """The files beside an ONNX file that have its weights."""
    from kerasport.validation.skeleton import read_skeleton

    if not onnx.is_file():
        return []
    try:
        weights = read_skeleton(onnx).weights.values()
    except FileError:
        return []
    return sorted({weight.path for weight in weights} - {onnx})


def digest(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
