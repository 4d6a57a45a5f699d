"""Activation functions that a model writes out in several layers, as MobileNetV3 does, in one operator."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from kerasport.export.builder import Builder, Node, Scope
from kerasport.export.folding import forget
from kerasport.export.layout import Tensor
from kerasport.layers.operators import Binary

_HARD_SILU = 1 / 6, 0.5


def hard_sigmoid(spec: Binary, b: Scope, inputs: Sequence[Tensor]) -> Tensor | None:
    """HardSigmoid for ``clip(x + shift, 0, top) / top``, of which the division, or a multiplication, is translated.

    Returns:
        None where it is another function, or where others need the values in between; nothing was changed then.
    """
    builder, slope = b.builder, _slope(spec)
    if not builder.fold or slope is None or len(inputs) != 1 or inputs[0].type.dtype != "float32" or not b.sole_user():
        return None
    clip = builder.producer(inputs[0].name)
    shifted = builder.producer(clip.inputs[0]) if clip is not None and clip.op == "Clip" else None
    if clip is None or shifted is None or shifted.op != "Add" or not _ends_at_one(builder, clip, slope):
        return None
    for name, shift in _with_constant(builder, shifted):
        if forget(builder, {clip.outputs[0]: 0, shifted.outputs[0]: 1}):
            return b.tensor(b.op("HardSigmoid", name, alpha=slope, beta=slope * shift), perm=inputs[0].perm)
    return None


def hard_silu(b: Scope, factors: Sequence[str]) -> str:
    """HardSwish for ``x * hard_sigmoid(x)``, whose product is translated; "" where it is another one."""
    builder = b.builder
    if not builder.fold or len(factors) != 2:
        return ""
    for index, (name, x) in enumerate((factors, factors[::-1])):
        gate = builder.producer(name)
        if gate is None or gate.op != "HardSigmoid" or gate.inputs != [x] or not b.sole_user(index):
            continue
        form = gate.attributes["alpha"], gate.attributes["beta"]
        if all(map(_equal, form, _HARD_SILU)) and b.opset >= 14 and forget(builder, {name: 0}):
            return b.op("HardSwish", x)
    return ""


def _slope(spec: Binary) -> float | None:
    """What a layer multiplies with."""
    if not isinstance(spec.constant, int | float) or spec.constant <= 0:
        return None
    if spec.function == "multiply":
        return float(spec.constant)
    return 1 / spec.constant if spec.function == "divide" and spec.right is not None else None


def _ends_at_one(builder: Builder, clip: Node, slope: float) -> bool:
    bounds = [_constant(builder, name) for name in clip.inputs[1:]]
    return len(bounds) == 2 and bounds[0] == 0 and bounds[1] is not None and _equal(bounds[1] * slope, 1)


def _with_constant(builder: Builder, node: Node) -> Iterator[tuple[str, float]]:
    """A value and the number that a node adds to it."""
    for name, other in (node.inputs, node.inputs[::-1]):
        number = _constant(builder, other)
        if number is not None and name not in builder.initializers:
            yield name, number


def _constant(builder: Builder, name: str) -> float | None:
    """A number that the model has, None where it is a weight or computed."""
    array = builder.initializers.get(name)
    return float(array.load()) if array is not None and not array.shape and array.weight is None else None


def _equal(value: float, other: float) -> bool:
    """As numbers of the model, which are float32."""
    return math.isclose(value, other, rel_tol=1e-6)
