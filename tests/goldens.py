"""The golden cases: what real Kerases saved, and what they computed."""

from __future__ import annotations

import io
import json
import tarfile
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).parent.parent / "fixtures" / "goldens"
H5, ARCHIVE = "model.h5", "model.keras"
NEVER = 99
_OPSETS = {
    "hashing/strings": NEVER,
    "hashing/hashed_crossing": NEVER,
    "hashing/category_crossing": 20,
    "hashing/*": 18,
    "strings/string_lookup_hashed_oov": NEVER,
    "strings/text_character_pairs": NEVER,
    "strings/text_*": 20,
}


@dataclass(frozen=True)
class Golden:
    """One case of one Keras in one form.

    Attributes:
        family: The layer family.
        case: The case's name.
        era: ``<keras version>-<backend>``.
        form: ``model.h5`` or ``model.keras``.
    """

    family: str
    case: str
    era: str
    form: str

    @property
    def name(self) -> str:
        """For test ids: ``2.15.0-tensorflow/conv/conv2d.h5``."""
        return f"{self.era}/{self.family}/{self.case}{Path(self.form).suffix}"

    @property
    def backend(self) -> str | None:
        """The backend where a file does not tell it: Keras 1's name it nowhere, and weights may be missing."""
        return self.era.partition("-")[2] if self.era.startswith("1.") else None

    def member(self, name: str) -> bytes:
        """A member of the case."""
        return _archive(self.family)[f"{self.case}/{self.era}/{name}"]

    def model(self, folder: Path) -> Path:
        """The model file, unpacked into a folder."""
        path = folder / self.form
        path.write_bytes(self.member(self.form))
        return path

    @property
    def tolerance(self) -> tuple[float, float]:
        """Rtol and atol: what float32 leaves room for, or, where Keras computed in half precision, what that does."""
        half = self.family == "dtypes" and ("float16" in self.case or self.case == "policies_of_layers")
        return (2e-2, 2e-2) if half else (1e-4, 1e-5)

    @property
    def opset(self) -> int:
        """The first opset that can express it; NEVER where only the reference computes it."""
        name = f"{self.family}/{self.case}"
        return next((opset for pattern, opset in _OPSETS.items() if fnmatch(name, pattern)), 0)

    @property
    def inputs(self) -> list[NDArray[Any]]:
        """The inputs, in the model's order."""
        return self._arrays("input")

    @property
    def outputs(self) -> list[NDArray[Any]]:
        """Keras's outputs, in the model's order."""
        return self._arrays("output")

    @property
    def next_batch(self) -> tuple[list[NDArray[Any]], list[NDArray[Any]]]:
        """Inputs that Keras was given next, and what it computed then; of stateful models only."""
        return self._arrays("next_input"), self._arrays("next_output")

    def _arrays(self, kind: str) -> list[NDArray[Any]]:
        with np.load(io.BytesIO(self.member("arrays.npz")), allow_pickle=False) as arrays:
            return [arrays[f"{kind}_{i}"] for i in range(sum(key.startswith(f"{kind}_") for key in arrays))]


def goldens(family: str = "*", case: str = "*", era: str = "*", form: str = H5) -> list[Golden]:
    """All cases whose family, case and era match, in one form."""
    return [
        Golden(found, name, writer, form)
        for found, cases in _index().items()
        for name, entry in cases.items()
        for writer, forms in entry["eras"].items()
        if fnmatch(found, family) and fnmatch(name, case) and fnmatch(writer, era) and form in forms
    ]


def golden_classes() -> set[str]:
    """The Keras classes that stand in the configs of golden files."""
    return _named("classes")


def golden_functions() -> set[str]:
    """TensorFlow's functions that tf.keras recorded in golden files."""
    return _named("functions")


def golden_operators() -> set[str]:
    """TensorFlow's operators whose nodes stand in golden files."""
    return _named("operators")


def _named(kind: str) -> set[str]:
    return {name for cases in _index().values() for entry in cases.values() for name in entry.get(kind, ())}


@cache
def _index() -> dict[str, Any]:
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(ROOT.glob("*.json"))}


@cache
def _archive(family: str) -> dict[str, bytes]:
    with tarfile.open(ROOT / f"{family}.tar.xz", "r:xz") as archive:
        files = ((info.name, archive.extractfile(info)) for info in archive)
        return {name: file.read() for name, file in files if file is not None}
