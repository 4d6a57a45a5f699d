"""Arithmetic on bool and on integers narrower than int32: computed in int32, for want of ONNX operators."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kerasport.layers.base import Spec, TensorType, Value
from kerasport.layers.ops import NARROW, CastTo, Op

Emit = Callable[[Spec, Sequence[Value], bool], tuple[Value, ...]]


def inferred(spec: Spec, inputs: Sequence[Value]) -> tuple[TensorType, ...]:
    """The types of what an operation gives."""
    found = spec.infer(*(value.type for value in inputs))
    return found if isinstance(found, tuple) else (found,)


def is_narrow(spec: Spec, inputs: Sequence[Value]) -> bool:
    """Whether an operation is to be computed in int32 in place of its inputs' types."""
    return isinstance(spec, Op) and spec.widens and any(value.type.dtype in NARROW for value in inputs)


def widened(spec: Spec, inputs: Sequence[Value], emit: Emit) -> tuple[Value, ...]:
    """An operation between casts to int32 and back, where that wraps around as the narrow types do.

    Args:
        spec: The operation.
        inputs: Its inputs, of which some are narrow.
        emit: Adds an operation to the graph, given its inputs and whether it is the last one.
    """
    wide = [emit(CastTo(dtype="int32"), (x,), False)[0] if x.type.dtype in NARROW else x for x in inputs]
    dtypes, found = ([type_.dtype for type_ in inferred(spec, of)] for of in (inputs, wide))
    back = found != dtypes
    values = emit(spec, wide, not back)
    if not back:
        return values
    pairs = enumerate(zip(values, dtypes, strict=True))
    return tuple(emit(CastTo(dtype=dtype), (value,), number == 0)[0] for number, (value, dtype) in pairs)
