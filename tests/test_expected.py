"""Predictions kept from the original Keras, and what they say of who is right."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

import kerasport as kp
from kerasport.cli.main import run
from kerasport.errors import InputError, OptionError
from kerasport.reference import core
from tests.goldens import Golden, goldens

MLP = goldens("models", "mlp", "2.15.0-tensorflow")[0]


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """A Keras file and the ONNX file made from it."""
    model = MLP.model(tmp_path)
    kp.convert(model, tmp_path / "m.onnx", validate=False)
    return model, tmp_path / "m.onnx"


def altered(path: Path) -> None:
    """Makes all kernels 1 % larger."""
    model = onnx.load(path)
    for tensor in model.graph.initializer:
        if tensor.name.endswith("kernel"):
            values = onnx.numpy_helper.to_array(tensor) * np.float32(1.01)
            tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))
    onnx.save(model, path)


@pytest.mark.parametrize(
    "golden",
    [g for name in ("mlp", "lenet", "seq2seq", "yolo", "wide_and_deep") for g in goldens("models", name, "2.15*")],
    ids=lambda golden: golden.name,
)
def test_keras_own_predictions_are_what_is_expected(golden: Golden, tmp_path: Path) -> None:
    model = golden.model(tmp_path)
    kp.convert(model, tmp_path / "m.onnx", validate=False)
    result = kp.validate(model, tmp_path / "m.onnx", inputs=golden.inputs, expected=golden.outputs)
    assert result.passed, result.verdict()
    assert len(result.expected) == len(golden.outputs)
    assert "the outputs are those expected" in result.verdict()


def test_both_may_differ_from_the_predictions(files: tuple[Path, Path]) -> None:
    result = kp.validate(*files, inputs=MLP.inputs, expected=[array * 1.01 for array in MLP.outputs])
    assert not result.passed
    assert "another preprocessing" in result.verdict()
    assert "is not what was expected" in result.verdict()


def test_the_predictions_convict_the_file(files: tuple[Path, Path]) -> None:
    altered(files[1])
    result = kp.validate(*files, inputs=MLP.inputs, expected=MLP.outputs)
    assert "the ONNX model is wrong" in result.expected[0].detail
    assert {witness.alone for witness in result.witnesses} == {"translation"}


def test_the_predictions_convict_the_reference(files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    right = core.apply
    monkeypatch.setattr(core, "apply", lambda function, x: right(function, x * 1.01))
    result = kp.validate(*files, inputs=MLP.inputs, expected=MLP.outputs)
    assert not result.passed
    assert result.expected[0].passed
    assert "the ONNX model agrees with them" in result.expected[0].detail
    assert {witness.alone for witness in result.witnesses} == {"reference"}


def test_predictions_need_the_inputs_and_the_right_shape(files: tuple[Path, Path]) -> None:
    with pytest.raises(OptionError, match="for inputs that are given"):
        kp.validate(*files, expected=MLP.outputs)
    with pytest.raises(InputError, match="has the shape"):
        kp.validate(*files, inputs=MLP.inputs, expected=[array[:1] for array in MLP.outputs])
    with pytest.raises(InputError, match="has no output 'other'"):
        kp.validate(*files, inputs=MLP.inputs, expected={"other": MLP.outputs[0]})
    with pytest.raises(InputError, match="2 arrays are expected"):
        kp.validate(*files, inputs=MLP.inputs, expected=[*MLP.outputs, *MLP.outputs])


def test_the_command_takes_files(files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    folder = files[0].parent
    np.save(folder / "x.npy", MLP.inputs[0])
    np.save(folder / "y.npy", MLP.outputs[0])
    np.save(folder / "z.npy", MLP.outputs[0] * 2)
    command = ["validate", *map(str, files), "--input", str(folder / "x.npy"), "--expected"]
    assert run([*command, str(folder / "y.npy")], False) == 0
    assert "the outputs are those expected" in capsys.readouterr().out
    assert run([*command, str(folder / "z.npy")], False) == 5
    assert "is not what was expected" in capsys.readouterr().out
