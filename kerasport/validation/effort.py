"""Estimates how long onnx's reference evaluator would take; some of its operators loop in Python."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx

Shape = tuple[int, ...]
# Microseconds for each number that an operator gives, as measured with onnx 1.23; the largest of what was tried.
_PER_NUMBER = {
    "AveragePool": 40.0,
    "ConvTranspose": 20.0,
    "DFT": 3.0,
    "GRU": 5.0,
    "GridSample": 100.0,
    "LSTM": 5.0,
    "LpPool": 30.0,
    "MaxPool": 20.0,
    "NonMaxSuppression": 100.0,
    "RNN": 5.0,
    "Resize": 5.0,
    "STFT": 3.0,
    "TopK": 10.0,
}
_ANY_NUMBER = 0.2
_CALL = 30.0
_PER_COPY = 0.3  # more than it takes: a copy also needs three places in memory
_PER_PRODUCT = 0.0005
_PRODUCTS = {"Einsum", "Gemm", "MatMul"}
_LOOPS = {"Loop", "Scan"}


def seconds(model: onnx.ModelProto, feeds: Mapping[str, Shape]) -> float:
    """About how many seconds the evaluator needs.

    Args:
        model: What it is to run.
        feeds: The shapes of its inputs.
    """
    shapes = _shapes(model, feeds)
    return sum(_microseconds(node, shapes) for node in model.graph.node) / 1e6


def _shapes(model: onnx.ModelProto, feeds: Mapping[str, Shape]) -> dict[str, Shape]:
    """The shapes of the values for which shape inference finds them from those of the inputs."""
    import onnx

    sized = onnx.ModelProto()
    sized.CopyFrom(model)
    for value in sized.graph.input:
        kind = value.type.tensor_type.elem_type
        value.CopyFrom(onnx.helper.make_tensor_value_info(value.name, kind, feeds[value.name]))
    graph = onnx.shape_inference.infer_shapes(sized, data_prop=True).graph
    weights = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    values = {value.name: _shape(value.type.tensor_type) for value in (*graph.value_info, *graph.output)}
    return {**feeds, **weights, **{name: shape for name, shape in values.items() if shape is not None}}


def _shape(type_: onnx.TypeProto.Tensor) -> Shape | None:
    dims = type_.shape.dim
    known = type_.HasField("shape") and all(dim.HasField("dim_value") for dim in dims)
    return tuple(dim.dim_value for dim in dims) if known else None


def _microseconds(node: onnx.NodeProto, shapes: Mapping[str, Shape]) -> float:
    if node.op_type in _LOOPS:
        return _of_loop(node, shapes)
    given = [shapes[name] for name in node.input if name in shapes]
    sizes = [prod(shapes[name]) for name in node.output if name in shapes]
    made = max(sizes or map(prod, given), default=1)
    if node.op_type == "Conv" and len(given) > 1:
        return _CALL + _of_convolution(given[0], given[1], made)
    if node.op_type in _PRODUCTS and given:
        return _CALL + (_ANY_NUMBER + _PER_PRODUCT * max(given[0], default=1)) * made
    return _CALL + _PER_NUMBER.get(node.op_type, _ANY_NUMBER) * made


def _of_convolution(given: Shape, kernel: Shape, made: int) -> float:
    """Windows of all input channels are copied into the columns of a matrix, which is multiplied by the kernel."""
    columns = made / kernel[0]
    return columns * given[1] * prod(kernel[2:]) * _PER_COPY + made * prod(kernel[1:]) * _PER_PRODUCT


def _of_loop(node: onnx.NodeProto, shapes: Mapping[str, Shape]) -> float:
    """Every step calls each operator of the body; as many as the longest axis that goes in or out."""
    known = (shapes[name] for name in (*node.input, *node.output) if name in shapes)
    steps = max((dim for shape in known for dim in shape), default=1)
    return steps * _CALL * sum(1 for _ in _body(node))


def _body(node: onnx.NodeProto) -> Iterator[onnx.NodeProto]:
    for attribute in node.attribute:
        for inner in attribute.g.node:
            yield inner
            yield from _body(inner)
