"""Ways to damage a file: its bytes, or, knowing its form, what stands in it."""

from __future__ import annotations

import copy
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import h5py
import numpy as np

Random = np.random.Generator
Mutation = Callable[[bytes, Random], bytes]
ODD: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        1,
        -1,
        2,
        7,
        1 << 31,
        1 << 63,
        -(1 << 63),
        10**30,
        0.5,
        -0.0,
        1e308,
        float("nan"),
        float("inf"),
    ),
    *("", "relu", "linear", "same", "valid", "channels_first", "float16", "int8", "../x", "\x00", "é", "n" * 3000),
    *(
        [],
        [None],
        [1],
        [0, 0],
        [-1, 2],
        [[1, 1], [1, 1]],
        [1 << 40, 1 << 40],
        {},
        {"class_name": "Dense", "config": {}},
    ),
)


def bits(data: bytes, rng: Random) -> bytes:
    """A few bits are flipped."""
    changed = bytearray(data)
    for _ in range(int(rng.integers(1, 9))):
        changed[int(rng.integers(len(changed)))] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def numbers(data: bytes, rng: Random) -> bytes:
    """A run of bytes becomes a number that matters: 0, the largest, the smallest."""
    width = int(rng.choice([1, 2, 4, 8]))
    value = [bytes(width), b"\xff" * width, b"\xff" * (width - 1) + b"\x7f", bytes(width - 1) + b"\x80"][
        int(rng.integers(4))
    ]
    place = int(rng.integers(max(len(data) - width, 1)))
    return data[:place] + value + data[place + width :]


def truncated(data: bytes, rng: Random) -> bytes:
    """The end is missing."""
    return data[: int(rng.integers(len(data)))]


def zeroed(data: bytes, rng: Random) -> bytes:
    """A block is all zeros, as on a bad disk."""
    place = int(rng.integers(len(data)))
    size = min(int(rng.choice([16, 512, 4096])), len(data) - place)
    return data[:place] + bytes(size) + data[place + size :]


def moved(data: bytes, rng: Random) -> bytes:
    """Some bytes are there twice, or not at all."""
    first, second = sorted(rng.integers(len(data), size=2))
    size = int(rng.integers(1, 64))
    return data[:second] + data[first : first + size] + data[second + size * int(rng.integers(2)) :]


def altered(value: Any, rng: Random) -> Any:
    """A JSON value of which one thing is another, is gone, or appears twice."""
    value = copy.deepcopy(value)
    places = list(_places(value))
    if not places:
        return ODD[int(rng.integers(len(ODD)))]
    holder, key = places[int(rng.integers(len(places)))]
    kind = int(rng.integers(10))
    if kind < 6:
        holder[key] = ODD[int(rng.integers(len(ODD)))]
    elif kind < 7:
        del holder[key]
    elif kind < 8 and isinstance(holder, list):
        holder.insert(key, copy.deepcopy(holder[key]))
    elif kind < 9:
        other, there = places[int(rng.integers(len(places)))]
        holder[key] = copy.deepcopy(other[there])
    elif isinstance(holder, dict):
        holder[f"{key}_"] = holder.pop(key)
    return value


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    waiting = [value]
    while waiting:
        holder = waiting.pop()
        items = holder.items() if isinstance(holder, dict) else enumerate(holder)
        for key, item in items:
            yield holder, key
            if isinstance(item, dict | list):
                waiting.append(item)


def h5_config(data: bytes, rng: Random) -> bytes:
    """The config in an HDF5 file is altered."""

    def edit(file: h5py.File) -> None:
        text = file.attrs["model_config"]
        config = json.loads(text.decode() if isinstance(text, bytes) else str(text))
        for _ in range(int(rng.integers(1, 4))):
            config = altered(config, rng)
        del file.attrs["model_config"]
        file.attrs["model_config"] = json.dumps(config)

    return _edited(data, edit)


def h5_weights(data: bytes, rng: Random) -> bytes:
    """A dataset is gone, renamed, of another shape or dtype, filled with what is no number, or a link."""

    def edit(file: h5py.File) -> None:
        names: list[str] = []
        file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
        name = names[int(rng.integers(len(names)))]
        array = np.asarray(file[name])
        del file[name]
        kind = int(rng.integers(8))
        replaced: dict[int, Callable[[], Any]] = {
            0: lambda: array[..., :1],
            1: lambda: array[None],
            2: lambda: array.astype(["float64", "float16", "int8", "complex64", "S8"][int(rng.integers(5))]),
            3: lambda: np.full_like(array, np.nan if array.dtype.kind == "f" else 0),
            4: lambda: np.zeros(0, array.dtype),
            5: lambda: h5py.SoftLink("/"),
            6: lambda: h5py.ExternalLink("other.h5", "/"),
        }
        if kind in replaced:
            file[name] = replaced[kind]()

    return _edited(data, edit)


def h5_attributes(data: bytes, rng: Random) -> bytes:
    """An attribute is gone, or something else."""

    def edit(file: h5py.File) -> None:
        holders = [file]
        file.visititems(lambda name, item: holders.append(item) if len(item.attrs) else None)
        holder = holders[int(rng.integers(len(holders)))]
        if not len(holder.attrs):
            return
        name = list(holder.attrs)[int(rng.integers(len(holder.attrs)))]
        odd: tuple[Any, ...] = (
            None,
            0,
            -1,
            b"",
            b"\xff\xfe",
            "x",
            np.array([b"a", b"a"]),
            np.zeros((2, 2)),
            h5py.Empty("S1"),
        )
        value = odd[int(rng.integers(len(odd)))]
        del holder.attrs[name]
        if value is not None:
            holder.attrs[name] = value

    return _edited(data, edit)


def _edited(data: bytes, edit: Callable[[h5py.File], None]) -> bytes:
    buffer = io.BytesIO(data)
    with h5py.File(buffer, "r+") as file:
        edit(file)
    return buffer.getvalue()


def archive_config(data: bytes, rng: Random) -> bytes:
    """The config or the metadata in an archive are altered."""
    name = "config.json" if rng.random() < 0.9 else "metadata.json"
    return _rezipped(data, {name: lambda text: json.dumps(altered(json.loads(text), rng)).encode()})


def archive_weights(data: bytes, rng: Random) -> bytes:
    """The weights in an archive are damaged."""
    way = [bits, numbers, truncated, zeroed, h5_weights][int(rng.integers(5))]
    return _rezipped(data, {"model.weights.h5": lambda inner: way(inner, rng)})


def archive_members(data: bytes, rng: Random) -> bytes:
    """Members are gone, twice there, compressed, encrypted by their own account, or of other sizes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w") as new:
        for info in old.infolist():
            content = old.read(info)
            kind = int(rng.integers(8))
            if kind == 0:
                continue
            new.writestr(info.filename, content, zipfile.ZIP_DEFLATED if kind == 1 else zipfile.ZIP_STORED)
            if kind == 2:
                new.writestr(info.filename + ["", "/", "\x00x"][int(rng.integers(3))], content)
    return numbers(buffer.getvalue(), rng) if rng.random() < 0.5 else buffer.getvalue()


def _rezipped(data: bytes, change: dict[str, Callable[[bytes], bytes]]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w") as new:
        for info in old.infolist():
            content = old.read(info)
            new.writestr(info.filename, change.get(info.filename, lambda same: same)(content))
    return buffer.getvalue()


def npy_header(data: bytes, rng: Random) -> bytes:
    """The header of an array is altered."""
    return (bits if rng.random() < 0.5 else numbers)(data[:128], rng) + data[128:]


def onnx_fields(data: bytes, rng: Random) -> bytes:
    """Something in an ONNX graph is altered: a name, a number of an attribute, a shape, a node's operator."""
    import onnx

    model = onnx.ModelProto.FromString(data)
    node = model.graph.node[int(rng.integers(len(model.graph.node)))]
    kind = int(rng.integers(9))
    if kind == 0 and node.input:
        node.input[int(rng.integers(len(node.input)))] = ["", "nothing", node.output[0]][int(rng.integers(3))]
    elif kind == 1:
        node.op_type = ["Relu", "Add", "Conv", "Loop", "NoSuchOperator"][int(rng.integers(5))]
    elif kind == 2 and node.attribute:
        attribute = node.attribute[int(rng.integers(len(node.attribute)))]
        attribute.i, attribute.f = int(rng.integers(-3, 1 << 40)), float(rng.normal())
        attribute.ints[:] = [int(rng.integers(-3, 300)) for _ in attribute.ints]
    elif kind == 3 and model.graph.initializer:
        tensor = model.graph.initializer[int(rng.integers(len(model.graph.initializer)))]
        tensor.dims[:] = [int(rng.integers(-2, 1 << 33)) for _ in tensor.dims]
    elif kind == 4 and model.graph.initializer:
        tensor = model.graph.initializer[int(rng.integers(len(model.graph.initializer)))]
        tensor.data_type = int(rng.integers(0, 30))
    elif kind == 5 and model.metadata_props:
        entry = model.metadata_props[int(rng.integers(len(model.metadata_props)))]
        entry.value = bits(entry.value.encode() or b"x", rng).decode("utf-8", "replace")
    elif kind == 6:
        del model.graph.node[int(rng.integers(len(model.graph.node)))]
    elif kind == 7:
        model.opset_import[0].version = int(rng.choice([0, -1, 7, 13, 99, 1 << 40]))
    else:
        model.graph.node.append(copy.deepcopy(node))
    return bytes(model.SerializeToString())


RAW: tuple[Mutation, ...] = (bits, numbers, truncated, zeroed, moved)
WAYS: dict[str, tuple[Mutation, ...]] = {
    ".h5": (*RAW, *(h5_config,) * 6, h5_weights, h5_weights, h5_attributes),
    ".keras": (*RAW, *(archive_config,) * 6, archive_weights, archive_members),
    ".npy": (npy_header, npy_header, *RAW),
    ".onnx": (*RAW, *(onnx_fields,) * 5),
}
