"""What tf2onnx and keras2onnx made of golden models stands trial."""

from __future__ import annotations

import tarfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import pytest

import kerasport as kp
from kerasport.cli.main import run
from kerasport.errors import FileError, InputError
from kerasport.validation import scopes
from kerasport.validation.result import EXCUSED
from tests.goldens import Golden, goldens

ROOT = Path(__file__).parent.parent / "fixtures" / "foreign"
_MAKERS = ("tf2onnx-2.15.0", "tf2onnx-3.15.1", "keras2onnx-2.2.4")
ERAS = {maker: maker.partition("-")[2] + "-tensorflow" for maker in _MAKERS}
WRONG = {"keras2onnx-2.2.4/models/tcn": "activation_1", "keras2onnx-2.2.4/models/wavenet": "dilated_1_tanh"}
REFUSED = {"keras2onnx-2.2.4/models/siamese", "keras2onnx-2.2.4/models/bilstm_tagger"}

# What cannot be computed of a single row: keras2onnx takes the batch away from a state that the encoder hands on.
SINGLE = {"keras2onnx-2.2.4/models/seq2seq": "Input initial_h must have shape {1,1,8}. Actual:{1,8}"}


@cache
def archive(maker: str) -> dict[str, bytes]:
    with tarfile.open(ROOT / f"{maker}.tar.xz", "r:xz") as tar:
        files = ((info.name.removesuffix(".onnx"), tar.extractfile(info)) for info in tar)
        return {name: file.read() for name, file in files if file is not None}


NAMES = [f"{maker}/{name}" for maker in ERAS for name in archive(maker)]
RIGHT = [name for name in NAMES if name not in {*WRONG, *REFUSED, *SINGLE}]


def unpacked(name: str, folder: Path) -> tuple[Golden, Path, Path]:
    """A golden case, its Keras file, and another converter's ONNX file."""
    maker, family, case = name.split("/")
    (folder / "m.onnx").write_bytes(archive(maker)[f"{family}/{case}"])
    (golden,) = goldens(family, case.partition("-")[0], ERAS[maker])
    return golden, golden.model(folder), folder / "m.onnx"


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_right_passes(name: str, tmp_path: Path) -> None:
    golden, model, path = unpacked(name, tmp_path)
    result = kp.validate(model, path)
    assert result.passed, result.verdict()
    assert not [entry for entry in result.layers if entry.detail == EXCUSED]
    assert not result.witnesses
    rows = 2 if name.endswith("batch2") else None
    inputs, outputs = ([array[:rows] for array in arrays] for arrays in (golden.inputs, golden.outputs))
    result = kp.validate(model, path, inputs=inputs, expected=outputs)
    assert result.passed, result.verdict()


@pytest.mark.parametrize(("name", "layer"), WRONG.items())
def test_what_is_wrong_is_convicted_and_the_layer_named(name: str, layer: str, tmp_path: Path) -> None:
    golden, model, path = unpacked(name, tmp_path)
    result = kp.validate(model, path, inputs=golden.inputs, expected=golden.outputs)
    assert result.first_divergence is not None
    assert result.first_divergence.name == layer
    assert {witness.alone for witness in result.witnesses} == {"translation"}
    assert "what keras2onnx wrote stands alone" in result.witnesses[0].text
    assert "the reference agrees with them: the ONNX model is wrong" in result.expected[0].detail


@pytest.mark.parametrize(("name", "reason"), SINGLE.items())
def test_what_refuses_a_single_row_is_convicted_for_it(name: str, reason: str, tmp_path: Path) -> None:
    golden, model, path = unpacked(name, tmp_path)
    assert kp.validate(model, path, inputs=golden.inputs, expected=golden.outputs).passed
    result = kp.validate(model, path)
    assert not result.passed
    assert reason in result.verdict()
    assert {witness.alone for witness in result.witnesses} == {"translation"}


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_onnx_runtime_refuses_is_no_model(name: str, tmp_path: Path) -> None:
    _, model, path = unpacked(name, tmp_path)
    with pytest.raises(FileError, match="cannot be loaded by ONNX Runtime"):
        kp.validate(model, path)


@pytest.mark.parametrize(
    ("name", "layers"),
    [
        ("tf2onnx-2.15.0/models/lenet", 7),
        ("tf2onnx-2.15.0/models/lenet-nchw", 7),
        ("tf2onnx-2.15.0/models/transformer", 17),
        ("tf2onnx-3.15.1/models/squeeze_and_excite", 19),
        ("keras2onnx-2.2.4/models/squeeze_and_excite", 17),
    ],
)
def test_inner_layers_are_found_by_name(name: str, layers: int, tmp_path: Path) -> None:
    _, model, path = unpacked(name, tmp_path)
    assert len(kp.validate(model, path).layers) >= layers


def altered(path: Path, part: str) -> None:
    """Makes a weight 2 % larger."""
    model = onnx.load(path)
    tensor = next(tensor for tensor in model.graph.initializer if part in tensor.name and len(tensor.dims) > 1)
    values = onnx.numpy_helper.to_array(tensor) * np.float32(1.02)
    tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))
    onnx.save(model, path)


@pytest.mark.parametrize(
    ("name", "part", "named"),
    [
        ("tf2onnx-2.15.0/models/lenet", "conv2d_1/Conv2D", ["conv2d_1"]),
        ("tf2onnx-2.15.0/models/squeeze_and_excite", "dense_2/Tensordot", ["dense_2"]),
        ("tf2onnx-3.15.1/models/mlp", "dense_1_2", ["dense_1"]),
        ("keras2onnx-2.2.4/models/mlp", "dense_2", ["dense_2"]),
    ],
)
def test_the_layer_whose_weights_are_off_is_named(name: str, part: str, named: Sequence[str], tmp_path: Path) -> None:
    _, model, path = unpacked(name, tmp_path)
    altered(path, part)
    first = kp.validate(model, path).first_divergence
    assert first is not None
    assert {first.name, *first.folded} & set(named)


def test_wrong_guesses_do_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Taken for Keras 2, Keras 3 calls ``global_average_pooling2d`` what is the scope of another layer."""
    _, model, path = unpacked("tf2onnx-3.15.1/models/squeeze_and_excite", tmp_path)
    right = scopes.TIMES_ENTERED
    monkeypatch.setattr(scopes, "TIMES_ENTERED", right[:1])
    result = kp.validate(model, path)
    assert result.passed, result.verdict()
    assert not [entry for entry in result.layers if entry.detail == EXCUSED]


def test_a_batch_that_the_file_fixes_is_kept(tmp_path: Path) -> None:
    golden, model, path = unpacked("tf2onnx-2.15.0/models/mlp-batch2", tmp_path)
    trials = kp.validate(model, path).trials
    assert {shape[0] for trial in trials for shape in trial.shapes.values()} == {2}
    with pytest.raises(InputError):
        kp.validate(model, path, inputs=[array[:1] for array in golden.inputs])


def test_the_command_says_which_names_there_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, model, path = unpacked("tf2onnx-2.15.0/models/lenet-nchw", tmp_path)
    command = ["validate", str(model), str(path)]
    assert run([*command, "--map-output", "dense=other"], False) == 2
    assert "'dense' is not in the Keras model (--map-output)" in capsys.readouterr().err
    assert run([*command, "--nchw", "other"], False) == 2
    assert "'other' is not in either model (--nchw)" in capsys.readouterr().err
    assert run([*command, "--map-input", "other"], False) == 2
    assert run(command, False) == 0


def test_half_precision_is_judged_by_its_own_rounding(tmp_path: Path) -> None:
    golden, model, path = unpacked("tf2onnx-2.15.0/models/mlp", tmp_path)
    whole = onnx.load(path)
    for tensor in whole.graph.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT:
            half = onnx.numpy_helper.to_array(tensor).astype(np.float16)
            tensor.CopyFrom(onnx.numpy_helper.from_array(half, tensor.name))
    for port in (*whole.graph.input, *whole.graph.output):
        port.type.tensor_type.elem_type = onnx.TensorProto.FLOAT16
    onnx.save(whole, path)
    result = kp.validate(model, path, inputs=golden.inputs)
    assert result.passed, result.verdict()
    altered_half(path)
    assert not kp.validate(model, path).passed


def altered_half(path: Path) -> None:
    """Leaves the first bias out."""
    model = onnx.load(path)
    tensor = next(tensor for tensor in model.graph.initializer if "BiasAdd" in tensor.name)
    zeros = np.zeros_like(onnx.numpy_helper.to_array(tensor))
    tensor.CopyFrom(onnx.numpy_helper.from_array(zeros, tensor.name))
    onnx.save(model, path)
