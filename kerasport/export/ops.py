"""Auxiliary operations in ONNX, and small operators whose form depends on the opset."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kerasport.export.builder import Scope
from kerasport.export.layout import Tensor
from kerasport.export.registry import EXPORT
from kerasport.layers import ops

# ONNX's TensorProto.DataType numbers, by NumPy dtype name.
ONNX_TYPES = {
    "float32": 1, "uint8": 2, "int8": 3, "uint16": 4, "int16": 5, "int32": 6, "int64": 7, "string": 8, "bool": 9,
    "float16": 10, "float64": 11, "uint32": 12, "uint64": 13, "bfloat16": 16,
}  # fmt: skip


def cast(b: Scope, value: str, dtype: str) -> str:
    """Cast to a NumPy dtype name."""
    return b.op("Cast", value, to=ONNX_TYPES[dtype])


def truth(b: Scope, mask: Tensor) -> str:
    """A mask in Keras's axis order, made bool if it is not: Keras takes explicit masks of any dtype."""
    value = b.logical(mask)
    return value if mask.type.dtype == "bool" else b.once("Cast", value, to=ONNX_TYPES["bool"])


def reduce(b: Scope, op: str, value: str, axes: Sequence[int], keepdims: bool) -> str:
    """ReduceMean, ReduceMax ...: axes are an attribute before opset 18 (ReduceSum: 13), an input from then on."""
    if b.opset >= 18 or op == "ReduceSum":
        return b.op(op, value, b.constant(list(axes), "axes"), keepdims=int(keepdims))
    return b.op(op, value, axes=list(axes), keepdims=int(keepdims))


def squeeze(b: Scope, value: str, axes: Sequence[int]) -> str:
    """Drops axes of size 1."""
    return b.op("Squeeze", value, b.constant(list(axes), "axes"))


def unsqueeze(b: Scope, value: str, axes: Sequence[int]) -> str:
    """Adds axes of size 1, at these positions of the result."""
    return b.op("Unsqueeze", value, b.constant(list(axes), "axes"))


def reshape(b: Scope, value: str, shape: Sequence[int]) -> str:
    """Reshape; 0 copies the input's dimension, one -1 is inferred."""
    return b.op("Reshape", value, b.constant(list(shape), "shape"))


def slice_(b: Scope, value: str, axis: int, start: int, stop: int, step: int = 1) -> str:
    """``value[..., start:stop:step, ...]`` along one stored axis; numpy's rules, large stop means the end."""
    names = [b.constant([number], label) for number, label in ((start, "start"), (stop, "stop"), (axis, "axis"))]
    return b.op("Slice", value, *names, *([b.constant([step], "step")] if step != 1 else []))


@EXPORT.register(ops.Unchanged)
def unchanged(spec: ops.Unchanged, b: Scope, x: Tensor) -> Tensor:
    """No node."""
    return x


@EXPORT.register(ops.NotEqualTo)
def not_equal_to(spec: ops.NotEqualTo, b: Scope, x: Tensor) -> Tensor:
    """Not(Equal(x, value))."""
    return b.tensor(differs(b, x.name, spec.value, x.type.dtype), perm=x.perm)


@EXPORT.register(ops.ReduceAny)
def reduce_any(spec: ops.ReduceAny, b: Scope, x: Tensor) -> Tensor:
    """ReduceMax, which takes bool from opset 20 on."""
    return b.tensor(any_(b, b.logical(x), spec.axes, spec.keepdims))


@EXPORT.register(ops.Logical)
def logical(spec: ops.Logical, b: Scope, x: Tensor, y: Tensor) -> Tensor:
    """And, Or, Xor."""
    (left, right), perm = b.common([x, y]) if x.type.rank == y.type.rank else ([b.logical(x), b.logical(y)], None)
    return b.tensor(b.op(spec.function.capitalize(), left, right), perm=perm)


@EXPORT.register(ops.LogicalNot)
def logical_not(spec: ops.LogicalNot, b: Scope, x: Tensor) -> Tensor:
    """Not."""
    return b.tensor(b.op("Not", x.name), perm=x.perm)


@EXPORT.register(ops.CastTo)
def cast_to(spec: ops.CastTo, b: Scope, x: Tensor) -> Tensor:
    """Cast."""
    return b.tensor(cast(b, x.name, spec.dtype), perm=x.perm)


def differs(b: Scope, value: str, constant: float, dtype: str) -> str:
    """Where a value is not a constant; once for all that ask."""
    return b.once("Not", b.once("Equal", value, b.constant(np.array(constant, dtype), "value")))


def any_(b: Scope, value: str, axes: Sequence[int], keepdims: bool) -> str:
    """Whether a bool value is true anywhere along some axes; once for all that ask."""
    if b.opset >= 20:
        return b.once("ReduceMax", value, b.constant(list(axes), "axes"), keepdims=int(keepdims))
    number = b.once("Cast", value, to=ONNX_TYPES["float32"])
    if b.opset >= 18:
        most = b.once("ReduceMax", number, b.constant(list(axes), "axes"), keepdims=int(keepdims))
    else:
        most = b.once("ReduceMax", number, axes=list(axes), keepdims=int(keepdims))
    return b.once("Cast", most, to=ONNX_TYPES["bool"])
