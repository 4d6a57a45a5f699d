"""Wrong files get one clear sentence and an exit code, and leave nothing behind."""

from __future__ import annotations

import gzip
import io
import json
import os
import pickle
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import onnx
import pytest

import kerasport as kp
from tests.conftest import Outcome
from tests.goldens import Form, goldens

Run = Callable[..., Outcome]


def zipped(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, b"{}")
    return buffer.getvalue()


def onnx_bytes() -> bytes:
    graph = onnx.helper.make_graph([], "g", [], [])
    return bytes(onnx.helper.make_model(graph, producer_name="t").SerializeToString())


def npy() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(3))
    return buffer.getvalue()


KINDS: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "empty"),
    "tflite": (b"\x1c\x00\x00\x00TFL3" + bytes(64), "TensorFlow Lite"),
    "pytorch": (zipped("archive/data.pkl"), "PyTorch"),
    "old pytorch": (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", "pickle"),
    "pickle": (pickle.dumps({"a": 1}), "pickle"),
    "onnx": (onnx_bytes(), "already an ONNX model"),
    "npy": (npy(), "NumPy array"),
    "npz": (zipped("a.npy"), "NumPy archive"),
    "html": (b"\n<!DOCTYPE html><html><body>404</body></html>", "HTML page"),
    "xml": (b"<?xml version='1.0'?><Error/>", "XML"),
    "git-lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "git-LFS pointer"),
    "json": (b'{"class_name": "Sequential"}', "JSON"),
    "yaml": (b"class_name: Sequential\n", "YAML"),
    "gzip": (gzip.compress(b"x"), "gzip"),
    "safetensors": ((64).to_bytes(8, "little") + b'{"a":{}}' + bytes(80), "safetensors"),
    "protobuf": (b"\x0a\x30" + bytes(48), "protocol buffer"),
    "cut-off zip": (zipped("config.json", "metadata.json")[:50], "damaged zip"),
    "noise": (bytes(range(200, 250)) * 3, "no format that kerasport knows"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("command", ["inspect", "convert", "validate", "predict"])
def test_other_kinds_of_files_are_named(kerasport: Run, tmp_path: Path, kind: str, command: str) -> None:
    content, expected = KINDS[kind]
    path = tmp_path / "model.h5"
    path.write_bytes(content)
    more = {"convert": [tmp_path / "o.onnx"], "validate": [path], "predict": ["--input", path]}.get(command, [])
    outcome = kerasport(command, path, *more)
    if command == "predict" and kind == "onnx":
        assert outcome.code in (3, 6)
        return
    assert outcome.code == 3
    assert expected in outcome.err
    assert [file.name for file in tmp_path.iterdir()] == ["model.h5"]


def test_a_missing_file_and_a_directory(kerasport: Run, tmp_path: Path) -> None:
    assert "No such file" in kerasport("inspect", tmp_path / "nothing.h5").err
    assert "is a directory" in kerasport("inspect", tmp_path).err
    (tmp_path / "saved_model.pb").write_bytes(b"")
    outcome = kerasport("inspect", tmp_path)
    assert outcome.code == 3
    assert "SavedModel" in outcome.err


TOPOLOGY = {"model_config": {"class_name": "Sequential", "config": {"layers": []}}, "keras_version": "2.15.0"}
LAYERS_MODEL = {"format": "layers-model", "modelTopology": TOPOLOGY, "weightsManifest": []}
GRAPH_MODEL = {"format": "graph-model", "modelTopology": {"node": []}, "weightsManifest": []}
SAVED_MODEL = b"\x08\x01\x12\x10" + bytes(60)
# What is told of a file, by its name: what it is, and the way on.
WAYS_ON: dict[str, tuple[bytes, str, str]] = {
    "js/model.json": (json.dumps(LAYERS_MODEL).encode(), "a TensorFlow.js model", "tensorflowjs_converter --input_for"),
    "graph.json": (json.dumps(GRAPH_MODEL).encode(), "a TensorFlow.js graph model", "tf2onnx.convert --tfjs"),
    "group1-shard1of1.bin": (bytes(range(99)), "a shard of a TensorFlow.js model", "Give its model.json"),
    "saved_model.pb": (SAVED_MODEL, "the graph of a TensorFlow SavedModel", "tf.keras.models.load_model("),
    "model.tflite": (b"\x1c\x00\x00\x00TFL3" + bytes(64), "TensorFlow Lite", "tf2onnx.convert --tflite"),
    "frozen.pb": (b"\x0a\x30" + bytes(48), "a frozen TensorFlow graph", "tf2onnx.convert --graphdef"),
    "net.mlmodel": (b"\x08\x04\x12\x60\x0a" + bytes(48), "Core ML", "model.save('model.h5')"),
    "w.ckpt.index": (b"\x00\x00\x03" + bytes(range(60)), "a TensorFlow checkpoint", "w.ckpt'), then model.save("),
    "checkpoint": (b'model_checkpoint_path: "w"\n', "a TensorFlow checkpoint", "model.load_weights("),
    "model.joblib": (b"\x78\x9c" + bytes(range(60)), "pickle", "load it in Python, and save it"),
    "model.pt": (zipped("archive/data.pkl"), "PyTorch", "torch.onnx.export(model"),
    "m.zip": (zipped("m/saved_model.pb", "m/variables/variables.index"), "of a TensorFlow SavedModel", "and give m"),
    "h5.zip": (zipped("a/model.h5"), "with a model in it", "and give a/model.h5"),
    "js.zip": (zipped("t/model.json", "t/group1-shard1of1.bin"), "of a TensorFlow.js model", "the model.json in t"),
    "weights.keras": (zipped("metadata.json", "model.weights.h5"), "without its config.json", "to --weights"),
    "config.keras": (zipped("metadata.json", "config.json"), "without its weights", "model.save("),
    "model.h5": (gzip.compress(b"\x89HDF"), "gzip-compressed", "gzip -dc "),
    "model.tgz": (gzip.compress(bytes(257) + b"ustar" + bytes(300)), "gzip-compressed", "tar xf "),
    "model.xz": (b"\xfd7zXZ\x00" + bytes(range(60)), "xz-compressed", "xz -dc "),
    "page.h5": (b"<!-- x -->\n<head><title>Sign in", "an HTML page", "Download the file itself"),
    "text.h5": (b"404: Not Found", "text that begins with '404: Not Found'", "Download the file itself"),
    "zeros.h5": (bytes(5000), "nothing but zeros", "Download or copy it again"),
}


@pytest.mark.parametrize("name", WAYS_ON)
def test_a_file_of_another_kind_is_told_with_the_way_on(name: str, kerasport: Run, tmp_path: Path) -> None:
    content, what, way_on = WAYS_ON[name]
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    outcome = kerasport("convert", path, tmp_path / "o.onnx")
    told = " ".join(outcome.err.split())
    assert outcome.code == 3
    assert what in told
    assert way_on in told


def test_a_directory_is_told_with_what_to_give(kerasport: Run, tmp_path: Path, seed_model: Path) -> None:
    (tmp_path / "served" / "1").mkdir(parents=True)
    (tmp_path / "served" / "1" / "saved_model.pb").write_bytes(SAVED_MODEL)
    assert f"load_model('{tmp_path}/served/1')" in " ".join(kerasport("check", tmp_path / "served").out.split())
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "best.h5").write_bytes(seed_model.read_bytes())
    assert "Give one of the files in it: best.h5" in kerasport("check", tmp_path / "run").out


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.9, 0.999])
def test_a_truncated_download_is_called_so(kerasport: Run, seed_model: Path, tmp_path: Path, share: float) -> None:
    content = seed_model.read_bytes()
    path = tmp_path / "model.h5"
    path.write_bytes(content[: int(len(content) * share)])
    outcome = kerasport("convert", path, tmp_path / "m.onnx")
    assert outcome.code == 3
    assert "cut off" in outcome.err
    assert not (tmp_path / "m.onnx").exists()


@pytest.fixture
def edited(seed_model: Path, tmp_path: Path) -> Callable[[Callable[[h5py.File], Any]], Path]:
    """The demo's model after an edit of its HDF5 file."""

    def edit(change: Callable[[h5py.File], Any]) -> Path:
        path = tmp_path / "edited.h5"
        path.write_bytes(seed_model.read_bytes())
        with h5py.File(path, "r+") as file:
            change(file)
        return path

    return edit


def drop_config(file: h5py.File) -> None:
    del file.attrs["model_config"]


def only_weights(file: h5py.File) -> None:
    del file.attrs["model_config"]
    file.attrs["layer_names"] = file["model_weights"].attrs["layer_names"]


def subclassed(file: h5py.File) -> None:
    file.attrs["model_config"] = json.dumps({"class_name": "MyModel", "config": {"units": 3}})


def broken_json(file: h5py.File) -> None:
    file.attrs["model_config"] = file.attrs["model_config"][:100]


def missing_weight(file: h5py.File) -> None:
    del file["model_weights/dense/dense/kernel:0"]


def missing_group(file: h5py.File) -> None:
    names = [name for name in file["model_weights"].attrs["layer_names"] if "dense_1" not in str(name)]
    file["model_weights"].attrs["layer_names"] = names


def lost_group(file: h5py.File) -> None:
    del file["model_weights/dense_1"]


def wrong_shape(file: h5py.File) -> None:
    del file["model_weights/dense/dense/kernel:0"]
    file["model_weights/dense/dense/kernel:0"] = np.zeros((11, 128), np.float32)


def too_few(file: h5py.File) -> None:
    group = file["model_weights/dense"]
    group.attrs["weight_names"] = group.attrs["weight_names"][:1]


def named_alike(file: h5py.File) -> None:
    file["model_weights/dense"].attrs["weight_names"] = [b"dense/kernel:0", b"dense/kernel:0"]


def link_out(file: h5py.File) -> None:
    del file["model_weights/dense/dense/kernel:0"]
    file["model_weights/dense/dense/kernel:0"] = h5py.ExternalLink("other.h5", "/x")


def upwards(file: h5py.File) -> None:
    file["model_weights/dense"].attrs["weight_names"] = [b"../dense_1/dense_1/kernel:0", b"dense/bias:0"]


EDITS = {
    drop_config: "weights only",
    only_weights: "weights only",
    subclassed: "'MyModel', which has no layer graph",
    broken_json: "not valid JSON",
    missing_weight: "'dense/kernel:0' of '/model_weights/dense' is missing",
    missing_group: "no weights for the layer 'dense_1'",
    lost_group: "the group 'dense_1' of '/model_weights' is missing",
    wrong_shape: "kernel of layer 'dense' has the shape (11, 128)",
    too_few: "The layer 'dense' needs 2 weights",
    named_alike: "2 weights of 'dense' are named 'dense/kernel:0'",
    link_out: "is a link, which kerasport does not follow",
    upwards: "leaves its layer",
}


@pytest.mark.parametrize("change", EDITS, ids=lambda change: change.__name__)
def test_damaged_models_are_refused_before_anything_is_written(
    kerasport: Run, edited: Callable[[Any], Path], tmp_path: Path, change: Callable[[h5py.File], Any]
) -> None:
    outcome = kerasport("convert", edited(change), tmp_path / "m.onnx")
    assert outcome.code == 3
    assert EDITS[change] in outcome.err
    assert not (tmp_path / "m.onnx").exists()


def with_config(path: Path, change: Callable[[dict[str, Any]], Any]) -> Path:
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        change(config)
        file.attrs["model_config"] = json.dumps(config)
    return path


def test_weights_stored_as_whole_numbers_are_cast_as_keras_casts_them(
    kerasport: Run, seed: Path, seed_model: Path, tmp_path: Path
) -> None:
    predictions = []
    for dtype in ("int8", "float32"):
        path, output = tmp_path / f"{dtype}.h5", tmp_path / f"{dtype}.npy"
        path.write_bytes(seed_model.read_bytes())
        with h5py.File(path, "r+") as file:
            group = file["model_weights/dense/dense"]
            whole = (group["kernel:0"][()] * 20).astype(dtype)
            del group["kernel:0"]
            group["kernel:0"] = whole.astype("int8").astype(dtype)
        assert kerasport("convert", path, tmp_path / f"{dtype}.onnx").code == 0
        outcome = kerasport("predict", tmp_path / f"{dtype}.onnx", "--input", seed / "new_data.npy", "--output", output)
        assert outcome.code == 0
        predictions.append(np.load(output))
    np.testing.assert_array_equal(*predictions)


def test_weights_that_are_no_numbers_are_refused(kerasport: Run, seed_model: Path, tmp_path: Path) -> None:
    path = tmp_path / "model.h5"
    path.write_bytes(seed_model.read_bytes())
    with h5py.File(path, "r+") as file:
        group = file["model_weights/dense/dense"]
        values = group["bias:0"][()].astype("complex64")
        del group["bias:0"]
        group["bias:0"] = values
    outcome = kerasport("convert", path, tmp_path / "m.onnx")
    assert outcome.code == 3
    assert "bias" in outcome.err
    assert not (tmp_path / "m.onnx").exists()


def changed_config(model: Path, path: Path, old: str, new: str) -> Path:
    path.write_bytes(model.read_bytes())
    with h5py.File(path, "r+") as file:
        config = file.attrs["model_config"]
        assert old in config
        file.attrs["model_config"] = config.replace(old, new)
    return path


def test_numbers_that_no_attribute_holds_are_refused(kerasport: Run, seed_model: Path, tmp_path: Path) -> None:
    path = changed_config(seed_model, tmp_path / "m.h5", '"units": 128', f'"units": {10**30}')
    outcome = kerasport("convert", path, tmp_path / "m.onnx")
    assert outcome.code == 4
    assert "units is '1000000000000000000000000000000' where" in outcome.err


def test_an_input_without_any_numbers(kerasport: Run, tmp_path: Path) -> None:
    (golden,) = goldens("activation", "leaky_relu", "2.3.0-tf-tensorflow")
    model = golden.model(tmp_path)
    with h5py.File(model) as file:
        shape = json.loads(file.attrs["model_config"])["config"]["layers"][0]["config"]["batch_input_shape"]
    path = changed_config(model, tmp_path / "zero.h5", json.dumps(shape), json.dumps([None, 0, *shape[2:]]))
    assert kerasport("convert", path, tmp_path / "m.onnx").code == 0


def test_initial_states_with_an_axis_too_many_are_refused(kerasport: Run, tmp_path: Path) -> None:
    (golden,) = goldens("recurrent", "cells", "2.10.0-tensorflow")
    path = golden.model(tmp_path)
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        (layer,) = (layer for layer in config["config"]["layers"] if layer["name"] == "gru_after")
        layer["inbound_nodes"][0] *= 2
        file.attrs["model_config"] = json.dumps(config)
    outcome = kerasport("convert", path, tmp_path / "m.onnx")
    assert outcome.code == 4
    assert "gru_after: it is called with states of rank 3" in outcome.err


def test_an_onnx_file_with_a_name_that_is_no_text(kerasport: Run, seed_model: Path, tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    assert kerasport("convert", seed_model, path, "--no-validate").code == 0
    path.write_bytes(path.read_bytes().replace(b"sequential", b"sequ\xffntial"))
    outcome = kerasport("validate", seed_model, path)
    assert outcome.code == 3
    assert "no text in UTF-8" in outcome.err


def test_an_onnx_file_that_claims_an_impossible_shape(kerasport: Run, tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    graph = "g (float[n, 4611686018427387904, 8] x) => (float[n, m, k] y) {y = Relu(x)}"
    onnx.save(onnx.parser.parse_model(f'<ir_version: 10, opset_import: ["": 20]> {graph}'), path)
    np.save(tmp_path / "x.npy", np.zeros((2, 3, 8), "float32"))
    outcome = kerasport("predict", path, "--input", tmp_path / "x.npy")
    assert outcome.code == 3
    assert "impossible shape" in outcome.err


@pytest.mark.parametrize("name", ["dot", "heads_key"])
def test_an_attention_to_values_without_a_key_each(kerasport: Run, tmp_path: Path, name: str) -> None:
    def shorter(config: Any) -> None:
        value = next(layer for layer in config["config"]["layers"] if layer["name"] == "v")
        value["config"]["batch_input_shape"][1] += 1

    golden = goldens("attention", name, "2.15*")[0]
    outcome = kerasport("check", with_config(golden.model(tmp_path), shorter))
    assert outcome.code == 4
    assert re.search(r"it has \d keys for \d values", outcome.out + outcome.err)


def test_all_unsupported_layers_are_listed_at_once(kerasport: Run, tmp_path: Path) -> None:
    golden = goldens("core", "dense")[0]
    path = with_config(
        golden.model(tmp_path),
        lambda config: [
            layer.update(class_name="My" + layer["class_name"]) for layer in config["config"]["layers"][1:]
        ],
    )
    outcome = kerasport("convert", path, tmp_path / "m.onnx")
    assert outcome.code == 4
    assert "- relu, no_bias, softmax: the layer class 'MyDense' is not supported" in outcome.err
    assert not (tmp_path / "m.onnx").exists()
    assert kerasport("inspect", path).code == 4


def test_an_unknown_option_is_refused_by_name_and_can_be_allowed(kerasport: Run, tmp_path: Path) -> None:
    golden = goldens("core", "dense")[0]
    path = with_config(
        golden.model(tmp_path), lambda config: config["config"]["layers"][1]["config"].update(sparsity=0.5)
    )
    outcome = kerasport("convert", path, tmp_path / "m.onnx")
    assert outcome.code == 4
    assert "--allow-key Dense.sparsity" in outcome.err
    assert kerasport("convert", path, tmp_path / "m.onnx", "--allow-key", "Dense.sparsity").code == 0


def test_a_folder_that_is_not_there(kerasport: Run, seed_model: Path, tmp_path: Path) -> None:
    outcome = kerasport("convert", seed_model, tmp_path / "no" / "m.onnx")
    assert outcome.code == 3
    assert "cannot be written" in outcome.err


@pytest.mark.parametrize(
    ("case", "layer", "change", "what"),
    [
        ("depthwise2d", "k2x3_m2_relu", {"padding": "same"}, "of an even size with padding, on CNTK"),
        ("separable2d", "k3x2", {"dilation_rate": [2, 2]}, "dilated, on CNTK"),
    ],
)
def test_what_cntk_computes_of_one_channel_alone_is_refused(
    kerasport: Run, tmp_path: Path, case: str, layer: str, change: dict[str, Any], what: str
) -> None:
    golden = goldens("conv", case, "2.2.4-cntk")[0]
    path = with_config(
        golden.model(tmp_path),
        lambda config: next(
            part["config"].update(change) or part for part in config["config"]["layers"] if part["name"] == layer
        ),
    )
    outcome = kerasport("convert", path, tmp_path / "m.onnx")
    assert outcome.code == 4
    assert what in outcome.err
    assert not (tmp_path / "m.onnx").exists()


@pytest.mark.parametrize("command", ["inspect", "check", "convert"])
def test_a_pipe_is_refused_before_it_is_opened(command: str, kerasport: Run, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "model.h5")
    outcome = kerasport(command, tmp_path / "model.h5", *([tmp_path / "m.onnx"] if command == "convert" else []))
    assert outcome.code == 3
    assert "is a pipe or a device, not a file" in outcome.out + outcome.err


def test_an_archive_in_which_a_weights_file_begins_where_a_user_block_could_end(tmp_path: Path) -> None:
    (golden,) = goldens("topology", "sequential_input_layer", "3.15.1-tensorflow", Form("model.keras"))
    source = golden.model(tmp_path)
    with zipfile.ZipFile(source) as archive:
        members = {name: archive.read(name) for name in ("metadata.json", "config.json", "model.weights.h5")}
    target = tmp_path / "aligned.keras"
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("config.json", members["config.json"])
        archive.writestr("metadata.json", members["metadata.json"])
        start = archive.start_dir + 30 + len("padding") + 30 + len("model.weights.h5")
        archive.writestr("padding", b" " * (-start % 8192))
        archive.writestr("model.weights.h5", members["model.weights.h5"])
    assert target.read_bytes().find(b"\x89HDF") in (8192, 16384)
    assert kp.inspect(target).convertible
