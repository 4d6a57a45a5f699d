"""``check``: whether a model file can be converted, with every reason why not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Unpack

from kerasport.errors import FileError, KerasportError, Problem, UnsupportedModelError, reasons
from kerasport.loading import LoadedModel, Reading, load_architecture

_OUTCOMES = {0: "convertible", 3: "unreadable", 4: "unsupported", 6: "unfit"}


@dataclass(frozen=True)
class Check:
    """The obstacles to converting a model file.

    Attributes:
        path: The file.
        exit_code: 0 if there are none; otherwise that of the error: 3 for a file that cannot be read as a model, 4 for
            one with unsupported layers or options, 6 for input arrays that do not fit, 7 for too little memory, 1 for
            an unexpected error.
        problems: All reasons; one for a file that cannot be read.
        missing_weights: For an architecture alone, how to give its weights, which are taken to fit; otherwise "".
    """

    path: Path
    exit_code: int = 0
    problems: tuple[Problem, ...] = ()
    missing_weights: str = ""

    @classmethod
    def failed(cls, path: Path, error: Exception) -> Check:
        """The check that ended with an error, one of kerasport's own or another."""
        if isinstance(error, UnsupportedModelError):
            return cls(path, error.exit_code, error.problems)
        if isinstance(error, KerasportError):
            return cls(path, error.exit_code, (Problem("(file)", error.message, error.hint),))
        if isinstance(error, MemoryError):
            return cls(path, 7, (Problem("(file)", "There is not enough memory for this model."),))
        what = f"Unexpected error: {type(error).__name__}: {error}"
        return cls(path, 1, (Problem("(file)", what, "This is a bug in kerasport; please report it."),))

    @property
    def convertible(self) -> bool:
        """Whether the model can be converted."""
        return not self.problems

    @property
    def outcome(self) -> str:
        """The result in a word: "convertible", "unreadable", "unsupported", "unfit" or "failed"."""
        return _OUTCOMES.get(self.exit_code, "failed")

    def verdict(self) -> str:
        """The result in a sentence, without the reasons why a model is not supported."""
        if not self.problems:
            return "it can be converted" + (", once its weights are given" if self.missing_weights else "")
        if self.exit_code != UnsupportedModelError.exit_code:
            return self.problems[0].what.rstrip(".")
        count = len(reasons(self.problems))
        return f"it cannot be converted, for {count} reason" + ("s" if count > 1 else "")

    def to_json(self) -> dict[str, Any]:
        """The documented machine-readable form."""
        problems = [{"layer": p.layer, "what": p.what, "hint": p.hint} for p in self.problems]
        return {
            "path": str(self.path),
            "outcome": self.outcome,
            "convertible": self.convertible,
            "missing_weights": self.missing_weights,
            "problems": problems,
        }


def check(path: str | Path, *, opset: int | None = None, **reading: Unpack[Reading]) -> Check:
    """Says whether a model file can be converted; reads no weight values and writes nothing.

    A file that cannot be read is a reason, not an error. An architecture may come without weights.

    Args:
        path: The Keras model file or architecture.
        opset: The target ONNX opset, 13 or later; None for the default.
        **reading: How it is read; see ``kerasport.loading.Reading``.

    Raises:
        OptionError: The opset cannot be written, or the file itself names a different backend.
    """
    try:
        with load_architecture(path, **reading) as model:
            problems = obstacles(model, opset)
            missing = model.saved.lacks_weights.hint if model.saved.lacks_weights else ""
    except FileError as error:
        return Check.failed(Path(path), error)
    return Check(Path(path), UnsupportedModelError.exit_code if problems else 0, problems, missing)


def obstacles(model: LoadedModel, opset: int | None = None) -> tuple[Problem, ...]:
    """The unsupported layers, and those that ONNX cannot express in an opset.

    Raises:
        OptionError: The opset cannot be written.
        DamagedFileError: The weights do not match the config.
    """
    from kerasport.export.translate import untranslatable

    unsupported = model.assembly.problems
    if unsupported:
        inputs = (*model.assembly.graph.inputs, *(hole.value for hole in model.assembly.holes.found))
        known = replace(model.assembly.graph, inputs=inputs, calls=model.assembly.calls)
        found = [*unsupported, *untranslatable(known, opset, bound=False)]
    elif model.saved.lacks_weights is not None:
        found = untranslatable(model.assembly.graph, opset, bound=False)
    else:
        found = untranslatable(model.graph, opset)
    return tuple(model.assembly.commands.completed(found, model.assembly.layers))
