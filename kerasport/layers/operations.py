"""Which spec a Keras operation becomes, from its canonical name (Keras 3's class name) and its arguments."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kerasport.errors import LayerError
from kerasport.layers.operators import Binary, ExpandDims, FilledLike, GetItem, Join
from kerasport.layers.ops import CastTo, Logical, LogicalNot, NotEqualTo, Op, ReduceAny, Unchanged


@dataclass(frozen=True)
class Slot:
    """The place of a tensor among an operation's arguments: which of the call's inputs stands there."""

    index: int


@dataclass(frozen=True)
class Arguments:
    """What an operation is called with.

    Attributes:
        args: Positional arguments: constants, Slots, lists of them.
        options: The operation's config and the call's keyword arguments.
    """

    args: Sequence[Any]
    options: Mapping[str, Any] = field(default_factory=dict)

    def get(self, name: str, position: int | None = None, default: Any = None) -> Any:
        """An option, or the positional argument that stands for it."""
        if name in self.options:
            return self.options[name]
        return self.args[position] if position is not None and position < len(self.args) else default

    def axis(self, position: int | None = None, default: int = -1) -> int:
        """The option ``axis``, a whole number."""
        value = self.get("axis", position, default)
        if isinstance(value, bool) or not isinstance(value, int):
            raise LayerError(f"axis={value!r} is not supported")
        return value

    def flatten(self) -> list[Any]:
        """The positional arguments with lists opened."""
        return [item for arg in self.args for item in (arg if isinstance(arg, list | tuple) else [arg])]


Parser = Callable[[Arguments], Op]
_PARSERS: dict[str, Parser] = {}


def operation(name: str, arguments: Arguments) -> Op:
    """The spec of one call of an operation.

    Raises:
        LayerError: The operation, or one of its arguments, is not supported.
    """
    if name not in _PARSERS:
        nearest = next(iter(difflib.get_close_matches(name, _PARSERS, n=1, cutoff=0.8)), None)
        hint = f"the nearest supported one is {nearest}" if nearest else "write it with supported layers in Keras"
        raise LayerError(f"the operation {name!r} is not supported", hint)
    return _PARSERS[name](arguments)


def names() -> list[str]:
    """The supported operations by Keras 3's names."""
    return sorted(_PARSERS)


def _register(*names: str) -> Callable[[Parser], Parser]:
    def add(parser: Parser) -> Parser:
        _PARSERS.update(dict.fromkeys(names, parser))
        return parser

    return add


def _binary(function: str) -> Parser:
    def parse(call: Arguments) -> Op:
        left, right = (_literal(side) for side in call.args)
        if function == "not_equal" and isinstance(right, int | float):
            return NotEqualTo(value=float(right))
        return Binary(function=function, left=left, right=right)

    return parse


_BINARY = {
    "Add": "add", "Subtract": "subtract", "Multiply": "multiply", "Divide": "divide", "TrueDivide": "divide",
    "Power": "power", "Maximum": "maximum", "Minimum": "minimum", "Equal": "equal", "NotEqual": "not_equal",
    "Greater": "greater", "GreaterEqual": "greater_equal", "Less": "less", "LessEqual": "less_equal",
}  # fmt: skip
for _name, _function in _BINARY.items():
    _register(_name)(_binary(_function))


def _literal(value: Any) -> Any:
    """A constant as nested tuples; None for a tensor."""
    if isinstance(value, Slot):
        return None
    if isinstance(value, list | tuple):
        return tuple(_literal(item) for item in value)
    if not isinstance(value, bool | int | float):
        raise LayerError(f"an operand is {str(value)[:60]!r}, which is not supported")
    return value


def _logical(function: str) -> Parser:
    return lambda call: Logical(function=function)


for _name, _function in {"LogicalOr": "or", "LogicalAnd": "and", "LogicalXor": "xor"}.items():
    _register(_name)(_logical(_function))


@_register("LogicalNot")
def _not(call: Arguments) -> Op:
    return LogicalNot()


@_register("Any")
def _any(call: Arguments) -> Op:
    axis = call.get("axis", 1)
    axes = [axis] if isinstance(axis, int) else axis
    if not isinstance(axes, list | tuple):
        raise LayerError(f"axis={axis!r} is not supported")
    return ReduceAny(axes=tuple(axes), keepdims=bool(call.get("keepdims", 2, False)))


@_register("ExpandDims")
def _expand_dims(call: Arguments) -> Op:
    return ExpandDims(axis=call.axis(1))


@_register("ZerosLike")
def _zeros_like(call: Arguments) -> Op:
    return FilledLike(value=0.0, dtype=_dtype(call.get("dtype", 1)))


@_register("OnesLike")
def _ones_like(call: Arguments) -> Op:
    return FilledLike(value=1.0, dtype=_dtype(call.get("dtype", 1)))


@_register("ConvertToTensor")
def _convert_to_tensor(call: Arguments) -> Op:
    dtype = _dtype(call.get("dtype", 1))
    return CastTo(dtype=dtype) if dtype else Unchanged()


@_register("Cast")
def _cast(call: Arguments) -> Op:
    return CastTo(dtype=_dtype(call.get("dtype", 1)) or "float32")


def _dtype(value: Any) -> str | None:
    """A dtype's name; all floating-point values are computed in float32."""
    if value is None:
        return None
    return "float32" if "float" in str(value) else str(value)


@_register("Concatenate")
def _concatenate(call: Arguments) -> Op:
    return Join(axis=call.axis(1))


@_register("GetItem")
def _get_item(call: Arguments) -> Op:
    key = call.args[1]
    entries = key if isinstance(key, list | tuple) else [key]
    return GetItem(index=tuple(_index(entry) for entry in entries))


def _index(entry: Any) -> Any:
    if entry is None or entry is Ellipsis or (isinstance(entry, int) and not isinstance(entry, bool)):
        return entry
    if isinstance(entry, slice):
        parts = (entry.start, entry.stop, entry.step)
        if all(part is None or isinstance(part, int) for part in parts):
            return parts
    raise LayerError(f"the index {str(entry)[:60]!r} is not supported")
