"""Instructions that open and close blocks: loops up to Python 3.7, ``with`` and ``try``."""

from __future__ import annotations

from typing import Any, NamedTuple

from kerasport.errors import LayerError
from kerasport.lambdas.bytecode import Instruction
from kerasport.lambdas.frame import Frame, damaged
from kerasport.lambdas.functions import Function, Parameters

_LEAVES = Function("__exit__", Parameters((), rest="_"), lambda *_: None)


class _Block(NamedTuple):
    """What is open.

    Attributes:
        kind: The instruction that has opened it.
        end: Where what comes behind it begins.
        depth: How many values the stack had.
    """

    kind: str
    end: int
    depth: int


class Blocks(Frame):
    """What stands around other instructions.

    Nothing here raises what Python would raise, so handlers are never reached: what raises is refused.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._blocks: list[_Block] = []

    def _open(self, instruction: Instruction) -> None:
        self._blocks.append(_Block(instruction.op, instruction.target, len(self.stack)))

    _on_loop = _on_try = _on_finally = _open

    def _on_with(self, instruction: Instruction) -> None:
        name = self.semantics.entered(self.pop())
        if instruction.target >= 0:
            self._open(instruction)
        self.stack += [_LEAVES, name]

    def _on_leave(self, _: Instruction) -> None:
        self.pops(2)
        self.push(None)

    def _on_end_block(self, _: Instruction) -> None:
        if self._blocks:
            self._blocks.pop()

    def _on_pop_under(self, instruction: Instruction) -> None:
        kept = self.pops(1 if instruction.arg else 0)
        self.pop()
        self.stack += kept

    def _on_break(self, _: Instruction) -> None:
        loop = self._innermost_loop()
        self._blocks.pop()
        del self.stack[loop.depth :]
        self.place = loop.end

    def _on_continue(self, instruction: Instruction) -> None:
        self._innermost_loop()
        self.place = instruction.target

    def _innermost_loop(self) -> _Block:
        """The loop, what is open within it closed."""
        while self._blocks and self._blocks[-1].kind != "LOOP":
            self.leave_block()
        if not self._blocks:
            raise damaged("it leaves no loop")
        return self._blocks[-1]

    def leave_block(self) -> None:
        """Closes a block before its end; what its ``finally`` would do then is not carried out."""
        block = self._blocks.pop()
        if block.kind == "FINALLY":
            raise LayerError("its function leaves try before its end, with finally behind it")
        del self.stack[block.depth :]

    def leave_blocks(self) -> None:
        """Closes all."""
        while self._blocks:
            self.leave_block()
