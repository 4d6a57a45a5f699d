"""Maps the characters of strings to indices in ONNX, which cannot split a string into characters.

The characters of the vocabulary are known, so that a text can be split at each of them. What stands between them is
runs of unknown characters, of which only the length matters; regular expressions tell its remainders.
"""

from __future__ import annotations

import numpy as np

from kerasport.export.builder import Scope
from kerasport.export.layout import Tensor
from kerasport.export.lookup import counted, look_up
from kerasport.export.ops import cast, slice_
from kerasport.export.texts import exchanged
from kerasport.layers import text
from kerasport.layers.base import TensorType

_BITS = 9  # a regular expression repeats at most 1000 times
_PRIMES = (7, 11, 13)
_PERIOD = (1 << _BITS) * 7 * 11 * 13  # of the remainders together: runs are told apart up to this length


def vectorized(spec: text.TextVectorization, b: Scope, value: str, batch: int | None) -> Tensor:
    """The places of the characters of (batch) texts, padded, or their encoding."""
    known = {str(token): place for token, place in spec.places.items() if len(str(token)) == 1}
    unused = (character for character in map(chr, range(1, 0x110000)) if character not in known)
    mark, other = next(unused), next(unused)
    value = exchanged(b, value, mark, other)
    for character in known:
        value = exchanged(b, value, character, mark + character + mark)
    pieces, _ = b.op_n("StringSplit", 2, value, delimiter=mark)
    places = look_up(b, pieces, {**known, "": -1}, spec.oov_start)
    lengths = _lengths(b, pieces)
    if spec.mode == "int":
        return b.tensor(_spread(spec, b, places, lengths))
    like = TensorType((batch, None), "int64")
    weights = [] if spec.mode == "multi_hot" else [b.tensor(lengths, like)]
    return counted(spec, b, places, b.tensor(places, like), *weights)


def _lengths(b: Scope, pieces: str) -> str:
    """The number of characters of each piece, from its remainders (Chinese remainder theorem)."""
    terms = [(_matches(b, pieces, f"(?s)(?:.{{{2 * m}}})*.{{{m}}}.{{0,{m - 1}}}"), m, 1 << _BITS)
             for m in (1 << bit for bit in range(_BITS))]  # fmt: skip
    terms += [
        (_matches(b, pieces, f"(?s)(?:.{{{prime}}})*.{{{rest}}}"), rest, prime)
        for prime in _PRIMES
        for rest in range(1, prime)
    ]
    total = b.constant(0, "zero")
    for matches, remainder, modulus in terms:
        others = _PERIOD // modulus
        factor = remainder * others * pow(others, -1, modulus) % _PERIOD
        total = b.op("Add", total, b.op("Mul", matches, b.constant(factor, "factor")))
    return b.op("Mod", total, b.constant(_PERIOD, "period"))


def _matches(b: Scope, pieces: str, pattern: str) -> str:
    return cast(b, b.op("RegexFullMatch", pieces, pattern=pattern), "int64")


def _spread(spec: text.TextVectorization, b: Scope, places: str, lengths: str) -> str:
    """(batch, length): each piece's place at its position, that of unknown ones as often as they have characters."""
    axis, zero, unknown = b.constant(1, "axis"), b.constant(0, "zero"), b.constant(spec.oov_start, "unknown")
    ends = b.op("CumSum", lengths, axis)
    starts = b.op("Sub", ends, lengths)
    total = b.op("ReduceSum", lengths, b.constant([1], "axes"), keepdims=1)
    if spec.length is None:  # one more number, so that there is a largest one of no texts
        flat = b.op("Concat", b.op("Reshape", total, b.constant([-1], "flat")), b.constant([0], "none"), axis=0)
        width = b.op("ReduceMax", flat, b.constant([0], "axes"), keepdims=1)
    else:
        width = b.constant([spec.length], "length")
    fits = b.op("And", b.op("Greater", places, unknown), b.op("Less", starts, width))
    columns = b.op("Where", fits, starts, width)
    rows = slice_(b, b.op("Shape", places), 0, 0, 1)
    shape = b.op("Concat", rows, b.op("Add", width, b.constant(1, "one")), axis=0)
    empty = b.op("Expand", b.constant(np.zeros(1, np.int64), "padding"), shape)
    found = slice_(b, b.op("ScatterElements", empty, columns, places, axis=1), 1, 0, -1)
    steps = b.op("Range", zero, b.op("Squeeze", width), b.constant(1, "step"))
    inside = b.op("Less", steps, total)
    filled = b.op("Where", b.op("Equal", found, zero), unknown, found)
    return b.op("Where", inside, filled, zero)
