"""Every layer is judged on its own: a fault is found where it is, and nowhere else."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import onnx
import pytest

import kerasport as kp
from kerasport.loading import load
from kerasport.validation import Settings, Tolerance, Validation, compare
from kerasport.validation.error import unit
from kerasport.validation.place import places
from kerasport.validation.plan import Plan
from kerasport.validation.skeleton import read_skeleton
from tests.goldens import Golden, goldens

LENET = goldens("models", "lenet", "2.15.0-tensorflow")[0]
TAGGER = goldens("models", "bilstm_tagger", "2.15.0-tensorflow")[0]


def altered(golden: Golden, folder: Path, alter: str, factor: float = 1.01, fold: bool = True) -> Validation:
    """Validates a model of which one number of one weight is off."""
    source, path = golden.model(folder), folder / "m.onnx"
    kp.convert(source, path, validate=False, fold=fold)
    model = onnx.load(path)
    tensor = next(tensor for tensor in model.graph.initializer if tensor.name == alter)
    values = onnx.numpy_helper.to_array(tensor).copy()
    values.flat[np.abs(values).argmax()] *= np.float32(factor)
    tensor.CopyFrom(onnx.numpy_helper.from_array(values, alter))
    onnx.save(model, path)
    return kp.validate(source, path)


def weights_of(golden: Golden, folder: Path, fold: bool = True) -> list[str]:
    kp.convert(golden.model(folder), folder / "w.onnx", validate=False, fold=fold)
    tensors = onnx.load(folder / "w.onnx").graph.initializer
    return [t.name for t in tensors if t.data_type == onnx.TensorProto.FLOAT and np.prod(t.dims) > 1]


def test_one_number_that_is_off_by_1_percent_convicts_its_layer_and_no_other(tmp_path: Path) -> None:
    names = weights_of(LENET, tmp_path, fold=False)
    assert len(names) > 6
    for name in names:
        result = altered(LENET, tmp_path, name, fold=False)
        assert [entry.name for entry in result.layers if not entry.passed] == [name.rpartition("/")[0]], name


def test_the_layers_behind_a_fault_are_innocent_but_the_chain_shows_it(tmp_path: Path) -> None:
    result = altered(LENET, tmp_path, weights_of(LENET, tmp_path)[0], factor=2.0)
    guilty, *others = [entry for entry in result.layers if entry.name != "input"]
    assert not guilty.passed
    assert all(entry.passed for entry in others)
    assert all((entry.chained or 0.0) > 1e-3 for entry in others)
    assert not all(entry.passed for entry in result.outputs)


def test_a_recurrent_layers_weights_are_judged_too(tmp_path: Path) -> None:
    for name in weights_of(TAGGER, tmp_path):
        result = altered(TAGGER, tmp_path, name)
        assert not result.passed, name


def test_a_layer_that_onnx_runtime_cannot_run_is_named(tmp_path: Path) -> None:
    source, path = LENET.model(tmp_path), tmp_path / "m.onnx"
    kp.convert(source, path, validate=False)
    model = onnx.load(path)
    last = [node for node in model.graph.node if node.op_type in ("Gemm", "MatMul")][-1]
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array([99]), "far"))
    gather = onnx.helper.make_node("Gather", [last.input[0], "far"], ["gathered"], name=f"{last.name}/Gather", axis=0)
    model.graph.node.insert(list(model.graph.node).index(last), gather)
    last.input[0] = "gathered"
    onnx.save(model, path)
    result = kp.validate(source, path)
    assert result.first_divergence is not None
    assert last.name.startswith(result.first_divergence.name)
    assert "ONNX Runtime" in result.first_divergence.detail
    assert not any(entry.passed for entry in result.outputs)


def test_a_layer_that_is_left_out_is_not_confused_with_the_one_before_it(tmp_path: Path) -> None:
    """A layer that stands where another stands is judged by what it makes of the other's value."""
    golden = next(iter(goldens("models", "*resnet*", "2.15.0-tensorflow")))
    source, path = golden.model(tmp_path), tmp_path / "m.onnx"
    kp.convert(source, path, validate=False, fold=False)
    model = onnx.load(path)
    entry = next(prop for prop in model.metadata_props if prop.key == "kerasport.layers")
    found = json.loads(entry.value)
    before = {place[0] for place in found.values()}
    relu = next(node for node in model.graph.node if node.op_type == "Relu" and node.input[0] in before)
    left_out = [name for name, place in found.items() if place[0] == relu.output[0]]
    for name in left_out:
        found[name][0] = relu.input[0]
    entry.value = json.dumps(found)
    for node in model.graph.node:
        node.input[:] = [relu.input[0] if name == relu.output[0] else name for name in node.input]
    onnx.save(model, path)
    result = kp.validate(source, path)
    innocent = [name for name, place in found.items() if place[0] == relu.input[0] and name not in left_out]
    assert result.first_divergence is not None
    assert [result.first_divergence.name] == left_out
    assert all(layer.passed for layer in result.layers if layer.name in innocent)
    assert innocent


def test_the_model_is_tried_in_several_shapes(tmp_path: Path) -> None:
    source = TAGGER.model(tmp_path)
    kp.convert(source, tmp_path / "m.onnx", validate=False)
    trials = kp.validate(source, tmp_path / "m.onnx").trials
    assert len({shape[0] for trial in trials for shape in trial.shapes.values()}) > 1
    assert len({trial.seed for trial in trials}) == len(trials)
    one = kp.validate(source, tmp_path / "m.onnx", batch=2).trials
    assert {shape[0] for trial in one for shape in trial.shapes.values()} == {2}


def test_channels_that_never_change_are_counted(tmp_path: Path) -> None:
    source = LENET.model(tmp_path)
    with h5py.File(source, "r+") as file:
        names: list[str] = []
        file["model_weights"].visit(lambda name: names.append(name) if name.endswith("bias:0") else None)
        bias = file["model_weights"][names[0]]
        bias[0] = -1e6
    kp.convert(source, tmp_path / "m.onnx", validate=False)
    dead = {entry.name: entry.dead for entry in kp.validate(source, tmp_path / "m.onnx").dead}
    layer = names[0].split("/")[0]
    assert dead.get(layer) == 1, dead


def test_a_folded_layer_is_named_with_its_host(tmp_path: Path) -> None:
    golden = next(iter(goldens("models", "*resnet*", "2.15.0-tensorflow")))
    source = golden.model(tmp_path)
    kp.convert(source, tmp_path / "m.onnx", validate=False)
    with load(source) as model:
        skeleton = read_skeleton(tmp_path / "m.onnx")
        plan = Plan(model.graph, skeleton, places(model.graph, skeleton), np.float64)
        result = compare(model, tmp_path / "m.onnx")
    assert result.missing
    assert set(result.missing) == {name for names in plan.folded.values() for name in names}
    assert not set(result.missing) & {entry.name for entry in result.layers}


@pytest.mark.parametrize("chained", [True, False])
def test_the_chain_is_run_only_when_it_is_asked_for(chained: bool, tmp_path: Path) -> None:
    source = LENET.model(tmp_path)
    kp.convert(source, tmp_path / "m.onnx", validate=False)
    with load(source) as model:
        result = compare(model, tmp_path / "m.onnx", settings=Settings(chained=chained))
    assert all((entry.chained is not None) == chained for entry in result.layers)


def test_rows_of_a_table_are_given_as_they_are(tmp_path: Path) -> None:
    name = next(name for name in weights_of(TAGGER, tmp_path) if name.endswith("embeddings"))
    result = altered(TAGGER, tmp_path, name, factor=1 + 2**-23)
    assert [entry.name for entry in result.layers if not entry.passed] == [name.rpartition("/")[0]]


def test_a_model_that_refuses_a_number_of_rows_does_not_pass(seed_model: Path, tmp_path: Path) -> None:
    kp.convert(seed_model, tmp_path / "m.onnx", validate=False)
    model = onnx.load(tmp_path / "m.onnx")
    (given,) = model.graph.input
    for node in model.graph.node:
        node.input[:] = ["fixed" if name == given.name else name for name in node.input]
    model.graph.node.insert(0, onnx.helper.make_node("Reshape", [given.name, "shape"], ["fixed"], name="Reshape"))
    shape = np.array([3, given.type.tensor_type.shape.dim[1].dim_value])
    model.graph.initializer.append(onnx.numpy_helper.from_array(shape, "shape"))
    onnx.save(model, tmp_path / "m.onnx")
    assert not kp.validate(seed_model, tmp_path / "m.onnx").passed
    assert kp.validate(seed_model, tmp_path / "m.onnx", batch=3).passed


def test_numbers_given_for_the_tolerance_decide(tmp_path: Path) -> None:
    source = LENET.model(tmp_path)
    kp.convert(source, tmp_path / "m.onnx", validate=False)
    with load(source) as model:
        assert not compare(model, tmp_path / "m.onnx", tolerance=Tolerance(rtol=0.0, atol=0.0)).passed
        worst = max(e.just_passes for e in compare(model, tmp_path / "m.onnx").entries)
        assert compare(model, tmp_path / "m.onnx", tolerance=Tolerance(rtol=worst * 1.01, atol=worst * 1.01)).passed


def test_a_unit_grows_with_the_root_of_the_length_and_with_the_channel() -> None:
    values = np.array([[1.0, 100.0], [-40.0, 50.0]], "float32")
    np.testing.assert_allclose(unit(values, 1), np.array([40.0, 100.0]) * 2.0**-24)
    np.testing.assert_allclose(unit(values[:1], 1), np.array([50.0, 100.0]) * 2.0**-24)  # one value says little
    np.testing.assert_allclose(unit(values, 64), unit(values, 1) * 8)
    assert unit(np.zeros((2, 2), "float32"), 1).min() > 0
