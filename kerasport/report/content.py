"""The content of a report, independent of its format."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, isfinite
from pathlib import Path
from typing import Any

from kerasport.checking import Check
from kerasport.finite import NotFinite, told_briefly
from kerasport.report import facts
from kerasport.report.text import number, place, visible
from kerasport.validation.error import LayerError
from kerasport.validation.result import Validation

TITLES = {
    "passed": "Passed",
    "mismatch": "Mismatch",
    "unvalidated": "Converted, not validated",
    "convertible": "Can be converted",
    "unsupported": "Not supported",
    "unreadable": "Not readable",
    "unfit": "Inputs do not fit",
    "failed": "Failed",
}
FAULTLESS = {"passed", "convertible", "unvalidated"}
_WORST = 10


@dataclass(frozen=True)
class FileFacts:
    """A file, so that it is known again.

    Attributes:
        role: "source", "weights" or "onnx".
        path: As it was given.
        size: In bytes.
        sha256: Its SHA-256.
    """

    role: str
    path: Path
    size: int
    sha256: str


@dataclass(frozen=True)
class Report:
    """The result of a command, with what is needed to repeat it.

    Attributes:
        command: "convert", "validate" or "check".
        checks: One for each model file: whether it can be read and converted.
        validation: The comparison, if one was made.
        files: The files, as far as they exist.
        conversion: The numbers of layers, nodes and parameters, the size and the opset of a model that was written.
        not_finite: Weights with values that are NaN or infinite.
        options: What the command was given.
        environment: The versions of what computed.
        created: When, in UTC.
        seconds: How long it took.
    """

    command: str
    checks: tuple[Check, ...]
    validation: Validation | None = None
    files: tuple[FileFacts, ...] = ()
    conversion: Mapping[str, int] = field(default_factory=dict)
    not_finite: tuple[NotFinite, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=facts.environment)
    created: str = field(default_factory=lambda: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
    seconds: float = 0.0

    @classmethod
    def of(
        cls,
        *sources: str | Path | Check,
        files: Collection[Path] | None = None,
        onnx: str | Path | None = None,
        weights: str | Path | None = None,
        validation: Validation | None = None,
        command: str = "validate",
        conversion: Mapping[str, int] | None = None,
        not_finite: Collection[NotFinite] = (),
        options: Mapping[str, Any] | None = None,
        seconds: float = 0.0,
    ) -> Report:
        """A report of files, whose sizes and digests are read.

        Args:
            sources: The model file; what stands in its way; or several.
            files: The model files, where these are not the sources.
            onnx: The ONNX file, if there is one.
            weights: The file that was given for the weights.
            validation: The comparison, if one was made.
            command: "convert", "validate" or "check".
            conversion: Numbers that tell what was written.
            not_finite: Weights with values that are NaN or infinite, where there is no comparison that has them.
            options: What the command was given.
            seconds: How long it took.
        """
        checks = tuple(source if isinstance(source, Check) else Check(Path(source)) for source in sources)
        named = Path(weights) if weights is not None else None
        models = [check.path for check in checks] if files is None else files
        found = [pair for path in models for pair in facts.source_files(path, named)]
        found += facts.onnx_files(Path(onnx)) if onnx is not None else []
        known = tuple(FileFacts(role, path, path.stat().st_size, facts.digest(path)) for role, path in found)
        met = tuple(not_finite) if validation is None else validation.not_finite
        return cls(command, checks, validation, known, conversion or {}, met, options or {}, seconds=seconds)

    @property
    def outcome(self) -> str:
        """In a word: one of ``TITLES``."""
        failed = self.failed
        if failed:
            return next((check.outcome for check in failed if check.exit_code == self.exit_code), "failed")
        if self.validation is None:
            return "convertible" if self.command == "check" else "unvalidated"
        return "passed" if self.validation.passed else "mismatch"

    @property
    def exit_code(self) -> int:
        """The exit code of the command; of several files, that of the one that is hardest to mend."""
        codes = [check.exit_code for check in self.checks if check.exit_code]
        if codes:
            return min(codes)
        return 5 if self.validation is not None and not self.validation.passed else 0

    @property
    def failed(self) -> tuple[Check, ...]:
        """The files that cannot be converted."""
        return tuple(check for check in self.checks if not check.convertible)

    @property
    def told(self) -> bool:
        """Whether the verdict is all that is to be said of what failed, but for what can be done."""
        return len(self.checks) == 1 and self.outcome != "unsupported"

    def verdict(self) -> str:
        """One sentence."""
        if self.failed and len(self.checks) > 1:
            text = f"{len(self.failed)} of {len(self.checks)} models cannot be converted"
        elif self.failed:
            text = self.failed[0].verdict()
        elif self.validation is not None:
            text = self.validation.verdict()
        elif self.command == "check":
            count = len(self.checks)
            text = f"all {count} models can be converted" if count > 1 else self.checks[0].verdict()
            if count > 1 and any(check.missing_weights for check in self.checks):
                text += ", some once their weights are given"
        else:
            text = "nothing was compared with the reference"
            text += f"; {told_briefly(self.not_finite)}" if self.not_finite else ""
        begun = (
            text if self.told and self.failed else text[:1].upper() + text[1:]
        )  # an error may begin with a file's name
        return visible(begun.rstrip(".") + ".")

    def to_json(self) -> dict[str, Any]:
        """The documented machine-readable form, ``schema`` 2, whose numbers may be infinite."""
        from kerasport.report.document import as_json

        return as_json(self)


def margin(entry: LayerError) -> float:
    """How much of what is allowed an error takes; above 1 it is too large."""
    if not entry.passed and not isfinite(entry.max_abs):
        return inf
    return entry.roundings / entry.allowed if entry.allowed else 0.0


def worst(entries: Sequence[LayerError], count: int = _WORST) -> list[LayerError]:
    """Those that do not pass, and then those that come nearest to what is allowed; exact ones are left out."""
    ordered = sorted(entries, key=lambda entry: (entry.passed, -margin(entry), -entry.max_rel))
    return [entry for entry in ordered if not entry.passed or entry.max_abs][:count]


def explained(entry: LayerError, validation: Validation) -> list[str]:
    """What is known of an error, a sentence a line, without full stops."""
    lines = [visible(entry.detail) if entry.detail else f"its error is {number(entry.max_abs)}, {_relative(entry)}"]
    if entry.allowed is not None and isfinite(entry.roundings):
        lines.append(f"that is {number(entry.roundings)} roundings, where {number(entry.allowed)} are allowed")
    if entry.just_passes and isfinite(entry.just_passes):
        lines.append(f"rtol and atol of {number(entry.just_passes)} would just pass")
    if entry.worst and entry.actual is not None and entry.expected is not None:
        values = f"{number(entry.actual, 9)} where {number(entry.expected, 9)} is right"
        lines.append(f"the worst is at {place(entry.worst)}: {values}")
    if entry.folded:
        lines.append(f"with {', '.join(map(visible, entry.folded))} folded in")
    if entry.class_name != "output":
        lines += [visible(witness.text.rstrip(".")) for witness in validation.witnesses if witness.layer == entry.name]
    return lines


def _relative(entry: LayerError) -> str:
    return f"{number(entry.max_rel)} of its largest value"
