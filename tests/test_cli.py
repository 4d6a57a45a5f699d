"""The commands as users run them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

import kerasport as kp
from kerasport.cli.main import COMMANDS
from tests.conftest import Outcome
from tests.goldens import goldens

Run = Callable[..., Outcome]


def test_convert_says_what_it_did_and_the_model_is_valid(kerasport: Run, seed_model: Path, tmp_path: Path) -> None:
    outcome = kerasport("convert", seed_model, tmp_path / "m.onnx")
    assert outcome.code == 0
    assert "2 layers, 3 nodes, 1,537 parameters" in outcome.out
    assert "all 2 layers agree" in outcome.out
    model = onnx.load(tmp_path / "m.onnx")
    onnx.checker.check_model(model, full_check=True)
    assert [node.op_type for node in model.graph.node] == ["Gemm", "Relu", "Gemm"]
    assert [node.name for node in model.graph.node] == ["dense/Gemm", "dense/Relu", "dense_1/Gemm"]
    assert model.graph.input[0].name == "dense_input"
    assert model.graph.output[0].name == "dense_1"
    assert [path.name for path in tmp_path.iterdir()] == ["m.onnx"]


def test_the_same_file_gives_the_same_bytes(kerasport: Run, seed_model: Path, tmp_path: Path) -> None:
    for name in ("a.onnx", "b.onnx"):
        assert kerasport("convert", seed_model, tmp_path / name, "--no-validate").code == 0
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()


def test_convert_without_validation_says_so(kerasport: Run, seed_model: Path, tmp_path: Path) -> None:
    assert "not validated" in kerasport("convert", seed_model, tmp_path / "m.onnx", "--no-validate").out


@pytest.mark.parametrize("opset", [13, 17, 21])
def test_convert_writes_the_opset_asked_for(kerasport: Run, seed_model: Path, tmp_path: Path, opset: int) -> None:
    assert kerasport("convert", seed_model, tmp_path / "m.onnx", "--opset", opset).code == 0
    assert onnx.load(tmp_path / "m.onnx").opset_import[0].version == opset


def test_an_opset_out_of_range_is_a_usage_error(kerasport: Run, seed_model: Path, tmp_path: Path) -> None:
    outcome = kerasport("convert", seed_model, tmp_path / "m.onnx", "--opset", 3)
    assert outcome.code == 2
    assert "from 13" in outcome.err
    assert not list(tmp_path.iterdir())


def test_inspect_shows_writer_layers_and_verdict(kerasport: Run, seed_model: Path) -> None:
    outcome = kerasport("inspect", seed_model)
    assert outcome.code == 0
    assert "Keras 2.15.0 on tensorflow" in outcome.out
    assert "dense_1" in outcome.out
    assert "1,537 parameters" in outcome.out
    assert "can be converted" in outcome.out


def test_inspect_gives_json(kerasport: Run, seed_model: Path) -> None:
    report = json.loads(kerasport("inspect", seed_model, "--json").out)
    assert report["schema"] == 1
    assert report["convertible"]
    assert report["layers"][0] == {
        "name": "dense",
        "class_name": "Dense",
        "output_shapes": [[None, 128]],
        "parameters": 1408,
        "inputs": ["dense_input"],
        "convertible": True,
        "problem": "",
        "function": "",
        "origin": "",
    }


def test_validate_shows_every_layer(kerasport: Run, seed_model: Path, tmp_path: Path) -> None:
    kerasport("convert", seed_model, tmp_path / "m.onnx")
    outcome = kerasport("validate", seed_model, tmp_path / "m.onnx")
    assert outcome.code == 0
    assert "All 2 layers agree" in outcome.out


def test_validate_takes_the_users_inputs(kerasport: Run, seed: Path, seed_model: Path, tmp_path: Path) -> None:
    kerasport("convert", seed_model, tmp_path / "m.onnx")
    outcome = kerasport("validate", seed_model, tmp_path / "m.onnx", "--input", seed / "new_data.npy", "--json")
    report = json.loads(outcome.out)
    assert report["passed"]
    assert report["layers"][0]["shape"] == [20, 128]


def test_validate_names_the_first_wrong_layer(kerasport: Run, seed_model: Path, tmp_path: Path) -> None:
    kerasport("convert", seed_model, tmp_path / "m.onnx")
    model = onnx.load(tmp_path / "m.onnx")
    bias = next(tensor for tensor in model.graph.initializer if tensor.name == "dense/bias")
    values = onnx.numpy_helper.to_array(bias) + np.float32(0.01)
    bias.CopyFrom(onnx.numpy_helper.from_array(values, bias.name))
    onnx.save(model, tmp_path / "m.onnx")
    outcome = kerasport("validate", seed_model, tmp_path / "m.onnx")
    assert outcome.code == 5
    assert "The layer 'dense' is the first that diverges" in outcome.out


@pytest.mark.parametrize("engine", ["onnxruntime", "reference"])
def test_predict_agrees_with_keras(kerasport: Run, seed: Path, tmp_path: Path, engine: str) -> None:
    outcome = kerasport(
        "predict", seed / "my_model_tf.h5", "--input", seed / "new_data.npy", "--output", tmp_path / "y.npy",
        "--engine", engine, "--batch-size", 7,
    )  # fmt: skip
    assert outcome.code == 0
    np.testing.assert_allclose(
        np.load(tmp_path / "y.npy"), np.load(seed / "new_data_predictions.npy"), rtol=1e-4, atol=1e-5
    )


def test_predict_without_output_previews(kerasport: Run, seed: Path, seed_model: Path) -> None:
    outcome = kerasport("predict", seed_model, "--input", seed / "new_data.npy")
    assert "dense_1: float32" in outcome.out
    assert "10 more rows" in outcome.out


def test_the_progress_bar_stays_off_where_there_is_no_terminal(
    kerasport: Run, seed: Path, seed_model: Path, tmp_path: Path
) -> None:
    outcome = kerasport("predict", seed_model, "--input", seed / "new_data.npy", "--output", tmp_path / "y.npz")
    assert outcome.err.startswith("20 rows in ")
    assert outcome.err.count("\n") == 1
    with np.load(tmp_path / "y.npz") as archive:
        assert archive["dense_1"].shape == (20, 1)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(kerasport: Run, name: str) -> None:
    outcome = kerasport(name, "--help")
    assert outcome.code == 0
    assert COMMANDS[name]


def test_unknown_commands_are_usage_errors(kerasport: Run) -> None:
    assert kerasport("explode").code == 2


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    import subprocess
    import sys

    code = "from kerasport.cli import main; main()"
    command = [sys.executable, "-c", code, "inspect", str(tmp_path / "nothing.h5")]
    assert "Traceback" not in subprocess.run(command, capture_output=True, text=True, check=False).stderr
    assert "Traceback" in subprocess.run([*command, "--debug"], capture_output=True, text=True, check=False).stderr


def test_layers_lists_what_is_supported(kerasport: Run) -> None:
    assert "Dense" in kerasport("layers").out
    report = json.loads(kerasport("layers", "--json").out)
    assert {"name": "Flatten", "family": "Core", "since": "1.0", "limits": "", "opset": 13} in report["layers"]
    assert "JaxLayer" in {row["name"] for row in report["refused"]}


@pytest.mark.parametrize("case", ["lenet", "bigru_classifier", "autoencoder_convolutional"])
def test_convert_and_inspect_count_the_same_parameters(tmp_path: Path, case: str) -> None:
    (golden,) = goldens("models", case, "3.15.1-tensorflow")
    model = golden.model(tmp_path)
    converted = kp.convert(model, tmp_path / "m.onnx", validate=False)
    assert converted.parameters == kp.inspect(model).parameters
