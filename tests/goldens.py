"""The golden cases: what real Kerases saved, and what they computed."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).parent.parent / "fixtures" / "goldens"


@dataclass(frozen=True)
class Golden:
    """One case in one form: ``<keras version>-<backend>/<family>/<case>``, as ``model.h5`` or ``model.keras``."""

    path: Path
    form: str = "model.h5"

    @property
    def name(self) -> str:
        """For test ids."""
        return self.path.relative_to(ROOT).with_suffix(Path(self.form).suffix).as_posix()

    @property
    def family(self) -> str:
        """The layer family."""
        return self.path.parent.name

    def member(self, name: str) -> bytes:
        """A member of the zip."""
        with zipfile.ZipFile(self.path) as archive:
            return archive.read(name)

    def model(self, folder: Path) -> Path:
        """The model file, unpacked into a folder."""
        path = folder / self.form
        path.write_bytes(self.member(self.form))
        return path

    @cached_property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """All arrays by name."""
        return dict(np.load(io.BytesIO(self.member("arrays.npz")), allow_pickle=False))

    @property
    def inputs(self) -> list[NDArray[Any]]:
        """The inputs, in the model's order."""
        return [self.arrays[f"input_{i}"] for i in range(sum(key.startswith("input_") for key in self.arrays))]

    @property
    def outputs(self) -> list[NDArray[Any]]:
        """Keras's outputs, in the model's order."""
        return [self.arrays[f"output_{i}"] for i in range(sum(key.startswith("output_") for key in self.arrays))]

    @property
    def about(self) -> dict[str, str]:
        """Which Keras made it."""
        return dict(json.loads(self.member("about.json")))


def goldens(pattern: str = "*", form: str = "model.h5") -> list[Golden]:
    """All cases of the families that match, in one form."""
    cases = [Golden(path, form) for path in sorted(ROOT.glob(f"*/{pattern}/*.zip"))]
    return [case for case in cases if case.form in _members(case.path)]


def archives(pattern: str = "*") -> list[Golden]:
    """All cases of the families that match which are there as ``.keras`` archives."""
    return goldens(pattern, "model.keras")


@cache
def _members(path: Path) -> frozenset[str]:
    with zipfile.ZipFile(path) as archive:
        return frozenset(archive.namelist())
