"""Instructions that move, name and compute values."""

from __future__ import annotations

from kerasport.errors import LayerError
from kerasport.lambdas.bytecode import Instruction
from kerasport.lambdas.frame import NULL, UNSET, Cell, Frame, damaged


class Values(Frame):
    """What moves values, names them, or computes with them."""

    def _on_pop(self, _: Instruction) -> None:
        self.pop()

    def _on_null(self, _: Instruction) -> None:
        self.push(NULL)

    def _on_none(self, _: Instruction) -> None:
        self.push(None)

    def _on_const(self, instruction: Instruction) -> None:
        self.push(instruction.arg)

    def _on_copy(self, instruction: Instruction) -> None:
        self.push(self.peek(instruction.arg))

    def _on_swap(self, instruction: Instruction) -> None:
        top, other = self.peek(1), self.peek(instruction.arg)
        self.stack[-1], self.stack[-instruction.arg] = other, top

    def _on_rot(self, instruction: Instruction) -> None:
        *rest, top = self.pops(max(instruction.arg, 1))
        self.stack += [top, *rest]

    def _on_dup(self, instruction: Instruction) -> None:
        self.stack += self.pops(instruction.arg) * 2

    def _on_local(self, instruction: Instruction) -> None:
        self.push(self.variable(instruction.arg))

    def _on_store(self, instruction: Instruction) -> None:
        self.variables[instruction.arg] = self.pop()

    def _on_delete(self, instruction: Instruction) -> None:
        self.variables.pop(instruction.arg, None)

    def _on_take(self, instruction: Instruction) -> None:
        self.push(self.variables.pop(instruction.arg, UNSET))

    def _on_cell(self, instruction: Instruction) -> None:
        self.variables[instruction.arg] = Cell(self.variables.get(instruction.arg, UNSET))

    def _of_cell(self, name: str) -> Cell:
        cell = self.variable(name)
        if not isinstance(cell, Cell):
            raise damaged("a variable is not shared")
        return cell

    def _on_closure(self, instruction: Instruction) -> None:
        self.push(self._of_cell(instruction.arg))

    def _on_deref(self, instruction: Instruction) -> None:
        content = self._of_cell(instruction.arg).content
        if content is UNSET:
            raise LayerError(f"its function uses {instruction.arg!r} before it has a value")
        self.push(content)

    def _on_store_deref(self, instruction: Instruction) -> None:
        self._of_cell(instruction.arg).content = self.pop()

    def _on_local_local(self, instruction: Instruction) -> None:
        self.stack += [self.variable(name) for name in instruction.arg]

    def _on_store_local(self, instruction: Instruction) -> None:
        stored, loaded = instruction.arg
        self.variables[stored] = self.pop()
        self.push(self.variable(loaded))

    def _on_store_store(self, instruction: Instruction) -> None:
        for name in instruction.arg:
            self.variables[name] = self.pop()

    def _on_global(self, instruction: Instruction) -> None:
        self.push(self.semantics.named(instruction.arg))

    def _on_global_null(self, instruction: Instruction) -> None:
        self.stack += [NULL, self.semantics.named(instruction.arg)]

    def _on_attribute(self, instruction: Instruction) -> None:
        self.push(self.semantics.attribute(self.pop(), instruction.arg))

    def _on_method(self, instruction: Instruction) -> None:
        self.stack += [NULL, self.semantics.attribute(self.pop(), instruction.arg)]

    def _on_import(self, instruction: Instruction) -> None:
        _, wanted = self.pops(2)
        whole = self.semantics.named(instruction.arg.partition(".")[0])
        for part in instruction.arg.split(".")[1:] if wanted else ():
            whole = self.semantics.attribute(whole, part)
        self.push(whole)

    def _on_import_from(self, instruction: Instruction) -> None:
        self.push(self.semantics.attribute(self.peek(1), instruction.arg))

    def _on_unary(self, instruction: Instruction) -> None:
        self.push(self.semantics.unary(instruction.arg, self.pop()))

    def _on_binary(self, instruction: Instruction) -> None:
        x, y = self.pops(2)
        self.push(self.semantics.binary(instruction.arg, x, y))

    def _on_inplace(self, instruction: Instruction) -> None:
        x, y = self.pops(2)
        self.push(self.semantics.binary(instruction.arg, x, y, True))

    def _on_compare(self, instruction: Instruction) -> None:
        x, y = self.pops(2)
        self.push(self.semantics.compare(instruction.arg, x, y))

    def _on_is(self, instruction: Instruction) -> None:
        self._on_compare(Instruction("COMPARE", "is not" if instruction.arg else "is"))

    def _on_contains(self, instruction: Instruction) -> None:
        self._on_compare(Instruction("COMPARE", "not in" if instruction.arg else "in"))

    def _on_subscript(self, _: Instruction) -> None:
        x, key = self.pops(2)
        self.push(self.semantics.subscript(x, key))

    def _on_slice(self, instruction: Instruction) -> None:
        has_start, has_stop = instruction.arg & 1, instruction.arg & 2
        stop = self.pop() if has_stop else None
        start = self.pop() if has_start else None
        self.push(self.semantics.subscript(self.pop(), slice(start, stop)))

    def _on_build_slice(self, instruction: Instruction) -> None:
        self.push(slice(*self.pops(3 if instruction.arg == 3 else 2)))

    def _on_store_subscript(self, _: Instruction) -> None:
        value, owner, key = self.pops(3)
        self.semantics.assigned(owner, key, value)
