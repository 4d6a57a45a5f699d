"""Operations between layers, in ONNX."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kerasport.export.builder import Scope
from kerasport.export.layout import Tensor, identity_perm
from kerasport.export.ops import cast, unsqueeze
from kerasport.export.patterns import hard_sigmoid, hard_silu
from kerasport.export.registry import EXPORT
from kerasport.layers import operators

_NODES = {
    "add": "Add",
    "subtract": "Sub",
    "multiply": "Mul",
    "divide": "Div",
    "power": "Pow",
    "maximum": "Max",
    "minimum": "Min",
    "equal": "Equal",
    "not_equal": "Equal",
    "greater": "Greater",
    "greater_equal": "GreaterOrEqual",
    "less": "Less",
    "less_equal": "LessOrEqual",
}


@EXPORT.register(operators.Binary)
def binary(spec: operators.Binary, b: Scope, *inputs: Tensor) -> Tensor:
    """The operator of that name; a scalar constant fits every layout. The last of a hard sigmoid's layers is that."""
    whole = hard_sigmoid(spec, b, inputs)
    if whole is not None:
        return whole
    dtype = spec.operand_dtype(*(x.type for x in inputs))
    rank = b.output_type.rank
    scalar = spec.constant is not None and np.ndim(spec.constant) == 0
    if scalar or (spec.constant is None and len({x.type.rank for x in inputs}) == 1):
        names, perm = b.common(inputs)
    else:
        names, perm = [b.logical(x) for x in inputs], identity_perm(rank)
    operands = [name if x.type.dtype == dtype else cast(b, name, dtype) for x, name in zip(inputs, names, strict=True)]
    if spec.constant is not None:
        constant = b.constant(np.asarray(spec.constant, dtype), "operand")
        operands = [constant, *operands] if spec.left is not None else [*operands, constant]
    elif len(operands) == 1:
        operands *= 2
    return b.tensor(_computed(spec, b, dtype, operands), perm=perm)


def _computed(spec: operators.Binary, b: Scope, dtype: str, operands: Sequence[str]) -> str:
    """The value of the function; a product may be a hard SiLU's."""
    whole = hard_silu(b, operands) if spec.function == "multiply" and len(b.call.inputs) == 2 else ""
    if whole:
        return whole
    y = _FORMULAS[spec.function](b, dtype, *operands) if spec.function in _FORMULAS else b.op(_node(spec), *operands)
    return b.op("Not", y) if spec.function == "not_equal" else y


def _node(spec: operators.Binary) -> str:
    return _NODES[spec.function]


def _floor_divide(b: Scope, dtype: str, x: str, y: str) -> str:
    """The integers' Div rounds to zero, so the remainder goes first."""
    if dtype.startswith("float"):
        return b.op("Floor", b.op("Div", x, y))
    return b.op("Div", b.op("Sub", x, b.op("Mod", x, y)), y)


def _mod(b: Scope, dtype: str, x: str, y: str) -> str:
    """Mod takes only integers without its flag."""
    if not dtype.startswith("float"):
        return b.op("Mod", x, y)
    return b.op("Sub", x, b.op("Mul", y, b.op("Floor", b.op("Div", x, y))))


def arctan2(b: Scope, dtype: str, y: str, x: str) -> str:
    """The angle of the quarter in which both are positive, mirrored by their signs, those of zeros included."""
    zero, largest = b.constant(0.0, "zero"), b.constant(float(np.finfo(np.float32).max), "largest")
    rise, run = (b.op("Min", b.op("Abs", side), largest) for side in (y, x))
    at_origin = b.op("Equal", b.op("Add", rise, run), zero)
    angle = b.op("Atan", b.op("Div", rise, b.op("Where", at_origin, b.constant(1.0, "one"), run)))
    angle = b.op("Where", _signbit(b, x), b.op("Sub", b.constant(math.pi, "half_turn"), angle), angle)
    return b.op("Where", _signbit(b, y), b.op("Neg", angle), angle)


def _signbit(b: Scope, x: str) -> str:
    zero = b.constant(0.0, "zero")
    return b.op("Or", b.op("Less", x, zero), b.op("Less", b.op("Reciprocal", x), zero))


_FORMULAS: dict[str, Callable[[Scope, str, str, str], str]] = {
    "floor_divide": _floor_divide,
    "mod": _mod,
    "fmod": lambda b, dtype, x, y: b.op("Mod", x, y, fmod=1),
    "arctan2": arctan2,
}


@EXPORT.register(operators.ExpandDims)
def expand_dims(spec: operators.ExpandDims, b: Scope, x: Tensor) -> Tensor:
    """Unsqueeze."""
    return b.tensor(unsqueeze(b, b.logical(x), spec.places(x.type.rank)))


@EXPORT.register(operators.FilledLike)
def filled_like(spec: operators.FilledLike, b: Scope, x: Tensor) -> Tensor:
    """Expand to the input's shape."""
    value = b.constant(np.array(spec.value, spec.dtype or x.type.dtype), "fill")
    return b.tensor(b.op("Expand", value, b.op("Shape", x.name)), perm=x.perm)


@EXPORT.register(operators.Join)
def join(spec: operators.Join, b: Scope, *inputs: Tensor) -> Tensor:
    """Concat."""
    names, perm = b.common(inputs)
    return b.tensor(b.op("Concat", *names, axis=perm.index(spec.axis % len(perm))), perm=perm)


@EXPORT.register(operators.GetItem)
def get_item(spec: operators.GetItem, b: Scope, x: Tensor, *given: Tensor) -> Tensor:
    """One Slice for all slices; Gather for a single number, Squeeze for several; Unsqueeze for new axes."""
    entries = spec.expanded(x.type.rank)
    axes = [entry for entry in entries if entry is not None]
    numbers = [axis for axis, entry in enumerate(axes) if not isinstance(entry, tuple)]
    single = len(numbers) == 1 or any(isinstance(axes[axis], operators.Given) for axis in numbers)
    gathered = [] if not single else numbers
    cuts = [
        (axis, _bounds(entry))
        for axis, entry in enumerate(axes)
        if axis not in gathered and entry not in ((None, None, None), (None, None, 1))
    ]
    y = _sliced(b, b.logical(x), cuts, given)
    for axis in reversed(gathered):
        y = b.op("Gather", y, _number(b, axes[axis], given), axis=axis)
    if numbers and not gathered:
        y = b.op("Squeeze", y, b.constant(numbers, "axes"))
    kept = [entry for entry in entries if entry is None or isinstance(entry, tuple)]
    new = [place for place, entry in enumerate(kept) if entry is None]
    return b.tensor(unsqueeze(b, y, new) if new else y)


def _sliced(b: Scope, y: str, cuts: Sequence[tuple[int, Sequence[Any]]], given: Sequence[Tensor]) -> str:
    if not cuts:
        return y
    starts, stops, steps = (_row(b, part, given) for part in zip(*(bounds for _, bounds in cuts), strict=True))
    return b.op("Slice", y, starts, stops, b.constant([axis for axis, _ in cuts], "cut"), steps)


def _row(b: Scope, parts: Sequence[Any], given: Sequence[Tensor]) -> str:
    if not any(isinstance(part, operators.Given) for part in parts):
        return b.constant(list(parts), "cut")
    ones = [b.op("Reshape", _number(b, part, given), b.constant([1], "one")) for part in parts]
    return b.op("Concat", *ones, axis=0) if len(ones) > 1 else ones[0]


def _number(b: Scope, part: Any, given: Sequence[Tensor]) -> str:
    if not isinstance(part, operators.Given):
        return b.constant(int(part), "cut")
    return cast(b, given[part.input - 1].name, "int64")


def _bounds(entry: Any) -> tuple[Any, Any, int]:
    """(start, stop, step) for Slice, where very large numbers stand for the ends."""
    if isinstance(entry, int):
        return entry, entry + 1 or np.iinfo(np.int64).max, 1
    start, stop, step = entry
    step = step or 1
    far = np.iinfo(np.int64).max if step > 0 else np.iinfo(np.int64).min
    first = 0 if step > 0 else np.iinfo(np.int64).max
    return first if start is None else start, far if stop is None else stop, step
