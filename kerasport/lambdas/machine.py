"""Interprets the instructions of ``bytecode`` on constants and symbolic tensors.

Nothing of Python's own runs them: each is a method here, ``_on_`` and its name in ``instructions``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kerasport.errors import LayerError
from kerasport.lambdas.bytecode import Instruction, Program
from kerasport.lambdas.frame import Cell, Loop, damaged
from kerasport.lambdas.frame_blocks import Blocks
from kerasport.lambdas.frame_calls import Calls, CodeFunction
from kerasport.lambdas.frame_collections import Collections
from kerasport.lambdas.frame_values import Values
from kerasport.lambdas.functions import Effort, Function, Semantics
from kerasport.lambdas.marshal import Code

_MOST_STACK = 1_000
_GENERATOR = 0x20  # the flag of a function that yields
# What instructions without a meaning here belong to.
_SPOKEN = {"CALL_FINALLY": "try", "RAISE_VARARGS": "raise", "LOAD_ASSERTION_ERROR": "assert",
           "LOAD_BUILD_CLASS": "class", "STORE_GLOBAL": "global", "STORE_ATTR": "an assignment to an attribute",
           "PRINT_ITEM": "print", "YIELD_FROM": "yield from", "SEND": "yield from"}  # fmt: skip


def function(program: Program, defaults: Sequence[Any] = (), closure: Sequence[Any] = ()) -> Function:
    """A program's function.

    Args:
        program: The program.
        defaults: Of its last parameters.
        closure: The values of the variables around it.
    """

    def start(code: Code, semantics: Semantics, effort: Effort, variables: dict[str, Any]) -> Any:
        return Run(program, code, semantics, effort, variables).run()

    made = CodeFunction(program.code, start)
    made.give(1, tuple(defaults))
    made.give(8, tuple(map(Cell, closure)))
    return made


class Run(Values, Collections, Calls, Blocks):
    """One call of a function."""

    def __init__(
        self, program: Program, code: Code, semantics: Semantics, effort: Effort, variables: dict[str, Any]
    ) -> None:
        super().__init__(program, code, semantics, effort, variables)
        self._yielded: list[Any] | None = [] if code.flags & _GENERATOR else None

    def run(self) -> Any:
        """What the function gives; a generator, all that it yields.

        Raises:
            LayerError: It does what is not supported.
        """
        while True:
            if not 0 <= self.place < len(self.body):
                raise damaged("it ends without a result")
            instruction = self.body[self.place]
            self.place += 1
            self.effort.step()
            if instruction.op in ("RETURN", "RETURN_CONST"):
                result = instruction.arg if instruction.op == "RETURN_CONST" else self.pop()
                self.leave_blocks()
                return result if self._yielded is None else self._yielded
            action = getattr(self, f"_on_{instruction.op.lower()}", None)
            if action is None:
                raise LayerError(f"its function uses {_SPOKEN.get(str(instruction.arg), instruction.arg)}")
            action(instruction)
            if len(self.stack) > _MOST_STACK:
                raise LayerError("its function's stack grows without end")

    def _on_nop(self, instruction: Instruction) -> None:
        """Nothing."""

    # --- jumps

    def _on_jump(self, instruction: Instruction) -> None:
        self.place = instruction.target

    def _jump_when(self, holds: bool, instruction: Instruction) -> None:
        if holds:
            self.place = instruction.target

    def _on_jump_if_true(self, instruction: Instruction) -> None:
        self._jump_when(self.semantics.truth(self.pop()), instruction)

    def _on_jump_if_false(self, instruction: Instruction) -> None:
        self._jump_when(not self.semantics.truth(self.pop()), instruction)

    def _on_jump_if_none(self, instruction: Instruction) -> None:
        self._jump_when(self.semantics.truth(self.semantics.compare("is", self.pop(), None)), instruction)

    def _on_jump_if_not_none(self, instruction: Instruction) -> None:
        self._jump_when(self.semantics.truth(self.semantics.compare("is not", self.pop(), None)), instruction)

    def _on_keep_if_true(self, instruction: Instruction) -> None:
        self._keep_if(True, instruction)

    def _on_keep_if_false(self, instruction: Instruction) -> None:
        self._keep_if(False, instruction)

    def _keep_if(self, wanted: bool, instruction: Instruction) -> None:
        if self.semantics.truth(self.peek(1)) == wanted:
            self.place = instruction.target
        else:
            self.pop()

    def _on_iterate(self, _: Instruction) -> None:
        value = self.pop()
        self.push(value if isinstance(value, Loop) else Loop(self.items(value)))

    def _on_for(self, instruction: Instruction) -> None:
        loop = self.peek(1)
        if not isinstance(loop, Loop):
            loop = self.stack[-1] = Loop(self.items(loop))
        if loop.left:
            self.push(loop.left.pop())
        else:
            self.pop()
            self.place = instruction.target

    def _on_yield(self, _: Instruction) -> None:
        if self._yielded is None:
            raise damaged("it is no generator")
        self._yielded.append(self.pop())
        self.push(None)
