"""Code that no compiler wrote ends in an error of kerasport's, soon."""

from __future__ import annotations

import base64
import random
import time
from collections.abc import Sequence

import pytest

from kerasport.errors import LayerError
from kerasport.lambdas.layer import steps
from kerasport.lambdas.marshal import readings
from kerasport.lambdas.stored import StoredFunction
from kerasport.lambdas.values import Surroundings
from kerasport.layers.arguments import Arguments
from kerasport.layers.base import Spec, TensorType, Value
from tests.lambdas.codes import codes, functions

CODES = [code for function in functions() for code in codes(function).values()]


def added(spec: Spec, values: Sequence[Value]) -> tuple[Value, ...]:
    found = spec.infer(*(value.type for value in values))
    return tuple(Value(f"v{id(type_)}", type_) for type_ in (found if isinstance(found, tuple) else (found,)))


def carried_out(function: StoredFunction) -> bool:
    """Whether a function can be carried out on a tensor; any error but LayerError is passed on."""
    call = Arguments((), {}, [Value("x", TensorType((None, 5, 4)))], added)
    try:
        steps({"function": function, "surroundings": Surroundings(), "arguments": {}}, call, [None], "f")
    except LayerError:
        return False
    return True


def mutated(rng: random.Random) -> bytes:
    """Some code with bytes changed, left out, put in, or moved, or the end of other code."""
    code = bytearray(rng.choice(CODES))
    for _ in range(rng.choice([1, 1, 2, 4, 10])):
        place, length = rng.randrange(len(code) + 1), rng.randrange(1, 9)
        match rng.randrange(5):
            case 0 | 1:
                code[place : place + 1] = bytes([rng.randrange(256)])
            case 2:
                del code[place : place + length]
            case 3:
                code[place:place] = rng.randbytes(length)
            case 4:
                other = rng.choice(CODES)
                code[place:] = other[rng.randrange(len(other)) :]
    return bytes(code)


@pytest.mark.parametrize("seed", range(3))
def test_mutated_code_never_fails_otherwise(seed: int) -> None:
    rng = random.Random(seed)
    begin = time.process_time()
    outcomes = [carried_out(StoredFunction(base64.b64encode(mutated(rng)).decode())) for _ in range(1500)]
    assert any(outcomes)
    assert not all(outcomes)
    assert time.process_time() - begin < 20


def nested(kind: bytes, depth: int) -> bytes:
    return kind * depth + b"N"


def laughs() -> bytes:
    """Tuples of two of the one before, forty deep, by references."""
    layers = b"".join(b"\xa9\x02" for _ in range(30))
    return layers + b"N" + b"".join(b"r" + place.to_bytes(4, "little") for place in range(29, 0, -1)) + b"N"


HOSTILE = {
    "empty": b"",
    "random": random.Random(0).randbytes(4000),
    "tuples in tuples": nested(b"\xa9\x01", 5000),
    "code in code": nested(b"c" + bytes(20), 3000),
    "a tuple of a million": b"(\x40\x42\x0f\x00",
    "a text of two gigabytes": b"u\xff\xff\xff\x7f",
    "a negative length": b"s\xff\xff\xff\xff",
    "a number of many digits": b"l\xff\xff\xff\x0f" + bytes(1000),
    "a reference to itself": b"\xa9\x01r\0\0\0\0",
    "a reference to nowhere": b"r\xff\x00\x00\x00",
    "references that grow": laughs(),
    "larger than any": b"N" * (1 << 21),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_bytes_are_refused(case: str) -> None:
    begin = time.process_time()
    with pytest.raises(LayerError, match=r"damaged|any real function"):
        readings(HOSTILE[case])
    assert time.process_time() - begin < 2


# Texts do what bytecode could, and are as hostile.
WORK = [
    "(lambda t: t == t)(" + "(lambda t: (t, t))(" * 30 + "x" + ")" * 31,
    "[[[[[i for i in range(99)] for j in range(99)] for k in range(99)] for l in range(99)] for m in range(99)]",
    "(lambda f: f(f, 0))(lambda f, n: f(f, n + 1))",
    "[x] * 9999 * 9999",
    "'a' * 9999 * 9999",
    "1 << 10 ** 9",
    "2 ** 2 ** 99",
    "np.ones(10 ** 9)",
    "np.tile(np.ones(10 ** 5), 10 ** 5)",
    "np.arange(0, 1, 1e-12)",
    "K.tile(x, [10 ** 6] * 3)",
    "tf.zeros([10 ** 9, 10 ** 9])",
]


@pytest.mark.parametrize("text", WORK, ids=lambda text: text[:30])
def test_work_without_end_ends(text: str) -> None:
    begin = time.process_time()
    carried_out(StoredFunction(written=text))
    assert time.process_time() - begin < 5
