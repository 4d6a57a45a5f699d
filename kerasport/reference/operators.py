"""Operations between layers, in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from kerasport.layers import operators
from kerasport.reference.registry import REFERENCE, Array, Context

_BINARY: dict[str, Callable[[Array, Array], Any]] = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": np.divide,
    "power": np.power,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "equal": np.equal,
    "not_equal": np.not_equal,
    "greater": np.greater,
    "greater_equal": np.greater_equal,
    "less": np.less,
    "less_equal": np.less_equal,
    "floor_divide": lambda x, y: np.floor(x / y) if x.dtype.kind == "f" else x // y,
    "mod": np.mod,
    "fmod": np.fmod,
    "arctan2": np.arctan2,
}


@REFERENCE.register(operators.Binary)
def binary(spec: operators.Binary, context: Context, *inputs: Array) -> Array:
    """``left (op) right``."""
    fractional = np.result_type(*inputs).kind == "f" or np.asarray(spec.constant).dtype.kind == "f"
    always = spec.function in ("divide", "arctan2")
    dtype = context.dtype if fractional or always else np.result_type(*inputs)
    arrays = iter(inputs)
    left, right = (next(arrays) if side is None else np.asarray(side) for side in (spec.left, spec.right))
    with np.errstate(all="ignore"):
        return np.asarray(_BINARY[spec.function](left.astype(dtype), right.astype(dtype)))


@REFERENCE.register(operators.ExpandDims)
def expand_dims(spec: operators.ExpandDims, context: Context, x: Array) -> Array:
    """The new axes."""
    return np.expand_dims(x, spec.axes)


@REFERENCE.register(operators.FilledLike)
def filled_like(spec: operators.FilledLike, context: Context, x: Array) -> Array:
    """One value everywhere."""
    dtype = x.dtype if spec.dtype is None else context.dtype if "float" in spec.dtype else spec.dtype
    return np.full(x.shape, spec.value, dtype)


@REFERENCE.register(operators.Join)
def join(spec: operators.Join, context: Context, *inputs: Array) -> Array:
    """The inputs along an axis."""
    return np.concatenate(inputs, axis=spec.axis)


@REFERENCE.register(operators.GetItem)
def get_item(spec: operators.GetItem, context: Context, x: Array, *given: Array) -> Array:
    """``x[index]``."""

    def number(part: Any) -> Any:
        return int(given[part.input - 1]) if isinstance(part, operators.Given) else part

    return x[tuple(slice(*map(number, e)) if isinstance(e, tuple) else number(e) for e in spec.index)]
