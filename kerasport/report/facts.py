"""What a report says of the files and of the machine."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterator, Mapping
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


def files(source: Path | None, weights: Path | None, onnx: Path | None) -> Iterator[tuple[str, Path]]:
    """All files that exist of a source and an ONNX model, each with its role: "source", "weights" or "onnx"."""
    for role, paths in _sources(source, weights).items():
        yield from ((role, path) for path in paths if path.is_file())
    if onnx is not None and onnx.is_file():
        yield from (("onnx", path) for path in (onnx, *_external(onnx)))


def _sources(source: Path | None, weights: Path | None) -> Mapping[str, tuple[Path, ...]]:
    """The files that a model is read from; of one that cannot be read, those that were named."""
    from kerasport.reader import open_model

    if source is None:
        return {}
    try:
        model = open_model(source, weights)
    except FileError:
        return {"source": (source,), "weights": () if weights is None else (weights,)}
    model.close()
    return model.files


def _external(onnx: Path) -> list[Path]:
    """The files beside an ONNX file that have its weights."""
    from kerasport.validation.skeleton import read_skeleton

    try:
        weights = read_skeleton(onnx).weights.values()
    except FileError:
        return []
    return sorted({weight.path for weight in weights} - {onnx})


def digest(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
