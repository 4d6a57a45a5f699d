"""Tensor products and gathering, in ONNX."""

from __future__ import annotations

import numpy as np

from kerasport.export import ops
from kerasport.export.builder import Scope
from kerasport.export.layout import Tensor
from kerasport.export.registry import EXPORT
from kerasport.layers import products
from kerasport.layers.base import normalize_axis

_LETTERS = "zyxwvutsrqponmlkjihgfedcbaZYXWVUTSRQPONMLKJIHGFEDCBA"


@EXPORT.register(products.Matmul)
def matmul(spec: products.Matmul, b: Scope, x: Tensor, y: Tensor) -> Tensor:
    """MatMul."""
    return b.tensor(b.op("MatMul", b.logical(x), b.logical(y)))


@EXPORT.register(products.Einsum)
def einsum(spec: products.Einsum, b: Scope, *inputs: Tensor) -> Tensor:
    """Einsum, each input in its own layout; a diagonal by a product with the unit matrix."""
    if any(len(set(term)) < len(term) for term in spec.terms):
        return _diagonal(spec, b, *inputs)
    pairs = zip(spec.terms, inputs, strict=True)
    if len(inputs) == 1 and sorted(spec.terms[0]) == sorted(spec.output):
        order = [spec.output.index(letter) for letter in spec.terms[0]]
        return b.tensor(inputs[0].name, perm=tuple(order[axis] for axis in inputs[0].perm))
    terms = ["".join(term[axis] for axis in x.perm) for term, x in pairs]
    equation = f"{','.join(terms)}->{spec.output}"
    return b.tensor(b.op("Einsum", *(x.name for x in inputs), equation=equation))


def _diagonal(spec: products.Einsum, b: Scope, *inputs: Tensor) -> Tensor:
    """A letter twice in one term becomes two letters, which a unit matrix ties together."""
    free = iter(letter for letter in _LETTERS if letter not in spec.equation)
    terms, units = list(spec.terms), []
    for place, (term, x) in enumerate(zip(spec.terms, inputs, strict=True)):
        for letter in sorted(set(term)):
            for _ in range(term.count(letter) - 1):
                size, new = x.type.shape[term.index(letter)], next(free)
                terms[place] = terms[place].replace(letter, new, 1)
                terms.append(new + letter)
                units.append(b.constant(np.eye(size or 1, dtype=np.float32), "unit"))
    dtype = inputs[0].type.dtype
    values = [b.logical(x) if dtype == "float32" else ops.cast(b, b.logical(x), "float32") for x in inputs]
    y = b.op("Einsum", *values, *units, equation=f"{','.join(terms)}->{spec.output}")
    return b.tensor(ops.cast(b, y, dtype) if dtype != "float32" else y)


@EXPORT.register(products.Gather)
def gather(spec: products.Gather, b: Scope, x: Tensor, places: Tensor) -> Tensor:
    """Gather; with axes in common GatherND over the axis brought behind them."""
    axis = normalize_axis(spec.axis, x.type.rank)
    where = b.logical(places)
    if not spec.batch_axes:
        if places.type.rank == 1:
            return b.tensor(b.op("Gather", x.name, where, axis=x.stored_axis(axis)), perm=x.perm)
        return b.tensor(b.op("Gather", b.logical(x), where, axis=axis))
    batch, rest = spec.batch_axes, [i for i in range(spec.batch_axes, x.type.rank) if i != axis]
    value = b.arrange(x, (*range(batch), axis, *rest))
    rows = ops.unsqueeze(b, ops.cast(b, where, "int64"), [places.type.rank])
    y = b.op("GatherND", value, rows, batch_dims=batch)
    count = places.type.rank - batch
    before = range(batch, axis)
    logical = {i: i for i in range(batch)} | {i: i if i < axis else i + count - 1 for i in rest}
    stored = [*range(batch), *(axis + i for i in range(count)), *(logical[i] for i in rest)]
    return b.tensor(y, perm=tuple(stored) if before else None)


@EXPORT.register(products.TakeAlong)
def take_along(spec: products.TakeAlong, b: Scope, x: Tensor, places: Tensor) -> Tensor:
    """GatherElements of what both are expanded to."""
    axis = normalize_axis(spec.axis, x.type.rank)
    value, where = b.logical(x), b.logical(places)
    others = [i for i in range(x.type.rank) if i != axis]
    if any(x.type.shape[i] != places.type.shape[i] or x.type.shape[i] == 1 for i in others if i):
        ones = [1 if i == axis else 0 for i in range(x.type.rank)]
        sizes = (_but(b, name, ones) for name in (value, where))
        value_sizes, where_sizes = sizes
        value, where = b.op("Expand", value, where_sizes), b.op("Expand", where, value_sizes)
    return b.tensor(b.op("GatherElements", value, where, axis=axis))


def _but(b: Scope, value: str, ones: list[int]) -> str:
    """The shape of a value with 1 at some axes."""
    return b.op("Where", b.constant(np.array(ones, bool), "axis"), b.constant(1, "one"), b.op("Shape", value))


@EXPORT.register(products.OneHot)
def one_hot(spec: products.OneHot, b: Scope, x: Tensor) -> Tensor:
    """Equal with every place and a Cast or Where: OneHot would count negative values from the end."""
    axis = normalize_axis(spec.axis, x.type.rank + 1)
    places = np.arange(spec.depth, dtype=x.type.dtype).reshape(-1, *[1] * (x.type.rank - axis))
    hot = b.op("Equal", ops.unsqueeze(b, b.logical(x), [axis]), b.constant(places, "places"))
    if (spec.on, spec.off) == (1.0, 0.0):
        return b.tensor(hot if spec.dtype == "bool" else ops.cast(b, hot, spec.dtype))
    on, off = (b.constant(np.array(value, spec.dtype), "value") for value in (spec.on, spec.off))
    return b.tensor(b.op("Where", hot, on, off))
