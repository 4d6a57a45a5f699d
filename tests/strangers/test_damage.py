"""Damaged files end in one clear sentence, and never in a model that is silently another one."""

from __future__ import annotations

import json
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tests.conftest import Outcome
from tests.strangers.files import Config, dense, keras2, keras3, weights_file, write_archive, write_h5
from tests.strangers.runner import runner

Run = Callable[..., Outcome]
Damage = Callable[[bytes], bytes]
Edit = Callable[[h5py.File], None]


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    """The command line with both its processes, so that the HDF5 library may crash."""
    with runner() as found:
        yield found


def old_h5(path: Path) -> Path:
    """With the superblock, the groups and the attributes that all HDF5 libraries read."""
    with (
        h5py.File(write_h5(path.with_suffix(".tmp"), keras2(dense()))) as new,
        h5py.File(path, "w", libver="earliest") as old,
    ):
        new.copy(new["model_weights"], old)
        old.attrs.update(new.attrs)
    path.with_suffix(".tmp").unlink()
    return path


FILES: dict[str, Callable[[Path], Path]] = {
    "h5": lambda folder: write_h5(folder / "m.h5", keras2(dense())),
    "old h5": lambda folder: old_h5(folder / "m.h5"),
    "keras": lambda folder: write_archive(folder / "m.keras", keras3(dense())),
}


def refused(run: Run, model: Path, *options: object, code: int = 3) -> str:
    """Makes sure that a model is not converted, with a sentence and a way on; gives them."""
    target = model.parent / "out" / "m.onnx"
    target.parent.mkdir(exist_ok=True)
    outcome = run("convert", model, target, *options)
    assert outcome.code == code, outcome
    assert "Traceback" not in outcome.err
    assert not list(target.parent.iterdir())
    lines = outcome.err.splitlines()
    assert lines[0].startswith("Error: ")
    assert len(lines) <= 3, lines
    return outcome.err


def cut(share: float) -> Damage:
    return lambda data: data[: int(len(data) * share)]


def zeroed(start: int, size: int) -> Damage:
    return lambda data: data[:start] + bytes(len(data[start : start + size])) + data[start + size :]


def put(start: int, new: bytes) -> Damage:
    return lambda data: data[:start] + new + data[start + len(new) :]


CUTS: dict[str, Damage] = {
    "nothing": lambda data: b"",
    "a byte": lambda data: data[:1],
    "half a signature": lambda data: data[:4],
    "a signature": lambda data: data[:8],
    "half a superblock": lambda data: data[:20],
    "a superblock": lambda data: data[:96],
    **{f"{share:.0%}": cut(share) for share in (0.1, 0.25, 0.4, 0.5, 0.6, 0.75, 0.9, 0.99)},
    "all but a byte": lambda data: data[:-1],
}


@pytest.mark.parametrize("form", FILES)
@pytest.mark.parametrize("left", CUTS)
def test_a_file_that_is_cut_off(run: Run, tmp_path: Path, form: str, left: str) -> None:
    model = FILES[form](tmp_path)
    model.write_bytes(CUTS[left](model.read_bytes()))
    assert str(model) in refused(run, model)


HEADERS: dict[str, Damage] = {
    "another signature": put(0, b"\x89HDG"),
    "a signature through a text transfer": lambda data: data.replace(b"\r\n", b"\n"),
    "a superblock of an unknown version": put(8, b"\x63"),
    "offsets of three bytes": lambda data: put(13 if data[8] < 2 else 9, b"\x03")(data),
    "lengths of no bytes": lambda data: put(14 if data[8] < 2 else 10, b"\x00")(data),
    "a superblock of zeros": zeroed(8, 88),
    "a root group elsewhere": lambda data: put(56 + 8 if data[8] < 2 else 36, struct.pack("<Q", 1 << 40))(data),
    "all zeros": zeroed(0, 1 << 30),
    "zeros from the end of the superblock on": zeroed(96, 1 << 30),
    "zeros for the first 4 KB": zeroed(0, 4096),
}


@pytest.mark.parametrize("form", ["h5", "old h5"])
@pytest.mark.parametrize("what", HEADERS)
def test_a_header_that_is_damaged(run: Run, tmp_path: Path, form: str, what: str) -> None:
    model = FILES[form](tmp_path)
    model.write_bytes(HEADERS[what](model.read_bytes()))
    assert str(model) in refused(run, model)


def without(*names: str) -> Edit:
    def edit(file: h5py.File) -> None:
        for name in names:
            del file[name]

    return edit


def attribute(place: str, name: str, value: Any = None) -> Edit:
    """Changes an attribute, or removes it."""

    def edit(file: h5py.File) -> None:
        holder = file[place]
        del holder.attrs[name]
        if value is not None:
            holder.attrs[name] = value

    return edit


def kernel(**how: Any) -> Edit:
    """Puts another kernel in the place of the one that is there."""

    def edit(file: h5py.File) -> None:
        group = file["model_weights/dense/dense"]
        del group["kernel:0"]
        group.create_dataset("kernel:0", **how)

    return edit


def kernel_without_a_chunk(file: h5py.File) -> None:
    kernel(shape=(4, 3), dtype="float32", chunks=(2, 3))(file)
    file["model_weights/dense/dense/kernel:0"][:2] = 1


def kernel_as_group(file: h5py.File) -> None:
    without("model_weights/dense/dense/kernel:0")(file)
    file.create_group("model_weights/dense/dense/kernel:0")


LAYER, KERNEL = "model_weights/dense", "model_weights/dense/dense/kernel:0"
EDITS: dict[str, tuple[Edit, str]] = {
    "no weights": (without("model_weights"), "no weights for the layer 'dense'"),
    "no group of a layer": (without(LAYER), "'dense' of '/model_weights' is missing"),
    "no group below": (without("model_weights/dense/dense"), "'dense/kernel:0' of '/model_weights/dense' is missing"),
    "no kernel": (without(KERNEL), "'dense/kernel:0' of '/model_weights/dense' is missing"),
    "a group for a kernel": (kernel_as_group, "is not an array"),
    "a kernel of text": (kernel(data=np.array([b"a"] * 12).reshape(4, 3)), "holds |S1, not numbers"),
    "a kernel of nothing": (kernel(data=h5py.Empty("f4")), "is empty"),
    "a kernel without values": (kernel(shape=(4, 3), dtype="f4"), "has not all of its values in the file"),
    "a kernel without a chunk": (kernel_without_a_chunk, "has not all of its values in the file"),
    "a kernel of another shape": (kernel(data=np.ones((5, 3), "f4")), "has the shape (5, 3) in the file"),
    "a kernel turned round": (kernel(data=np.ones((3, 4), "f4")), "has the shape (3, 4) in the file"),
    "a kernel of one axis": (kernel(data=np.ones(12, "f4")), "has the shape (12,) in the file"),
    "a kernel of three axes": (kernel(data=np.ones((4, 3, 1), "f4")), "has the shape (4, 3, 1) in the file"),
    "a number for a kernel": (kernel(data=np.float32(1)), "has the shape () in the file"),
    "no list of weights": (attribute(LAYER, "weight_names"), "no weights for the layer 'dense'"),
    "an empty list of weights": (attribute(LAYER, "weight_names", []), "no weights for the layer 'dense'"),
    "one weight in the list": (attribute(LAYER, "weight_names", [b"dense/kernel:0"]), "the file has 1"),
    "a weight twice in the list": (
        attribute(LAYER, "weight_names", [b"dense/bias:0"] * 2),
        "2 weights of 'dense' are named",
    ),
    "numbers for a list of weights": (attribute(LAYER, "weight_names", np.arange(2)), "'0' of '/model_weights/dense'"),
    "no list of layers": (attribute("model_weights", "layer_names"), "no weights for the layer 'dense'"),
    "an empty list of layers": (attribute("model_weights", "layer_names", []), "no weights for the layer 'dense'"),
    "another layer in the list": (attribute("model_weights", "layer_names", [b"x"]), "'x' of '/model_weights'"),
    "no config": (attribute("/", "model_config"), "holds weights only"),
    "an empty config": (attribute("/", "model_config", ""), "holds weights only"),
    "half a config": (attribute("/", "model_config", json.dumps(keras2(dense()))[:200]), "is not valid JSON"),
    "a config of zeros": (attribute("/", "model_config", np.void(bytes(300))), "is not valid JSON"),
    "a list for a config": (attribute("/", "model_config", "[1, 2]"), "has no layer graph in its config"),
    "a number for a config": (attribute("/", "model_config", np.arange(3)), ""),
}


@pytest.mark.parametrize("what", EDITS)
def test_contents_that_are_damaged(run: Run, tmp_path: Path, what: str) -> None:
    edit, told = EDITS[what]
    assert told in refused(run, write_h5(tmp_path / "m.h5", keras2(dense()), edit))


def named(*layers: Config, **more: Any) -> Config:
    """A functional model; each layer is a config with its name and what it reads."""
    config = {"name": "m", "layers": list(layers), "input_layers": [["x", 0, 0]], "output_layers": [["dense", 0, 0]]}
    return {
        "class_name": "Functional",
        "config": {**config, **more},
        "keras_version": "2.15.0",
        "backend": "tensorflow",
    }


def node(layer: Config, *inbound: Any) -> Config:
    return {**layer, "name": layer["config"]["name"], "inbound_nodes": list(inbound)}


INPUT = node({"class_name": "InputLayer", "config": {"batch_input_shape": [None, 4], "dtype": "float32", "name": "x"}})
GRAPHS: dict[str, tuple[Config, int, str]] = {
    "two layers of one name": (
        named(INPUT, node(dense(), [["x", 0, 0, {}]]), node(dense(), [["x", 0, 0, {}]])),
        3,
        "dense",
    ),
    "a layer that reads none": (named(INPUT, node(dense(), [["y", 0, 0, {}]])), 3, "'y'"),
    "a layer that reads a call that is not": (named(INPUT, node(dense(), [["x", 3, 0, {}]])), 3, "'x'"),
    "a layer that reads an output that is not": (named(INPUT, node(dense(), [["x", 0, 7, {}]])), 3, "'x'"),
    "a layer that reads itself": (named(INPUT, node(dense(), [["dense", 0, 0, {}]])), 3, "dense"),
    "a layer without calls": (named(INPUT, node(dense())), 3, "dense"),
    "an output that is none": (named(INPUT, node(dense(), [["x", 0, 0, {}]]), output_layers=[["y", 0, 0]]), 3, "'y'"),
    "an input that is none": (named(INPUT, node(dense(), [["x", 0, 0, {}]]), input_layers=[["y", 0, 0]]), 3, "'y'"),
    "no outputs": (named(INPUT, node(dense(), [["x", 0, 0, {}]]), output_layers=[]), 3, "has no outputs"),
    "no layers": (named(), 3, "has no layers"),
    "units of text": (named(INPUT, node(dense(units="three"), [["x", 0, 0, {}]])), 4, "units"),
    "units that are not the kernel's": (named(INPUT, node(dense(units=5), [["x", 0, 0, {}]])), 3, "(4, 5)"),
    "an input below zero": (
        named(node({**INPUT, "config": {**INPUT["config"], "batch_input_shape": [None, -4]}})),
        3,
        "negative size",
    ),
    "units below zero": (named(INPUT, node(dense(units=-3), [["x", 0, 0, {}]])), 3, "(4, -3)"),
}


@pytest.mark.parametrize("what", GRAPHS)
def test_graphs_that_are_damaged(run: Run, tmp_path: Path, what: str) -> None:
    config, code, told = GRAPHS[what]
    assert told in refused(run, write_h5(tmp_path / "m.h5", config), code=code)


def chunk(path: Path, **how: Any) -> Path:
    """A model whose kernel is stored in one chunk, of which one byte is another."""
    write_h5(path, keras2(dense()), kernel(data=np.arange(12, dtype="f4").reshape(4, 3), chunks=(4, 3), **how))
    with h5py.File(path) as file:
        place = file[KERNEL].id.get_chunk_info(0)
    data = bytearray(path.read_bytes())
    data[place.byte_offset + place.size // 2] ^= 1
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    "how", [{"fletcher32": True}, {"compression": "gzip"}, {"shuffle": True, "fletcher32": True}], ids=str
)
def test_a_changed_byte_in_weights_with_a_checksum(run: Run, tmp_path: Path, how: dict[str, Any]) -> None:
    assert "cannot be read" in refused(run, chunk(tmp_path / "m.h5", **how))


def member(path: Path, name: str) -> tuple[int, int]:
    """Where a member of an archive begins, and its size."""
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo(name)
        return info.header_offset + 30 + len(name), info.compress_size


@pytest.mark.parametrize("name", ["config.json", "metadata.json", "model.weights.h5"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
def test_a_changed_byte_in_an_archive(run: Run, tmp_path: Path, name: str, share: float) -> None:
    model = write_archive(tmp_path / "m.keras", keras3(dense()))
    start, size = member(model, name)
    data = bytearray(model.read_bytes())
    data[start + int(share * size)] ^= 1
    model.write_bytes(data)
    assert str(model) in refused(run, model)


def test_what_reads_weights_compares_their_checksum(run: Run, tmp_path: Path) -> None:
    model = write_archive(tmp_path / "m.keras", keras3(dense()))
    assert run("convert", model, tmp_path / "good.onnx").code == 0
    np.save(tmp_path / "x.npy", np.ones((2, 4), "float32"))
    with zipfile.ZipFile(model) as archive:
        weights = archive.read("model.weights.h5")
    values = np.arange(12, dtype="float32").tobytes()
    start, _ = member(model, "model.weights.h5")
    data = bytearray(model.read_bytes())
    data[start + weights.index(values)] ^= 1
    model.write_bytes(data)
    predict = ["predict", model, "--input", tmp_path / "x.npy", "--output", tmp_path / "y.npy"]
    for command in (predict, [*predict, "--engine", "reference"], ["validate", model, tmp_path / "good.onnx"]):
        outcome = run(*command)
        assert outcome.code == 3, outcome
        assert "model.weights.h5 cannot be read: Bad CRC-32" in outcome.err
    assert not (tmp_path / "y.npy").exists()
    assert run("inspect", model).code == 0  # which reads no weights


def test_a_version_that_is_no_text_says_nothing(run: Run, tmp_path: Path) -> None:
    written = write_archive(tmp_path / "m.keras", keras3(dense()))
    with zipfile.ZipFile(written) as archive, zipfile.ZipFile(tmp_path / "n.keras", "w") as changed:
        for name in archive.namelist():
            other = name == "metadata.json"
            changed.writestr(name, json.dumps({"keras_version": True}) if other else archive.read(name))
    assert "saved by a Keras that does not say" in run("inspect", tmp_path / "n.keras").out
    assert run("convert", tmp_path / "n.keras", tmp_path / "m.onnx").code == 0


@pytest.mark.parametrize("name", ["", None])
def test_a_model_without_a_name(run: Run, tmp_path: Path, name: str | None) -> None:
    config = keras3(dense())
    config["config"]["name"] = name
    assert run("convert", write_archive(tmp_path / "m.keras", config), tmp_path / "m.onnx").code == 0


PARTS: dict[str, Callable[[Path], int]] = {
    "the first header": lambda path: 20,
    "the config": lambda path: member(path, "config.json")[0] + 40,
    "the header of the weights": lambda path: member(path, "model.weights.h5")[0] - 10,
    "the weights": lambda path: sum(member(path, "model.weights.h5")) - 500,
    "the end of the weights": lambda path: sum(member(path, "model.weights.h5")),
    "the directory": lambda path: path.read_bytes().index(b"PK\x01\x02") + 60,
    "the end of the directory": lambda path: path.read_bytes().index(b"PK\x05\x06"),
    "the last record": lambda path: path.stat().st_size - 10,
}


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("how", ["cut", "zeroed"])
def test_an_archive_that_ends_early(run: Run, tmp_path: Path, part: str, how: str) -> None:
    model = write_archive(tmp_path / "m.keras", keras3(dense()))
    data, end = model.read_bytes(), PARTS[part](model)
    model.write_bytes(data[:end] + (bytes(len(data) - end) if how == "zeroed" else b""))
    assert str(model) in refused(run, model)


@pytest.mark.parametrize("share", [0.01, 0.3, 0.6, 0.95])
@pytest.mark.parametrize("name", ["config.json", "model.weights.h5"])
def test_a_changed_byte_in_a_compressed_member(run: Run, tmp_path: Path, name: str, share: float) -> None:
    whole = write_archive(tmp_path / "whole.keras", keras3(dense()))
    model = tmp_path / "m.keras"
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(model, "w", zipfile.ZIP_DEFLATED) as target:
        for info in source.infolist():
            target.writestr(info.filename, source.read(info))
    start, size = member(model, name)
    changed = bytearray(model.read_bytes())
    changed[start + int(size * share)] ^= 0xFF
    model.write_bytes(changed)
    assert name in refused(run, model)


@pytest.mark.parametrize("name", ["config.json", "model.weights.h5"])
def test_an_archive_without_a_member(run: Run, tmp_path: Path, name: str) -> None:
    whole = write_archive(tmp_path / "whole.keras", keras3(dense()))
    model = tmp_path / "m.keras"
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(model, "w") as target:
        for info in source.infolist():
            if info.filename != name:
                target.writestr(info, source.read(info))
    assert str(model) in refused(run, model)


@pytest.mark.parametrize(
    "damage", [cut(0.3), cut(0.9), zeroed(100, 400), lambda data: b""], ids=["30%", "90%", "zeros", "empty"]
)
def test_weights_in_an_archive_that_were_damaged_before_they_were_packed(
    run: Run, tmp_path: Path, damage: Damage
) -> None:
    model = write_archive(tmp_path / "m.keras", keras3(dense()), weights=damage(weights_file()))
    assert "m.keras" in refused(run, model)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("which", ["json", "weights"])
def test_an_architecture_or_its_weights_that_are_cut_off(run: Run, tmp_path: Path, which: str, share: float) -> None:
    model, weights = tmp_path / "m.json", write_h5(tmp_path / "w.h5", keras2(dense()))
    model.write_text(json.dumps(keras2(dense())))
    damaged = {"json": model, "weights": weights}[which]
    damaged.write_bytes(cut(share)(damaged.read_bytes()))
    assert damaged.name in refused(run, model, "--weights", weights)
