"""The bytecode of every Python means what its source says."""

from __future__ import annotations

import pytest

from kerasport.errors import LayerError
from kerasport.lambdas import bytecode, instructions, machine, marshal, source, text
from kerasport.lambdas.opcodes import NAMES
from tests.lambdas.codes import codes, functions

VERSIONS = ["2.7", "3.6", "3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13"]
EXPRESSIONS = [function for function in functions() if function.startswith("lambda")]
# What the functions of several statements come to.
STATEMENTS = {
    "a.b('c'), d as e": "def f(x): return x * 2 + 1",
    "with y as z": "def f(x): return (x * 1 - 1) * 3",
    "with z": "def f(x): return x * 2",
    "except TypeError": "def f(x): return x * 2 * 4 + 1",
    "except ValueError": "def f(x): return [x * 1, x * 3]",
    "z = 1": "def f(x): return x * 2 + 1",
    "(a, b))": "def f(.0): return .0[0] - .0[1]",
    "z = K.sum": "x * 2",
    "a, b = t": "def f(t): return K.sqrt(t[0] - t[1])",
    "if axis": "def f(x, axis): return K.mean(x, axis=axis) if axis else x",
    "continue": "def f(x): return [x * 1, x * 3]",
    "break": "def f(x): return x + 1 + 2",
    "import tensorflow": "def f(x): return tensorflow.log(keras.backend.exp(x))",
    "def g": "def f(x): return 2 + x * 3",
    "k = 2": "def f(x): return [x * 2 + 1, x * 2 + 2]",
    "a, b, c = c, a, b": "def f(x): return (2, 1, x, 3, x + 1 - 2)",
    "while": "def f(x): return x * 2 * 2 * 2",
    "with y": "def f(x): return x",
    "finally": "def f(x): ",  # which 3.11 and later write behind the rest, for an error alone
}


def shown(code: bytes) -> str:
    program = bytecode.program(marshal.readings(code))
    return text.source(machine.function(program))


def expected(function: str) -> str:
    if function.startswith("lambda"):
        return text.source(source.function(function)).replace("y=1", "y")  # a code object has no defaults
    return next(value for key, value in STATEMENTS.items() if key in function)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("function", functions(), ids=lambda function: function.replace("\n", ";")[:40])
def test_code_shows_what_its_source_says(function: str, version: str) -> None:
    found = codes(function)
    if version not in found:
        pytest.skip(f"Python {version} has not this syntax")
    assert expected(function) in shown(found[version])


@pytest.mark.parametrize("function", EXPRESSIONS)
def test_sources_are_shown_as_they_are(function: str) -> None:
    simple = not any(word in function for word in (" for ", "(lambda q", ")(x)", ")(2)", "*y", "lambda y: y + 1"))
    if simple:
        assert text.source(source.function(function)) == function


@pytest.mark.parametrize("version", VERSIONS)
def test_the_version_is_one_that_reads_it_alike(version: str) -> None:
    same = {"3.6": ("3.6", "3.7"), "3.7": ("3.7",), "3.8": ("3.9", "3.8"), "3.9": ("3.9",), "3.11": ("3.12", "3.11")}
    found = [codes(function)[version] for function in functions() if version in codes(function)]
    versions = {bytecode.program(marshal.readings(code)).version for code in found}
    assert versions <= {*same.get(version, (version,)), *(("3.7",) if version == "3.6" else ())}


def marshalled(code: str, consts: str, names: str) -> bytes:
    """A function of one argument ``x`` as Python 3.4 and 3.5 marshal it."""
    numbers = "".join(f"{value:02x}000000" for value in (1, 0, 1, 3, 0x43))
    data = bytes.fromhex(code)
    head = b"c" + bytes.fromhex(numbers) + b"s" + len(data).to_bytes(4, "little") + data
    strings = "2901" + "da0178" + "2900" + "2900" + "da04662e7079" + "da083c6c616d6264613e" + "01000000"
    return head + bytes.fromhex(consts + names + strings) + b"s\0\0\0\0"


def test_instructions_of_three_bytes_are_read_as_python_3_5_writes_them() -> None:
    multiply = "7c0000 640100 14 740000 6a0100 7c0000 640200 640300 830101 17 53"
    code = marshalled(multiply, "2904 4e e902000000 da0461786973 e901000000", "2902 da014b da0373756d")
    assert shown(code) == "lambda x: x * 2 + K.sum(x, axis=1)"
    assert bytecode.program(marshal.readings(code)).version in ("3.4", "3.5")


@pytest.mark.parametrize(
    ("building", "version"), [("690100 7c0000 640100 36 53", "3.4"), ("640100 7c0000 690100 53", "3.5")]
)
def test_dicts_tell_python_3_4_from_3_5(building: str, version: str) -> None:
    code = marshalled(building, "2902 4e da0161", "2900")
    assert shown(code) == "lambda x: {'a': x}"
    assert bytecode.program(marshal.readings(code)).version == version


def test_every_instruction_with_a_meaning_is_carried_out() -> None:
    known = {name for table in NAMES.values() for name in table.values()}
    for name, (op, _) in instructions.MEANINGS.items():
        assert name in known
        assert op.startswith("RETURN") or hasattr(machine.Run, f"_on_{op.lower()}"), op


def test_code_of_no_python_is_refused() -> None:
    code = bytearray(codes("lambda x: x * 2")["3.12"])
    place = code.index(bytes.fromhex("9700"))
    code[place] = 255
    with pytest.raises(LayerError, match=r"of no Python from 2\.7 to 3\.13"):
        shown(bytes(code))
