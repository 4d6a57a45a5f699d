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
from kerasport.validation.compare import Settings
from kerasport.validation.result import Validation
from tests.faults.fault import Fault
from tests.faults.proofs import proved
from tests.faults.subject import Subject

EQUIVALENT, DETECTED, MISSED, REFUSED, FAILED = "equivalent", "detected", "missed", "refused", "failed"


@dataclass(frozen=True)
class Outcome:
    """What became of a fault.

    Attributes:
        fault: Its name.
        kind: Its kind.
        golden: The golden's name.
        result: "equivalent", "detected" or "missed"; "refused" where the model cannot be made or loaded; "failed" where
            validation itself did, or found what is proved to be no fault.
        reason: Why it is equivalent; or what refused it, or failed.
        right: The layers that are right to be named.
        named: The layer that is named first, "" where none is.
        layer_right: Whether that is one of these.
        alone: Who stands alone, as witnesses say of the first layer; "none" where they say of nobody, "" without any.
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
    alone: str = ""

    def to_json(self) -> dict[str, Any]:
        """For the report."""
        return asdict(self)


def tried(subject: Subject, fault: Fault, folder: Path, witness: bool = False) -> Outcome:
    """Makes a fault, and asks validation.

    Args:
        subject: The golden.
        fault: What is made in it.
        folder: For the faulty model.
        witness: Whether onnx's reference evaluator is asked who is right; the verdict does not depend on it.
    """
    path = folder / "faulty.onnx"
    outcome = Outcome(fault.name, fault.kind, fault.golden, REFUSED)
    try:
        with np.errstate(all="ignore"):  # swapped weights may be of no meaning
            proto, right = fault.make()
        path.write_bytes(proto.SerializeToString())
        result = compare(subject.model, path, settings=Settings(witness=witness))
    except KerasportError as error:
        return replace(outcome, reason=str(error)[:200])
    except Exception as error:  # what a trial is to find as well
        return replace(outcome, result=FAILED, reason=f"{type(error).__name__}: {error}"[:200])
    outcome = replace(outcome, right=tuple(sorted(right)))
    reason = fault.site.reason or proved(subject, proto)
    if reason and not result.passed:
        return replace(outcome, result=FAILED, reason=f"{reason}; but {result.verdict()}")
    if reason:
        return replace(outcome, result=EQUIVALENT, reason=reason)
    if result.passed:
        return replace(outcome, result=MISSED, closest=_closest(result, right))
    named = _named(result)
    first = named[0] if named else ""
    alone = (result.witnesses[0].alone or "none") if result.witnesses else ""
    return replace(outcome, result=DETECTED, named=first, layer_right=not right.isdisjoint(named), alone=alone)


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
