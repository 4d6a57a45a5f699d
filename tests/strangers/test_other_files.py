"""No file but the one that was named, and its own parts, is read or written."""

from __future__ import annotations

import json
import os
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from tests.conftest import Outcome
from tests.strangers.files import dense, keras2, keras3, write_archive, write_h5
from tests.strangers.watch import watched

Run = Callable[..., Outcome]
Edit = Callable[[h5py.File, Path], None]
SECRET = np.arange(12, dtype="float32").reshape(4, 3) + 42


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file that is not the model's, with an array that would fit it."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    with h5py.File(folder / "secret.h5", "w") as file:
        file["kernel"] = SECRET
        file.create_group("layer")["kernel:0"] = SECRET
    SECRET.tofile(folder / "secret.bin")
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the model is."""
    path = tmp_path / "model"
    path.mkdir()
    return path


def external_dataset(file: h5py.File, secret: Path) -> None:
    del file["model_weights/dense/dense/kernel:0"]
    file["model_weights/dense/dense/kernel:0"] = h5py.ExternalLink(str(secret / "secret.h5"), "/kernel")


def external_group(file: h5py.File, secret: Path) -> None:
    del file["model_weights/dense/dense"]
    file["model_weights/dense/dense"] = h5py.ExternalLink(str(secret / "secret.h5"), "/layer")


def external_root(file: h5py.File, secret: Path) -> None:
    del file["model_weights"]
    file["model_weights"] = h5py.ExternalLink(str(secret / "secret.h5"), "/")


def soft_link(file: h5py.File, secret: Path) -> None:
    file["outside"] = h5py.ExternalLink(str(secret / "secret.h5"), "/kernel")
    del file["model_weights/dense/dense/kernel:0"]
    file["model_weights/dense/dense/kernel:0"] = h5py.SoftLink("/outside")


def external_storage(file: h5py.File, secret: Path) -> None:
    group = file["model_weights/dense/dense"]
    del group["kernel:0"]
    group.create_dataset("kernel:0", (4, 3), "float32", external=[(str(secret / "secret.bin"), 0, 48)])


def virtual_dataset(file: h5py.File, secret: Path) -> None:
    group = file["model_weights/dense/dense"]
    del group["kernel:0"]
    layout = h5py.VirtualLayout(shape=(4, 3), dtype="float32")
    layout[:] = h5py.VirtualSource(secret / "secret.h5", "kernel", shape=(4, 3))
    group.create_virtual_dataset("kernel:0", layout)


def absolute_name(file: h5py.File, secret: Path) -> None:
    file["outside"] = SECRET
    file["model_weights/dense"].attrs["weight_names"] = np.array([b"/outside/../outside", b"dense/bias:0"])


def upward_name(file: h5py.File, secret: Path) -> None:
    file["outside"] = SECRET
    file["model_weights/dense"].attrs["weight_names"] = np.array([b"../../outside", b"dense/bias:0"])


def upward_layer(file: h5py.File, secret: Path) -> None:
    file["model_weights"].attrs["layer_names"] = np.array([b"../model_weights/dense"])


def reference_in_an_attribute(file: h5py.File, secret: Path) -> None:
    file["model_weights/dense"].attrs["weight_names"] = file["model_weights/dense/dense/kernel:0"].ref


EDITS: tuple[Edit, ...] = (
    *(external_dataset, external_group, external_root, soft_link, external_storage, virtual_dataset),
    *(absolute_name, upward_name, upward_layer, reference_in_an_attribute),
)


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.__name__)
@pytest.mark.parametrize("command", ["inspect", "check", "convert", "predict"])
def test_hdf5_links_out_of_a_model_are_not_followed(
    kerasport: Run, folder: Path, secret: Path, edit: Edit, command: str
) -> None:
    model = write_h5(folder / "m.h5", keras2(dense()), lambda file: edit(file, secret))
    np.save(folder / "x.npy", np.zeros((2, 4), "float32"))
    rest = {"convert": [folder / "m.onnx"], "predict": ["--input", folder / "x.npy", "--output", folder / "y.npy"]}
    with watched(folder) as found:
        outcome = kerasport(command, model, *rest.get(command, []))
    assert not found
    assert outcome.code in (3, 4), outcome
    assert not [*folder.glob("*.onnx"), *folder.glob("y.npy")]


def archived(folder: Path, edit: Edit, secret: Path) -> Path:
    """An archive with weights to which the same was done."""
    weights = folder / "weights.h5"
    with h5py.File(weights, "w") as file:
        layer = file.create_group("model_weights/dense/dense")
        layer["kernel:0"], layer["bias:0"] = SECRET, SECRET[0]
        edit(file, secret)
        file.move("model_weights/dense/dense", "layers/dense/vars")
        file.move("layers/dense/vars/kernel:0", "layers/dense/vars/0")
        file.move("layers/dense/vars/bias:0", "layers/dense/vars/1")
    content = weights.read_bytes()
    weights.unlink()
    return write_archive(folder / "m.keras", keras3(dense()), weights=content)


@pytest.mark.parametrize(
    "edit", [external_dataset, soft_link, external_storage, virtual_dataset], ids=lambda e: e.__name__
)
def test_hdf5_links_out_of_an_archive_are_not_followed(kerasport: Run, folder: Path, secret: Path, edit: Edit) -> None:
    model = archived(folder, edit, secret)
    with watched(folder) as found:
        outcome = kerasport("convert", model, folder / "m.onnx")
    assert not found
    assert outcome.code == 3, outcome
    assert not (folder / "m.onnx").exists()


def members(*names: str) -> Callable[[Path], None]:
    def add(path: Path) -> None:
        with zipfile.ZipFile(path, "a") as archive:
            for name in names:
                archive.writestr(name, b"{}")

    return add


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("add", "code"),
    [
        (members("../../escaped", "a/../../escaped"), 0),
        (members("/escaped", "C:\\escaped", "\\\\server\\escaped"), 0),
        (members("config.json"), 3),
        (members("model.weights.h5"), 3),
        (members("CONFIG.JSON", "config.json/", "./config.json"), 0),
    ],
)
def test_members_of_an_archive_stay_in_it(kerasport: Run, folder: Path, add: Callable[[Path], None], code: int) -> None:
    model = write_archive(folder / "m.keras", keras3(dense()))
    add(model)
    with watched(folder) as found:
        outcome = kerasport("convert", model, folder / "m.onnx")
    assert not found
    assert outcome.code == code, outcome
    assert not list(folder.parent.rglob("*escaped*"))


def test_a_link_as_a_member_is_no_link(kerasport: Run, folder: Path, secret: Path) -> None:
    model = folder / "m.keras"
    info = zipfile.ZipInfo("model.weights.h5")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(model, "w") as archive:
        archive.writestr("config.json", json.dumps(keras3(dense())))
        archive.writestr(info, str(secret / "secret.h5"))
    with watched(folder) as found:
        outcome = kerasport("convert", model, folder / "m.onnx")
    assert not found
    assert outcome.code == 3, outcome


@pytest.mark.parametrize("where", ["SECRET", "file://SECRET", "http://127.0.0.1:9/vocabulary.txt", "gs://bucket/words"])
@pytest.mark.parametrize("class_name", ["StringLookup", "IntegerLookup", "TextVectorization"])
def test_vocabularies_elsewhere_are_not_fetched(
    kerasport: Run, folder: Path, secret: Path, class_name: str, where: str
) -> None:
    (secret / "words.txt").write_text("a\nb\n")
    config: dict[str, Any] = {"name": "words", "vocabulary": where.replace("SECRET", str(secret / "words.txt"))}
    model = write_archive(folder / "m.keras", keras3({"class_name": class_name, "config": config}))
    with watched(folder) as found:
        outcome = kerasport("convert", model, folder / "m.onnx")
    assert not found
    assert outcome.code in (3, 4), outcome
    assert not (folder / "m.onnx").exists()


@pytest.mark.parametrize("name", ["../../escaped", "/tmp/escaped", "a/../../../escaped", "C:\\escaped"])
def test_layers_named_like_paths_do_not_become_paths(kerasport: Run, folder: Path, name: str) -> None:
    config = keras3({"class_name": "Dense", "config": {"name": name, "units": 3}})
    model = write_archive(folder / "m.keras", config)
    with watched(folder) as found:
        for command in (["inspect"], ["convert", folder / "m.onnx"], ["check"]):
            outcome = kerasport(
                command[0], model, *command[1:], *(["--report", folder / "r.html"] * (len(command) - 1))
            )
            assert outcome.code in (0, 3, 4), outcome
    assert not found
    assert not list(folder.parent.rglob("*escaped*"))


def tensor(location: str, name: str = "w", **entries: str) -> TensorProto:
    """A tensor that says that its twelve numbers are in a file."""
    made = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=[4, 3], data_location=TensorProto.EXTERNAL)
    for key, value in {"location": location, "length": "48", **entries}.items():
        made.external_data.add(key=key, value=value)
    return made


def initializer(outside: TensorProto) -> onnx.GraphProto:
    nodes = [helper.make_node("MatMul", ["x", "w"], ["dense"])]
    return graph(nodes, [outside])


def attribute(outside: TensorProto) -> onnx.GraphProto:
    return graph(
        [helper.make_node("Constant", [], ["w"], value=outside), helper.make_node("MatMul", ["x", "w"], ["dense"])]
    )


def sparse(outside: TensorProto) -> onnx.GraphProto:
    outside.dims[:] = [12]
    indices = helper.make_tensor("i", TensorProto.INT64, [12], range(12))
    found = graph([helper.make_node("MatMul", ["x", "w"], ["dense"])], [])
    found.sparse_initializer.append(helper.make_sparse_tensor(outside, indices, [4, 3]))
    return found


def sparse_attribute(outside: TensorProto) -> onnx.GraphProto:
    outside.dims[:] = [12]
    indices = helper.make_tensor("i", TensorProto.INT64, [12], range(12))
    value = helper.make_sparse_tensor(outside, indices, [4, 3])
    constant = helper.make_node("Constant", [], ["w"], sparse_value=value)
    return graph([constant, helper.make_node("MatMul", ["x", "w"], ["dense"])])


def inner_graph(outside: TensorProto) -> onnx.GraphProto:
    output = helper.make_tensor_value_info("o", TensorProto.FLOAT, [4, 3])
    branch = helper.make_graph([helper.make_node("Identity", ["w"], ["o"])], "branch", [], [output], [outside])
    condition = helper.make_tensor("c", TensorProto.BOOL, [], [True])
    nodes = [
        helper.make_node("If", ["c"], ["chosen"], then_branch=branch, else_branch=branch),
        helper.make_node("MatMul", ["x", "chosen"], ["dense"]),
    ]
    return graph(nodes, [condition])


def graph(nodes: list[onnx.NodeProto], weights: list[TensorProto] | None = None) -> onnx.GraphProto:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 4])
    y = helper.make_tensor_value_info("dense", TensorProto.FLOAT, [None, 3])
    return helper.make_graph(nodes, "g", [x], [y], weights or [])


def _linked(folder: Path, secret: Path, link: Callable[[Path, Path], None]) -> str:
    link(secret / "secret.bin", folder / "weights.bin")
    return "weights.bin"


def _linked_folder(folder: Path, secret: Path) -> str:
    (folder / "inner").symlink_to(secret)
    return "inner/secret.bin"


PLACES: dict[str, Callable[[Path, Path], str]] = {
    "upwards": lambda folder, secret: "../elsewhere/secret.bin",
    "absolute": lambda folder, secret: str(secret / "secret.bin"),
    "hidden upwards": lambda folder, secret: "a/../../elsewhere/secret.bin",
    "a symbolic link": lambda folder, secret: _linked(folder, secret, os.symlink),
    "a hard link": lambda folder, secret: _linked(folder, secret, os.link),
    "a linked folder": _linked_folder,
    "nothing": lambda folder, secret: "",
    "a folder": lambda folder, secret: ".",
    "a device": lambda folder, secret: "/dev/zero",
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    "form", [initializer, attribute, sparse, sparse_attribute, inner_graph], ids=lambda form: form.__name__
)
def test_onnx_data_outside_of_the_models_folder_are_not_read(
    kerasport: Run, folder: Path, secret: Path, place: str, form: Callable[[TensorProto], onnx.GraphProto]
) -> None:
    path = folder / "m.onnx"
    made = helper.make_model(form(tensor(PLACES[place](folder, secret))), opset_imports=[helper.make_opsetid("", 20)])
    made.ir_version = 9
    path.write_bytes(made.SerializeToString())
    np.save(folder / "x.npy", np.ones((2, 4), "float32"))
    keras = write_h5(folder / "m.h5", keras2(dense()))
    for arguments in (
        ["predict", path, "--input", folder / "x.npy", "--output", folder / "y.npy"],
        ["validate", keras, path],
    ):
        with watched(folder) as found:
            outcome = kerasport(*arguments)
        assert not found
        assert outcome.code == 3, outcome
        assert "Traceback" not in outcome.err
    assert not (folder / "y.npy").exists()


@pytest.mark.parametrize(
    "entries",
    [
        {"length": "-1"},
        {"length": "9" * 40},
        {"length": "1e3"},
        {"offset": "-48"},
        {"offset": str(1 << 62)},
        {"offset": "0x10"},
        {"length": "4096"},
        {"__class__": "x"},
        {"checksum": "x", "mode": "w"},
    ],
    ids=str,
)
def test_hostile_entries_on_external_data_are_refused(kerasport: Run, folder: Path, entries: dict[str, str]) -> None:
    SECRET.tofile(folder / "w.bin")
    made = helper.make_model(initializer(tensor("w.bin", **entries)), opset_imports=[helper.make_opsetid("", 20)])
    made.ir_version = 9
    (folder / "m.onnx").write_bytes(made.SerializeToString())
    np.save(folder / "x.npy", np.ones((2, 4), "float32"))
    outcome = kerasport("predict", folder / "m.onnx", "--input", folder / "x.npy", "--output", folder / "y.npy")
    assert outcome.code == 3, outcome
    assert not (folder / "y.npy").exists()


def test_external_data_in_the_models_folder_are_read(kerasport: Run, folder: Path) -> None:
    (folder / "data").mkdir()
    SECRET.tofile(folder / "data" / "w.bin")
    made = helper.make_model(initializer(tensor("data/w.bin")), opset_imports=[helper.make_opsetid("", 20)])
    made.ir_version = 9
    (folder / "m.onnx").write_bytes(made.SerializeToString())
    np.save(folder / "x.npy", np.ones((2, 4), "float32"))
    outcome = kerasport("predict", folder / "m.onnx", "--input", folder / "x.npy", "--output", folder / "y.npy")
    assert outcome.code == 0, outcome
    np.testing.assert_allclose(np.load(folder / "y.npy"), np.ones((2, 4)) @ SECRET)


@pytest.mark.parametrize("there", [True, False])
def test_an_output_that_is_a_link_does_not_write_through_it(
    kerasport: Run, seed_model: Path, folder: Path, secret: Path, there: bool
) -> None:
    victim = secret / "victim"
    if there:
        victim.write_text("precious")
    (folder / "m.onnx").symlink_to(victim)
    outcome = kerasport("convert", seed_model, folder / "m.onnx")
    assert outcome.code == 0
    assert not (folder / "m.onnx").is_symlink()
    assert (victim.read_text() == "precious") if there else not victim.exists()


@pytest.mark.parametrize("name", ["y.npy", "y.npz", "y.csv", "r.json", "r.html"])
def test_other_outputs_that_are_links_are_replaced_as_well(
    kerasport: Run, seed: Path, folder: Path, secret: Path, name: str
) -> None:
    (secret / "victim").write_text("precious")
    (folder / name).symlink_to(secret / "victim")
    predict = ["predict", seed / "my_model_tf.h5", "--input", seed / "new_data.npy", "--output", folder / name]
    check = ["check", seed / "my_model_tf.h5", "--report", folder / name]
    assert kerasport(*(check if name.startswith("r") else predict)).code == 0
    assert not (folder / name).is_symlink()
    assert (secret / "victim").read_text() == "precious"


@pytest.mark.parametrize("place", ["", "lock", "journal.json", "y.npy"])
@pytest.mark.parametrize("options", [(), ("--resume",)], ids=str)
def test_what_an_unfinished_prediction_left_is_no_link(
    kerasport: Run, seed: Path, folder: Path, secret: Path, place: str, options: tuple[str, ...]
) -> None:
    (secret / "victim").write_text("precious")
    partial = folder / "y.npy.partial"
    if place:
        partial.mkdir()
        (partial / place).symlink_to(secret / "victim")
    else:
        partial.symlink_to(secret)
    predict = ["predict", seed / "my_model_tf.h5", "--input", seed / "new_data.npy", "--output", folder / "y.npy"]
    outcome = kerasport(*predict, *options)
    assert outcome.code == 3
    assert "is a link, which kerasport does not follow" in outcome.err
    assert (secret / "victim").read_text() == "precious"
    assert not (folder / "y.npy").exists()


def test_every_published_attack_has_a_test_of_that_name() -> None:
    here = Path(__file__).parent
    rows = re.findall(
        r"^\| ([A-Z][^|]+?) \| [^|]+ \| `(\w+\.py)::(\w+)` \|",
        (here.parents[1] / "SECURITY.md").read_text(),
        re.MULTILINE,
    )
    assert len(rows) == 12
    for published, file, test in rows:
        assert f"def {test}(" in (here / file).read_text()
        assert all(re.fullmatch(r"CVE-\d{4}-\d+|GHSA(-\w{4}){3}", name) for name in published.split(", "))
