"""Bins, encodings and lookups of categories, in ONNX."""

from __future__ import annotations

import numpy as np

from kerasport.export.builder import Scope, Tensor
from kerasport.export.ops import cast, reduce, unsqueeze
from kerasport.export.registry import EXPORT
from kerasport.layers import categorical


@EXPORT.register(categorical.CategoryEncoding)
def category_encoding(spec: categorical.CategoryEncoding, b: Scope, x: Tensor, *weights: Tensor) -> Tensor:
    """Equal to every category, and a reduction."""
    return _encoded(spec, b, _as(b, x, "int64"), x, *weights)


@EXPORT.register(categorical.Discretization)
def discretization(spec: categorical.Discretization, b: Scope, x: Tensor) -> Tensor:
    """ReduceSum of where no boundary is above, or not below."""
    boundaries = b.constant(np.array(spec.boundaries, np.float32), "boundaries")
    above = b.op("Less" if spec.includes_bound else "LessOrEqual", unsqueeze(b, _as(b, x, "float32"), [-1]), boundaries)
    bins = reduce(b, "ReduceSum", cast(b, b.op("Not", above), "int64"), [-1], keepdims=False)
    return _encoded(spec, b, bins, x)


@EXPORT.register(categorical.IntegerLookup)
def integer_lookup(spec: categorical.IntegerLookup, b: Scope, x: Tensor) -> Tensor:
    """LabelEncoder; what it does not know gets its remainder."""
    value = _as(b, x, "int64")
    places = list(range(spec.token_start, spec.token_start + len(spec.tokens)))
    if spec.invert:
        table = dict(zip(places, spec.tokens, strict=True))
        masked = {} if spec.mask_token is None else {0: spec.mask_token}
        return b.tensor(_looked_up(b, value, table | masked, spec.oov_token))
    table = dict(zip(spec.tokens, places, strict=True))
    masked = {} if spec.mask_token is None else {spec.mask_token: spec.mask_place}
    if spec.oov_indices < 2:
        found = _looked_up(b, value, table | masked, spec.oov_start if spec.oov_indices else -1)
        return _encoded(spec, b, found, x)
    unknown = -2  # no place, and not what a masked number gets
    found = _looked_up(b, value, table | masked, unknown)
    rest = b.op("Mod", value, b.constant(spec.oov_indices, "oov_indices"))
    if spec.oov_start:
        rest = b.op("Add", rest, b.constant(spec.oov_start, "oov_start"))
    found = b.op("Where", b.op("Equal", found, b.constant(unknown, "unknown")), rest, found)
    return _encoded(spec, b, found, x)


def _looked_up(b: Scope, value: str, table: dict[int, int], default: int) -> str:
    entries = {"keys_int64s": list(table), "values_int64s": list(table.values()), "default_int64": default}
    return b.op("LabelEncoder", value, domain="ai.onnx.ml", **entries)


def _as(b: Scope, x: Tensor, dtype: str) -> str:
    value = b.logical(x)
    return value if x.type.dtype == dtype else cast(b, value, dtype)


def _encoded(spec: categorical.Encoding, b: Scope, places: str, x: Tensor, *weights: Tensor) -> Tensor:
    """The places themselves, or their encoding."""
    if spec.mode == "int":
        return b.tensor(places)
    if spec.mode == "one_hot" and spec.drops_axis(x.type):
        return b.tensor(_hot(spec, b, places))  # the axis of size 1 is where the categories go
    hot = _hot(spec, b, unsqueeze(b, places, [-1]))
    if spec.mode == "one_hot":
        return b.tensor(hot)
    if spec.mode == "multi_hot":
        return b.tensor(reduce(b, "ReduceMax", hot, [1], keepdims=False))
    if weights:
        hot = b.op("Mul", hot, unsqueeze(b, _as(b, weights[0], "float32"), [-1]))
    counts = reduce(b, "ReduceSum", hot, [1], keepdims=False)
    if spec.idf:
        counts = b.op("Mul", counts, b.constant(np.array(spec.idf, np.float32), "idf_weights"))
    return b.tensor(counts)


def _hot(spec: categorical.Encoding, b: Scope, places: str) -> str:
    return cast(b, b.op("Equal", places, b.constant(np.arange(spec.depth), "categories")), "float32")
