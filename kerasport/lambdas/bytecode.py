"""CPython bytecode of any version from 2.7 to 3.13, in one common form.

The file does not say which version wrote a function. Every version whose rules the instructions keep to the last is a
candidate: known opcodes, variables and constants that are there, jumps to instructions, caches where they belong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from kerasport.errors import LayerError
from kerasport.lambdas.instructions import COMPARISONS, MEANINGS, NUMBERED
from kerasport.lambdas.marshal import Code
from kerasport.lambdas.opcodes import CACHES, NAMES

# What the versions of each layout differ in is what they are compared by, the likeliest first.
_CANDIDATES = {
    "2.7": ("2.7",),
    "3.4": ("3.7", "3.6", "3.5", "3.4"),
    "3.8": ("3.10", "3.9", "3.8"),
    "3.11": ("3.12", "3.11", "3.13"),
}
_ORDER = tuple(NAMES)
_HAS_ARGUMENT = 90  # opcodes from here on, before 3.6
_ABSOLUTE = ("JUMP_IF_", "JUMP_ABSOLUTE", "POP_JUMP_", "CONTINUE_LOOP")
_TO_HANDLERS = ("CALL_FINALLY", "SEND", "JUMP_IF_NOT_EXC")
_PROLOGUE = ("COPY_FREE_VARS", "MAKE_CELL", "RETURN_GENERATOR", "POP_TOP")


class Instruction(NamedTuple):
    """One instruction.

    Attributes:
        op: Its name in ``instructions``.
        arg: Its argument, resolved: a name, a constant, a number.
        target: The place in the list where it jumps, or -1.
    """

    op: str
    arg: Any = None
    target: int = -1


@dataclass(frozen=True, eq=False)
class Program:
    """A function's code with its instructions, and those of the functions in it.

    Attributes:
        code: The code.
        bodies: The instructions of each code object, by its ``id``.
        version: The Python that may have written it.
    """

    code: Code
    bodies: Mapping[int, tuple[Instruction, ...]]
    version: str


class _InconsistentError(Exception):
    """The code was not written by a version."""


def program(codes: list[Code]) -> Program:
    """The one meaning of what may be a function's code.

    Args:
        codes: The readings of its bytes.

    Raises:
        LayerError: No version of Python writes such code, or two do and mean different things.
    """
    found: list[Program] = []
    reason = "it has no instructions"
    for code in codes:
        for version in _CANDIDATES[code.layout]:
            try:
                found.append(Program(code, {id(part): _decoded(part, version) for part in code.within()}, version))
            except _InconsistentError as error:
                reason = str(error)
    if not found:
        raise LayerError(f"its function's code is of no Python from 2.7 to 3.13: {reason}")
    first = found[0]
    for other in found[1:]:
        if not _same(first, other):
            versions = f"Python {first.version}, another in Python {other.version}"
            raise LayerError(f"its function's code means one thing in {versions}")
    return first


def _same(first: Program, second: Program) -> bool:
    """Whether two readings are one; constants are the same objects."""
    if first.code is not second.code:
        return False
    pairs = [(first.bodies[key], second.bodies[key]) for key in first.bodies]
    return all(len(a) == len(b) and all(map(_alike, a, b)) for a, b in pairs)


def _alike(a: Instruction, b: Instruction) -> bool:
    same = a.arg is b.arg or (not a.op.endswith("CONST") and a.arg == b.arg)
    return same and (a.op, a.target) == (b.op, b.target)


class _Raw(NamedTuple):
    offset: int
    name: str
    arg: int
    behind: int


def _decoded(code: Code, version: str) -> tuple[Instruction, ...]:
    modern = _since(version, "3.11")
    raw = list(_words(code.code, version) if _since(version, "3.6") else _bytes(code.code, version))
    if not raw:
        raise _InconsistentError("it has no instructions")
    if modern and next((entry.name for entry in raw if entry.name not in _PROLOGUE), "") != "RESUME":
        raise _InconsistentError("it does not begin as code does")
    if code.layout == "3.8" and _covers(code) != (version == "3.10"):
        raise _InconsistentError("its line numbers are kept in another way")
    head = [] if modern else [Instruction("CELL", name) for name in code.cellvars]
    places = {entry.offset: place for place, entry in enumerate(raw, len(head))}
    reader = _Meaning(code, version, places)
    sized = any(entry.name == "BUILD_MAP" and entry.arg for entry in raw)
    if version == "3.4" and sized and not any(entry.name == "STORE_MAP" for entry in raw):
        raise _InconsistentError("it makes a dict of entries that do not come")
    return (*head, *map(reader.of, raw))


def _since(version: str, first: str) -> bool:
    return _ORDER.index(version) >= _ORDER.index(first)


def _covers(code: Code) -> bool:
    """Whether the table of lines goes to the end of the code, as that of 3.10 does, and no other's."""
    return sum(code.lines[::2]) == len(code.code) and bool(code.lines)


def _bytes(data: bytes, version: str) -> Iterator[_Raw]:
    """Instructions of one or three bytes, as up to 3.5."""
    names, at, start, high = NAMES[version], 0, 0, 0
    while at < len(data):
        name = names.get(data[at])
        size = 3 if data[at] >= _HAS_ARGUMENT else 1
        if name is None or at + size > len(data):
            raise _InconsistentError(f"there is no instruction {data[at]}")
        arg = high | (int.from_bytes(data[at + 1 : at + 3], "little") if size == 3 else 0)
        at += size
        if name == "EXTENDED_ARG":
            high = (arg << 16) & 0xFFFFFFFF
            continue
        yield _Raw(start, name, arg, at)
        start, high = at, 0


def _words(data: bytes, version: str) -> Iterator[_Raw]:
    """Instructions of two bytes, as from 3.6, with caches behind them, as from 3.11."""
    names, caches, at, start, high = NAMES[version], CACHES[version], 0, 0, 0
    if len(data) % 2:
        raise _InconsistentError("it ends within an instruction")
    while at < len(data):
        name, arg = names.get(data[at]), high | data[at + 1]
        if name is None or name == "CACHE":
            raise _InconsistentError(f"there is no instruction {data[at]}")
        at += 2
        if name == "EXTENDED_ARG":
            high = (arg << 8) & 0xFFFFFFFF
            continue
        behind = at + 2 * caches.get(name, 0)
        if data[at:behind].strip(b"\0") or behind > len(data):
            raise _InconsistentError(f"{name} has no caches")
        yield _Raw(start, name, arg, behind)
        start, at, high = behind, behind, 0


class _Meaning:
    """What the instructions of one code object mean in one version."""

    def __init__(self, code: Code, version: str, places: Mapping[int, int]) -> None:
        self._code, self._version, self._places = code, version, places
        self._named: Any = ()  # the names of the next call's last arguments

    def of(self, raw: _Raw) -> Instruction:
        special = getattr(self, f"_{raw.name.lower()}", None)
        if special is not None:
            return special(raw)  # type: ignore[no-any-return]
        if raw.name not in MEANINGS:
            return Instruction("UNKNOWN", raw.name, self._target(raw) if raw.name.startswith(_TO_HANDLERS) else -1)
        op, kind = MEANINGS[raw.name]
        if kind == "jump":
            return Instruction(op, None, self._target(raw))
        return Instruction(op, self._argument(kind, raw.arg))

    def _argument(self, kind: str, arg: int) -> Any:
        code = self._code
        cells = code.varnames if code.layout == "3.11" else (*code.cellvars, *code.freevars)
        entries = {"const": code.consts, "name": code.names, "local": code.varnames, "cell": cells}
        if kind in entries:
            return self._at(entries[kind], arg)
        if kind in ("n", "low"):
            return arg if kind == "n" else arg & 0xFF
        return int(kind) if kind.isdigit() else kind

    def _at(self, entries: tuple[Any, ...], index: int) -> Any:
        if index >= len(entries):
            raise _InconsistentError("it names what is not there")
        return entries[index]

    def _target(self, raw: _Raw) -> int:
        unit = 2 if _since(self._version, "3.10") else 1
        if not _since(self._version, "3.11") and raw.name.startswith(_ABSOLUTE):
            offset = raw.arg * unit
        else:
            offset = raw.behind + (-raw.arg if "BACKWARD" in raw.name else raw.arg) * unit
        if raw.name == "FOR_ITER":  # what stands there for iterators that are not exhausted is passed over
            offset += {"3.12": 2, "3.13": 4}.get(self._version, 0)
        if offset not in self._places:
            raise _InconsistentError("it jumps into an instruction")
        return self._places[offset]

    # --- instructions whose meaning depends on the version

    def _load_global(self, raw: _Raw) -> Instruction:
        if not _since(self._version, "3.11"):
            return Instruction("GLOBAL", self._argument("name", raw.arg))
        return Instruction("GLOBAL_NULL" if raw.arg & 1 else "GLOBAL", self._argument("name", raw.arg >> 1))

    def _load_attr(self, raw: _Raw) -> Instruction:
        if not _since(self._version, "3.12"):
            return Instruction("ATTRIBUTE", self._argument("name", raw.arg))
        return Instruction("METHOD" if raw.arg & 1 else "ATTRIBUTE", self._argument("name", raw.arg >> 1))

    def _binary_op(self, raw: _Raw) -> Instruction:
        if raw.arg >= 2 * len(NUMBERED):
            raise _InconsistentError(f"there is no operator {raw.arg}")
        return Instruction("BINARY" if raw.arg < len(NUMBERED) else "INPLACE", NUMBERED[raw.arg % len(NUMBERED)])

    def _compare_op(self, raw: _Raw) -> Instruction:
        shift = {"3.12": 4, "3.13": 5}.get(self._version, 0)
        known = COMPARISONS if not _since(self._version, "3.9") else COMPARISONS[:6]
        return Instruction("COMPARE", self._at((*known, "exception match"), raw.arg >> shift))

    def _kw_names(self, raw: _Raw) -> Instruction:
        self._named = self._argument("const", raw.arg)
        return Instruction("NOP")

    def _call(self, raw: _Raw) -> Instruction:
        named, self._named = self._named, ()
        if not isinstance(named, tuple):
            raise _InconsistentError("the names of its arguments are none")
        return Instruction("CALL_WITH" if named else "CALL", (raw.arg, named) if named else raw.arg)

    def _call_function(self, raw: _Raw) -> Instruction:
        if _since(self._version, "3.6"):
            return Instruction("CALL_FUNCTION", raw.arg)
        return Instruction("CALL_PAIRS", (raw.arg & 0xFF, raw.arg >> 8 & 0xFF, ""))

    def _call_function_var(self, raw: _Raw) -> Instruction:
        return Instruction("CALL_PAIRS", (raw.arg & 0xFF, raw.arg >> 8 & 0xFF, "*"))

    def _call_function_kw(self, raw: _Raw) -> Instruction:
        if _since(self._version, "3.6"):
            return Instruction("CALL_FUNCTION_NAMED", raw.arg)
        return Instruction("CALL_PAIRS", (raw.arg & 0xFF, raw.arg >> 8 & 0xFF, "**"))

    def _call_function_var_kw(self, raw: _Raw) -> Instruction:
        return Instruction("CALL_PAIRS", (raw.arg & 0xFF, raw.arg >> 8 & 0xFF, "***"))

    def _call_function_ex(self, raw: _Raw) -> Instruction:
        return Instruction("CALL_SPREAD", (bool(raw.arg & 1), _since(self._version, "3.11")))

    def _call_intrinsic_1(self, raw: _Raw) -> Instruction:
        known = {5: Instruction("UNARY", "+"), 6: Instruction("TO_TUPLE")}
        return known.get(raw.arg, Instruction("UNKNOWN", f"CALL_INTRINSIC_1 {raw.arg}"))

    def _make_function(self, raw: _Raw) -> Instruction:
        if not _since(self._version, "3.6"):
            return self._old_function(raw, False)
        return Instruction("FUNCTION", (raw.arg & 0x0F, not _since(self._version, "3.11")))

    def _make_closure(self, raw: _Raw) -> Instruction:
        return self._old_function(raw, True)

    def _old_function(self, raw: _Raw, closure: bool) -> Instruction:
        if self._version == "2.7":
            return Instruction("OLD_FUNCTION", (raw.arg, 0, closure, False))
        if raw.arg >> 16:
            return Instruction("UNKNOWN", "annotations of a function in it")
        return Instruction("OLD_FUNCTION", (raw.arg & 0xFF, raw.arg >> 8, closure, True))

    def _build_map(self, raw: _Raw) -> Instruction:
        return Instruction("MAP", raw.arg if _since(self._version, "3.5") else 0)

    def _map_add(self, raw: _Raw) -> Instruction:
        return Instruction("ADD_ENTRY", (raw.arg, _since(self._version, "3.8")))

    def _load_fast_load_fast(self, raw: _Raw) -> Instruction:
        return Instruction("LOCAL_LOCAL", self._pair(raw))

    def _store_fast_load_fast(self, raw: _Raw) -> Instruction:
        return Instruction("STORE_LOCAL", self._pair(raw))

    def _store_fast_store_fast(self, raw: _Raw) -> Instruction:
        return Instruction("STORE_STORE", self._pair(raw))

    def _pair(self, raw: _Raw) -> tuple[str, str]:
        return self._argument("local", raw.arg >> 4), self._argument("local", raw.arg & 15)
