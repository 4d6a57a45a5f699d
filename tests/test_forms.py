"""Models in two files: what is missing, what does not fit, and what must not be followed or run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import h5py
import pytest

from tests.conftest import Outcome
from tests.goldens import Form, goldens

Run = Callable[..., Outcome]
H5, TREE = Form("model.json", "weights.h5"), Form("model.json", "model.weights.h5")
SHARDS = Form("model.json", "shards.weights.json", beside="shards_")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return goldens("fileforms", "sequential", "2.15.0*", H5)[0].model(tmp_path)


def test_converting_an_architecture_alone_asks_for_its_weights(kerasport: Run, model: Path, tmp_path: Path) -> None:
    outcome = kerasport("convert", model, tmp_path / "model.onnx")
    assert outcome.code == 3
    assert f"kerasport convert {model} model.onnx --weights weights.h5" in outcome.err


@pytest.mark.parametrize("name", ["sequential", "functional"])
def test_an_architecture_alone_is_inspected_as_with_its_weights(kerasport: Run, tmp_path: Path, name: str) -> None:
    model = goldens("fileforms", name, "2.15.0*", H5)[0].model(tmp_path)
    whole, alone = (
        json.loads(kerasport("inspect", model, "--json", *weights).out)
        for weights in (["--weights", model.with_name("weights.h5")], [])
    )
    assert "--weights" in alone["missing_weights"]
    assert not whole["missing_weights"]
    files = ("path", "size", "weights", "missing_weights")
    assert [whole[key] for key in whole if key not in files] == [alone[key] for key in whole if key not in files]


def test_checking_an_architecture_alone_says_that_its_weights_are_missing(kerasport: Run, model: Path) -> None:
    outcome = kerasport("check", model)
    assert outcome.code == 0
    assert "can be converted, once its weights are given" in outcome.out
    assert "--weights" in outcome.out


def test_an_unsupported_layer_of_an_architecture_alone_is_found(kerasport: Run, model: Path) -> None:
    model.write_text(model.read_text().replace('"class_name": "Dense"', '"class_name": "Denser"'))
    assert kerasport("check", model).code == kerasport("inspect", model).code == 4


def test_weights_alone_are_listed_and_ask_for_their_architecture(kerasport: Run, model: Path) -> None:
    outcome = kerasport("inspect", model.with_name("weights.h5"))
    assert outcome.code == 3
    assert "dense" in outcome.out
    assert "to_json" in outcome.err


def test_json_that_was_dumped_twice_is_the_same_model(kerasport: Run, model: Path) -> None:
    model.write_text(json.dumps(model.read_text()))
    assert kerasport("inspect", model, "--weights", model.with_name("weights.h5")).code == 0


@pytest.mark.parametrize("name", ["sequential", "functional"])
def test_a_config_without_its_class_is_the_same_model(kerasport: Run, tmp_path: Path, name: str) -> None:
    model = goldens("fileforms", name, "2.2.4*", H5)[0].model(tmp_path)
    weights = model.with_name("weights.h5")
    whole = kerasport("inspect", model, "--weights", weights).out
    model.write_text(json.dumps(json.loads(model.read_text())["config"]))
    outcome = kerasport("inspect", model, "--weights", weights)
    assert outcome.code == 0
    assert outcome.out.splitlines()[2:] == whole.splitlines()[2:]


def test_a_list_of_layers_is_an_early_sequential_model(kerasport: Run, model: Path) -> None:
    model.write_text(json.dumps(json.loads(model.read_text())["config"]["layers"]))
    assert kerasport("inspect", model, "--weights", model.with_name("weights.h5")).code == 0


def test_a_list_of_anything_else_is_no_architecture(kerasport: Run, tmp_path: Path) -> None:
    path = tmp_path / "classes.json"
    path.write_text('[{"label": "cat"}, {"label": "dog"}]')
    outcome = kerasport("inspect", path)
    assert outcome.code == 3
    assert "not the architecture of a Keras model" in outcome.err


def test_a_layer_too_few_is_no_guess(kerasport: Run, model: Path, tmp_path: Path) -> None:
    weights = model.with_name("weights.h5")
    with h5py.File(weights, "r+") as file:
        file.attrs["layer_names"] = [name for name in file.attrs["layer_names"] if "dense" not in str(name)]
    outcome = kerasport("convert", model, tmp_path / "m.onnx", "--weights", weights)
    assert outcome.code == 3
    assert "has no weights for the layer 'dense'" in outcome.err


def test_shards_are_files_beside_their_index(kerasport: Run, tmp_path: Path) -> None:
    path = goldens("fileforms", "sequential", "3.15*", SHARDS)[0].model(tmp_path)
    index = path.with_name("shards.weights.json")
    index.write_text(index.read_text().replace("shards_00000", "../shards_00000"))
    outcome = kerasport("inspect", path, "--weights", index)
    assert outcome.code == 3
    assert "not a plain file name" in outcome.err


def test_yaml_is_plain_values_and_nothing_is_called(kerasport: Run, model: Path) -> None:
    path = model.with_name("model.yaml")
    path.write_text("class_name: !!python/object/apply:os.system ['true']\n")
    outcome = kerasport("inspect", path, "--weights", model.with_name("weights.h5"))
    assert outcome.code == 3
    assert "not YAML of plain values" in outcome.err


def test_names_of_another_model_in_a_tree_count_for_nothing(kerasport: Run, tmp_path: Path) -> None:
    """Its dense_1 is this model's dense, as Keras has it."""
    path = goldens("fileforms", "sequential", "3.15*", TREE)[0].model(tmp_path)
    with h5py.File(path.with_name("model.weights.h5"), "r+") as file:
        file["layers/dense/vars"].attrs["name"] = "dense_1"
        file["layers/dense_1/vars"].attrs["name"] = "dense_2"
    assert kerasport("inspect", path, "--weights", path.with_name("model.weights.h5")).code == 0


@pytest.mark.parametrize(("era", "has"), [("2.15.0*", True), ("2.2.4-tensorflow", False)])
def test_weights_of_the_other_kind_of_gru_are_told_with_the_way_on(
    kerasport: Run, tmp_path: Path, era: str, has: bool
) -> None:
    model = goldens("fileforms", "recurrent", era, Form("model.json", "weights.h5"))[0].model(tmp_path)
    given, wanted = (json.dumps(flag) for flag in (has, not has))
    model.write_text(model.read_text().replace(f'"reset_after": {given}', f'"reset_after": {wanted}'))
    outcome = kerasport("convert", model, tmp_path / "model.onnx", "--weights", model.with_name("weights.h5"))
    assert outcome.code == 3
    assert "'gru" in outcome.err
    assert f"reset_after={has} where the model is defined" in " ".join(outcome.err.split())
    assert not (tmp_path / "model.onnx").exists()
