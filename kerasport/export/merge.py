"""Merging layers in ONNX: the layouts of the inputs pass through."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np

from kerasport.export.builder import Scope
from kerasport.export.layout import Perm, Tensor, identity_perm
from kerasport.export.normalization import unit_length
from kerasport.export.ops import cast, squeeze, unsqueeze
from kerasport.export.ops import reduce as reduce_axes
from kerasport.export.patterns import hard_silu
from kerasport.export.registry import EXPORT
from kerasport.layers import merge


@EXPORT.register(merge.Add)
def add(spec: merge.Add, b: Scope, *inputs: Tensor) -> Tensor:
    """Add; Sum of more than two floats."""
    names, perm = broadcastable(b, inputs)
    if len(names) > 2 and b.output_type.dtype == "float32":
        return b.tensor(b.op("Sum", *names), perm=perm)
    return b.tensor(_chain(b, "Add", names), perm=perm)


@EXPORT.register(merge.Average)
def average(spec: merge.Average, b: Scope, *inputs: Tensor) -> Tensor:
    """Mean."""
    names, perm = broadcastable(b, inputs)
    return b.tensor(b.op("Mean", *names), perm=perm)


@EXPORT.register(merge.Subtract)
def subtract(spec: merge.Subtract, b: Scope, *inputs: Tensor) -> Tensor:
    """Sub."""
    names, perm = broadcastable(b, inputs)
    return b.tensor(b.op("Sub", *names), perm=perm)


@EXPORT.register(merge.Multiply)
def multiply(spec: merge.Multiply, b: Scope, *inputs: Tensor) -> Tensor:
    """Mul, or HardSwish; masked factors become 1 before it, and what all inputs mask becomes 0 behind it."""
    masks = _masks(spec, b, inputs)
    given = [mask for mask in masks if mask]
    names, perm = broadcastable(b, inputs, in_order=bool(given))
    one, zero = (b.constant(np.array(number, b.output_type.dtype), str(number)) for number in (1, 0))
    factors = [b.op("Where", mask, x, one) if mask else x for mask, x in zip(masks, names, strict=True)]
    product = (hard_silu(b, names) if not given else "") or _chain(b, "Mul", factors)
    if given and len(given) == len(masks):
        product = b.op("Where", _chain(b, "Or", given), product, zero)
    return b.tensor(product, perm=perm)


@EXPORT.register(merge.Maximum)
def maximum(spec: merge.Maximum, b: Scope, *inputs: Tensor) -> Tensor:
    """Max."""
    return _extremum("Max", spec, b, inputs)


@EXPORT.register(merge.Minimum)
def minimum(spec: merge.Minimum, b: Scope, *inputs: Tensor) -> Tensor:
    """Min."""
    return _extremum("Min", spec, b, inputs)


def _extremum(op: str, spec: merge.MaskedMerge, b: Scope, inputs: Sequence[Tensor]) -> Tensor:
    """One operator; where masks matter, a masked value gives way to the other one, input by input."""
    masks = _masks(spec, b, inputs)
    if not any(masks):
        names, perm = broadcastable(b, inputs)
        return b.tensor(b.op(op, *names) if len(names) > 1 else names[0], perm=perm)
    names, _ = broadcastable(b, inputs, in_order=True)
    result, valid = names[0], masks[0]
    for x, mask in zip(names[1:], masks[1:], strict=True):
        candidate = b.op("Where", mask, x, result) if mask else x
        current = b.op("Where", valid, result, candidate) if valid else result
        result = b.op(op, current, candidate)
        valid = b.op("Or", valid, mask) if valid and mask else ""
    return b.tensor(result)


@EXPORT.register(merge.Concatenate)
def concatenate(spec: merge.Concatenate, b: Scope, *inputs: Tensor) -> Tensor:
    """Concat; a Concat along the same axis that nothing else reads becomes part of it."""
    names, perm = broadcastable(b, inputs)
    axis = perm.index(spec.axis % len(perm))
    names = [part for index, name in enumerate(names) for part in _parts(b, index, name, axis)]
    return b.tensor(b.op("Concat", *names, axis=axis) if len(names) > 1 else names[0], perm=perm)


def _parts(b: Scope, index: int, name: str, axis: int) -> list[str]:
    before = b.builder.producer(name)
    joins = before is not None and before.op == "Concat" and before.attributes["axis"] == axis
    return before.inputs if before and joins and b.builder.fold and b.sole_user(index) else [name]


@EXPORT.register(merge.Dot)
def dot(spec: merge.Dot, b: Scope, x: Tensor, y: Tensor) -> Tensor:
    """MatMul of the inputs with their axes in place; Mul and ReduceSum of two vectors; Einsum above rank 3."""
    axes = spec.contracted(x.type, y.type)
    if spec.normalize:
        x, y = (
            Tensor(unit_length(b, one.name, [one.stored_axis(axis)], spec.floor), one.type, one.perm)
            for one, axis in zip((x, y), axes, strict=True)
        )
    if x.type.rank == y.type.rank == 2:
        return b.tensor(reduce_axes(b, "ReduceSum", b.op("Mul", b.logical(x), b.logical(y)), [1], keepdims=True))
    if max(x.type.rank, y.type.rank) > 3:
        equation = _equation(spec, axes, x.type.rank, y.type.rank)
        return b.tensor(b.op("Einsum", b.logical(x), b.logical(y), equation=equation))
    left = b.arrange(x, (0, 3 - axes[0], axes[0])) if x.type.rank == 3 else unsqueeze(b, b.logical(x), [1])
    right = b.arrange(y, (0, axes[1], 3 - axes[1])) if y.type.rank == 3 else unsqueeze(b, b.logical(y), [2])
    product = b.op("MatMul", left, right)
    if x.type.rank == y.type.rank:
        return b.tensor(product)
    return b.tensor(squeeze(b, product, [1 if x.type.rank == 2 else 2]))


def _equation(spec: merge.Dot, axes: tuple[int, int], x_rank: int, y_rank: int) -> str:
    """Einsum's: "a" is the batch, "z" is summed; with further batch axes, these are in common."""
    shared = min(x_rank, y_rank) - 2 if spec.batch_axes else 1
    x, y = list("abcdef"[:x_rank]), list("a" + "ghijk"[: y_rank - 1])
    y[:shared] = x[:shared]
    x[axes[0]] = y[axes[1]] = "z"
    result = [letter for letter in x + y[shared:] if letter != "z"]
    return f"{''.join(x)},{''.join(y)}->{''.join(result)}"


def broadcastable(b: Scope, inputs: Sequence[Tensor], in_order: bool = False) -> tuple[list[str], Perm]:
    """The inputs in one dtype, layout and rank, and that layout.

    Args:
        b: The scope of the call.
        inputs: Of different ranks; those of lower rank are expanded behind the batch.
        in_order: Whether the layout must be Keras's, not that in which the inputs of full rank meet best.
    """
    rank = max(x.type.rank for x in inputs)
    perm = identity_perm(rank) if in_order else b.meeting([x for x in inputs if x.type.rank == rank])
    return [_expanded(b, _cast(b, x), perm) for x in inputs], perm


def _expanded(b: Scope, x: Tensor, perm: Perm) -> str:
    added = len(perm) - x.type.rank
    if not added:
        return b.arrange(x, perm)
    order = tuple(axis - added if axis else 0 for axis in perm if not 1 <= axis <= added)
    return unsqueeze(b, b.arrange(x, order), sorted(perm.index(axis) for axis in range(1, added + 1)))


def _cast(b: Scope, x: Tensor) -> Tensor:
    dtype = b.output_type.dtype
    return x if x.type.dtype == dtype else Tensor(cast(b, x.name, dtype), x.type.with_dtype(dtype), x.perm)


def _masks(spec: merge.MaskedMerge, b: Scope, inputs: Sequence[Tensor]) -> list[str]:
    """The masks that matter, each with an axis for the features; "" where an input has none."""
    if spec.mask_rule == "and" or not b.masks:
        return [""] * len(inputs)
    rank = max(x.type.rank for x in inputs)
    return [
        unsqueeze(b, b.logical(mask), [rank - 1]) if mask and x.type.rank == rank else ""
        for mask, x in zip(b.masks, inputs, strict=True)
    ]


def _chain(b: Scope, op: str, names: Sequence[str]) -> str:
    return reduce(lambda one, other: b.op(op, one, other), names)
