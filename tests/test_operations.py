"""Operations: each one is in a golden case, and those that cannot be expressed say why."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from kerasport import reference
from kerasport.dialect import tensorflow
from kerasport.errors import UnsupportedModelError
from kerasport.export import translate
from kerasport.export.writer import to_bytes
from kerasport.layers.arguments import names, refusals
from kerasport.loading import load
from tests.goldens import ARCHIVE, golden_classes, golden_functions, golden_operators, goldens
from tests.test_goldens import agree, run_onnx

# Operations that no Keras of the golden cases can put into a model's file.
UNMET = {
    "Conj": "an alias; what is saved is Conjugate",
    "Histogram": "fails with the TensorFlow backend",
    "Mish": "is saved as its parts",
    "Ndim": "gives a number, and no tensor",
    "tf.nn.batch_normalization": "is recorded as its parts",
}


def met() -> set[str]:
    """The operations in golden files, by Keras 3's names, and by TensorFlow's with ``tf.`` before them."""
    functions = {tensorflow.function(name, {})[0] for name in golden_functions()}
    operators = {tensorflow.RAW.get(name, "").partition(" ")[0] for name in golden_operators()}
    return golden_classes() | functions | operators


def test_every_operation_is_in_a_golden_case() -> None:
    assert set(names()) - met() == set(UNMET)


def test_every_refused_operation_has_a_reason_and_a_way_on() -> None:
    assert all(refusal.reason and refusal.way_on for refusal in refusals().values())
    assert not set(refusals()) & set(names())


def recorded(class_name: str, inbound: Any, **config: Any) -> dict[str, Any]:
    """What tf.keras writes for a call of TensorFlow on the input ``x``."""
    return {"class_name": class_name, "name": "call", "config": {"name": "call", **config}, "inbound_nodes": inbound}


def saved(path: Path, call: dict[str, Any]) -> Path:
    """A file of tf.keras 2.15 with an input and one call."""
    source = {"batch_input_shape": [None, 4, 3], "dtype": "float32", "sparse": False, "ragged": False, "name": "x"}
    layers = [{"class_name": "InputLayer", "name": "x", "config": source, "inbound_nodes": []}, call]
    config = {"name": "m", "layers": layers, "input_layers": [["x", 0, 0]], "output_layers": [["call", 0, 0]]}
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps({"class_name": "Functional", "config": config})
        file.attrs["keras_version"], file.attrs["backend"] = "2.15.0", "tensorflow"
        weights = file.create_group("model_weights")
        weights.attrs["layer_names"] = [b"x", b"call"]
        for name in ("x", "call"):
            weights.create_group(name).attrs["weight_names"] = np.array([], "S1")
    return path


REFUSED = {
    "einsum": (recorded("TFOpLambda", [["_CONSTANT_VALUE", -1, "bij,bkj->bik", {}]], function="einsum"), "equation"),
    "meshgrid": (recorded("TFOpLambda", [["x", 0, 0, {}]], function="meshgrid"), "only the first of its tensors"),
    "map_fn": (recorded("TFOpLambda", [["x", 0, 0, {}]], function="map_fn"), "Python function"),
    "ragged": (
        recorded("ClassMethod", [[["x", 0, 0, {"kwargs": {}}]]], cls_symbol="RaggedTensor", method_name="from_tensor"),
        "ragged",
    ),
    "method": (recorded("InstanceMethod", [["x", 0, 0, {"args": [], "kwargs": {}}]], attr_name="to_tensor"), "ragged"),
    "property": (recorded("InstanceProperty", [["x", 0, 0, {}]], attr_name="flat_values"), "ragged"),
    "complex": (
        recorded("TFOpLambda", [["x", 0, 0, {"frame_length": 2, "frame_step": 1}]], function="signal.stft"),
        "complex numbers",
    ),
    "dropout": (recorded("TFOpLambda", [["x", 0, 0, {"rate": 0.5}]], function="nn.dropout"), "random"),
    "one axis twice": (recorded("TFOpLambda", [["x", 0, 0, {"axis": [0, 0]}]], function="expand_dims"), "axis twice"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_file_does_not_hold_or_onnx_cannot_say_is_refused_with_its_reason(name: str, tmp_path: Path) -> None:
    call, why = REFUSED[name]
    with pytest.raises(UnsupportedModelError, match=why), load(saved(tmp_path / "m.h5", call)) as model:
        assert model.graph


def test_erfinv_is_precise_near_one(tmp_path: Path) -> None:
    x = (1 - np.geomspace(1e-6, 0.5, 24)).astype("float32").reshape(2, 4, 3)
    with load(saved(tmp_path / "m.h5", recorded("TFOpLambda", [["x", 0, 0, {}]], function="math.erfinv"))) as model:
        (found,) = run_onnx(to_bytes(translate(model.graph), {}), [x])
        (expected,) = reference.run(model.graph, [x.astype("float64")], np.float64)
    np.testing.assert_allclose(found, expected, rtol=8 * 2**-24)


@pytest.mark.parametrize("era", ["2.15.0-tensorflow", "3.15.1-tensorflow"])
def test_a_hard_sigmoid_in_steps_is_one_operator_where_nothing_else_reads_them(era: str, tmp_path: Path) -> None:
    golden = goldens("operations", "hard_sigmoids_in_steps", era)[0]
    with load(golden.model(tmp_path)) as model:
        folded, plain = ([node.op for node in translate(model.graph, fold=fold).nodes] for fold in (True, False))
    assert (folded.count("HardSwish"), folded.count("HardSigmoid"), folded.count("Clip")) == (3, 6, 3)
    assert (plain.count("HardSwish"), plain.count("HardSigmoid"), plain.count("Clip")) == (0, 0, 12)


@pytest.mark.parametrize(
    ("family", "case"), [("normalization", "layer"), ("pooling", "pool2d"), ("conv", "conv2d_same")]
)
def test_a_layer_of_keras_3_without_dtype_and_trainable_is_a_layer(family: str, case: str, tmp_path: Path) -> None:
    (golden,) = goldens(family, case, "3.15.1-tensorflow")
    path = golden.model(tmp_path)
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        for layer in config["config"]["layers"]:
            layer["config"] = {
                key: value for key, value in layer["config"].items() if key not in ("dtype", "trainable")
            }
        file.attrs["model_config"] = json.dumps(config)
    with load(path) as model:
        results = run_onnx(to_bytes(translate(model.graph), {"kerasport.version": "test"}), golden.inputs)
    for result, expected in zip(results, golden.outputs, strict=True):
        agree(result, expected, golden, case)


@pytest.mark.parametrize(("family", "case"), [("merge", "add"), ("core", "reshape"), ("wrappers", "td_frozen")])
def test_a_layer_of_an_archive_is_told_by_its_module(family: str, case: str, tmp_path: Path) -> None:
    """Operations have the names of some, and Keras's wrappers are in no table of specs."""
    (golden,) = goldens(family, case, "3.15.1-tensorflow", ARCHIVE)
    path, bare = golden.model(tmp_path), tmp_path / "bare.keras"
    with zipfile.ZipFile(path) as whole, zipfile.ZipFile(bare, "w") as archive:
        for name in whole.namelist():
            archive.writestr(name, _bare(whole.read(name)) if name == "config.json" else whole.read(name))
    with load(bare) as model:
        results = run_onnx(to_bytes(translate(model.graph), {"kerasport.version": "test"}), golden.inputs)
    for result, expected in zip(results, golden.outputs, strict=True):
        agree(result, expected, golden, case)


def _bare(text: bytes) -> str:
    """An architecture whose layers' configs have lost what all layers have."""
    config = json.loads(text)
    for layer in config["config"]["layers"]:
        layer["config"] = {key: value for key, value in layer["config"].items() if key not in ("dtype", "trainable")}
    return json.dumps(config)
