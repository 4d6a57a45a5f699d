"""``doctor``: the installed versions, whether they work, and their known vulnerabilities."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import reduce
from importlib import import_module
from importlib.metadata import PackageNotFoundError, requires
from typing import Any

from kerasport._version import __version__
from kerasport.vulnerabilities import CHECKED, VULNERABILITIES, Vulnerability, numbers

SCHEMA = 1
# What people call each library, its module, and where that tells the version.
_LIBRARIES = (
    ("h5py", "h5py", "__version__"),
    ("HDF5", "h5py", "version.hdf5_version"),
    ("onnx", "onnx", "__version__"),
    ("ONNX Runtime", "onnxruntime", "__version__"),
    ("NumPy", "numpy", "__version__"),
)


@dataclass(frozen=True)
class Part:
    """Something that kerasport works with.

    Attributes:
        name: As people call it.
        version: Its version; "" where it cannot be told.
        problem: Why it does not work, or "".
    """

    name: str
    version: str
    problem: str = ""


@dataclass(frozen=True)
class Diagnosis:
    """What was found.

    Attributes:
        parts: Everything that kerasport works with.
        vulnerabilities: Those published ones that the versions here have.
    """

    parts: tuple[Part, ...]
    vulnerabilities: tuple[Vulnerability, ...]

    @property
    def works(self) -> bool:
        """Whether nothing is missing, broken or too old."""
        return not any(part.problem for part in self.parts)

    def version(self, name: str) -> str:
        """The version of a part."""
        return next(part.version for part in self.parts if part.name == name)

    def to_json(self) -> dict[str, Any]:
        """The documented machine-readable form, ``schema`` 1."""
        return {"schema": SCHEMA, "works": self.works, "checked": CHECKED, **asdict(self)}


def diagnose() -> Diagnosis:
    """Imports what kerasport works with, and looks its versions up."""
    least = dict(_least_versions())
    own = (Part("Python", platform.python_version()), Part("kerasport", __version__))
    parts = (*own, *(_examined(name, module, place, least.get(name, "")) for name, module, place in _LIBRARIES))
    versions = {part.name: part.version for part in parts}
    found = [fault for fault in VULNERABILITIES if versions[fault.package]]
    return Diagnosis(parts, tuple(fault for fault in found if fault.affects(versions[fault.package])))


def _examined(name: str, module: str, place: str, least: str) -> Part:
    try:
        version = str(reduce(getattr, place.split("."), import_module(module)))
    except ModuleNotFoundError as error:
        return Part(name, "", f"it is not installed: {error}")
    except Exception as error:  # what a broken library raises when it is imported, nobody knows
        return Part(name, "", f"it is broken: {type(error).__name__}: {error}")
    if least and numbers(version) < numbers(least):
        return Part(name, version, f"it is too old: kerasport needs {least}")
    return Part(name, version)


def _least_versions() -> Iterator[tuple[str, str]]:
    """What kerasport asks for when it is installed."""
    try:
        asked = requires("kerasport") or []
    except PackageNotFoundError:
        return
    modules = {module: name for name, module, place in _LIBRARIES if place == "__version__"}
    for line in asked:
        found = re.fullmatch(r"([\w-]+)>=([\d.]+)", line)
        if found and found[1] in modules:
            yield modules[found[1]], found[2]
