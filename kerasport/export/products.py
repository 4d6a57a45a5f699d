"""Tensor products and gathering, in ONNX."""

from __future__ import annotations

import numpy as np

from kerasport.export import ops
from kerasport.export.builder import Scope
from kerasport.export.layout import Tensor
from kerasport.export.registry import EXPORT
from kerasport.layers import products
from kerasport.layers.base import Dim, normalize_axis


@EXPORT.register(products.Matmul)
def matmul(spec: products.Matmul, b: Scope, x: Tensor, y: Tensor) -> Tensor:
    """MatMul."""
    return b.tensor(b.op("MatMul", b.logical(x), b.logical(y)))


@EXPORT.register(products.Einsum)
def einsum(spec: products.Einsum, b: Scope, *inputs: Tensor) -> Tensor:
    """Einsum, each input in its own layout, and of a letter that one has twice, its diagonal."""
    names, terms = zip(*(_term(b, term, x) for term, x in zip(spec.terms, inputs, strict=True)), strict=True)
    if len(inputs) == 1 and sorted(terms[0]) == sorted(spec.output):
        return b.tensor(names[0], perm=tuple(spec.output.index(letter) for letter in terms[0]))
    return b.tensor(b.op("Einsum", *names, equation=f"{','.join(terms)}->{spec.output}"))


def _term(b: Scope, term: str, x: Tensor) -> tuple[str, str]:
    """A value whose axes have one letter each, and these letters in its order."""
    if len(set(term)) == len(term):
        return x.name, "".join(term[axis] for axis in x.perm)
    value, letters, shape = b.logical(x), term, list(x.type.shape)
    while len(set(letters)) < len(letters):
        letter = next(letter for letter in letters if letters.count(letter) > 1)
        first = letters.index(letter)
        second = letters.index(letter, first + 1)
        value = _diagonal(b, value, shape, first, second, x.type.dtype)
        shape[second] = shape[first] if shape[second] is None else shape[second]
        del shape[first]
        letters = letters[:first] + letters[first + 1 :]
    return value, letters


def _diagonal(b: Scope, value: str, shape: list[Dim], first: int, second: int, dtype: str) -> str:
    """The diagonal of two axes in the place of the second one: the sum of what a unit matrix leaves of them."""
    size = shape[first] if shape[first] is not None else shape[second]
    if size is None:
        count = ops.slice_(b, b.op("Shape", value), 0, first, first + 1)
        square = b.op("Expand", b.constant(0.0, "zero"), b.op("Concat", count, count, axis=0))
        unit = ops.cast(b, b.op("EyeLike", square), "bool")
    else:
        unit = b.constant(np.eye(size, dtype=bool), "unit")
    others = [axis for axis in range(len(shape)) if axis not in (first, second)]
    kept = b.op("Where", ops.unsqueeze(b, unit, others), value, b.constant(np.zeros((), dtype), "nothing"))
    return ops.reduce(b, "ReduceSum", kept, [first], keepdims=False)


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
