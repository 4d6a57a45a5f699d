"""EinsumDense in ONNX: as a MatMul if the equation is one, whatever the order of its letters."""

from __future__ import annotations

from math import prod

from kerasport.export.activation import apply
from kerasport.export.arrays import Lazy
from kerasport.export.builder import Scope
from kerasport.export.layout import Tensor
from kerasport.export.ops import reshape
from kerasport.export.registry import EXPORT
from kerasport.export.stored import Kernel, effective, float8, rounded_bias, whole_shape
from kerasport.layers import einsum
from kerasport.layers.einsum import Equation


@EXPORT.register(einsum.EinsumDense)
def einsum_dense(spec: einsum.EinsumDense, b: Scope, x: Tensor) -> Tensor:
    """MatMul with a rearranged kernel, the output stored as that gives it; Einsum for other equations."""
    equation = spec.letters(x.type.rank)
    y, biased = _product(spec, b, x, equation) if equation.is_product else (_einsum(spec, b, x, equation), False)
    bias = spec.bias(x.type)
    if bias is not None and not biased:
        axes = range(len(equation.output) - len(bias[0]), len(equation.output))
        array = b.aligned(rounded_bias(spec.stored, b.weight("bias")), axes, y)
        y = Tensor(b.op("Add", y.name, b.initializer(array, "bias")), y.type, y.perm)
    return apply(b, spec.activation, y)


def _product(spec: einsum.EinsumDense, b: Scope, x: Tensor, equation: Equation) -> tuple[Tensor, bool]:
    """The product, and whether the bias is in it."""
    stored = [equation.input[axis] for axis in x.perm]
    free = [letter for letter in stored if letter in equation.output]
    summed = [letter for letter in stored if letter not in equation.output]
    new = [letter for letter in equation.output if letter in equation.kernel]
    value = b.arrange(x, tuple(equation.input.index(letter) for letter in free + summed))
    if len(summed) > 1:
        value = reshape(b, value, [0] * len(free) + [-1])
    layout = spec.layout(x.type)
    columns = tuple(equation.kernel.index(letter) for letter in new)
    order = (*(equation.kernel.index(letter) for letter in summed), *columns)

    def arranged(kernel: Lazy) -> Lazy:
        moved = kernel.transpose(*order) if order != tuple(sorted(order)) else kernel
        rows, width = prod(moved.shape[: len(summed)]), prod(moved.shape[len(summed) :])
        return moved.reshape(rows, width) if moved.shape != (rows, width) else moved

    over_new = set(spec.bias_axes) == set(new)
    bias = b.weight("bias") if over_new and new else None
    y = Kernel(b, spec.stored, layout, arranged, columns).product(
        value, len(free) + 1, bias.reshape(bias.size) if bias else None
    )
    sizes = [whole_shape(b, layout)[axis] for axis in columns]
    if len(new) != 1:
        y = reshape(b, y, [0] * len(free) + sizes)
    perm = tuple(equation.output.index(letter) for letter in free + new)
    return Tensor(y, spec.before_activation(x.type), perm), bias is not None


def _einsum(spec: einsum.EinsumDense, b: Scope, x: Tensor, equation: Equation) -> Tensor:
    value = float8(b, b.logical(x)) if spec.stored.mode == "float8" else b.logical(x)
    kernel = b.initializer(effective(b, spec.stored, spec.layout(x.type)), "kernel")
    y = b.op("Einsum", value, kernel, equation=str(equation))
    return b.tensor(y, spec.before_activation(x.type))
