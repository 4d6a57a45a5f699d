"""Layers of Keras 1, in ONNX."""

from __future__ import annotations

from kerasport.export.activation import apply
from kerasport.export.builder import Scope
from kerasport.export.layout import Tensor
from kerasport.export.merge import dot
from kerasport.export.normalization import standardized
from kerasport.export.ops import reduce, reshape, unsqueeze
from kerasport.export.registry import EXPORT
from kerasport.layers import legacy


@EXPORT.register(legacy.MaxoutDense)
def maxout(spec: legacy.MaxoutDense, b: Scope, x: Tensor) -> Tensor:
    """Gemm with all kernels beside each other, Reshape, ReduceMax."""
    kernel = b.weight("kernel")
    count, width = spec.features * spec.units, kernel.shape[1]
    names = [b.initializer(kernel.transpose(1, 0, 2).reshape(width, count), "kernel")]
    if spec.use_bias:
        names.append(b.initializer(b.weight("bias").reshape(count), "bias"))
    y = b.op("Gemm" if spec.use_bias else "MatMul", b.logical(x), *names)
    return b.tensor(reduce(b, "ReduceMax", reshape(b, y, [-1, spec.features, spec.units]), [1], keepdims=False))


@EXPORT.register(legacy.Highway)
def highway(spec: legacy.Highway, b: Scope, x: Tensor) -> Tensor:
    """Two Gemms, and the mixture ``x + t * (y - x)``."""
    value = b.logical(x)
    transform = b.op("Sigmoid", _affine(spec, b, value, "carry_kernel", "carry_bias"))
    y = apply(b, spec.activation, b.tensor(_affine(spec, b, value, "kernel", "bias"))).name
    return b.tensor(b.op("Add", value, b.op("Mul", transform, b.op("Sub", y, value))))


def _affine(spec: legacy.Highway, b: Scope, value: str, kernel: str, bias: str) -> str:
    names = [b.initializer(b.weight(kernel), kernel)]
    if spec.use_bias:
        names.append(b.initializer(b.weight(bias), bias))
    return b.op("Gemm" if spec.use_bias else "MatMul", value, *names)


@EXPORT.register(legacy.ParametricSoftplus)
def parametric_softplus(spec: legacy.ParametricSoftplus, b: Scope, x: Tensor) -> Tensor:
    """Mul, Softplus, Mul."""
    alpha, beta = _parameters(spec, b, x)
    return b.tensor(b.op("Mul", b.op("Softplus", b.op("Mul", x.name, beta)), alpha), perm=x.perm)


@EXPORT.register(legacy.SReLU)
def s_relu(spec: legacy.SReLU, b: Scope, x: Tensor) -> Tensor:
    """What is left of the lower bend, between the bends and right of the upper one, each by its slope, summed."""
    left, slope, width, right_slope = _parameters(spec, b, x)
    width = b.op("Abs", width)
    shifted = b.op("Sub", x.name, left)
    if spec.limits_left:
        below = b.op("Min", b.op("PRelu", shifted, slope), width)
    else:
        middle = b.op("Min", b.op("Relu", shifted), width)
        below = b.op("Add", middle, b.op("Mul", b.op("Min", shifted, b.constant(0.0, "zero")), slope))
    above = b.op("Mul", b.op("Relu", b.op("Sub", shifted, width)), right_slope)
    return b.tensor(b.op("Add", b.op("Add", left, below), above), perm=x.perm)


def _parameters(spec: legacy.Parametric, b: Scope, x: Tensor) -> list[str]:
    axes = range(1, x.type.rank)
    return [b.initializer(b.aligned(b.weight(role), axes, x), role) for role in spec.parameters]


@EXPORT.register(legacy.RowNormalization)
def by_row(spec: legacy.RowNormalization, b: Scope, x: Tensor) -> Tensor:
    """By definition: epsilon stands both under the root and outside, which LayerNormalization has not."""
    axis = x.type.rank - 1
    centered, root = standardized(b, x, [x.stored_axis(axis)], spec.epsilon)
    y = b.op("Div", centered, b.op("Add", root, b.constant(spec.epsilon, "epsilon")))
    gamma, beta = (b.initializer(b.aligned(b.weight(role), [axis], x), role) for role in ("gamma", "beta"))
    return b.tensor(b.op("Add", b.op("Mul", y, gamma), beta), perm=x.perm)


@EXPORT.register(legacy.Cosine)
def cosine(spec: legacy.Cosine, b: Scope, x: Tensor, y: Tensor) -> Tensor:
    """Three products, Max, Sqrt, Div, Unsqueeze."""
    xy, xx, yy = (_product(spec, b, *pair) for pair in ((x, y), (x, x), (y, y)))
    divisor = b.op("Sqrt", b.op("Max", b.op("Mul", xx, yy), b.constant(1e-14, "floor")))
    return b.tensor(unsqueeze(b, b.op("Div", xy, divisor), [1]))


def _product(spec: legacy.Cosine, b: Scope, x: Tensor, y: Tensor) -> str:
    product = dot(spec.dot, b, x, y)
    return product[0].name if isinstance(product, tuple) else product.name
