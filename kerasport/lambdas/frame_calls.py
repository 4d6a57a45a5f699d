"""Instructions that call and create functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from kerasport.errors import LayerError
from kerasport.lambdas.bytecode import Instruction
from kerasport.lambdas.frame import NULL, Cell, Frame, Loop, damaged
from kerasport.lambdas.frame_collections import as_dict
from kerasport.lambdas.functions import Effort, Function, Parameters, Semantics
from kerasport.lambdas.marshal import Code

_REST, _OTHERS = 0x04, 0x08  # flags of a function with *args, **kwargs
_ASYNCHRONOUS = 0x80 | 0x200


class Calls(Frame):
    """What calls functions and makes them."""

    def _result(self, called: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> None:
        args = [list(reversed(arg.left)) if isinstance(arg, Loop) else arg for arg in args]
        if isinstance(called, Function):
            self.push(called(self.semantics, self.effort, args, kwargs))
        else:
            self.push(self.semantics.call(called, args, kwargs))

    def _callee(self, args: list[Any]) -> tuple[Any, list[Any]]:
        """What is called is one of two places; in the other is nothing, or the first argument."""
        first, second = self.pops(2)
        if first is NULL or second is NULL:
            return (second if first is NULL else first), args
        return first, [second, *args]

    def _on_call(self, instruction: Instruction) -> None:
        args = self.pops(instruction.arg)
        self._result(*self._callee(args), {})

    def _on_call_with(self, instruction: Instruction) -> None:
        count, names = instruction.arg
        self._with_names(self.pops(count), names, self._callee)

    def _on_call_named(self, instruction: Instruction) -> None:
        *args, names = self.pops(instruction.arg + 1)
        self._with_names(args, names, self._callee)

    def _on_call_function(self, instruction: Instruction) -> None:
        args = self.pops(instruction.arg)
        self._result(self.pop(), args, {})

    def _on_call_function_named(self, instruction: Instruction) -> None:
        *args, names = self.pops(instruction.arg + 1)
        self._with_names(args, names, lambda positional: (self.pop(), positional))

    def _with_names(self, args: list[Any], names: Any, callee: Callable[[list[Any]], tuple[Any, list[Any]]]) -> None:
        if not isinstance(names, tuple) or len(names) > len(args):
            raise damaged("a call has more names than arguments")
        split = len(args) - len(names)
        kwargs = {str(name): value for name, value in zip(names, args[split:], strict=True)}
        self._result(*callee(args[:split]), kwargs)

    def _on_call_pairs(self, instruction: Instruction) -> None:
        count, pairs, stars = instruction.arg
        others = self.pop() if stars in ("**", "***") else {}
        rest = self.items(self.pop()) if stars in ("*", "***") else []
        if stars and pairs and stars != "**":
            raise LayerError("its function gives *args and named arguments at once")
        named = self.pops(2 * pairs)
        kwargs = {str(key): value for key, value in zip(named[::2], named[1::2], strict=True)}
        args = self.pops(count)
        self._result(self.pop(), [*args, *rest], kwargs | as_dict(others))

    def _on_call_spread(self, instruction: Instruction) -> None:
        has_names, has_null = instruction.arg
        kwargs = as_dict(self.pop()) if has_names else {}
        args = self.items(self.pop())
        called, _ = self._callee([]) if has_null else (self.pop(), None)
        self._result(called, args, kwargs)

    def _made(self, code: Any, defaults: Any, names: Any, closure: Any) -> None:
        if not isinstance(code, Code) or id(code) not in self.program.bodies:
            raise damaged("it makes a function of no code")
        made = CodeFunction(code, self._started)
        for flag, value in ((1, defaults), (2, names), (8, closure)):
            made.give(flag, value)
        self.push(made)

    def _started(self, code: Code, semantics: Semantics, effort: Effort, variables: dict[str, Any]) -> Any:
        """A call of a function that was made here."""
        return type(self)(self.program, code, semantics, effort, variables).run()

    def run(self) -> Any:
        """What the function gives."""
        raise NotImplementedError

    def _on_function(self, instruction: Instruction) -> None:
        flags, has_name = instruction.arg
        if has_name:
            self.pop()
        code = self.pop()
        parts = {flag: self.pop() if flags & flag else None for flag in (8, 4, 2, 1)}
        self._made(code, parts[1], parts[2], parts[8])

    def _on_old_function(self, instruction: Instruction) -> None:
        count, pairs, closure, has_name = instruction.arg
        if has_name:
            self.pop()
        code = self.pop()
        cells = self.pop() if closure else ()
        named = self.pops(2 * pairs)
        self._made(code, self.pops(count), dict(zip(named[::2], named[1::2], strict=True)), cells)

    def _on_set_attribute(self, instruction: Instruction) -> None:
        value, made = self.pops(2)
        if not isinstance(made, CodeFunction):
            raise damaged("there is no function")
        made.give(instruction.arg, value)
        self.push(made)


class CodeFunction(Function):
    """A function of a program.

    Args:
        code: Its code.
        start: Runs the code with some variables.
    """

    def __init__(self, code: Code, start: Callable[[Code, Semantics, Effort, dict[str, Any]], Any]) -> None:
        if code.flags & _ASYNCHRONOUS:
            raise LayerError("its function is asynchronous")
        super().__init__(code.name, _parameters(code), self._run)
        self._code, self._start = code, start
        self.cells: tuple[Cell, ...] = ()

    def _run(self, semantics: Semantics, effort: Effort, variables: dict[str, Any]) -> Any:
        if len(self.cells) != len(self._code.freevars):
            names = ", ".join(self._code.freevars)
            raise LayerError(f"its function needs variables from around it that are not in the file: {names}")
        outer = dict(zip(self._code.freevars, self.cells, strict=True))
        return self._start(self._code, semantics, effort, {**outer, **variables})

    def give(self, flag: int, value: Any) -> None:
        """Sets what its making comes with.

        Args:
            flag: 1 for defaults, 2 for those of parameters given by name, 8 for cells; 4, annotations, say nothing.
            value: A tuple or dict of these, None for none.
        """
        if flag == 1:
            self.defaults = tuple(value or ())
        elif flag == 2:
            self.keyword_defaults = as_dict(value or {})
        elif flag == 8:
            self.cells = tuple(cell for cell in value or () if isinstance(cell, Cell))


def _parameters(code: Code) -> Parameters:
    behind = code.argcount + code.kwonly
    extra = iter((*code.varnames[behind:], "", ""))
    rest = next(extra) if code.flags & _REST else ""
    others = next(extra) if code.flags & _OTHERS else ""
    return Parameters(code.varnames[: code.argcount], code.varnames[code.argcount : behind], rest, others)
