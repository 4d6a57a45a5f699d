"""Functions as the interpreters here know them: their parameters and their results."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from kerasport.errors import LayerError

_MOST_STEPS = 20_000
_MOST_CALLS = 40
_MOST_ITEMS = 10_000


class Semantics(Protocol):
    """What the values are, and what is done with them, in one reading of a function."""

    def named(self, name: str) -> Any:
        """What a global name means."""

    def attribute(self, value: Any, name: str) -> Any:
        """``value.name``."""

    def call(self, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """``function(*args, **kwargs)``."""

    def unary(self, operator: str, x: Any) -> Any:
        """``-x`` and the like."""

    def binary(self, operator: str, x: Any, y: Any, in_place: bool = False) -> Any:
        """``x + y`` and the like."""

    def compare(self, operator: str, x: Any, y: Any) -> Any:
        """``x < y`` and the like."""

    def subscript(self, x: Any, key: Any) -> Any:
        """``x[key]``."""

    def truth(self, x: Any) -> bool:
        """Whether a condition holds."""

    def items(self, x: Any) -> list[Any]:
        """What a loop over it goes through."""

    def unpacked(self, x: Any, count: int) -> list[Any]:
        """The parts of what is taken apart into so many variables."""

    def text(self, x: Any) -> Any:
        """``str(x)``."""

    def assigned(self, owner: Any, key: Any, value: Any) -> None:
        """``owner[key] = value``."""

    def entered(self, manager: Any) -> Any:
        """What ``with manager as`` gives."""


class Effort:
    """How much may be done for one function, all that it calls included.

    Args:
        steps: The number of steps.
    """

    def __init__(self, steps: int = _MOST_STEPS) -> None:
        self._steps, self._left, self._depth = steps, steps, 0

    def step(self, count: int = 1) -> None:
        """Counts a step, or so many.

        Raises:
            LayerError: There were too many.
        """
        self._left -= count
        if self._left < 0:
            raise LayerError(f"its function takes more than {self._steps:,} steps")

    def counted(self, count: int) -> int:
        """A number of items to be made.

        Raises:
            LayerError: It is too large.
        """
        if count > _MOST_ITEMS:
            raise LayerError(f"its function makes a list of more than {_MOST_ITEMS:,} items")
        self.step(count)
        return count

    def enter(self) -> None:
        """Counts a call.

        Raises:
            LayerError: Too many are open.
        """
        self.step()
        self._depth += 1
        if self._depth > _MOST_CALLS:
            raise LayerError(f"its function calls itself, or others, more than {_MOST_CALLS} deep")

    def leave(self) -> None:
        """The end of a call."""
        self._depth -= 1

    def sized(self, items: list[Any]) -> list[Any]:
        """A list that was made.

        Raises:
            LayerError: It is too long.
        """
        self.counted(len(items))
        return items


@dataclass(frozen=True)
class Parameters:
    """A function's parameters.

    Attributes:
        names: The positional ones.
        keywords: Those that are only given by name.
        rest: The name of ``*args``, or "".
        others: The name of ``**kwargs``, or "".
    """

    names: tuple[str, ...]
    keywords: tuple[str, ...] = ()
    rest: str = ""
    others: str = ""

    def all_names(self) -> tuple[str, ...]:
        """Every name that an argument can be given by."""
        return (*self.names, *self.keywords)


@dataclass(eq=False)
class Function:
    """A function that can be called.

    Attributes:
        name: Its name, ``<lambda>`` for a lambda.
        parameters: Its parameters.
        run: What it gives for its variables.
        defaults: Of the last positional parameters.
        keyword_defaults: Of those that are given by name.
    """

    name: str
    parameters: Parameters
    run: Callable[[Semantics, Effort, dict[str, Any]], Any]
    defaults: tuple[Any, ...] = ()
    keyword_defaults: Mapping[str, Any] | None = None

    def __call__(self, semantics: Semantics, effort: Effort, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Calls it.

        Raises:
            LayerError: The arguments do not fit, or it does what is not supported.
        """
        effort.enter()
        result = self.run(semantics, effort, self._bound(args, kwargs))
        effort.leave()
        return result

    def _bound(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        given, wanted, label = dict(kwargs), self.parameters, f"{self.name}()"
        first_default = len(wanted.names) - len(self.defaults)
        bound: dict[str, Any] = dict(zip(wanted.names[max(first_default, 0) :], self.defaults, strict=False))
        bound |= self.keyword_defaults or {}
        positional = dict(zip(wanted.names, args, strict=False))
        twice = [name for name in positional if name in given]
        if twice:
            raise LayerError(f"{label} is given {twice[0]!r} twice")
        bound |= positional | {name: given.pop(name) for name in wanted.all_names() if name in given}
        if wanted.rest:
            bound[wanted.rest] = tuple(args[len(wanted.names) :])
        elif len(args) > len(wanted.names):
            raise LayerError(f"{label} takes {len(wanted.names)} arguments and is given {len(args)}")
        if wanted.others:
            bound[wanted.others] = given
        elif given:
            raise LayerError(f"{label} has no parameter {next(iter(given))!r}")
        missing = [name for name in wanted.all_names() if name not in bound]
        if missing:
            raise LayerError(f"{label} is called without its argument {missing[0]!r}")
        return bound
