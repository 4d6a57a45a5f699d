"""The result of a comparison."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from kerasport.finite import NotFinite, told_briefly
from kerasport.validation.error import OVERFLOW, ROUNDING, LayerError, Tolerance

SCHEMA = 2
PREDICTION = "prediction"
EXCUSED = "more error than rounding explains, while the outputs of this other converter's model agree"
_NOTABLE = 1e-4  # an error, relative to the largest value, that calls for a reason
_ALONE = {
    "runtime": "; ONNX Runtime stands alone",
    "translation": "; the ONNX model stands alone",
    "reference": "; the reference stands alone",
    "": "",
}


@dataclass(frozen=True)
class TrialInput:
    """One batch of inputs that the model was tried with.

    Attributes:
        source: "generated", or "given" for the user's own; "masked" for generated ones, where layers are given
            drawn bools, masks above all, that no input makes false.
        seed: That it was drawn with; None for the user's own.
        shapes: The shape of each input, by name.
    """

    source: str
    seed: int | None
    shapes: dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Witness:
    """What onnx's reference evaluator says of a layer on which ONNX Runtime and the reference disagree.

    Attributes:
        layer: The layer's name.
        alone: Who stands alone: "runtime", "translation", "reference", or "" where that cannot be told.
        text: The finding, in a sentence.
    """

    layer: str
    alone: str
    text: str


@dataclass(frozen=True)
class Validation:
    """The result of a comparison.

    Attributes:
        layers: One entry for each layer whose value stands in the ONNX model, in the order of the graph: its own error,
            as it computes from the reference's inputs, and the error that has come down the chain to it.
        outputs: One entry per output of the unchanged, fully optimised ONNX model, against the reference's.
        tolerance: What was allowed.
        trials: The inputs that were used.
        witnesses: Of the layers that do not pass, if any was asked.
        expected: One entry per output, against predictions that the user has kept from Keras; empty without any.
        notes: What was told by less than certain signs, of a model of another converter.
        not_finite: Weights with values that are NaN or infinite.
    """

    layers: tuple[LayerError, ...]
    outputs: tuple[LayerError, ...]
    tolerance: Tolerance
    trials: tuple[TrialInput, ...] = ()
    witnesses: tuple[Witness, ...] = ()
    expected: tuple[LayerError, ...] = ()
    notes: tuple[str, ...] = ()
    not_finite: tuple[NotFinite, ...] = ()

    @property
    def entries(self) -> tuple[LayerError, ...]:
        """All that was compared."""
        return (*self.layers, *self.outputs, *self.expected)

    @property
    def passed(self) -> bool:
        """Whether everything is within tolerance."""
        return all(entry.passed for entry in self.entries)

    @property
    def missing(self) -> tuple[str, ...]:
        """Layers whose value does not stand in the ONNX model, because they were folded into another."""
        return tuple(name for entry in self.layers for name in entry.folded)

    @property
    def dead(self) -> tuple[LayerError, ...]:
        """The layers in which something never changed or was never reached: a fault in it would not show."""
        return tuple(entry for entry in self.layers if entry.asleep)

    @property
    def first_divergence(self) -> LayerError | None:
        """The first layer, or else output, that is not within tolerance."""
        return next((entry for entry in self.entries if not entry.passed), None)

    @property
    def worst(self) -> LayerError:
        """The entry with the largest error relative to its scale."""
        return max(self.entries, key=lambda entry: entry.max_rel)

    def verdict(self) -> str:
        """One sentence."""
        first = self.first_divergence
        if first is None:
            return self._agreement()
        differs = f"its error is {first.max_abs:.2g}, {first.max_rel:.1e} of its largest value"
        if first.class_name == PREDICTION:
            return f"the output {first.name!r} is not what was expected: {differs}; {first.detail}"
        with_folded = f" (with {', '.join(first.folded)} folded in)" if first.folded else ""
        heard = next((_ALONE[witness.alone] for witness in self.witnesses if witness.layer == first.name), "")
        if first.class_name == "output" and first not in self.layers:
            chain = "" if heard or first.detail or not self.layers else ", although each layer on its own is right"
            return f"the output {first.name!r} diverges: {first.detail or differs}{chain}{heard}"
        return f"the layer {first.name!r}{with_folded} is the first that diverges: {first.detail or differs}{heard}"

    def _agreement(self) -> str:
        worst = self.worst
        overflows = [entry.name for entry in self.layers if entry.detail == OVERFLOW]
        more = f" ({ROUNDING})" if worst.detail == ROUNDING and worst.max_rel > _NOTABLE else ""
        more += f"; {OVERFLOW}, first at {overflows[0]}" if overflows else ""
        what = f"all {len(self.layers)} layers agree" if self.layers else "the outputs agree"
        excused = [entry.name for entry in self.layers if entry.detail == EXCUSED]
        more += f"; {len(excused)} of them have {EXCUSED}, first {excused[0]}" if excused else ""
        more += f"; {told_briefly(self.not_finite)}" if self.not_finite else ""
        kept = ", and the outputs are those expected" if self.expected else ""
        return f"{what}{kept}; the largest error is {worst.max_rel:.1e}, at {worst.name}{more}"

    def to_json(self) -> dict[str, Any]:
        """The documented machine-readable form, ``schema`` 2."""
        first = self.first_divergence
        return {
            "schema": SCHEMA,
            "passed": self.passed,
            "verdict": self.verdict(),
            "first_divergence": first.name if first else None,
            **asdict(self),
        }
