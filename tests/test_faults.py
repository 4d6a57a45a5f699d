"""A short run of fault injection; ``python -m tests.faults`` makes the long one."""

from __future__ import annotations

from collections import Counter
from functools import partial

import pytest

from tests.faults.__main__ import run
from tests.faults.alarms import Widest, of_golden, table, tried
from tests.faults.fault import KINDS
from tests.faults.trial import DETECTED, MISSED, Outcome
from tests.goldens import goldens

# Two of each kind; the long run has some thirty.
COUNT = 2 * len(KINDS)


@pytest.fixture(scope="module")
def outcomes() -> list[Outcome]:
    return run(seed=0, count=COUNT, kinds=sorted(KINDS), patterns=["models", "conv/*depthwise*", "attention/*causal*"])


def test_every_kind_of_fault_is_made(outcomes: list[Outcome]) -> None:
    assert set(Counter(outcome.kind for outcome in outcomes)) == set(KINDS)


def test_faults_are_detected_and_the_right_layer_is_named(outcomes: list[Outcome]) -> None:
    detected = [outcome for outcome in outcomes if outcome.result == DETECTED]
    assert len(detected) > len(outcomes) / 2
    assert not [outcome.fault for outcome in outcomes if outcome.result == MISSED]
    wrong = [(outcome.fault, outcome.named) for outcome in detected if not outcome.layer_right]
    assert len(wrong) <= 0.05 * len(detected), wrong


def test_alarms_are_looked_for_class_by_class() -> None:
    golden = goldens("models", "lenet", "2.15.0-tensorflow")[0]
    widest: dict[str, Widest] = {}
    assert not list(tried(golden.name, partial(of_golden, golden), range(2), widest))
    assert {"Conv2D", "Dense"} <= set(widest)
    assert "| Conv2D | 4 |" in table(widest)
