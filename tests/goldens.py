"""The golden cases: what real Kerases saved, and what they computed."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from collections.abc import Collection
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).parent.parent / "fixtures" / "goldens"
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
class Form:
    """A way in which a case is saved: which of its files make up the model.

    Attributes:
        model: The file that is opened as the model.
        weights: The file that is given for the weights, if any.
        beside: What the names of further files begin with, that these need beside them.
        unzipped: Whether the model is an archive to be opened as the directory of its members.
    """

    model: str
    weights: str = ""
    beside: str = ""
    unzipped: bool = False

    @property
    def name(self) -> str:
        """For test ids: ``.h5``, ``.json+weights.h5``, ``.cudnn.json+weights.h5``."""
        return (
            f".{self.model}".removeprefix(".model")
            + ("/" if self.unzipped else "")
            + (f"+{self.weights}" if self.weights else "")
        )

    def files(self, names: Collection[str]) -> list[str]:
        """Those of a case's files that it takes; none where the case has not all of them."""
        if self.model not in names or (self.weights and self.weights not in names):
            return []
        further = {name for name in names if self.beside and name.startswith(self.beside)}
        needed = {self.model, self.weights or self.model}
        return sorted(needed | further) if further or not self.beside else []


H5, ARCHIVE = Form("model.h5"), Form("model.keras")
_WEIGHTS = (
    *("weights.h5", "renamed.h5", "numbered.h5", "model.h5", "cudnn.h5"),
    *("model.weights.h5", "renamed.weights.h5", "model.keras"),
)
FORMS = (
    H5,
    ARCHIVE,
    *(Form("model.json", weights) for weights in _WEIGHTS),
    Form("model.json", "shards.weights.json", beside="shards_"),
    Form("cudnn.json", "weights.h5"),
    Form("cudnn.json", "cudnn.h5"),
    Form("model.yaml", "weights.h5"),
    Form("model.h5", "renamed.h5"),
    Form("model.h5", "model.weights.h5"),
    Form("model.keras", beside="model.json", unzipped=True),
)


@dataclass(frozen=True)
class Golden:
    """One case of one Keras in one form.

    Attributes:
        family: The layer family.
        case: The case's name.
        era: ``<keras version>-<backend>``.
        form: The form in which it is opened.
        files: The names of the files of that form.
    """

    family: str
    case: str
    era: str
    form: Form
    files: tuple[str, ...]

    @property
    def name(self) -> str:
        """For test ids: ``2.15.0-tensorflow/conv/conv2d.h5``."""
        return f"{self.era}/{self.family}/{self.case}{self.form.name}"

    @property
    def backend(self) -> str | None:
        """The backend where a file does not tell it: Keras 1's name it nowhere, and weights may be missing."""
        return self.era.partition("-")[2] if self.era.startswith("1.") else None

    def member(self, name: str) -> bytes:
        """A member of the case."""
        return _archive(self.family)[f"{self.case}/{self.era}/{name}"]

    def model(self, folder: Path) -> Path:
        """The model file, unpacked into a folder, with the files that belong to it."""
        for name in self.files:
            (folder / name).write_bytes(self.member(name))
        if not self.form.unzipped:
            return folder / self.form.model
        with zipfile.ZipFile(folder / self.form.model) as archive:
            archive.extractall(folder / "model")
        return folder / "model"

    def weights(self, folder: Path) -> Path | None:
        """The weights file that goes with the model, once that is unpacked there."""
        return folder / self.form.weights if self.form.weights else None

    @property
    def tolerance(self) -> tuple[float, float]:
        """Rtol and atol: what float32 leaves room for, or, where Keras computed in half precision, what that does."""
        half = "float16" in self.case or self.case in ("policies_of_layers", "mixed_precision")
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
        arrays = _arrays(self.family, self.case, self.era)
        return [arrays[f"{kind}_{i}"].copy() for i in range(sum(key.startswith(f"{kind}_") for key in arrays))]


def goldens(family: str = "*", case: str = "*", era: str = "*", form: Form = H5) -> list[Golden]:
    """All cases whose family, case and era match, in one form."""
    return [
        Golden(found, name, writer, form, tuple(files))
        for found, cases in _index().items()
        if fnmatch(found, family)
        for name, entry in cases.items()
        if fnmatch(name, case)
        for writer, names in entry["eras"].items()
        if fnmatch(writer, era) and (files := form.files(names))
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


@lru_cache(8)
def _arrays(family: str, case: str, era: str) -> dict[str, NDArray[Any]]:
    with np.load(io.BytesIO(_archive(family)[f"{case}/{era}/arrays.npz"]), allow_pickle=False) as arrays:
        return dict(arrays)


@cache
def _archive(family: str) -> dict[str, bytes]:
    with tarfile.open(ROOT / f"{family}.tar.xz", "r:xz") as archive:
        files = ((info.name, archive.extractfile(info)) for info in archive)
        return {name: file.read() for name, file in files if file is not None}
