"""What a file claims is checked before memory is taken: within 1 GB of address space and 10 seconds, a clear error."""

from __future__ import annotations

import io
import json
import re
import resource
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from kerasport.limits import Limits
from tests.conftest import Outcome
from tests.strangers.files import Config, dense, keras2, keras3, write_archive, write_h5

MEMORY, SECONDS = 1 << 30, 10


def limited(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Runs a command in a process of its own that may have 1 GB and 10 seconds."""
    return subprocess.run(
        [sys.executable, "-m", "kerasport", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY)),
    )


def h5_with(edit: Callable[[h5py.File], None]) -> Callable[[Path], Path]:
    return lambda folder: write_h5(folder / "m.h5", keras2(dense()), edit)


def config_of(*layers: Config) -> Callable[[Path], Path]:
    return lambda folder: write_archive(folder / "m.keras", keras3(*layers))


def replaced(name: str, **how: Any) -> Callable[[h5py.File], None]:
    def edit(file: h5py.File) -> None:
        group = file["model_weights/dense/dense"]
        del group[name]
        group.create_dataset(name, **how)

    return edit


def terabytes_in_chunks(file: h5py.File) -> None:
    replaced("kernel:0", shape=(1 << 20, 1 << 20), dtype="float32", chunks=(64, 64))(file)


def terabytes_late(file: h5py.File) -> None:
    replaced("kernel:0", shape=(1 << 21, 1 << 19), dtype="float32")(file)


def compressed_zeros(file: h5py.File) -> None:
    """2 GB that take 2 MB: a shape that the config does not have."""
    group = file["model_weights/dense/dense"]
    del group["kernel:0"]
    data = group.create_dataset("kernel:0", (4, 128 << 20), "float32", chunks=(1, 1 << 20), compression="gzip")
    packed = zlib.compress(bytes(4 << 20), 9)
    for row in range(4):
        for column in range(0, 128 << 20, 1 << 20):
            data.id.write_direct_chunk((row, column), packed)


def many_names(file: h5py.File) -> None:
    names = np.array([f"layer_{i}".encode() for i in range(200_000)])
    weights = file["model_weights"]
    del weights.attrs["layer_names"]
    for part in range(40):
        weights.attrs[f"layer_names{part}"] = names[part * 5000 : (part + 1) * 5000]


def shared_text(file: h5py.File) -> None:
    """Two thousand names that are all the same megabyte of the file."""
    weights, count, size = file["model_weights"], 2000, 1 << 20
    del weights.attrs["layer_names"]
    names = ["n" * size, *(f"{index:08}" for index in range(count - 1))]
    weights.attrs.create("layer_names", np.array(names, object), dtype=h5py.string_dtype())


def shared_names(folder: Path) -> Path:
    """The names' places in the file (their size, the heap's address, their number in it) are all made the first one."""
    model = h5_with(shared_text)(folder)
    data, first, other = model.read_bytes(), struct.pack("<I", 1 << 20), struct.pack("<I", 8)
    start = next(
        place.start() for place in re.finditer(re.escape(first), data) if data[place.start() + 16 :][:4] == other
    )
    model.write_bytes(data[:start] + data[start : start + 16] * 2000 + data[start + 16 * 2000 :])
    return model


def h5_text(text: str) -> Callable[[Path], Path]:
    """A model whose config is any text."""

    def make(folder: Path) -> Path:
        def edit(file: h5py.File) -> None:
            del file.attrs["model_config"]
            file.attrs["model_config"] = text

        return write_h5(folder / "m.h5", keras2(dense()), edit)

    return make


def archive_text(text: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        path = folder / "m.keras"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("config.json", text)
            archive.writestr("model.weights.h5", b"")
        return path

    return make


def zip_bomb(folder: Path) -> Path:
    path = folder / "m.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", json.dumps(keras3(dense())))
        with archive.open("model.weights.h5", "w", force_zip64=True) as file:
            for _ in range(160):
                file.write(bytes(1 << 20))
    return path


def wide(count: int) -> str:
    layers = [{"class_name": "Activation", "config": {"name": f"a{i}", "activation": "relu"}} for i in range(count)]
    return json.dumps(keras2(*layers))


def nested_models(depth: int) -> Config:
    model: Config = {"class_name": "Dense", "config": {"name": "dense", "units": 3}}
    for number in range(depth):
        model = {"class_name": "Sequential", "config": {"name": f"m{number}", "layers": [model]}}
    return keras2(model)


def cyclic(folder: Path) -> Path:
    def node(name: str, source: str) -> Config:
        config = {"name": name, "units": 4, "activation": "linear"}
        return {"class_name": "Dense", "config": config, "name": name, "inbound_nodes": [[[source, 0, 0, {}]]]}

    first = {"class_name": "InputLayer", "config": {"batch_input_shape": [None, 4], "name": "x"}, "name": "x"}
    layers = [{**first, "inbound_nodes": []}, node("a", "b"), node("b", "a")]
    config = {"name": "m", "layers": layers, "input_layers": [["x", 0, 0]], "output_layers": [["b", 0, 0]]}
    return h5_text(json.dumps({"class_name": "Functional", "config": config, "keras_version": "2.15.0"}))(folder)


def exploding(factor: int, count: int) -> Config:
    layers = [{"class_name": "UpSampling1D", "config": {"name": f"u{i}", "size": factor}} for i in range(count)]
    reshape = {"class_name": "Reshape", "config": {"name": "r", "target_shape": [4, 1]}}
    return keras2(reshape, *layers)


BOMBS: dict[str, Callable[[Path], Path]] = {
    "a dataset that claims terabytes, in chunks": h5_with(terabytes_in_chunks),
    "a dataset that claims terabytes": h5_with(terabytes_late),
    "zeros compressed a thousandfold": h5_with(compressed_zeros),
    "an archive compressed a thousandfold": zip_bomb,
    "JSON a million deep": h5_text("[" * 1_000_000),
    "JSON a million objects deep": h5_text('{"a":' * 1_000_000),
    "JSON a million deep in an archive": archive_text("[" * 1_000_000 + "]" * 1_000_000),
    "a JSON of a gigabyte": archive_text('{"a":"' + "a" * (300 << 20) + '"}'),
    "a hundred thousand layers": h5_text(wide(100_000)),
    "two hundred thousand names": h5_with(many_names),
    "names of gigabytes that take a megabyte": shared_names,
    "models nested three hundredfold": h5_text(json.dumps(nested_models(300))),
    "a graph that goes in a circle": cyclic,
    "a name of megabytes": h5_text(json.dumps(keras2(dense("n" * (8 << 20))))),
    "a layer of a quadrillion units": config_of(dense(units=10**15)),
    "a layer of an absurd number of units": config_of(dense(units=10**400)),
    "a shape that overflows": config_of(
        {"class_name": "Reshape", "config": {"name": "r", "target_shape": [1 << 62, 1 << 62]}}
    ),
    "intermediate shapes that explode": h5_text(json.dumps(exploding(1000, 6))),
    "a padding without end": config_of({"class_name": "RepeatVector", "config": {"name": "r", "n": 1 << 40}}),
    "a table of a trillion ids": config_of(
        {"class_name": "Embedding", "config": {"name": "e", "input_dim": 1 << 40, "output_dim": 8}}
    ),
    "numbers that JSON does not have": h5_text(
        '{"class_name": "Sequential", "config": {"layers": [NaN, Infinity, 1e999]}}'
    ),
}


@pytest.mark.parametrize("bomb", BOMBS)
@pytest.mark.parametrize("command", ["inspect", "convert"])
def test_bombs_end_in_a_sentence(tmp_path: Path, bomb: str, command: str) -> None:
    model = BOMBS[bomb](tmp_path)
    outcome = limited(command, model, *([tmp_path / "m.onnx"] if command == "convert" else []))
    assert outcome.returncode in (3, 4, 6, 7), (outcome.returncode, outcome.stderr[-2000:])
    assert "Traceback" not in outcome.stderr
    assert len(outcome.stderr) < 20_000
    assert not (tmp_path / "m.onnx").exists()


def test_limits_can_be_moved(kerasport: Callable[..., Outcome], tmp_path: Path) -> None:
    model = write_archive(tmp_path / "m.keras", keras3(dense()))
    assert kerasport("--limit", "layers=1", "inspect", model).code == 3
    assert kerasport("--limit", "layers=2", "inspect", model).code == 0
    assert kerasport("inspect", model).code == 0
    assert kerasport("--limit", "values=2", "convert", model, tmp_path / "m.onnx").code == 4
    for wrong in ("depth=3", "layers", "layers=-1", "layers=0", "layers=x"):
        assert kerasport("--limit", wrong, "inspect", model).code == 2


def test_the_limits_are_those_that_are_documented() -> None:
    text = (Path(__file__).parents[2] / "SECURITY.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \|", text, re.MULTILINE)
    assert {name: int(value) for name, value in rows} == asdict(Limits())


def test_an_ordinary_model_fits_into_the_same_limits(seed_model: Path, tmp_path: Path) -> None:
    outcome = limited("convert", seed_model, tmp_path / "m.onnx")
    assert outcome.returncode == 0, outcome.stderr


@pytest.mark.parametrize("shape", [(1 << 40, 10), (1 << 62, 1 << 62), (-1, 10)])
def test_an_array_that_claims_more_than_its_file_has(seed_model: Path, tmp_path: Path, shape: tuple[int, int]) -> None:
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (-(10 + len(header) + 1) % 64) + b"\n"
    (tmp_path / "x.npy").write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(400))
    outcome = limited("predict", seed_model, "--input", tmp_path / "x.npy", "--output", tmp_path / "y.npy")
    assert outcome.returncode in (3, 6), outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_a_npz_that_expands_a_thousandfold(seed_model: Path, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "<f4", "fortran_order": False, "shape": (1 << 22, 10)})
    with (
        zipfile.ZipFile(tmp_path / "x.npz", "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("x.npy", "w", force_zip64=True) as file,
    ):
        file.write(buffer.getvalue())
        for _ in range(160):
            file.write(bytes(1 << 20))
    outcome = limited("predict", seed_model, "--input", tmp_path / "x.npz", "--output", tmp_path / "y.npy")
    assert outcome.returncode in (3, 6), outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_no_room_for_a_graph_is_a_lack_of_memory() -> None:
    code = """
import resource
from pathlib import Path

import onnx

from kerasport.onnxfile.protobuf import serialize

model = onnx.ModelProto()
model.graph.node.extend(onnx.NodeProto(op_type="x" * 100_000) for _ in range(1_000))
taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (taken + (50 << 20),) * 2)
try:
    serialize(model)
except MemoryError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "no room for the ONNX graph\n"
