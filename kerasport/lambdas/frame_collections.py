"""Instructions that build and unpack collections."""

from __future__ import annotations

from typing import Any

from kerasport.errors import LayerError
from kerasport.lambdas.bytecode import Instruction
from kerasport.lambdas.frame import Frame, damaged


class Collections(Frame):
    """What makes collections of values and takes them apart."""

    def _on_tuple(self, instruction: Instruction) -> None:
        self.push(tuple(self.pops(instruction.arg)))

    def _on_list(self, instruction: Instruction) -> None:
        self.push(self.pops(instruction.arg))

    def _on_set(self, instruction: Instruction) -> None:
        self.push(set(map(_plain, self.pops(instruction.arg))))

    def _on_add(self, instruction: Instruction) -> None:
        value = _plain(self.pop())
        self.peek(instruction.arg, set).add(value)

    def _on_add_all(self, instruction: Instruction) -> None:
        more = self.pop()
        items = more if isinstance(more, set | frozenset) else self.items(more)
        self.peek(instruction.arg, set).update(map(_plain, items))

    def _on_string(self, instruction: Instruction) -> None:
        self.push("".join(str(part) for part in self.pops(instruction.arg)))

    def _on_map(self, instruction: Instruction) -> None:
        items = self.pops(2 * instruction.arg)
        self.push({_plain(key): value for key, value in zip(items[::2], items[1::2], strict=True)})

    def _on_key_map(self, instruction: Instruction) -> None:
        *values, keys = self.pops(instruction.arg + 1)
        if not isinstance(keys, tuple) or len(keys) != len(values):
            raise damaged("a dict has other keys than values")
        self.push({_plain(key): value for key, value in zip(keys, values, strict=True)})

    def _on_store_map(self, _: Instruction) -> None:
        value, key = self.pops(2)
        self.peek(1, dict)[_plain(key)] = value

    def _on_add_entry(self, instruction: Instruction) -> None:
        depth, key_first = instruction.arg
        first, second = self.pops(2)
        key, value = (first, second) if key_first else (second, first)
        self.peek(depth, dict)[_plain(key)] = value

    def _on_append(self, instruction: Instruction) -> None:
        value = self.pop()
        self.peek(instruction.arg, list).append(value)

    def _on_extend(self, instruction: Instruction) -> None:
        items = self.items(self.pop())
        self.peek(instruction.arg, list).extend(items)

    def _on_update(self, instruction: Instruction) -> None:
        more = as_dict(self.pop())
        self.peek(instruction.arg, dict).update(more)

    def _joined(self, count: int) -> list[Any]:
        return [item for part in self.pops(count) for item in self.items(part)]

    def _on_join_tuple(self, instruction: Instruction) -> None:
        self.push(tuple(self._joined(instruction.arg)))

    def _on_join_list(self, instruction: Instruction) -> None:
        self.push(self._joined(instruction.arg))

    def _on_join_map(self, instruction: Instruction) -> None:
        whole: dict[Any, Any] = {}
        for part in self.pops(instruction.arg):
            whole.update(as_dict(part))
        self.push(whole)

    def _on_to_tuple(self, _: Instruction) -> None:
        self.push(tuple(self.items(self.pop())))

    def _on_unpack(self, instruction: Instruction) -> None:
        items = self.semantics.unpacked(self.pop(), instruction.arg)
        if len(items) != instruction.arg:
            raise LayerError(f"its function takes {len(items)} values apart into {instruction.arg}")
        self.stack += reversed(items)

    def _on_unpack_rest(self, instruction: Instruction) -> None:
        items, before, behind = self.items(self.pop()), instruction.arg & 0xFF, instruction.arg >> 8
        if len(items) < before + behind:
            raise LayerError(f"its function takes {len(items)} values apart into {before + behind}")
        rest = items[before : len(items) - behind]
        self.stack += reversed([*items[:before], rest, *items[len(items) - behind :]])

    def _on_format(self, instruction: Instruction) -> None:
        if instruction.arg & 4:
            raise LayerError("its function formats numbers as text")
        self.push(self.semantics.text(self.pop()))


def as_dict(value: Any) -> dict[Any, Any]:
    """What is unpacked into named arguments, or into a dict.

    Raises:
        LayerError: It is no dict.
    """
    if not isinstance(value, dict):
        raise LayerError("its function unpacks what is no dict")
    return value


def _plain(value: Any) -> Any:
    if not isinstance(value, str | int | float | bytes | None):
        raise LayerError("its function has a dict or a set whose keys are not plain")
    return value
