"""Models that several GPUs shared: taken for the model within only where they are surely that."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import kerasport as kp
from tests.goldens import goldens
from tests.test_rare import Config, changed, layer, refused


def slices(config: Config) -> list[Config]:
    return [entry["config"] for entry in config["layers"] if entry["class_name"] == "Lambda"]


def other_function(config: Config) -> None:
    for part in slices(config):
        part["function"] = ["bm90IGl0", None, None]


def other_part(config: Config) -> None:
    slices(config)[0]["arguments"]["i"] = 1


def other_number(config: Config) -> None:
    for part in slices(config):
        part["arguments"]["parts"] = 3


def other_argument(config: Config) -> None:
    slices(config)[0]["arguments"]["step"] = 2


def other_axis(config: Config) -> None:
    layer(config, "first")["config"]["axis"] = 1


def other_output(config: Config) -> None:
    layer(config, "second")["inbound_nodes"][0].reverse()


def damaged_part(config: Config) -> None:
    slices(config)[0]["arguments"]["i"] = [0]


@pytest.mark.parametrize(
    "change",
    [other_function, other_part, other_number, other_argument, other_axis, other_output, damaged_part],
    ids=lambda change: change.__name__,
)
def test_what_is_not_surely_such_a_model_is_a_lambda(change: Callable[[Config], None], tmp_path: Path) -> None:
    golden = goldens("old", "gpus", "2.3.1*")[0]
    refused(changed(golden, tmp_path, change), "its function")


def test_one_call_is_left(tmp_path: Path) -> None:
    golden = goldens("old", "gpus", "2.3.1*")[0]
    with kp.load(golden.model(tmp_path)) as model:
        assert [call.name for call in model.graph.calls].count("model_1/dense_1") == 1
        assert model.graph.output_names == ("first", "second")
