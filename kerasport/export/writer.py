"""Writes ONNX models as a stream: a skeleton first, then one small message per weight.

Protobuf merges repeated occurrences of an embedded message, so ``ModelProto`` bytes may be followed by
``graph { initializer { ... } }`` messages, one a weight. Memory holds one weight at a time.
https://protobuf.dev/programming-guides/encoding/#last-one-wins
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from kerasport.export.arrays import Lazy
from kerasport.export.builder import Node, Subgraph
from kerasport.export.ops import ONNX_TYPES
from kerasport.export.opsets import ir_version
from kerasport.layers.base import Value

if TYPE_CHECKING:
    import onnx

    from kerasport.export.translate import OnnxModel

PROTOBUF_LIMIT = (1 << 31) - 1
_DOMAIN_VERSIONS = {"ai.onnx.ml": 2}
_GRAPH, _INITIALIZER = 7, 5
_DIMS, _DATA_TYPE, _NAME, _RAW_DATA, _EXTERNAL, _LOCATION = 1, 2, 8, 9, 13, 14


def skeleton(model: OnnxModel, metadata: Mapping[str, str]) -> onnx.ModelProto:
    """The model without its weights."""
    import onnx
    from onnx import helper

    graph = helper.make_graph(
        [_node(node) for node in model.nodes],
        model.name,
        [_value_info(value, model) for value in model.inputs],
        [_value_info(value, model) for value in model.outputs],
    )
    proto = onnx.ModelProto(
        ir_version=ir_version(model.opset), producer_name="kerasport", producer_version=metadata["kerasport.version"]
    )
    proto.opset_import.append(helper.make_opsetid("", model.opset))
    for domain in sorted({node.domain for node in model.nodes if node.domain}):
        proto.opset_import.append(helper.make_opsetid(domain, _DOMAIN_VERSIONS[domain]))
    proto.graph.CopyFrom(graph)
    helper.set_model_props(proto, dict(metadata))
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


def write_file(model: OnnxModel, metadata: Mapping[str, str], path: Path) -> None:
    """Writes a model to a file, with its weights in ``<name>.data`` beside it when it is over 2 GiB."""
    head = skeleton(model, metadata).SerializeToString(deterministic=True)
    if len(head) + sum(_bytes(array) + 200 for array in model.initializers.values()) > PROTOBUF_LIMIT:
        _write_external(model, head, path)
        return
    with path.open("wb") as file:
        _write(model, head, file)


def to_bytes(model: OnnxModel, metadata: Mapping[str, str]) -> bytes:
    """The whole model in memory."""
    buffer = io.BytesIO()
    _write(model, skeleton(model, metadata).SerializeToString(deterministic=True), buffer)
    return buffer.getvalue()


def _write(model: OnnxModel, head: bytes, file: BinaryIO) -> None:
    file.write(head)
    for name, array in model.initializers.items():
        values = _loaded(name, array)
        header = _header(name, array) + _tag(_RAW_DATA, 2) + _varint(values.nbytes)
        tensor_size = len(header) + values.nbytes
        tensor_tag = _tag(_INITIALIZER, 2) + _varint(tensor_size)
        file.write(_tag(_GRAPH, 2) + _varint(len(tensor_tag) + tensor_size) + tensor_tag + header)
        file.write(values.data.cast("B") if values.size else b"")


def _write_external(model: OnnxModel, head: bytes, path: Path) -> None:
    """The weights beside the model, as external data (https://github.com/onnx/onnx/blob/main/docs/ExternalData.md)."""
    location = path.name + ".data"
    offset = 0
    with path.open("wb") as file, path.with_name(location).open("wb") as data:
        file.write(head)
        for name, array in model.initializers.items():
            values = _loaded(name, array)
            padding = -offset % 4096
            data.write(bytes(padding))
            offset += padding
            data.write(values.data.cast("B") if values.size else b"")
            entries = {"location": location, "offset": str(offset), "length": str(values.nbytes)}
            body = _header(name, array) + b"".join(_field(_EXTERNAL, _entry(k, v)) for k, v in entries.items())
            body += _tag(_LOCATION, 0) + _varint(1)
            file.write(_field(_GRAPH, _field(_INITIALIZER, body)))
            offset += values.nbytes


def _loaded(name: str, array: Lazy) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]]:
    values = np.ascontiguousarray(array.load(), dtype=np.dtype(array.dtype).newbyteorder("<"))
    if values.shape != array.shape and values.size != array.size:
        raise AssertionError(f"{name}: {values.shape} where {array.shape} was announced")
    return values.reshape(array.shape) if values.shape != array.shape else values


def _bytes(array: Lazy) -> int:
    return array.size * np.dtype(array.dtype).itemsize


def _header(name: str, array: Lazy) -> bytes:
    dims = b"".join(_tag(_DIMS, 0) + _varint(dim) for dim in array.shape)
    return dims + _tag(_DATA_TYPE, 0) + _varint(ONNX_TYPES[array.dtype]) + _field(_NAME, name.encode())


def _entry(key: str, value: str) -> bytes:
    return _field(1, key.encode()) + _field(2, value.encode())


def _field(number: int, content: bytes) -> bytes:
    return _tag(number, 2) + _varint(len(content)) + content


def _tag(number: int, wire_type: int) -> bytes:
    return _varint(number << 3 | wire_type)


def _varint(value: int) -> bytes:
    parts: list[int] = []
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*parts, value))


def total_bytes(arrays: Iterable[Lazy]) -> int:
    """The size of all weights together."""
    return sum(_bytes(array) for array in arrays)
