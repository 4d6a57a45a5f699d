"""A short run of fault injection; ``python -m tests.faults`` makes the long one."""

from __future__ import annotations

from collections import Counter
from functools import partial

import pytest

from tests.faults import alarms
from tests.faults.__main__ import run
from tests.faults.alarms import Widest, of_golden
from tests.faults.fault import KINDS
from tests.faults.table import bar_is_met, table
from tests.faults.trial import Outcome
from tests.goldens import goldens

# Two of each kind; the long run has some thirty.
COUNT = 2 * len(KINDS)
PATTERNS = (
    *("models/bi*", "models/lenet", "models/mobilenet_v3", "models/seq*", "models/squeeze*", "models/transformer"),
    *("conv/*2d_same", "conv/depthwise2d", "pooling/pool2d", "resampling/up2d_bilinear", "resampling/up2d_nearest"),
    *("recurrent/gru_*state*", "wrappers/bi_lstm_masked_initial_state", "attention/*causal", "resampling/crop2d"),
    *("normalization/layer", "activation/leaky_relu", "activation/names_basic", "merge/subtract"),
    "merge/concatenate_rank_4",
)


@pytest.fixture(scope="module")
def outcomes() -> list[Outcome]:
    return run(seed=0, count=COUNT, kinds=sorted(KINDS), patterns=PATTERNS)


def test_every_kind_of_fault_is_made(outcomes: list[Outcome]) -> None:
    assert set(Counter(outcome.kind for outcome in outcomes)) == set(KINDS)


def test_all_are_detected_and_the_right_layer_is_named(outcomes: list[Outcome]) -> None:
    assert bar_is_met(outcomes), table(outcomes)


def test_alarms_are_looked_for_class_by_class() -> None:
    golden = goldens("models", "lenet", "2.15.0-tensorflow")[0]
    widest: dict[str, Widest] = {}
    assert not list(alarms.tried(golden.name, partial(of_golden, golden), range(2), widest))
    assert {"Conv2D", "Dense"} <= set(widest)
    assert "| Conv2D | 4 |" in alarms.table(widest)


@pytest.mark.parametrize(
    ("family", "case", "era", "seed"),
    [
        ("ops_linalg", "solved", "3.12.4-tensorflow", 100),  # a matrix that is nearly singular
        ("locally", "two", "2.3.0-tf-tensorflow", 102),  # an output whose terms cancel
        ("ecosystem", "hub_models_as_layers", "3.15.1-tensorflow", 103),  # what is left of a gelu far below zero
    ],
)
def test_what_was_a_false_alarm_is_none_any_more(family: str, case: str, era: str, seed: int) -> None:
    for golden in goldens(family, case, era):
        assert not list(alarms.tried(golden.name, partial(of_golden, golden), range(seed, seed + 1), {}))
