"""CPython's marshal format, read as data: a function's code becomes names, numbers and bytes that cannot run.

The format of a code object differs by version. Every layout that fits the bytes to their last is a reading of them.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

from kerasport.errors import LayerError

_MOST_BYTES = 1 << 20
_MOST_DIGITS = 32  # of 15 bits each
_MOST_NESTING = 40
_REFERABLE = 0x80  # the flag of what later references may mean
_MOST_VALUES = 1 << 20  # those behind references counted each time
# The methods that read each type.
_READERS = {
    "N": "none", "F": "false", "T": "true", ".": "ellipsis", "i": "int", "I": "int64", "l": "long", "f": "float_text",
    "g": "float", "x": "complex_text", "y": "complex", "s": "bytes", "t": "intern", "R": "interned_again", "u": "text",
    "a": "ascii", "A": "ascii", "z": "short_ascii", "Z": "short_ascii", "r": "ref", "(": "tuple", ")": "short_tuple",
    "[": "list", "{": "dict", "<": "set", ">": "set", "c": "code",
}  # fmt: skip
_OPEN = object()  # stands for what is being read

# The fields of a code object in order, by layout; the layout is named after the first version that has it.
_LAYOUTS = {
    "2.7": "argcount nlocals stacksize flags code consts names varnames freevars cellvars filename name line lines",
    "3.4": "argcount kwonly nlocals stacksize flags code consts names varnames freevars cellvars filename name line"
    " lines",
    "3.8": "argcount posonly kwonly nlocals stacksize flags code consts names varnames freevars cellvars filename name"
    " line lines",
    "3.11": "argcount posonly kwonly stacksize flags code consts names varnames kinds filename name qualname line lines"
    " exceptions",
}
_NUMBERS = ("argcount", "posonly", "kwonly", "nlocals", "stacksize", "flags", "line")
_TYPES: dict[str, type] = {
    **dict.fromkeys(("code", "lines", "kinds", "exceptions"), bytes),
    **dict.fromkeys(("filename", "name", "qualname"), str),
    **dict.fromkeys(("consts", "names", "varnames", "freevars", "cellvars"), tuple),
}
_CELL, _FREE = 0x40, 0x80  # kinds of local variables


@dataclass(frozen=True, eq=False)
class Code:
    """A code object's content.

    Attributes:
        layout: Which of the layouts it has.
        argcount: Its positional parameters, the positional-only ones included.
        kwonly: Its keyword-only parameters.
        flags: What kind of function it is.
        code: Its instructions.
        consts: Its constants, other code objects among them.
        names: Its global names and attributes.
        varnames: Its local variables, parameters first; from 3.11 on those of cells included.
        freevars: Variables of the function around it.
        cellvars: Variables that functions within it use.
        name: Its name, ``<lambda>`` for a lambda.
        filename: Where its source was.
        lines: Its table of line numbers.
    """

    layout: str
    argcount: int
    kwonly: int
    flags: int
    code: bytes
    consts: tuple[Any, ...]
    names: tuple[str, ...]
    varnames: tuple[str, ...]
    freevars: tuple[str, ...]
    cellvars: tuple[str, ...]
    name: str
    filename: str
    lines: bytes

    def within(self) -> list[Code]:
        """This code and all code among its constants, each once."""
        found: dict[int, Code] = {}
        waiting = [self]
        while waiting:
            code = waiting.pop()
            if id(code) not in found:
                found[id(code)] = code
                waiting += [const for const in code.consts if isinstance(const, Code)]
        return list(found.values())


class _MalformedError(Exception):
    """The bytes are not what a layout says."""


def readings(data: bytes) -> list[Code]:
    """What marshalled bytes may hold, by the layouts that fit them.

    Raises:
        LayerError: No layout fits, or the bytes are more than any function has.
    """
    if len(data) > _MOST_BYTES:
        raise LayerError(f"its function's code has {len(data):,} bytes, far more than any real function")
    found, reasons = [], []
    for layout in _LAYOUTS:
        try:
            found.append(_Reader(data, layout).whole())
        except _MalformedError as error:
            reasons.append(str(error))
    if not found:
        raise LayerError(f"its function's code is damaged: {reasons[-1]}")
    return found


class _Reader:
    def __init__(self, data: bytes, layout: str) -> None:
        self._data, self._at, self._depth = data, 0, 0
        self._layout = layout
        self._refs: list[Any] = []
        self._sizes: list[int] = []  # of what they refer to
        self._count = 0
        self._interned: list[str] = []  # of Python 2

    def whole(self) -> Code:
        code = self._value()
        if not isinstance(code, Code):
            raise _MalformedError("it is no code object")
        if self._at != len(self._data):
            raise _MalformedError(f"{len(self._data) - self._at} bytes follow it")
        return code

    # --- pieces

    def _take(self, count: int) -> bytes:
        if not 0 <= count <= len(self._data) - self._at:
            raise _MalformedError("it ends early")
        self._at += count
        return self._data[self._at - count : self._at]

    def _byte(self) -> int:
        return self._take(1)[0]

    def _int(self) -> int:
        return int.from_bytes(self._take(4), "little", signed=True)

    def _value(self) -> Any:
        self._depth += 1
        if self._depth > _MOST_NESTING:
            raise _MalformedError("it is nested too deep")
        mark = self._byte()
        kind, index = chr(mark & ~_REFERABLE), len(self._refs)
        if kind not in _READERS:
            raise _MalformedError(f"there is no type {kind!r}")
        if mark & _REFERABLE:
            self._refs.append(_OPEN)
            self._sizes.append(self._count)
        self._count += 1
        value = getattr(self, f"_{_READERS[kind]}")()
        if mark & _REFERABLE:
            self._refs[index] = value
            self._sizes[index] = self._count - self._sizes[index]
        if self._count > _MOST_VALUES:
            raise _MalformedError("it holds too many values")
        self._depth -= 1
        return value

    # --- values

    def _none(self) -> None:
        return None

    def _false(self) -> bool:
        return False

    def _true(self) -> bool:
        return True

    def _ellipsis(self) -> Any:
        return ...

    def _int64(self) -> int:
        return int.from_bytes(self._take(8), "little", signed=True)

    def _complex_text(self) -> complex:
        return complex(self._float_text(), self._float_text())

    def _complex(self) -> complex:
        return complex(self._float(), self._float())

    def _ascii(self) -> str:
        return self._take(self._int()).decode("latin-1")

    def _ref(self) -> Any:
        index = self._place(len(self._refs))
        if self._refs[index] is _OPEN:
            raise _MalformedError("a reference leads to what is around it")
        self._count += self._sizes[index]
        return self._refs[index]

    def _interned_again(self) -> str:
        return self._interned[self._place(len(self._interned))]

    def _place(self, count: int) -> int:
        index = self._int()
        if not 0 <= index < count:
            raise _MalformedError("a reference leads nowhere")
        return index

    def _long(self) -> int:
        count = self._int()
        if abs(count) > _MOST_DIGITS:
            raise _MalformedError("a whole number is too large")
        digits = struct.unpack(f"<{abs(count)}H", self._take(2 * abs(count)))
        size = sum(int(digit) << 15 * place for place, digit in enumerate(digits))
        return size if count >= 0 else -size

    def _float(self) -> float:
        return float(struct.unpack("<d", self._take(8))[0])

    def _float_text(self) -> float:
        try:
            return float(self._take(self._byte()))
        except ValueError as error:
            raise _MalformedError("a number is not one") from error

    def _bytes(self) -> Any:
        raw = self._take(self._int())
        return raw.decode("latin-1") if self._layout == "2.7" else raw  # Python 2's strings are both

    def _intern(self) -> Any:
        raw = self._take(self._int())
        if self._layout == "2.7":
            self._interned.append(raw.decode("latin-1"))
        return _decoded(raw)

    def _text(self) -> str:
        return _decoded(self._take(self._int()))

    def _short_ascii(self) -> str:
        return self._take(self._byte()).decode("latin-1")

    def _items(self, count: int) -> list[Any]:
        if not 0 <= count <= len(self._data) - self._at:
            raise _MalformedError("it ends early")
        return [self._value() for _ in range(count)]

    def _dict(self) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        while self._data[self._at : self._at + 1] != b"0":
            key = self._value()
            if not isinstance(key, str | int | float | bytes):
                raise _MalformedError("a key is not plain")
            found[key] = self._value()
        self._byte()
        return found

    def _tuple(self) -> tuple[Any, ...]:
        return tuple(self._items(self._int()))

    def _short_tuple(self) -> tuple[Any, ...]:
        return tuple(self._items(self._byte()))

    def _list(self) -> list[Any]:
        return self._items(self._int())

    def _set(self) -> tuple[Any, ...]:
        return tuple(self._items(self._int()))  # of which only what is in it matters

    def _code(self) -> Code:
        found: dict[str, Any] = {}
        for field in _LAYOUTS[self._layout].split():
            found[field] = self._int() if field in _NUMBERS else self._field(field)
        varnames = found["varnames"]
        if "kinds" in found:
            kinds = found["kinds"]
            if len(kinds) != len(varnames):
                raise _MalformedError("its variables are not what it says")
            for field, kind in (("cellvars", _CELL), ("freevars", _FREE)):
                found[field] = tuple(name for name, is_kind in zip(varnames, kinds, strict=True) if is_kind & kind)
        argcount, kwonly = found["argcount"], found.get("kwonly", 0)
        if not 0 <= argcount + kwonly <= len(varnames) or argcount < 0 or kwonly < 0:
            raise _MalformedError("its arguments are not what it says")
        wanted = {key: found.get(key, 0) for key in Code.__dataclass_fields__ if key != "layout"}
        return Code(layout=self._layout, **wanted)

    def _field(self, field: str) -> Any:
        value = self._value()
        if self._layout == "2.7" and _TYPES[field] is bytes and isinstance(value, str):
            value = value.encode("latin-1", "replace")
        if not isinstance(value, _TYPES[field]):
            raise _MalformedError(f"its {field} is not what it should be")
        if isinstance(value, tuple) and field != "consts" and not all(isinstance(name, str) for name in value):
            raise _MalformedError(f"its {field} are not names")
        return value


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return raw.decode("latin-1")
