"""A call frame: the stack and the variables of one function call."""

from __future__ import annotations

from typing import Any

from kerasport.errors import LayerError
from kerasport.lambdas.bytecode import Program
from kerasport.lambdas.functions import Effort, Semantics
from kerasport.lambdas.marshal import Code


class _Mark:
    """What stands on the stack, or for a variable, and is no value."""


NULL, UNSET = _Mark(), _Mark()


def damaged(what: str) -> LayerError:
    """The error for code that no compiler writes."""
    return LayerError(f"its function's code is damaged: {what}")


class Cell:
    """A variable that several functions share."""

    def __init__(self, content: Any = UNSET) -> None:
        self.content = content


class Loop:
    """What is left of a loop."""

    def __init__(self, items: list[Any]) -> None:
        self.left = items[::-1]


class Frame:
    """A call's state.

    Args:
        program: The program whose code it runs.
        code: The code.
        semantics: What is done with values.
        effort: How much may be done.
        variables: The arguments, and the cells of the functions around it.
    """

    def __init__(
        self, program: Program, code: Code, semantics: Semantics, effort: Effort, variables: dict[str, Any]
    ) -> None:
        self.program, self.semantics, self.effort = program, semantics, effort
        self.body = program.bodies[id(code)]
        self.variables = variables
        self.stack: list[Any] = []
        self.place = 0

    def pop(self) -> Any:
        """The topmost value."""
        if not self.stack:
            raise damaged("its stack is empty")
        return self.stack.pop()

    def pops(self, count: int) -> list[Any]:
        """The topmost values, the topmost last."""
        if not 0 <= count <= len(self.stack):
            raise damaged("its stack is too short")
        taken = self.stack[len(self.stack) - count :]
        del self.stack[len(self.stack) - count :]
        return taken

    def peek(self, depth: int, kind: type | None = None) -> Any:
        """A value that stays, by its place from the top, 1; and of which kind it must be."""
        if not 1 <= depth <= len(self.stack):
            raise damaged("its stack is too short")
        value = self.stack[-depth]
        if kind is not None and not isinstance(value, kind):
            raise damaged(f"there is no {kind.__name__}")
        return value

    def push(self, value: Any) -> None:
        """Puts a value on the top."""
        self.stack.append(value)

    def items(self, value: Any) -> list[Any]:
        """What a value holds, one by one."""
        found = value.left[::-1] if isinstance(value, Loop) else self.semantics.items(value)
        return self.effort.sized(found)

    def variable(self, name: str) -> Any:
        """A variable's value."""
        value = self.variables.get(name, UNSET)
        if value is UNSET:
            raise LayerError(f"its function uses {name!r} before it has a value")
        return value
