"""The outcomes as tables in Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tests.faults.trial import DETECTED, EQUIVALENT, FAILED, MISSED, REFUSED, Outcome, counts

NAMED_RIGHT = 0.99


def bar_is_met(outcomes: Sequence[Outcome]) -> bool:
    """Whether all that are not provably equivalent are detected, and the right layer is named in 99 % of them."""
    counted = counts(outcomes)
    wrong = counted[MISSED] + counted[FAILED]
    return not wrong and counted["right layer"] >= NAMED_RIGHT * counted[DETECTED]


def table(outcomes: Sequence[Outcome]) -> str:
    """By kind; then why faults are equivalent; then what was missed, and where the wrong layer was named."""
    kinds = sorted({outcome.kind for outcome in outcomes})
    rows = [_row(kind, [outcome for outcome in outcomes if outcome.kind == kind]) for kind in kinds]
    head = [
        "| kind | goldens | made | refused | equivalent | detected | missed | right layer first |",
        "|---|" + "--:|" * 7,
    ]
    return "\n".join(
        [*head, *rows, _row("all", outcomes), "", *_reasons(outcomes), "", *_alone(outcomes), "", *_failures(outcomes)]
    )


def _row(name: str, outcomes: Sequence[Outcome]) -> str:
    counted = counts(outcomes)
    cells = [len({outcome.golden for outcome in outcomes}), len(outcomes)]
    cells += [counted[key] for key in (REFUSED, EQUIVALENT, DETECTED, MISSED)]
    share = f"{counted['right layer']} ({counted['right layer'] / counted[DETECTED]:.1%})" if counted[DETECTED] else ""
    return f"| {name} | {' | '.join(map(str, cells))} | {share} |"


def _reasons(outcomes: Sequence[Outcome]) -> list[str]:
    reasons = Counter(outcome.reason for outcome in outcomes if outcome.result == EQUIVALENT)
    return ["| why equivalent | faults |", "|---|--:|", *(f"| {reason} | {n} |" for reason, n in reasons.most_common())]


def _alone(outcomes: Sequence[Outcome]) -> list[str]:
    said = Counter(outcome.alone for outcome in outcomes if outcome.alone)
    return ["| who stands alone | faults |", "|---|--:|", *(f"| {who} | {n} |" for who, n in said.most_common())]


def _failures(outcomes: Sequence[Outcome]) -> list[str]:
    failed = [f"failed: {outcome.fault}: {outcome.reason}" for outcome in outcomes if outcome.result == FAILED]
    missed = [f"missed: {outcome.fault} ({outcome.closest})" for outcome in outcomes if outcome.result == MISSED]
    wrong = [
        f"wrong layer: {outcome.fault}: named {outcome.named or 'none'}, right {', '.join(outcome.right) or 'none'}"
        for outcome in outcomes
        if outcome.result == DETECTED and not outcome.layer_right
    ]
    return [*failed, *missed, *wrong]
