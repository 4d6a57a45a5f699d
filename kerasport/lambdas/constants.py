"""Arithmetic on Python constants of bounded size: numbers, strings, lists, dicts, NumPy arrays."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from kerasport.errors import LayerError

_MOST_BITS = 512
_MOST_ITEMS = 10_000
_MOST_NUMBERS = 1 << 18  # of an array
_MOST_MEASURED = 2_000
_ROWS = (list, tuple, set, frozenset)


@dataclass(frozen=True)
class Method:
    """A method of a value.

    Attributes:
        owner: The value.
        name: The method's name.
    """

    owner: Any
    name: str


def _python2_division(x: Any, y: Any) -> Any:
    return x // y if isinstance(x, int) and isinstance(y, int) else x / y


_BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "//": operator.floordiv,
    "%": operator.mod, "**": operator.pow, "@": operator.matmul, "&": operator.and_, "|": operator.or_,
    "^": operator.xor, "<<": operator.lshift, ">>": operator.rshift, "div": _python2_division,
}  # fmt: skip
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt, "<=": operator.le, "==": operator.eq, "!=": operator.ne, ">": operator.gt, ">=": operator.ge,
    "in": lambda x, y: x in y, "not in": lambda x, y: x not in y, "is": operator.is_, "is not": operator.is_not,
}  # fmt: skip
_UNARY: dict[str, Callable[[Any], Any]] = {
    "-": operator.neg, "+": operator.pos, "~": operator.invert, "not": operator.not_,
}  # fmt: skip
_METHODS: dict[type, frozenset[str]] = {
    list: frozenset(["append", "extend", "insert", "pop", "index", "count", "copy", "reverse"]),
    tuple: frozenset(["index", "count"]),
    dict: frozenset(["get", "items", "keys", "values", "update", "pop", "copy"]),
    str: frozenset(["lower", "upper", "startswith", "endswith", "split", "strip", "join"]),
}
_ARRAY_METHODS = frozenset(
    ["astype", "reshape", "tolist", "item", "sum", "mean", "max", "min", "transpose", "flatten", "ravel", "copy"]
)
_ARRAY_FACTS = frozenset(["shape", "ndim", "size", "T", "dtype"])
_FAILURES = (TypeError, ValueError, ArithmeticError, LookupError, AttributeError, RecursionError, MemoryError)


def is_array(value: Any) -> bool:
    """Whether it is an array, or a number, of NumPy's."""
    return type(value).__module__ == "numpy"


def unary(sign: str, x: Any) -> Any:
    """``-x`` and the like.

    Raises:
        LayerError: There is no such thing.
    """
    return done(lambda: _UNARY[sign](x), sign)


def binary(sign: str, x: Any, y: Any, in_place: bool = False) -> Any:
    """``x + y`` and the like; in place, a list grows.

    Raises:
        LayerError: There is no such thing, or it is too large.
    """
    _refuse_growth(sign, x, y)
    if in_place and sign == "+" and isinstance(x, list):
        x.extend(y if isinstance(y, list | tuple) else [])
        return bounded(x)
    if sign == "%" and isinstance(x, str | bytes):
        raise LayerError("its function formats text")
    return done(lambda: _BINARY[sign](x, y), sign)


def compare(sign: str, x: Any, y: Any) -> Any:
    """``x < y`` and the like.

    Raises:
        LayerError: There is no such thing.
    """
    measure(x, y)
    return done(lambda: _COMPARE[sign](x, y), sign)


def subscript(x: Any, key: Any) -> Any:
    """``x[key]``.

    Raises:
        LayerError: There is no such thing.
    """
    if isinstance(x, Sequence | dict) or is_array(x):
        return done(lambda: x[key], "[]")
    raise LayerError(f"its function takes a part of {shown(x)}")


def grid(key: Any) -> Any:
    """``np.mgrid[key]``.

    Raises:
        LayerError: It would be too large.
    """
    import numpy as np

    axes = [axis for axis in (key if isinstance(key, tuple) else (key,)) if isinstance(axis, slice)]
    refuse_size(done(lambda: math.prod(map(_steps, axes)) * len(axes), "mgrid"))
    return done(lambda: np.mgrid[key], "mgrid")


def _steps(axis: slice) -> float:
    return float(abs(axis.stop - (axis.start or 0)) / abs(axis.step or 1) + 1)


def assign(owner: Any, key: Any, value: Any) -> None:
    """``owner[key] = value``.

    Raises:
        LayerError: The owner is a tensor, or has no such part.
    """
    places = key if isinstance(key, tuple) else (key,)
    plain = all(isinstance(place, str | int | slice | None) or place is Ellipsis or is_array(place) for place in places)
    is_number = isinstance(value, int | float | list | tuple) or is_array(value)
    if not plain or not (isinstance(owner, dict | list) or (is_array(owner) and is_number)):
        raise LayerError("its function assigns to a part of a tensor, or a part that depends on one")
    measure(value)
    done(lambda: owner.__setitem__(key, value), "=")


def attribute(value: Any, name: str) -> Any:
    """``value.name``.

    Raises:
        LayerError: There is no such thing, or it is not among those that are known to be harmless.
    """
    known = next((names for kind, names in _METHODS.items() if isinstance(value, kind)), frozenset())
    if is_array(value) and name in _ARRAY_FACTS:
        return str(value.dtype) if name == "dtype" else getattr(value, name)
    if name in known or (is_array(value) and name in _ARRAY_METHODS):
        return Method(value, name)
    if isinstance(value, int) and name == "value":  # a dimension of TensorFlow 1
        return value
    raise LayerError(f"its function asks {shown(value)} for {name!r}")


def call(method: Method, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Calls a method that ``attribute`` has given.

    Raises:
        LayerError: The arguments do not fit, or the result is too large.
    """
    measure(method.owner, *args, *kwargs.values())
    result = done(lambda: getattr(method.owner, method.name)(*args, **kwargs), method.name)
    bounded(method.owner)
    return list(result) if isinstance(method.owner, dict) and method.name in ("items", "keys", "values") else result


def truth(value: Any) -> bool:
    """Whether a condition holds.

    Raises:
        LayerError: It is an array of several.
    """
    return bool(done(lambda: bool(value), "if"))


def bounded(value: Any) -> Any:
    """The value.

    Raises:
        LayerError: It is larger than any constant of an honest function.
    """
    too_large = (
        (isinstance(value, int) and value.bit_length() > _MOST_BITS)
        or (isinstance(value, (str, bytes, dict, *_ROWS)) and len(value) > _MOST_ITEMS)
        or (is_array(value) and value.size > _MOST_NUMBERS)
    )
    if too_large:
        raise LayerError("its function makes a constant that is too large")
    return value


def filled(array: Any, shape: tuple[Any, ...]) -> Any:
    """An array in a shape; a single number is put everywhere.

    Raises:
        LayerError: It does not fit, or is too large.
    """
    import numpy as np

    refuse_size(math.prod(abs(size) for size in shape if isinstance(size, int)))
    return done(lambda: np.broadcast_to(array, shape) if array.size == 1 else array.reshape(shape), "constant")


def measure(*values: Any, most: int = _MOST_MEASURED) -> None:
    """Goes through all that is in some values.

    Args:
        values: The values.
        most: How much that may be.

    Raises:
        LayerError: It is more than any constant of an honest function has.
    """
    waiting, seen = list(values), 0
    while waiting:
        value = waiting.pop()
        seen += 1
        if seen > most:
            raise LayerError("its function makes a constant that is too large")
        waiting += value.values() if isinstance(value, dict) else value if isinstance(value, _ROWS) else ()


def shown(value: Any) -> str:
    """A value in a message."""
    if isinstance(value, str | int | float | bool | None):
        return repr(value)[:60]
    kinds = {
        list: "a list",
        tuple: "a tuple",
        dict: "a dict",
        bytes: "bytes",
        slice: "a slice",
        set: "a set",
        frozenset: "a set",
    }
    return kinds.get(type(value), "an array" if is_array(value) else str(getattr(value, "label", "a value")))


def done(action: Callable[[], Any], what: str) -> Any:
    """What a computation gives.

    Raises:
        LayerError: It fails, or what it gives is too large.
    """
    try:
        return bounded(action())
    except _FAILURES as error:
        raise LayerError(f"its function fails at {what!r}: {str(error)[:100]}") from error


def _refuse_growth(sign: str, x: Any, y: Any) -> None:
    """What would be large before it could be measured."""
    sizes = [len(side) for side in (x, y) if isinstance(side, str | bytes | list | tuple)]
    if sign == "*" and sizes and any(isinstance(side, int) and side * sizes[0] > _MOST_ITEMS for side in (x, y)):
        raise LayerError("its function makes a constant that is too large")
    if sign in ("**", "<<") and isinstance(x, int) and isinstance(y, int) and not isinstance(y, bool):
        bits = y if sign == "<<" else y * x.bit_length()
        if bits > _MOST_BITS:
            raise LayerError("its function makes a number that is too large")
    if is_array(x) and is_array(y):
        refuse_size(x.size * y.size if sign == "@" or x.shape != y.shape else x.size)


def refuse_size(size: float) -> None:
    """Refuses an array before it is made.

    Raises:
        LayerError: It would have more numbers than any constant of an honest function.
    """
    if not size <= _MOST_NUMBERS:
        raise LayerError("its function makes an array that is too large")
