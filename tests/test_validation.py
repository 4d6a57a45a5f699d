"""What a comparison finds, and what it does not mistake for a fault."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import onnx
import pytest

import kerasport as kp
from kerasport.errors import MismatchError
from kerasport.loading import load
from kerasport.validation.error import NOT_FINITE, OVERFLOW, ROUNDING, Limit, measure
from kerasport.validation.inputs import Trial, generate, others, trials
from tests.goldens import Golden, goldens
from tests.models import build, layer

MODELS = goldens("models", era="2.15.0-tensorflow")
# Values far smaller than the numbers that the function rounds on the way to them.
_REMNANTS = [
    *((name, 0.1, bias) for name in ("sigmoid", "swish", "gelu") for bias in (-5.0, -9.0, -12.0)),
    *((name, scale, 0.0) for name in ("elu", "selu") for scale in (1e-3, 1e-5)),
]


@pytest.mark.parametrize("golden", MODELS, ids=lambda golden: golden.name)
@pytest.mark.parametrize("seed", [1, 2])
def test_there_is_no_false_alarm_on_whole_models(golden: Golden, seed: int, tmp_path: Path) -> None:
    model = golden.model(tmp_path)
    kp.convert(model, tmp_path / "m.onnx", validate=False)
    result = kp.validate(model, tmp_path / "m.onnx", seed=seed)
    assert result.passed, result.verdict()


def broken(path: Path, name: str) -> None:
    """Changes one initializer by 1 %, or by 0.01 where it is zero."""
    model = onnx.load(path)
    tensor = next(tensor for tensor in model.graph.initializer if tensor.name == name)
    tensor.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(tensor) * np.float32(1.01), name))
    onnx.save(model, path)


def test_the_layer_whose_weights_are_off_is_named_first(tmp_path: Path) -> None:
    golden = goldens("models", "lenet", "2.15.0-tensorflow")[0]
    model = golden.model(tmp_path)
    kp.convert(model, tmp_path / "m.onnx", validate=False, fold=False)
    kernels = [t.name for t in onnx.load(tmp_path / "m.onnx").graph.initializer if t.name.endswith("/kernel")]
    assert len(kernels) > 2
    for name in kernels:
        kp.convert(model, tmp_path / "m.onnx", validate=False, fold=False)
        broken(tmp_path / "m.onnx", name)
        first = kp.validate(model, tmp_path / "m.onnx").first_divergence
        assert first is not None
        assert first.name == name.removesuffix("/kernel")


@pytest.mark.parametrize(("activation", "scale", "bias"), _REMNANTS)
def test_what_an_activation_rounds_on_the_way_is_no_fault(
    activation: str, scale: float, bias: float, seed_model: Path, tmp_path: Path
) -> None:
    path = tmp_path / "small.h5"
    path.write_bytes(seed_model.read_bytes())
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        config["config"]["layers"][-1]["config"]["activation"] = activation
        file.attrs["model_config"] = json.dumps(config)
        weights = file["model_weights/dense_1/dense_1"]
        weights["kernel:0"][...] = weights["kernel:0"][...] * scale
        weights["bias:0"][...] = bias
    kp.convert(path, tmp_path / "small.onnx", validate=False)
    for seed in range(8):
        result = kp.validate(path, tmp_path / "small.onnx", seed=seed)
        assert result.passed, result.verdict()
        assert (result.worst.max_rel > 1e-4) == (ROUNDING in result.verdict())


def test_a_model_that_overflows_is_not_the_translations_fault(seed_model: Path, tmp_path: Path) -> None:
    path = tmp_path / "huge.h5"
    path.write_bytes(seed_model.read_bytes())
    with h5py.File(path, "r+") as file:
        for name in ("dense/dense", "dense_1/dense_1"):
            kernel = file[f"model_weights/{name}/kernel:0"]
            kernel[...] = kernel[...] * np.float32(1e30)
    result = kp.convert(path, tmp_path / "m.onnx").validation
    assert result is not None
    assert "overflow float32" in result.verdict()
    assert any(entry.detail == OVERFLOW for entry in result.outputs)


def test_a_mismatch_leaves_no_file(seed_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kerasport.export.writer._stored", lambda array, values: values * np.float32(1.5))
    with pytest.raises(MismatchError, match="first that diverges"):
        kp.convert(seed_model, tmp_path / "m.onnx")
    assert not list(tmp_path.iterdir())


def test_measuring_looks_at_shapes_and_at_what_is_not_finite() -> None:
    x, limit = np.ones((2, 3)), Limit(rtol=1e-3, atol=1e-4)
    assert measure("a", "Dense", x, x, limit).entry.passed
    assert not measure("a", "Dense", x[:1], x, limit).entry.passed
    bad = np.where(np.eye(2, 3) > 0, np.nan, x)
    assert measure("a", "Dense", bad, x, limit).entry.detail == NOT_FINITE
    assert measure("a", "Dense", bad, bad, limit).entry.passed
    assert not measure("a", "Dense", x * 1.01, x, limit).entry.passed


@pytest.mark.parametrize("golden", goldens("recurrent", "*embedd*", "3.15*"), ids=lambda golden: golden.name)
def test_generated_ids_stay_in_the_table_and_have_padding(golden: Golden, tmp_path: Path) -> None:
    with load(golden.model(tmp_path)) as model:
        tables = [record.spec for record in model.assembly.layers.values() if hasattr(record.spec, "mask_zero")]
        arrays = generate(model.graph, next(trials(model.graph, 6)), 0)
    assert all((array >= 0).all() and array.max() < min(table.input_dim for table in tables) for array in arrays)
    assert any((array == 0).any() for array in arrays)


@pytest.mark.parametrize(
    ("family", "case"),
    [
        ("opnodes", "tf_gather"),  # takes what its inputs name places of
        ("opnodes", "tf_positions"),  # adds a table of a certain length to steps of an unknown number
        ("tf_nn", "losses"),  # takes the logarithm of what hardly differs from 1, where float32 has no digits left
        ("tf_functions", "matrices"),  # factors positive definite matrices
        ("opnodes", "integers"),  # divides by one of its inputs
        ("opnodes", "ops_wiring"),  # joins its input with a constant of three rows
        ("preprocessing", "resizing_integers"),  # rounds numbers that lie in the middle between two
        ("wrappers", "td_masked_nested_model"),  # looks ids up behind a fold of time into the batch
    ],
)
def test_generated_inputs_suit_the_model(family: str, case: str, tmp_path: Path) -> None:
    model = goldens(family, case, "[23].15*")[-1].model(tmp_path)
    validation = kp.convert(model, tmp_path / "model.onnx").validation
    assert validation is not None
    assert validation.passed


def test_an_image_is_sampled_at_coordinates_that_are_rounded(tmp_path: Path) -> None:
    source = resizing(tmp_path / "resizing.h5", (333, 500), (224, 190))
    kp.convert(source, tmp_path / "m.onnx", validate=False)
    assert kp.validate(source, tmp_path / "m.onnx").passed
    model = onnx.load(tmp_path / "m.onnx")
    (node,) = (node for node in model.graph.node if node.op_type == "Resize")
    next(a for a in node.attribute if a.name == "coordinate_transformation_mode").s = b"asymmetric"
    onnx.save(model, tmp_path / "m.onnx")
    assert [entry.name for entry in kp.validate(source, tmp_path / "m.onnx").layers if not entry.passed] == ["y"]


def resizing(path: Path, size: tuple[int, int], to: tuple[int, int]) -> Path:
    """A model of tf.keras 2.15 that resizes images."""
    layers = [
        {"class_name": "InputLayer", "config": {"batch_input_shape": [None, *size, 2], "name": "x"}},
        {"class_name": "Resizing", "config": {"name": "y", "height": to[0], "width": to[1]}},
    ]
    with h5py.File(path, "w") as file:
        config = {"class_name": "Sequential", "config": {"name": "model", "layers": layers}}
        file.attrs["model_config"] = json.dumps(config)
        file.attrs["keras_version"], file.attrs["backend"] = "2.15.0", "tensorflow"
        file.create_group("model_weights").attrs["layer_names"] = np.array([], "S1")
    return path


@pytest.mark.parametrize(
    ("class_name", "config", "most"),
    [
        ("Hashing", {"num_bins": 1000, "output_mode": "int"}, 16),
        ("Embedding", {"input_dim": 300, "output_dim": 2}, 100),
    ],
)
def test_only_the_ids_of_tables_are_all_tried(class_name: str, config: dict[str, object], most: int) -> None:
    graph = build([3], [layer("ids", class_name, ["x"], **config)], ["ids"], dtype="int32")
    rows = [other.trial.batch for other in others(graph, Trial(16, 4, range(10)), None)]
    assert max(rows) == most
