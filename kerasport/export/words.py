"""64-bit integer arithmetic modulo 2**64 in ONNX, for hashes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kerasport.errors import LayerError
from kerasport.export.builder import Scope
from kerasport.export.ops import cast, slice_

_BYTE = 8
_PLACES = 19  # decimal digits of a number of 64 bits with a sign
_LENGTH = 24  # its text with a sign, filled up to whole words
_MINUS, _ZERO = ord("-"), ord("0")


@dataclass(frozen=True)
class Word:
    """An int64 value whose bits are meant.

    ``+``, ``*`` and ``^`` wrap around; ``>>`` is logical. The other operand is a Word or a constant.
    """

    b: Scope
    name: str

    def __add__(self, other: Word | int) -> Word:
        return self._op("Add", other)

    def __mul__(self, other: Word | int) -> Word:
        return self._op("Mul", other)

    def __xor__(self, other: Word | int) -> Word:
        return self._op("BitwiseXor", other)

    def __rshift__(self, count: int) -> Word:
        unsigned = cast(self.b, self.name, "uint64")
        return Word(self.b, cast(self.b, self._shifted(unsigned, count, "RIGHT"), "int64"))

    def right(self, count: int) -> Word:
        """Rotated to the right."""
        unsigned = cast(self.b, self.name, "uint64")
        low, high = self._shifted(unsigned, count, "RIGHT"), self._shifted(unsigned, 64 - count, "LEFT")
        return Word(self.b, cast(self.b, self.b.op("BitwiseOr", low, high), "int64"))

    def left(self, count: int) -> Word:
        """Rotated to the left."""
        return self.right(64 - count)

    def where(self, condition: str, other: Word) -> Word:
        """This where the condition holds, else the other."""
        return Word(self.b, self.b.op("Where", condition, self.name, other.name))

    def remainder(self, divisor: int) -> str:
        """What the division of the unsigned number leaves, int64."""
        unsigned = cast(self.b, self.name, "uint64")
        return cast(self.b, self.b.op("Mod", unsigned, self.b.constant(np.array(divisor, np.uint64), "bins")), "int64")

    def _op(self, op: str, other: Word | int) -> Word:
        name = other.name if isinstance(other, Word) else constant(self.b, other).name
        return Word(self.b, self.b.op(op, self.name, name))

    def _shifted(self, unsigned: str, count: int, direction: str) -> str:
        return self.b.op(
            "BitShift", unsigned, self.b.constant(np.array(count, np.uint64), "shift"), direction=direction
        )


def constant(b: Scope, value: int) -> Word:
    """A number below 2**64."""
    return Word(b, b.constant(np.array(value % (1 << 64), np.uint64).astype(np.int64), "word"))


@dataclass(frozen=True)
class Digits:
    """The decimal text of numbers, in ASCII.

    Attributes:
        b: Where nodes go.
        text: (..., 24) bytes as int64, with zeros behind the last one.
        size: (..., 1), how many there are: 1 to 20.
    """

    b: Scope
    text: str
    size: Word

    def word(self, start: Word | int, count: int = _BYTE) -> Word:
        """(..., 1): some bytes as one little-endian number; a start outside the text gives anything."""
        weights = self.b.constant(256 ** np.arange(count)[:, None], "weights")
        if isinstance(start, Word):
            steps = self.b.op("Add", start.name, self.b.constant(np.arange(count), "steps"))
            within = self.b.op("Clip", steps, self.b.constant(0, "first"), self.b.constant(_LENGTH - 1, "last"))
            taken = self.b.op("GatherElements", self.text, within, axis=-1)
        else:
            taken = slice_(self.b, self.text, -1, start, start + count)
        # Not by ReduceSum, which rounds in ONNX Runtime where sums of int64 are over 2**53.
        return Word(self.b, self.b.op("MatMul", taken, weights))

    def at_least(self, count: int) -> str:
        """Whether there are so many bytes."""
        return self.b.op("GreaterOrEqual", self.size.name, self.b.constant(count, "count"))


def digits(b: Scope, value: str) -> Digits:
    """Of int64 values of any shape.

    Raises:
        LayerError: The opset has no operators for bits.
    """
    if b.opset < 18:
        raise LayerError("a hash needs the operators on bits of opset 18", "choose --opset 18 or a newer one")
    zero, one = b.constant(0, "zero"), b.constant(1, "one")
    value = b.op("Unsqueeze", value, b.constant([-1], "axes"))
    negative = b.op("Less", value, zero)
    below = b.op("Where", negative, value, b.op("Neg", value))  # every number has its negative, not its positive
    powers = 10 ** np.arange(_PLACES)
    quotients = b.op("Div", below, b.constant(powers, "powers"))
    ten = b.constant(10, "ten")
    places = b.op("Sub", b.op("Mul", b.op("Div", quotients, ten), ten), quotients)
    longer = cast(b, b.op("LessOrEqual", below, b.constant(-powers[1:], "limits")), "int64")
    count = b.op("Add", b.op("ReduceSum", longer, b.constant([-1], "axes"), keepdims=1), one)
    size = b.op("Add", count, cast(b, negative, "int64"))
    positions = b.constant(np.arange(_LENGTH), "positions")
    from_end = b.op("Sub", b.op("Sub", size, one), positions)
    within = b.op("Clip", from_end, zero, b.constant(_PLACES - 1, "last"))
    text = b.op("Add", b.op("GatherElements", places, within, axis=-1), b.constant(_ZERO, "digit_zero"))
    sign = b.op("And", negative, b.op("Equal", positions, zero))
    text = b.op("Where", sign, b.constant(_MINUS, "minus"), text)
    text = b.op("Where", b.op("Less", positions, size), text, zero)
    return Digits(b, text, Word(b, size))


def chosen(cases: Sequence[tuple[str, Word]], otherwise: Word) -> Word:
    """The first case whose condition holds."""
    result = otherwise
    for condition, word in reversed(cases):
        result = word.where(condition, result)
    return result
