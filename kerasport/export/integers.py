"""Integer operations in ONNX."""

from __future__ import annotations

import numpy as np

from kerasport.export import ops
from kerasport.export.builder import Scope
from kerasport.export.layout import Tensor
from kerasport.export.loops import Loop
from kerasport.export.registry import EXPORT
from kerasport.layers import integers
from kerasport.layers.base import TensorType

# How many steps Euclid's algorithm takes at most: for neighbours in Fibonacci's sequence.
_STEPS = {32: 47, 64: 93}


@EXPORT.register(integers.Bitwise)
def bitwise(spec: integers.Bitwise, b: Scope, x: Tensor, y: Tensor) -> Tensor:
    """BitwiseAnd ... (18); before, the same of bits that Div and Mod take apart."""
    left, right = b.logical(x), b.logical(y)
    if b.opset >= 18:
        return b.tensor(b.op(f"Bitwise{spec.function.capitalize()}", left, right))
    bits = [_bits(b, name, x.type.dtype) for name in (left, right)]
    found = ops.cast(b, b.op(spec.function.capitalize(), *bits), "int64")
    width = np.dtype(x.type.dtype).itemsize * 8
    weights = [2**place for place in range(width)]
    if x.type.dtype.startswith("int"):
        weights[-1] = -weights[-1]
    weighed = b.op("Mul", found, b.constant(np.array(weights, np.int64), "weights"))
    return b.tensor(ops.cast(b, ops.reduce(b, "ReduceSum", weighed, [-1], keepdims=False), x.type.dtype))


def _bits(b: Scope, value: str, dtype: str) -> str:
    """Whether each bit is set, along a new last axis."""
    width, signed = np.dtype(dtype).itemsize * 8, dtype.startswith("int")
    number = ops.unsqueeze(b, ops.cast(b, value, "int64"), [-1])
    places = b.constant(np.array([2**place for place in range(width - signed)], np.int64), "places")
    # Mod takes the divisor's sign, so that the division is exact for negative numbers too.
    shifted = b.op("Div", b.op("Sub", number, b.op("Mod", number, places)), places)
    bits = ops.cast(b, b.op("Mod", shifted, b.constant(2, "two")), "bool")
    return b.op("Concat", bits, b.op("Less", number, b.constant(0, "zero")), axis=-1) if signed else bits


@EXPORT.register(integers.GreatestDivisor)
def greatest_divisor(spec: integers.GreatestDivisor, b: Scope, x: Tensor, y: Tensor) -> Tensor:
    """Euclid's algorithm as a Scan of as many steps as it may need."""
    dtype = x.type.dtype
    zero, one = (b.constant(np.array(number, dtype), name) for number, name in ((0, "zero"), (1, "one")))
    values = [b.op("Abs", b.logical(side)) for side in (x, y)]
    wide = [b.op("Add", value, b.op("Mul", other, zero)) for value, other in (values, values[::-1])]
    steps = b.constant(np.zeros(_STEPS[64 if dtype == "int64" else 32], np.int64), "steps")
    shape = (None,) * b.output_type.rank
    state = TensorType(shape, dtype)

    def step(states: list[str], _: list[str]) -> tuple[list[str], str]:
        larger, smaller = states
        done = b.op("Equal", smaller, zero)
        rest = b.op("Mod", larger, b.op("Where", done, one, smaller))
        return [b.op("Where", done, larger, smaller), b.op("Where", done, zero, rest)], b.op("Identity", zero)

    loop = Loop(
        states=wide,
        sequences=[steps],
        state_types=[state] * 2,
        step_types=[TensorType((), "int64")],
        output_type=TensorType((), dtype),
    )
    (divisor, _), _ = loop.run(b, step, backwards=False)
    return b.tensor(divisor)
