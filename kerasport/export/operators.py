"""Keras's operations between layers, in ONNX."""

from __future__ import annotations

import numpy as np

from kerasport.export.builder import Scope, Tensor, identity_perm
from kerasport.export.ops import cast, unsqueeze
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
    """The operator of that name; a scalar constant fits every layout."""
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
    y = b.op(_NODES[spec.function], *operands)
    return b.tensor(b.op("Not", y) if spec.function == "not_equal" else y, perm=perm)


@EXPORT.register(operators.ExpandDims)
def expand_dims(spec: operators.ExpandDims, b: Scope, x: Tensor) -> Tensor:
    """Unsqueeze."""
    return b.tensor(unsqueeze(b, b.logical(x), [spec.axis]))


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
def get_item(spec: operators.GetItem, b: Scope, x: Tensor) -> Tensor:
    """One Slice; Squeeze for whole numbers, Unsqueeze for new axes."""
    entries = spec.expanded(x.type.rank)
    axes = [entry for entry in entries if entry is not None]
    cuts = [(axis, _bounds(entry)) for axis, entry in enumerate(axes) if entry != (None, None, None)]
    y = b.logical(x)
    if cuts:
        parts = zip(*(bounds for _, bounds in cuts), strict=True)
        starts, stops, steps = (b.constant(list(part), "cut") for part in parts)
        y = b.op("Slice", y, starts, stops, b.constant([axis for axis, _ in cuts], "cut"), steps)
    numbers = [axis for axis, entry in enumerate(axes) if isinstance(entry, int)]
    if numbers:
        y = b.op("Squeeze", y, b.constant(numbers, "axes"))
    kept = [entry for entry in entries if not isinstance(entry, int)]
    new = [place for place, entry in enumerate(kept) if entry is None]
    return b.tensor(unsqueeze(b, y, new) if new else y)


def _bounds(entry: int | tuple[int | None, int | None, int | None]) -> tuple[int, int, int]:
    """(start, stop, step) for Slice, where very large numbers stand for the ends."""
    if isinstance(entry, int):
        return entry, entry + 1 or np.iinfo(np.int64).max, 1
    start, stop, step = entry
    step = step or 1
    far = np.iinfo(np.int64).max if step > 0 else np.iinfo(np.int64).min
    first = 0 if step > 0 else np.iinfo(np.int64).max
    return first if start is None else start, far if stop is None else stop, step
