"""Writes ONNX models as a stream: a skeleton first, then one small message per weight.

Protobuf merges repeated occurrences of an embedded message, so ``ModelProto`` bytes may be followed by
``graph { initializer { ... } }`` messages, one a weight, and the metadata. Memory holds one weight at a time, of a
large one a tile.
https://protobuf.dev/programming-guides/encoding/#last-one-wins
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from kerasport import tiles
from kerasport._version import __version__
from kerasport.export.arrays import Lazy
from kerasport.export.builder import Node, Subgraph
from kerasport.export.ops import ONNX_TYPES
from kerasport.export.opsets import ir_version
from kerasport.files import Flushed
from kerasport.layers.base import Value
from kerasport.memory import keep_freed
from kerasport.onnxfile.protobuf import serialize, varint

if TYPE_CHECKING:
    import onnx

    from kerasport.export.translate import OnnxModel

PROTOBUF_LIMIT = (1 << 31) - 1
# Weights up to this size are written at once. Some copies of a tile are in memory at a time.
_TILE = 16 << 20
_INSIDE = 1024
_PAGE = 4096
_DOMAIN_VERSIONS = {"ai.onnx.ml": 2}
_GRAPH, _METADATA, _INITIALIZER = 7, 14, 5
_DIMS, _DATA_TYPE, _NAME, _RAW_DATA, _EXTERNAL, _LOCATION = 1, 2, 8, 9, 13, 14


def skeleton(model: OnnxModel) -> onnx.ModelProto:
    """The model without its weights and metadata."""
    import onnx
    from onnx import helper

    graph = helper.make_graph(
        [_node(node) for node in model.nodes],
        model.name,
        [_value_info(value, model) for value in model.inputs],
        [_value_info(value, model) for value in model.outputs],
    )
    proto = onnx.ModelProto(ir_version=ir_version(model.opset), producer_name="kerasport", producer_version=__version__)
    proto.opset_import.append(helper.make_opsetid("", model.opset))
    for domain in sorted({node.domain for node in model.nodes if node.domain}):
        proto.opset_import.append(helper.make_opsetid(domain, _DOMAIN_VERSIONS[domain]))
    proto.graph.CopyFrom(graph)
    return proto


def _node(node: Node) -> onnx.NodeProto:
    from onnx import helper

    attributes = {name: _body(v, node.name) if isinstance(v, Subgraph) else v for name, v in node.attributes.items()}
    return helper.make_node(node.op, node.inputs, node.outputs, node.name, domain=node.domain or None, **attributes)


def _body(graph: Subgraph, name: str) -> onnx.GraphProto:
    from onnx import helper

    inputs, outputs = (
        [helper.make_tensor_value_info(value, ONNX_TYPES[type_.dtype], type_.shape) for value, type_ in values]
        for values in (graph.inputs, graph.outputs)
    )
    return helper.make_graph([_node(node) for node in graph.nodes], f"{name}/body", inputs, outputs)


def _value_info(value: Value, model: OnnxModel) -> onnx.ValueInfoProto:
    from onnx import helper

    batch = {i.type.shape[0] for i in model.inputs if i.type.rank} == {None}
    dims = [
        dim if dim is not None else ("batch" if axis == 0 and batch else f"{value.name}_dim{axis}")
        for axis, dim in enumerate(value.type.shape)
    ]
    return helper.make_tensor_value_info(value.name, ONNX_TYPES[value.type.dtype], dims)


def write_file(model: OnnxModel, metadata: Callable[[], Mapping[str, str]], path: Path, data: str = "") -> None:
    """Writes a model to a file, with its weights in another beside it when it is over 2 GiB.

    Args:
        model: The model.
        metadata: Gives its metadata; asked for last.
        path: The file.
        data: The name of the file for the weights; "" for ``<name>.data``.
    """
    head = serialize(skeleton(model))
    keep_freed()
    beside = len(head) + sum(_bytes(array) + 200 for array in model.initializers.values()) > PROTOBUF_LIMIT
    with Flushed(path) as file:
        file.write(head)
        if beside:
            _write_external(model, file, path.with_name(data or f"{path.name}.data"))
        else:
            _write_weights(model, file)
        file.write(_properties(metadata()))


def to_bytes(model: OnnxModel, metadata: Mapping[str, str]) -> bytes:
    """The whole model in memory."""
    buffer = io.BytesIO()
    buffer.write(serialize(skeleton(model)))
    _write_weights(model, buffer)
    buffer.write(_properties(metadata))
    return buffer.getvalue()


def _write_weights(model: OnnxModel, file: BinaryIO) -> None:
    for name, array in model.initializers.items():
        _write_weight(name, array, file)


def _write_weight(name: str, array: Lazy, file: BinaryIO) -> None:
    header = _header(name, array) + _tag(_RAW_DATA, 2) + varint(_bytes(array))
    tensor_size = len(header) + _bytes(array)
    tensor_tag = _tag(_INITIALIZER, 2) + varint(tensor_size)
    file.write(_tag(_GRAPH, 2) + varint(len(tensor_tag) + tensor_size) + tensor_tag + header)
    write_values(name, array, file)


def _write_external(model: OnnxModel, file: BinaryIO, path: Path) -> None:
    """The weights beside the model, as external data (https://github.com/onnx/onnx/blob/main/docs/ExternalData.md).

    Small ones, among which are the shapes and axes that shape inference reads, stay in the model.
    """
    with Flushed(path) as data:
        for name, array in model.initializers.items():
            if _bytes(array) <= _INSIDE:
                _write_weight(name, array, file)
                continue
            data.write(bytes(-data.tell() % _PAGE))
            entries = {"location": path.name, "offset": str(data.tell()), "length": str(_bytes(array))}
            body = _header(name, array) + b"".join(_field(_EXTERNAL, _entry(k, v)) for k, v in entries.items())
            body += _tag(_LOCATION, 0) + varint(1)
            file.write(_field(_GRAPH, _field(_INITIALIZER, body)))
            write_values(name, array, data)


def write_values(name: str, array: Lazy, file: BinaryIO) -> None:
    """A weight's values: large ones tile by tile."""
    tiled = array.flat or array
    if _bytes(array) <= _TILE or tiled.order is None:
        values = _stored(array, array.load())
        if values.shape != array.shape:
            raise AssertionError(f"{name}: {values.shape} where {array.shape} was announced")
        file.write(values.data.cast("B") if values.size else b"")
        return
    start = file.tell()
    tile = tiles.sizes(tiled.shape, tiled.order, _TILE // np.dtype(array.dtype).itemsize)
    for index in tiles.grid(tiled.shape, tile):
        tiles.write(file, start, tiled.shape, index, _stored(array, tiled.read(index)))
    file.seek(start + _bytes(array))


def _stored(array: Lazy, values: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> np.ndarray[Any, Any]:
    """Values as the file has them: contiguous, little-endian."""
    return tiles.contiguous(values.astype(np.dtype(array.dtype).newbyteorder("<"), copy=False))


def _bytes(array: Lazy) -> int:
    return array.size * np.dtype(array.dtype).itemsize


def _header(name: str, array: Lazy) -> bytes:
    dims = b"".join(_tag(_DIMS, 0) + varint(dim) for dim in array.shape)
    return dims + _tag(_DATA_TYPE, 0) + varint(ONNX_TYPES[array.dtype]) + _field(_NAME, name.encode())


def _properties(metadata: Mapping[str, str]) -> bytes:
    return b"".join(_field(_METADATA, _entry(key, value)) for key, value in metadata.items())


def _entry(key: str, value: str) -> bytes:
    return _field(1, key.encode()) + _field(2, value.encode())


def _field(number: int, content: bytes) -> bytes:
    return _tag(number, 2) + varint(len(content)) + content


def _tag(number: int, wire_type: int) -> bytes:
    return varint(number << 3 | wire_type)
