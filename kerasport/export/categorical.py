"""Bins and encodings of categories, in ONNX."""

from __future__ import annotations

import numpy as np

from kerasport.export.builder import Scope
from kerasport.export.layout import Tensor
from kerasport.export.ops import cast, reduce, slice_, unsqueeze
from kerasport.export.registry import EXPORT
from kerasport.layers import categorical


@EXPORT.register(categorical.CategoryEncoding)
def category_encoding(spec: categorical.CategoryEncoding, b: Scope, x: Tensor, *weights: Tensor) -> Tensor:
    """Equal to every category, and a reduction."""
    return encoded(spec, b, as_dtype(b, x, "int64"), x, *weights)


@EXPORT.register(categorical.Discretization)
def discretization(spec: categorical.Discretization, b: Scope, x: Tensor) -> Tensor:
    """ReduceSum of where no boundary is above, or not below."""
    if spec.boundaries is None:
        boundaries = b.initializer(b.weight("boundaries"), "boundaries")
    else:
        boundaries = b.constant(np.array(spec.boundaries, np.float32), "boundaries")
    above = b.op(
        "Less" if spec.includes_bound else "LessOrEqual", unsqueeze(b, as_dtype(b, x, "float32"), [-1]), boundaries
    )
    bins = reduce(b, "ReduceSum", cast(b, b.op("Not", above), "int64"), [-1], keepdims=False)
    return encoded(spec, b, bins, x)


def as_dtype(b: Scope, x: Tensor, dtype: str) -> str:
    """The value in Keras's axis order and some dtype."""
    value = b.logical(x)
    return value if x.type.dtype == dtype else cast(b, value, dtype)


def encoded(spec: categorical.Encoding, b: Scope, places: str, x: Tensor, *weights: Tensor) -> Tensor:
    """The places themselves, or their encoding; their shape is that of ``x``."""
    if spec.mode == "int":
        return b.tensor(places)
    if spec.mode == "one_hot" and spec.drops_axis(x.type):
        return b.tensor(_hot(spec, b, places))  # the axis of size 1 is where the categories go
    if spec.mode != "one_hot" and x.type.rank == 2 and b.opset >= 16:
        return b.tensor(_scattered(spec, b, places, *(as_dtype(b, w, "float32") for w in weights)))
    hot = _hot(spec, b, unsqueeze(b, places, [-1]))
    if spec.mode == "one_hot":
        return b.tensor(hot)
    axis = spec.joined_axis(x.type.rank)
    if spec.mode == "multi_hot":
        return b.tensor(reduce(b, "ReduceMax", hot, [axis], keepdims=False))
    if weights:
        hot = b.op("Mul", hot, unsqueeze(b, as_dtype(b, weights[0], "float32"), [-1]))
    return b.tensor(reduce(b, "ReduceSum", hot, [axis], keepdims=False))


def _hot(spec: categorical.Encoding, b: Scope, places: str) -> str:
    return cast(b, b.op("Equal", places, b.constant(np.arange(spec.depth), "categories")), spec.encoded)


def _scattered(spec: categorical.Encoding, b: Scope, places: str, *weights: str) -> str:
    """Into a row of zeros; what is no category into a column behind it that is cut off again."""
    zero, end = b.constant(0, "first"), b.constant(spec.depth, "depth")
    wrong = b.op("Or", b.op("Less", places, zero), b.op("GreaterOrEqual", places, end))
    columns = b.op("Where", wrong, end, places)
    rows = slice_(b, b.op("Shape", places), 0, 0, 1)
    shape = b.op("Concat", rows, b.constant([spec.depth + 1], "width"), axis=0)
    zeros = b.op("Expand", b.constant(np.zeros(1, np.float32), "none"), shape)
    ones = weights or [b.op("Expand", b.constant(np.ones(1, np.float32), "one"), b.op("Shape", places))]
    adds = None if spec.mode == "multi_hot" else "add"
    sums = b.op("ScatterElements", zeros, columns, *ones, axis=1, reduction=adds)
    y = slice_(b, sums, 1, 0, spec.depth)
    return y if spec.encoded == "float32" else cast(b, y, spec.encoded)
