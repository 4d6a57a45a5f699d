"""Renders a function as source-like text for the user: the same interpreter, with texts in place of values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kerasport.errors import LayerError
from kerasport.lambdas import constants
from kerasport.lambdas.functions import Effort, Function

_MOST_PATHS = 16
_MOST_CHARACTERS = 400
_MOST_STEPS = 2_000
_MOST_PARTS = 500  # of what is shown
# How tight operators bind; an operand that binds less is put in brackets.
_RANKS = {
    "if": 0, "or": 1, "and": 2, "not": 3, "<": 4, "|": 5, "^": 6, "&": 7, "<<": 8, ">>": 8, "+": 9, "-": 9, "*": 10,
    "@": 10, "/": 10, "div": 10, "//": 10, "%": 10, "sign": 11, "**": 12, "call": 13,
}  # fmt: skip


@dataclass(frozen=True)
class Term:
    """A value by its text.

    Attributes:
        text: The text.
        rank: How tight the text's outermost operator binds.
    """

    text: str
    rank: int = _RANKS["call"]


class _UnclearError(Exception):
    """The function has no text as one expression."""


class Terms:
    """Computes with texts; what a condition is depends on ``path``, its conditions' outcomes so far."""

    def __init__(self, path: Sequence[bool]) -> None:
        self._path = list(path)
        self.conditions: list[str] = []

    def named(self, name: str) -> Any:
        """The name itself."""
        return Term(name)

    def attribute(self, value: Any, name: str) -> Any:
        """``value.name``."""
        if not isinstance(value, Term):
            return constants.attribute(value, name)
        return Term(f"{_shown(value, _RANKS['call'])}.{name}")

    def call(self, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """``function(*args, **kwargs)``."""
        if isinstance(function, constants.Method):
            return constants.call(function, args, dict(kwargs))
        given = [_shown(arg) for arg in args] + [f"{name}={_shown(value)}" for name, value in kwargs.items()]
        return Term(_short(f"{_shown(function, _RANKS['call'])}({', '.join(given)})"))

    def unary(self, operator: str, x: Any) -> Any:
        """``-x`` and the like."""
        if not holds_terms((x,)):
            return constants.unary(operator, x)
        rank = _RANKS["not" if operator == "not" else "sign"]
        return Term(f"{operator}{' ' * (operator == 'not')}{_shown(x, rank)}", rank)

    def binary(self, operator: str, x: Any, y: Any, in_place: bool = False) -> Any:
        """``x + y`` and the like."""
        if not holds_terms((x, y)):
            return constants.binary(operator, x, y, in_place)
        rank, sign = _RANKS[operator], "/" if operator == "div" else operator
        return Term(_short(f"{_shown(x, rank)} {sign} {_shown(y, rank + 1)}"), rank)

    def compare(self, operator: str, x: Any, y: Any) -> Any:
        """``x < y`` and the like."""
        if not holds_terms((x, y)):
            return constants.compare(operator, x, y)
        rank = _RANKS["<"]
        return Term(_short(f"{_shown(x, rank + 1)} {operator} {_shown(y, rank + 1)}"), rank)

    def subscript(self, x: Any, key: Any) -> Any:
        """``x[key]``."""
        inner = ", ".join(map(_shown, key)) if isinstance(key, tuple) and key else _shown(key)
        return Term(_short(f"{_shown(x, _RANKS['call'])}[{inner}]"))

    def truth(self, x: Any) -> bool:
        """Whether a condition holds: as the path says; beyond it, yes."""
        if not isinstance(x, Term) or x.text in self.conditions:
            return self._path[self.conditions.index(x.text)] if isinstance(x, Term) else bool(x)
        self.conditions.append(x.text)
        place = len(self.conditions) - 1
        if place == len(self._path):
            self._path.append(True)
        return self._path[place]

    def unpacked(self, x: Any, count: int) -> list[Any]:
        """The parts of what is taken apart."""
        return [self.subscript(x, place) for place in range(count)] if isinstance(x, Term) else self.items(x)

    def items(self, x: Any) -> list[Any]:
        """What a loop goes through, where that is plain."""
        if not isinstance(x, list | tuple):
            raise _UnclearError
        return list(x)

    def assigned(self, owner: Any, key: Any, value: Any) -> None:
        """An assignment, which has no place in an expression."""
        if not isinstance(owner, dict | list):
            raise _UnclearError
        constants.assign(owner, key, value)

    def entered(self, manager: Any) -> Any:
        """The name of a scope, which is not shown."""
        return manager

    def text(self, x: Any) -> Any:
        """A formatted value."""
        return x if isinstance(x, str) else Term(f"str({_shown(x)})")


def holds_terms(values: Sequence[Any]) -> bool:
    """Whether there is a term among some values, or in them."""
    constants.measure(*values, most=_MOST_PARTS)
    return any(isinstance(value, Term) or (isinstance(value, list | tuple) and holds_terms(value)) for value in values)


def source(function: Function, names: Sequence[str] = ()) -> str:
    """A function as text.

    Args:
        function: The function.
        names: The global names and attributes in its code, for one that is more than an expression.
    """
    head = _head(function)
    begin = f"lambda {head}: " if function.name == "<lambda>" else f"def {function.name}({head}): return "
    try:
        return begin.replace("lambda :", "lambda:") + _tree(function, [], [_MOST_PATHS])
    except (_UnclearError, LayerError, TypeError):
        used = f"  # with {', '.join(dict.fromkeys(names))}" if names else ""
        return _short(f"{begin.removesuffix('return ')}...{used}")


def _head(function: Function) -> str:
    """A function's parameters with their defaults."""
    wanted, given = function.parameters, dict(function.keyword_defaults or {})
    given |= dict(zip(wanted.names[::-1], function.defaults[::-1], strict=False))
    star = [f"*{wanted.rest}"] if wanted.rest else ["*"] * bool(wanted.keywords)
    texts = [f"{name}={_shown(given[name])}" if name in given else name for name in wanted.all_names()]
    texts[len(wanted.names) : len(wanted.names)] = star
    return ", ".join([*texts, *([f"**{wanted.others}"] if wanted.others else [])])


def _tree(function: Function, path: list[bool], left: list[int]) -> str:
    left[0] -= 1
    if left[0] < 0:
        raise _UnclearError
    terms = Terms(path)
    arguments = {name: Term(name) for name in function.parameters.all_names()}
    text = _shown(function(terms, Effort(_MOST_STEPS), (), arguments), _RANKS["if"] + 1)
    for place in range(len(terms.conditions) - 1, len(path) - 1, -1):
        other = _tree(function, [*path, *[True] * (place - len(path)), False], left)
        condition = terms.conditions[place]
        text = _short(f"{text} if {condition} else {other}")
    return text


def _shown(value: Any, rank: int = 0) -> str:
    if isinstance(value, Term):
        return value.text if value.rank >= rank else f"({value.text})"
    constants.measure(value, most=_MOST_PARTS)
    if isinstance(value, dict):
        return _short(f"{{{', '.join(f'{_shown(key)}: {_shown(item)}' for key, item in value.items())}}}")
    if isinstance(value, list | tuple):
        inner = ", ".join(map(_shown, value)) + "," * (isinstance(value, tuple) and len(value) == 1)
        return _short(f"[{inner}]" if isinstance(value, list) else f"({inner})")
    if isinstance(value, slice):
        parts = ["" if part is None else _shown(part) for part in (value.start, value.stop, value.step)]
        return ":".join(parts[: 2 if value.step is None else 3])
    if isinstance(value, Function):
        return f"({source(value)})" if value.name == "<lambda>" else value.name
    plain = isinstance(value, str | int | float | bool | bytes | complex | None)
    text = "..." if value is Ellipsis else _short(repr(value)) if plain else "?"
    return f"({text})" if text.startswith("-") and rank > _RANKS["sign"] else text


def _short(text: str) -> str:
    return text if len(text) <= _MOST_CHARACTERS else text[: _MOST_CHARACTERS - 3] + "..."
