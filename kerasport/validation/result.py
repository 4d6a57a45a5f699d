"""What a comparison found."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from kerasport.validation.error import OVERFLOW, LayerError, Tolerance

SCHEMA = 1


@dataclass(frozen=True)
class Validation:
    """The result of a comparison.

    Attributes:
        layers: One entry per layer whose value stands in the ONNX model, in the order of the graph.
        outputs: One entry per output of the unchanged ONNX model.
        missing: Layers whose value does not stand in the ONNX model, because they were folded.
        tolerance: What was allowed.
    """

    layers: tuple[LayerError, ...]
    outputs: tuple[LayerError, ...]
    missing: tuple[str, ...]
    tolerance: Tolerance

    @property
    def passed(self) -> bool:
        """Whether everything is within tolerance."""
        return all(entry.passed for entry in (*self.layers, *self.outputs))

    @property
    def first_divergence(self) -> LayerError | None:
        """The first layer, or else output, that is not within tolerance."""
        return next((entry for entry in (*self.layers, *self.outputs) if not entry.passed), None)

    @property
    def worst(self) -> LayerError:
        """The entry with the largest error relative to its scale."""
        return max((*self.layers, *self.outputs), key=lambda entry: entry.max_rel)

    def verdict(self) -> str:
        """One sentence."""
        first = self.first_divergence
        if first is None:
            worst = self.worst
            overflows = [entry.name for entry in self.layers if entry.detail == OVERFLOW]
            more = f"; {OVERFLOW}, first at {overflows[0]}" if overflows else ""
            text = f"all {len(self.layers)} layers agree; the largest error is {worst.max_rel:.1e}, at {worst.name}"
            return text + more
        reason = first.detail or f"its error is {first.max_abs:.2g}, {first.max_rel:.1e} of its largest value"
        return f"the layer {first.name!r} is the first that diverges: {reason}"

    def to_json(self) -> dict[str, Any]:
        """The documented machine-readable form, ``schema`` 1."""
        first = self.first_divergence
        return {
            "schema": SCHEMA,
            "passed": self.passed,
            "first_divergence": first.name if first else None,
            **asdict(self),
        }
