"""A model that is run in parts gives what it gives as a whole; the reference in blocks, what it gives at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx.external_data_helper import convert_model_to_external_data

import kerasport as kp
from kerasport.errors import FileError, NotAModelError
from kerasport.loading import load
from kerasport.reader.weights import Weight
from kerasport.reference import blocks, conv, run, weights
from kerasport.reference.registry import Array
from kerasport.validation import Settings, compare
from kerasport.validation.segments import cut
from kerasport.validation.skeleton import read_skeleton
from tests.goldens import Golden, goldens
from tests.models import FakeWeight
from tests.test_goldens import run_onnx

MODELS = [
    *goldens("models", "lenet", "2.15.0-tensorflow"),
    *goldens("recurrent", "*masked*", "3.15.1-tensorflow"),
    *goldens("conv_lstm", "*", "2.15.0-tensorflow"),
]


@pytest.mark.parametrize("golden", MODELS, ids=lambda golden: golden.name)
@pytest.mark.parametrize("limit", [0, 1 << 30])
def test_parts_give_what_the_whole_gives(golden: Golden, limit: int, tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    kp.convert(golden.model(tmp_path), path, validate=False)
    model, skeleton = onnx.load(path), read_skeleton(path)
    feeds = {
        value.name: array.astype(onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type))
        for value, array in zip(model.graph.input, golden.inputs, strict=True)
    }
    names = [value.name for value in model.graph.output]
    given = dict(feeds)
    for part in cut(skeleton, dict.fromkeys(names, 1), limit):
        given |= part.run_chained(given)
    for name, expected in zip(names, run_onnx(path.read_bytes(), golden.inputs), strict=True):
        np.testing.assert_allclose(given[name], expected, rtol=1e-4, atol=1e-5)


def test_a_skeleton_has_the_graph_and_knows_where_the_weights_are(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    kp.convert(goldens("models", "lenet", "2.15.0-tensorflow")[0].model(tmp_path), path, validate=False)
    model, skeleton = onnx.load(path), read_skeleton(path)
    assert [node.name for node in skeleton.proto.graph.node] == [node.name for node in model.graph.node]
    assert skeleton.proto.ByteSize() < path.stat().st_size / 2
    for tensor in model.graph.initializer:
        stored = skeleton.weights.get(tensor.name)
        values = onnx.numpy_helper.to_array(skeleton.short[tensor.name]) if stored is None else stored.read()
        np.testing.assert_array_equal(values, onnx.numpy_helper.to_array(tensor))
    skeleton.check()


def test_weights_in_a_file_of_their_own_are_found(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    source = goldens("models", "lenet", "2.15.0-tensorflow")[0].model(tmp_path)
    kp.convert(source, path, validate=False)
    model = onnx.load(path)
    convert_model_to_external_data(model, location="weights.bin", size_threshold=1024)
    onnx.save(model, path)
    assert {weight.path.name for weight in read_skeleton(path).weights.values()} == {"weights.bin"}
    assert kp.validate(source, path).passed
    (tmp_path / "weights.bin").write_bytes(b"")
    with pytest.raises((FileError, NotAModelError)):
        kp.validate(source, path)


def test_weights_outside_of_the_models_folder_are_refused(tmp_path: Path) -> None:
    tensor = onnx.numpy_helper.from_array(np.ones(400, "float32"), "w")
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../w.bin")
    model = onnx.helper.make_model(onnx.helper.make_graph([], "g", [], [], [tensor]))
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(NotAModelError, match="outside"):
        read_skeleton(tmp_path / "m.onnx")


@pytest.mark.parametrize("damage", [b"", b"\x3a\xff\xff\xff\x7f", b"\x3a\x05\x0f", b"\xff" * 40])
def test_a_file_that_is_no_model_is_refused(damage: bytes, tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(damage)
    with pytest.raises(NotAModelError):
        read_skeleton(tmp_path / "m.onnx")


@pytest.mark.parametrize("settings", [Settings(batch=1), Settings(precision="float32"), Settings(memory=1)])
def test_settings_do_not_change_the_verdict(settings: Settings, seed_model: Path, tmp_path: Path) -> None:
    kp.convert(seed_model, tmp_path / "m.onnx", validate=False)
    with load(seed_model) as model:
        result = compare(model, tmp_path / "m.onnx", settings=settings)
    assert result.passed
    assert result.trials[0].shapes == {"dense_input": (settings.batch or 16, 10)}


class _InParts(FakeWeight):
    in_parts = True

    def read(self) -> Array:
        raise AssertionError("all of it is not needed")

    def read_part(self, shape: tuple[int, ...], index: tuple[slice, ...]) -> Array:
        return np.asarray(self.array.reshape(shape)[index])


@pytest.mark.parametrize("kind", [FakeWeight, _InParts])
def test_a_product_with_a_weight_in_blocks(kind: type[FakeWeight], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "_BLOCK", 8)
    rng = np.random.default_rng(0)
    x, kernel = rng.normal(size=(2, 3, 7)), rng.normal(size=(7, 4)).astype("float32")
    stored: dict[str, Weight] = {"kernel": kind.of("kernel", kernel)}
    product = weights.multiplied(x, weights.Weights(stored, np.float64), "kernel")
    np.testing.assert_allclose(product, x @ kernel.astype("float64"), rtol=1e-12)


@pytest.mark.parametrize("golden", goldens("conv", era="2.15.0-tensorflow"), ids=lambda golden: golden.name)
def test_small_blocks_change_nothing(golden: Golden, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with load(golden.model(tmp_path)) as model:
        whole = run(model.graph, golden.inputs, np.float64)
        monkeypatch.setattr(conv, "_BLOCK", 64)
        monkeypatch.setattr(blocks, "_BLOCK", 16)
        for a, b in zip(run(model.graph, golden.inputs, np.float64), whole, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)
