"""The arguments of an operation in a functional model, and how they become specs."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from kerasport.errors import LayerError
from kerasport.layers.base import LARGEST, Spec, Value
from kerasport.layers.operators import ExpandDims, Join
from kerasport.layers.ops import CastTo
from kerasport.layers.refused import OPERATIONS, Refusal
from kerasport.layers.shaping import Constant
from kerasport.layers.slots import Slot, has_slots


@dataclass(frozen=True)
class Step:
    """The last spec of an operation, with its tensors; it gets the operation's name."""

    spec: Spec
    inputs: tuple[Value, ...]


Result = Step | Value | Sequence[Step | Value]


class Arguments:
    """What an operation is called with; what nobody reads is an error, as long as it is not off (None or false).

    Args:
        args: Positional arguments: constants, Slots, lists of them.
        options: The operation's config and the call's keyword arguments.
        inputs: The call's tensors.
        add: Adds a spec on some tensors to the graph.
    """

    def __init__(
        self,
        args: Sequence[Any],
        options: Mapping[str, Any],
        inputs: Sequence[Value],
        add: Callable[[Spec, Sequence[Value]], tuple[Value, ...]],
    ) -> None:
        self.args = tuple(args)
        self.options = options
        self.inputs = inputs
        self._add = add
        self._read: set[str | int] = set()

    # --- reading

    def get(self, name: str, position: int | None = None, default: Any = None) -> Any:
        """An option, or the positional argument that stands for it."""
        self._read.add(name)
        if name in self.options:
            return self.options[name]
        if position is not None and position < len(self.args):
            self._read.add(position)
            return self.args[position]
        return default

    def unread(self) -> list[str]:
        """What was not asked for and is not off."""
        positions = [f"argument {i}" for i, arg in enumerate(self.args) if i not in self._read and _is_on(arg)]
        return positions + [key for key, value in self.options.items() if key not in self._read and _is_on(value)]

    def integer(self, name: str, position: int | None = None, default: Any = None) -> int:
        """A whole number."""
        value = self._known(self.get(name, position, default))
        if isinstance(value, bool) or not isinstance(value, int) or abs(value) > LARGEST:
            raise LayerError(f"{name}={str(value)[:60]} is not supported")
        return value

    def axis(self, position: int | None = None, default: int = -1) -> int:
        """The option ``axis``, a whole number."""
        value = self.get("axis", position, default)
        return self.integer("axis", position, value) if value is not None else default

    def integers(self, name: str, position: int | None = None, default: Any = None) -> tuple[int, ...]:
        """One or several whole numbers."""
        value = self._known(self.get(name, position, default))
        found = [self._known(entry) for entry in (value if isinstance(value, list | tuple) else [value])]
        if any(isinstance(entry, bool) or not isinstance(entry, int) or abs(entry) > LARGEST for entry in found):
            raise LayerError(f"{name}={str(value)[:60]} is not supported")
        return tuple(found)

    def number(self, name: str, position: int | None = None, default: Any = None) -> float:
        """A constant number."""
        value = self.get(name, position, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise LayerError(f"{name}={str(value)[:60]} is not supported")
        return float(value)

    def flag(self, name: str, position: int | None = None, default: bool = False) -> bool:
        """A flag."""
        return bool(self.get(name, position, default))

    def text(self, name: str, position: int | None = None, default: str = "") -> str:
        """A string."""
        value = self.get(name, position, default)
        return default if value is None else str(value)

    # --- tensors

    def tensor(self, name: str, position: int | None = None) -> Value:
        """A tensor; a constant becomes one, a list with tensors in it is stacked."""
        return self.value(self._needed(name, position), name)

    def operand(self, name: str, position: int | None = None) -> Any:
        """A tensor, or a constant as a number or nested tuples of them."""
        raw = self._needed(name, position)
        return self.value(raw, name) if has_slots(raw) else literal(raw)

    def tensors(self, name: str, position: int | None = None) -> list[Value]:
        """A list of tensors."""
        raw = self._needed(name, position)
        return [self.value(entry, name) for entry in (raw if isinstance(raw, list | tuple) else [raw])]

    def all_tensors(self) -> list[Value]:
        """All positional arguments, for operations that take any number of tensors."""
        self._read |= set(range(len(self.args)))
        listed = self.args[0] if len(self.args) == 1 and isinstance(self.args[0], list | tuple) else self.args
        return [self.value(raw) for raw in listed]

    def value(self, raw: Any, name: str = "an argument") -> Value:
        """A tensor from a Slot, a constant, or a list of both."""
        if isinstance(raw, Slot):
            return self.inputs[raw.index]
        if has_slots(raw):
            rows = [self.emit(ExpandDims(axes=(0,)), self.value(entry, name)) for entry in raw]
            dtypes = {row.type.dtype for row, entry in zip(rows, raw, strict=True) if has_slots(entry)}
            wanted = min(dtypes)
            return self.emit(Join(axis=0), *(self.cast(row, wanted) for row in rows))
        return self.emit(Constant.of(literal(raw)))

    def _known(self, raw: Any) -> Any:
        """The number, or row of them, that a tensor is known to hold; anything else as it is."""
        type_ = self.inputs[raw.index].type if isinstance(raw, Slot) else None
        if type_ is None or type_.content is None or None in type_.content:
            return raw
        return list(type_.content) if type_.rank else type_.content[0]

    def _needed(self, name: str, position: int | None) -> Any:
        raw = self.get(name, position)
        if raw is None:
            raise LayerError(f"its argument {name!r} is missing")
        return raw

    # --- making

    def emit(self, spec: Spec, *inputs: Value) -> Value:
        """Adds a spec on its way to the result."""
        return self._add(spec, inputs)[0]

    def emit_all(self, spec: Spec, *inputs: Value) -> tuple[Value, ...]:
        """Like ``emit``, for a spec with several outputs."""
        return self._add(spec, inputs)

    def cast(self, x: Value, dtype: str) -> Value:
        """The value in a dtype."""
        return x if x.type.dtype == dtype else self.emit(CastTo(dtype=dtype), x)

    def floating(self, x: Value) -> Value:
        """The value as float32."""
        return self.cast(x, "float32")


Parser = Callable[[Arguments], Result]
_PARSERS: dict[str, Parser] = {}


@cache
def _load() -> None:
    """Imports the modules that register operations."""
    for module in iter_modules(import_module(__package__).__path__):
        if module.name.startswith("operations"):
            import_module(f"{__package__}.{module.name}")


def operation(name: str, arguments: Arguments) -> tuple[Step | Value, ...]:
    """What the outputs of one call of an operation are.

    Raises:
        LayerError: The operation, or one of its arguments, is not supported.
    """
    _load()
    if name in OPERATIONS:
        raise OPERATIONS[name].error(f"the operation {name!r}")
    if name not in _PARSERS:
        nearest = next(iter(difflib.get_close_matches(name, _PARSERS, n=1, cutoff=0.8)), None)
        hint = f"the nearest supported one is {nearest}" if nearest else "write it with supported layers in Keras"
        raise LayerError(f"the operation {name!r} is not supported", hint)
    found = _PARSERS[name](arguments)
    unread = arguments.unread()
    if unread:
        raise LayerError(f"the operation {name!r} is called with {unread[0]}, which is not supported")
    return tuple(found) if isinstance(found, Sequence) else (found,)


def names() -> list[str]:
    """The supported operations by Keras 3's names, and those that only TensorFlow has by ``tf.`` names."""
    _load()
    return sorted(_PARSERS)


def refusals() -> Mapping[str, Refusal]:
    """The operations that are known and refused."""
    _load()
    return OPERATIONS


def register(*names: str) -> Callable[[Parser], Parser]:
    """A decorator for the function that reads the operations of these names."""

    def add(parser: Parser) -> Parser:
        for name in names:
            if name in _PARSERS or name in OPERATIONS:
                raise ValueError(f"operation {name!r} is registered twice")
            _PARSERS[name] = parser
        return parser

    return add


def refuse(*names: str, why: str, hint: str) -> None:
    """Registers the reason why operations of these names are refused, and a way on."""
    for name in names:
        if name in _PARSERS or name in OPERATIONS:
            raise ValueError(f"operation {name!r} is registered twice")
        OPERATIONS[name] = Refusal(why, hint)


def literal(value: Any) -> Any:
    """A constant as nested tuples of numbers."""
    if isinstance(value, list | tuple):
        return tuple(literal(item) for item in value)
    if not isinstance(value, bool | int | float):
        raise LayerError(f"an operand is {str(value)[:60]!r}, which is not supported")
    return value


def dtype_name(value: Any) -> str | None:
    """A dtype's name; all floating-point values are computed in float32."""
    if isinstance(value, Mapping):
        value = value.get("config", {}).get("name")
    if value is None:
        return None
    return "float32" if "float" in str(value) or str(value) == "double" else str(value)


def _is_on(value: Any) -> bool:
    return value is not None and value is not False
