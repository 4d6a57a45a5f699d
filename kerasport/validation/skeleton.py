"""An ONNX file without its weights, which stay in the file until a part of the graph runs.

The file is walked field by field (https://protobuf.dev/programming-guides/encoding/), so that it may hold more than
2 GiB, and takes memory for its nodes only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kerasport.errors import FileError, NotAModelError
from kerasport.onnxfile.external import External, data_file
from kerasport.onnxfile.protobuf import BYTES, fields, varint
from kerasport.runtime.sessions import Port

if TYPE_CHECKING:
    import onnx

_GRAPH, _INITIALIZER, _RAW_DATA = 7, 5, 9
# Shorter ones stay in the graph: the shapes, axes and scales that type inference reads are among them.
_SHORT = 1024


@dataclass(frozen=True)
class StoredTensor:
    """An initializer whose values are still in a file.

    Attributes:
        path: The file.
        offset: Where in it the values begin.
        shape: Its shape.
        dtype: Of its values, little-endian.
        onnx_type: The same as a number of ``onnx.TensorProto.DataType``.
    """

    path: Path
    offset: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    onnx_type: int

    @property
    def nbytes(self) -> int:
        """Its size in bytes."""
        return prod(self.shape) * self.dtype.itemsize

    def read(self) -> NDArray[Any]:
        """Reads the values.

        Raises:
            NotAModelError: They are not all there.
        """
        array: NDArray[Any] = np.fromfile(self.path, self.dtype, prod(self.shape), offset=self.offset)
        if array.size < prod(self.shape):
            raise NotAModelError(f"{self.path} ends within the values of a weight.")
        return array.reshape(self.shape)


@dataclass(frozen=True)
class Skeleton:
    """An ONNX model and where its weights are.

    Attributes:
        proto: The model, with its short initializers only.
        weights: The others, by name.
    """

    proto: onnx.ModelProto
    weights: dict[str, StoredTensor] = field(default_factory=dict)

    @cached_property
    def short(self) -> dict[str, onnx.TensorProto]:
        """The initializers that are in ``proto``, by name."""
        return {tensor.name: tensor for tensor in self.proto.graph.initializer}

    def holds(self, name: str) -> bool:
        """Whether it has an initializer of this name."""
        return name in self.weights or name in self.short

    @property
    def properties(self) -> dict[str, str]:
        """The model's metadata."""
        return {entry.key: entry.value for entry in self.proto.metadata_props}

    def ports(self) -> dict[str, Port]:
        """The shapes and dtypes of its values, as far as shape inference finds them and NumPy has them."""
        import onnx

        try:
            graph = onnx.shape_inference.infer_shapes(self._with_weights_as_inputs(), data_prop=True).graph
        except onnx.shape_inference.InferenceError:
            return {}
        values = (*graph.input, *graph.value_info, *graph.output)
        return {value.name: _port(value) for value in values if value.type.tensor_type.HasField("shape")}

    @property
    def is_own(self) -> bool:
        """Whether kerasport made it and noted where layers stand."""
        return "kerasport.layers" in self.properties

    @property
    def maker(self) -> str:
        """What wrote the model, if not kerasport."""
        name = self.proto.producer_name
        return "" if name == "kerasport" else name or "another converter"

    def check(self) -> None:
        """Runs onnx's checker, type and shape inference included, with the weights as inputs of their types.

        Raises:
            onnx.checker.ValidationError: The model is not valid.
        """
        import onnx

        onnx.checker.check_model(self._with_weights_as_inputs(), full_check=True)

    def _with_weights_as_inputs(self) -> onnx.ModelProto:
        import onnx

        whole = onnx.ModelProto()
        whole.CopyFrom(self.proto)
        known = {entry.name for entry in whole.graph.input}
        whole.graph.input.extend(as_input(name, self.weights[name]) for name in self.weights.keys() - known)
        return whole


def _port(value: onnx.ValueInfoProto) -> Port:
    import onnx

    type_ = value.type.tensor_type
    shape = tuple(dim.dim_value if dim.HasField("dim_value") else None for dim in type_.shape.dim)
    dtype = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(type_.elem_type))
    return Port(value.name, shape, "str" if dtype.kind == "O" else dtype.name)


def as_input(name: str, weight: StoredTensor) -> onnx.ValueInfoProto:
    """A weight as an input of a graph."""
    from onnx import helper

    return helper.make_tensor_value_info(name, weight.onnx_type, weight.shape)


def read_skeleton(path: Path) -> Skeleton:
    """Reads an ONNX file, but not the values of its weights.

    Raises:
        FileError: There is no such file.
        NotAModelError: It is not an ONNX model.
    """
    import onnx

    weights: dict[str, StoredTensor] = {}
    try:
        with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as data:
            parts = list(_without_weights(data, path, weights))
        proto = onnx.ModelProto.FromString(b"".join(parts))
        _check_texts(proto)
        return Skeleton(proto, weights)
    except FileNotFoundError as error:
        raise FileError(f"{path} does not exist.") from error
    except NotAModelError:
        raise
    except Exception as error:
        raise NotAModelError(f"{path} is not an ONNX model: {error}") from error


def _check_texts(message: Any) -> None:
    """Raises ValueError where a text in a message is no UTF-8; protobuf gives such texts as bytes."""
    for described, value in message.ListFields():
        parts = [value] if isinstance(value, str | bytes) or hasattr(value, "ListFields") else value
        if described.message_type is not None:
            for part in parts:
                _check_texts(part)
        elif described.type == described.TYPE_STRING and any(isinstance(part, bytes) for part in parts):
            raise ValueError(f"its {described.full_name} is no text in UTF-8")


def _without_weights(data: mmap, path: Path, weights: dict[str, StoredTensor]) -> Iterator[bytes]:
    """The model's fields, the graph's long initializers left out and noted."""
    for number, kind, start, content, end in fields(data, 0, len(data)):
        if (number, kind) != (_GRAPH, BYTES):
            yield data[start:end]
            continue
        kept = b"".join(
            data[first:last]
            for inner, form, first, value, last in fields(data, content, end)
            if (inner, form) != (_INITIALIZER, BYTES) or not _noted(data, value, last, path, weights)
        )
        yield bytes([_GRAPH << 3 | BYTES]) + varint(len(kept)) + kept


def _noted(data: mmap, start: int, end: int, path: Path, weights: dict[str, StoredTensor]) -> bool:
    """Whether the values of an initializer can stay in their file; then it is noted where they are."""
    import onnx

    found = list(fields(data, start, end))
    raw = next((part for part in found if part[0] == _RAW_DATA), None)
    tensor = onnx.TensorProto.FromString(b"".join(data[part[2] : part[4]] for part in found if part is not raw))
    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        entries = {entry.key: entry.value for entry in tensor.external_data}
        file, offset, size = data_file(path, External(tensor.name, entries))
    elif raw is not None and raw[4] - raw[3] >= _SHORT:
        file, offset, size = path, raw[3], raw[4] - raw[3]
    else:
        return False
    dtype = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type))
    if dtype.kind not in "fiub":  # NumPy has no such numbers
        return False
    weight = StoredTensor(file, offset, tuple(tensor.dims), dtype.newbyteorder("<"), tensor.data_type)
    if size not in (None, weight.nbytes):
        raise NotAModelError(f"{path}: the weight {tensor.name!r} has {size} bytes where {weight.nbytes} are due.")
    weights[tensor.name] = weight
    return True
