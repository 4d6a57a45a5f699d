"""Rare options that cannot be right in ONNX, or whose meaning Kerases disagree on: refused, with the reason."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import pytest

import kerasport as kp
from kerasport.errors import UnsupportedModelError
from kerasport.loading import load
from tests.goldens import Golden, goldens
from tests.strangers.files import keras3

Config = dict[str, Any]


def changed(golden: Golden, folder: Path, change: Callable[[Config], None], version: str = "") -> Path:
    """The golden's file with another config."""
    path = golden.model(folder)
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        change(config["config"])
        file.attrs["model_config"] = json.dumps(config)
        if version:
            file.attrs["keras_version"] = version
    return path


def layer(config: Config, name: str) -> Config:
    found: Config = next(entry for entry in config["layers"] if entry["config"]["name"] == name)
    return found


def refused(path: Path, reason: str) -> None:
    with pytest.raises(UnsupportedModelError, match=reason):
        kp.convert(path, path.with_suffix(".onnx"))
    assert not path.with_suffix(".onnx").exists()


def test_a_stateful_layer_that_is_called_twice(tmp_path: Path) -> None:
    def twice(config: Config) -> None:
        lstm = layer(config, "lstm")
        lstm["inbound_nodes"] *= 2
        config["output_layers"].append(["lstm", 1, 0])

    refused(changed(goldens("stateful", "layers", "3.15*")[0], tmp_path, twice), "stateful and called more than once")


def test_a_stateful_layer_at_every_step(tmp_path: Path) -> None:
    def stateful(config: Config) -> None:
        layer(config, "each")["config"]["layer"]["config"]["layer"]["config"]["stateful"] = True

    refused(changed(goldens("rare", "both_ways", "3.15*")[0], tmp_path, stateful), "from step to step")


def test_time_major_sequences_of_tensorflow_2_2(tmp_path: Path) -> None:
    golden = goldens("rare", "time_major", "2.4*")[0]
    refused(changed(golden, tmp_path, lambda config: None, "2.3.0-tf"), "along the batch")


@pytest.mark.parametrize(
    ("name", "key", "value", "reason"),
    [
        ("dropout", "input_keep_prob", 0.5, "random at inference"),
        ("last", "function", ["code", None, None], "residual_fn"),
    ],
)
def test_wrapped_cells(name: str, key: str, value: Any, reason: str, tmp_path: Path) -> None:
    def change(config: Config) -> None:
        layer(config, name)["config"]["cell"]["config"][key] = value

    refused(changed(goldens("rare", "wrapped_cells", "2.15*")[0], tmp_path, change), reason)


def test_ragged_inputs(tmp_path: Path) -> None:
    def ragged(config: Config) -> None:
        layer(config, "x")["config"]["ragged"] = True

    refused(changed(goldens("rare", "both_ways", "2.15*")[0], tmp_path, ragged), "ragged tensors")


def test_whole_numbers_under_spectral_normalization_of_keras_3(tmp_path: Path) -> None:
    golden = goldens("norm_more", "spectral_around", "2.15*")[0]
    refused(changed(golden, tmp_path, lambda config: None, "3.15.1"), "whole numbers")


UNFIT = [
    (
        [None, None, 4],
        "LayerNormalization",
        {"axis": [1, 2], "epsilon": 1e-3},
        "weights along axis 1, whose size is not",
    ),
    ([None, 3, 8, 9], "Rescaling", {"scale": [2.0, 3.0, 4.0]}, r"which does not fit .* give it the shape \(3, 1, 1\)"),
    (
        [None, 3, 9],
        "Rescaling",
        {"scale": 2.0, "offset": [2.0, 3.0]},
        r"offset has the shape \(2,\), which does not fit",
    ),
    ([None], "CategoryEncoding", {"num_tokens": 3, "output_mode": "count"}, "one row of the whole batch"),
]


@pytest.mark.parametrize(("shape", "class_name", "config", "reason"), UNFIT)
def test_inputs_that_do_not_fit(
    shape: list[int | None], class_name: str, config: Config, reason: str, tmp_path: Path
) -> None:
    model = keras3({"class_name": class_name, "config": {"name": "layer", **config}})
    model["config"]["layers"][0]["config"]["batch_shape"] = shape
    path = tmp_path / "model.json"
    path.write_text(json.dumps({**model, "keras_version": "3.15.1", "backend": "tensorflow"}))
    (problem,) = kp.check(path).problems
    assert re.search(reason, f"{problem.what}: {problem.hint}")


def test_outputs_of_einsum_whose_order_depends_on_the_backend(tmp_path: Path) -> None:
    (golden,) = goldens("ops_corners", "diagonals", "3.15.1-tensorflow")

    def change(config: Config) -> None:
        layer(config, "einsum")["config"]["subscripts"] = "...ba"

    refused(changed(golden, tmp_path, change), "leaves the order of its output to the backend")
    path = changed(golden, tmp_path, change, "3.0.5")  # in which all order by the alphabet
    with load(path) as model:
        assert model.graph


def test_the_largest_of_nothing(tmp_path: Path) -> None:
    (golden,) = goldens("ops_corners", "places", "3.15.1-tensorflow")

    def change(config: Config) -> None:
        layer(config, "max_2")["config"]["initial"] = None

    refused(changed(golden, tmp_path, change), "along an axis of size 0, has no extreme")
