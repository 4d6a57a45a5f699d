"""What validation says of a fault."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from kerasport.errors import KerasportError
from kerasport.validation import compare
from kerasport.validation.result import Validation
from tests.faults.fault import Fault
from tests.faults.proofs import proved
from tests.faults.subject import Subject

EQUIVALENT, DETECTED, MISSED, REFUSED = "equivalent", "detected", "missed", "refused"


@dataclass(frozen=True)
class Outcome:
    """What became of a fault.

    Attributes:
        fault: Its name.
        kind: Its kind.
        golden: The golden's name.
        result: One of "equivalent", "detected", "missed" and "refused": ONNX Runtime cannot load or run the model.
        reason: Why it is equivalent; or what refused it.
        right: The layers that are right to be named.
        named: The layer that is named first, "" where none is.
        layer_right: Whether that is one of these.
        closest: Of a missed fault: the right layer's error in roundings, and what is allowed.
    """

    fault: str
    kind: str
    golden: str
    result: str
    reason: str = ""
    right: tuple[str, ...] = ()
    named: str = ""
    layer_right: bool = False
    closest: str = ""

    def to_json(self) -> dict[str, Any]:
        """For the report."""
        return asdict(self)


def tried(subject: Subject, fault: Fault, folder: Path) -> Outcome:
    """Makes a fault, and asks validation.

    Raises:
        AssertionError: What is proved to be no fault was detected.
    """
    path = folder / "faulty.onnx"
    outcome = Outcome(fault.name, fault.kind, fault.golden, REFUSED)
    try:
        with np.errstate(all="ignore"):  # swapped weights may be of no meaning
            proto, right = fault.make()
        path.write_bytes(proto.SerializeToString())
        result = compare(subject.model, path)
    except KerasportError as error:
        return replace(outcome, reason=str(error)[:200])
    outcome = replace(outcome, right=tuple(sorted(right)))
    reason = fault.site.reason or proved(subject, proto)
    if reason:
        assert result.passed, f"{fault.name}: {reason}; but {result.verdict()}"
        return replace(outcome, result=EQUIVALENT, reason=reason)
    if result.passed:
        return replace(outcome, result=MISSED, closest=_closest(result, right))
    named = _named(result)
    first = named[0] if named else ""
    return replace(outcome, result=DETECTED, named=first, layer_right=not right.isdisjoint(named))


def _named(result: Validation) -> tuple[str, ...]:
    """The layer that is named first, with those that are folded into it; ``output <name>`` where no layer is."""
    first = result.first_divergence
    if first is None:
        return ()
    return (first.name, *first.folded) if first in result.layers else (f"output {first.name}",)


def _closest(result: Validation, right: frozenset[str]) -> str:
    own = [entry for entry in result.layers if not right.isdisjoint((entry.name, *entry.folded))]
    worst = max(own, key=lambda entry: entry.roundings, default=None)
    return "" if worst is None else f"{worst.roundings:.3g} of {worst.allowed} roundings, {worst.max_rel:.2e} relative"


def counts(outcomes: Sequence[Outcome]) -> Counter[str]:
    """How many outcomes there are of each result, and "right layer" for those whose layer is right."""
    counted = Counter(outcome.result for outcome in outcomes)
    counted["right layer"] = sum(outcome.layer_right for outcome in outcomes)
    return counted
