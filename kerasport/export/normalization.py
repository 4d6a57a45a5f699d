"""Normalizations in ONNX: folded into the preceding layer, as one operator, or by their definition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kerasport.export.arrays import Lazy
from kerasport.export.builder import Scope
from kerasport.export.folding import Affine, fold
from kerasport.export.layout import Tensor, channels_first_perm
from kerasport.export.ops import reduce, reshape
from kerasport.export.registry import EXPORT
from kerasport.layers import normalization
from kerasport.layers.normalization import chosen_axes

if TYPE_CHECKING:
    from numpy.typing import NDArray


@EXPORT.register(normalization.BatchNormalization)
def batch(spec: normalization.BatchNormalization, b: Scope, x: Tensor) -> Tensor:
    """Nothing where it folds; BatchNormalization where the channels are stored second; else Mul and Add."""
    axes = chosen_axes(spec.axes, x.type.rank)
    affine = batch_affine(spec, b)
    folded = fold(b, x, axes[0], affine) if len(axes) == 1 else None
    if folded is not None:
        return folded
    if len(axes) == 1 and x.perm[:2] == (0, axes[0]):
        return b.tensor(_batch_normalization(spec, b, x.name), perm=x.perm)
    shape = _parameter(spec, b, "moving_mean").shape
    places = axes if len(axes) == 1 else range(x.type.rank)
    scale, shift = (b.aligned(affine.part(index, shape), places, x) for index in range(2))
    scaled = b.op("Mul", x.name, b.initializer(scale, "scale"))
    return b.tensor(b.op("Add", scaled, b.initializer(shift, "shift")), perm=x.perm)


def batch_affine(spec: normalization.BatchNormalization, b: Scope) -> Affine:
    """The normalization as a scale and a shift."""
    roles = ["moving_mean", "moving_variance"] + ["gamma"] * spec.scale + ["beta"] * spec.center

    def compute(mean: NDArray[Any], variance: NDArray[Any], *rest: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        scale = (rest[0] if spec.scale else 1.0) / np.sqrt(variance + spec.epsilon)
        return scale, (rest[-1] if spec.center else 0.0) - mean * scale

    return Affine(("batch", spec), tuple(_parameter(spec, b, role) for role in roles), compute)


def _parameter(spec: normalization.BatchNormalization, b: Scope, role: str) -> Lazy:
    """A weight without the axis of virtual batches."""
    weight = b.weight(role)
    if not spec.virtual:
        return weight
    return weight.reshape(*weight.shape[1:]) if len(spec.axes) > 1 else weight.reshape(weight.size)


def _batch_normalization(spec: normalization.BatchNormalization, b: Scope, x: str) -> str:
    shape = _parameter(spec, b, "moving_mean").shape
    absent = {} if spec.scale else {"gamma": b.constant(np.ones(shape, np.float32), "gamma")}
    absent |= {} if spec.center else {"beta": b.constant(np.zeros(shape, np.float32), "beta")}
    roles = ("gamma", "beta", "moving_mean", "moving_variance")
    inputs = [absent.get(role) or b.initializer(_parameter(spec, b, role), role) for role in roles]
    return b.op("BatchNormalization", x, *inputs, epsilon=spec.epsilon)


@EXPORT.register(normalization.CurrentBatchNormalization)
def by_batch(spec: normalization.CurrentBatchNormalization, b: Scope, x: Tensor) -> Tensor:
    """By definition: ONNX's BatchNormalization has given statistics."""
    axes = chosen_axes(spec.axes, x.type.rank)
    others = sorted(x.stored_axis(axis) for axis in range(x.type.rank) if axis not in axes)
    centered, deviation = standardized(b, x, others, spec.epsilon)
    y, places = b.op("Div", centered, deviation), axes if len(axes) == 1 else range(x.type.rank)
    for operator, role, used in (("Mul", "gamma", spec.scale), ("Add", "beta", spec.center)):
        y = b.op(operator, y, b.initializer(b.aligned(b.weight(role), places, x), role)) if used else y
    return b.tensor(y, perm=x.perm)


def standardized(b: Scope, x: Tensor, stored_axes: Sequence[int], epsilon: float) -> tuple[str, str]:
    """``x - mean``, and ``sqrt(variance + epsilon)``, over some axes of the stored value."""
    centered = b.op("Sub", x.name, reduce(b, "ReduceMean", x.name, stored_axes, keepdims=True))
    variance = reduce(b, "ReduceMean", b.op("Mul", centered, centered), stored_axes, keepdims=True)
    return centered, b.op("Sqrt", b.op("Add", variance, b.constant(epsilon, "epsilon")))


@EXPORT.register(normalization.LayerNormalization)
def layer(spec: normalization.LayerNormalization, b: Scope, x: Tensor) -> Tensor:
    """LayerNormalization (17) over the last axes, else its definition, as between convolutions, which want another."""
    axes = sorted(chosen_axes(spec.axes, x.type.rank))
    known = None not in [x.type.shape[axis] for axis in axes]
    if b.opset >= 17 and not spec.rms_scaling and known and not _between_convolutions(b, x):
        if not _last(x, axes) and axes[-1] == x.type.rank - 1 == axes[0] + len(axes) - 1:
            x = b.tensor(b.logical(x), x.type)
        if _last(x, axes):
            return b.tensor(_layer_normalization(spec, b, x, axes), perm=x.perm)
    centered, deviation = standardized(b, x, sorted(x.stored_axis(axis) for axis in axes), spec.epsilon)
    y = b.op("Div", x.name if spec.rms_scaling else centered, deviation)
    y = b.op("Mul", y, _by_axes(b, "gamma", axes, x)) if spec.scale else y
    return b.tensor(b.op("Add", y, _by_axes(b, "beta", axes, x)) if spec.center else y, perm=x.perm)


def _between_convolutions(b: Scope, x: Tensor) -> bool:
    """Whether the value is channels-first, as a convolution that reads the result wants it: no Transposes then."""
    order, wanted = channels_first_perm(x.type.rank), b.wanted(x.type.rank)
    return x.type.rank > 2 and x.perm == order and 2 * wanted.count(order) > len(wanted)


def _layer_normalization(spec: normalization.LayerNormalization, b: Scope, x: Tensor, axes: Sequence[int]) -> str:
    shape = [x.type.shape[axis] for axis in sorted(axes, key=x.stored_axis)]
    gamma = _by_axes(b, "gamma", axes, x) if spec.scale else b.constant(np.ones(_known(shape), np.float32), "gamma")
    beta = _by_axes(b, "beta", axes, x) if spec.center else ""
    return b.op("LayerNormalization", x.name, gamma, beta, axis=-len(axes), epsilon=spec.epsilon)


@EXPORT.register(normalization.RMSNormalization)
def rms(spec: normalization.RMSNormalization, b: Scope, x: Tensor) -> Tensor:
    """RMSNormalization (23) over the last axes, else its definition."""
    rank = x.type.rank
    axes = chosen_axes(spec.axes, rank)
    last = tuple(range(rank - len(axes), rank))
    if b.opset >= 23 and axes == last:
        scale = b.initializer(b.weight("scale"), "scale")
        return b.tensor(b.op("RMSNormalization", b.logical(x), scale, axis=-len(axes), epsilon=spec.epsilon))
    stored = sorted(x.stored_axis(axis) for axis in axes)
    power = reduce(b, "ReduceMean", b.op("Mul", x.name, x.name), stored, keepdims=True)
    root = b.op("Sqrt", b.op("Add", power, b.constant(spec.epsilon, "epsilon")))
    scale = b.initializer(b.aligned(b.weight("scale"), last, x), "scale")
    return b.tensor(b.op("Mul", b.op("Div", x.name, root), scale), perm=x.perm)


@EXPORT.register(normalization.GroupNormalization)
def group(spec: normalization.GroupNormalization, b: Scope, x: Tensor) -> Tensor:
    """InstanceNormalization where a group is a channel, GroupNormalization (21); else on (batch, groups, rest)."""
    axis, groups = spec.channels(x.type)
    size = _known([x.type.shape[axis]])[0]
    if x.perm[:2] != (0, axis):
        order = (0, axis, *(other for other in range(1, x.type.rank) if other != axis))
        x = b.tensor(b.arrange(x, order), x.type, order)
    ones, zeros = np.ones(size, np.float32), np.zeros(size, np.float32)
    if x.type.rank > 2 and (groups == size or b.opset >= 21):
        gamma = b.initializer(b.weight("gamma"), "gamma") if spec.scale else b.constant(ones, "gamma")
        beta = b.initializer(b.weight("beta"), "beta") if spec.center else b.constant(zeros, "beta")
        if groups == size:
            y = b.op("InstanceNormalization", x.name, gamma, beta, epsilon=spec.epsilon)
        else:
            y = b.op("GroupNormalization", x.name, gamma, beta, num_groups=groups, epsilon=spec.epsilon)
        return b.tensor(y, perm=x.perm)
    split = reshape(b, x.name, [0, groups, -1])
    neutral = b.constant(ones[:groups], "ones"), b.constant(zeros[:groups], "zeros")
    y = _in_shape_of(b, b.op("InstanceNormalization", split, *neutral, epsilon=spec.epsilon), x)
    y = b.op("Mul", y, _by_axes(b, "gamma", [axis], x)) if spec.scale else y
    return b.tensor(b.op("Add", y, _by_axes(b, "beta", [axis], x)) if spec.center else y, perm=x.perm)


@EXPORT.register(normalization.UnitNormalization)
def unit(spec: normalization.UnitNormalization, b: Scope, x: Tensor) -> Tensor:
    """X / Max(ReduceL2(x), floor)."""
    stored = [x.stored_axis(axis) for axis in chosen_axes(spec.axes, x.type.rank)]
    return b.tensor(unit_length(b, x.name, sorted(stored), spec.floor), perm=x.perm)


@EXPORT.register(normalization.SpectralNormalization)
def spectral(spec: normalization.SpectralNormalization, b: Scope, *inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
    """The wrapped layer."""
    return EXPORT[type(spec.layer)](spec.layer, b, *inputs)


def unit_length(b: Scope, x: str, axes: Sequence[int], floor: float) -> str:
    """A value divided by its Euclidean norm over some stored axes, or by the floor where that is larger."""
    norm = b.op("Max", reduce(b, "ReduceL2", x, axes, keepdims=True), b.constant(floor, "floor"))
    return b.op("Div", x, norm)


def _by_axes(b: Scope, role: str, axes: Sequence[int], x: Tensor) -> str:
    """A weight laid out over these axes in ascending order, as an initializer that fits x as it is stored."""
    weight = b.weight(role).reshape(*_known([x.type.shape[axis] for axis in sorted(axes)]))
    return b.initializer(b.aligned(weight, sorted(axes), x), role)


def _last(x: Tensor, axes: Sequence[int]) -> bool:
    """Whether these axes are the last ones as stored."""
    return {x.stored_axis(axis) for axis in axes} == set(range(x.type.rank - len(axes), x.type.rank))


def _in_shape_of(b: Scope, value: str, x: Tensor) -> str:
    shape = [x.type.shape[axis] for axis in x.perm[1:]]
    if shape.count(None) > 1:
        return b.op("Reshape", value, b.op("Shape", x.name))
    return reshape(b, value, [0, *(-1 if dim is None else dim for dim in shape)])


def _known(dims: Sequence[int | None]) -> list[int]:
    """Dimensions that weights have, which binding them has checked."""
    return [dim for dim in dims if dim is not None]


@EXPORT.register(normalization.LocalResponse)
def local_response(spec: normalization.LocalResponse, b: Scope, x: Tensor) -> Tensor:
    """LRN, whose alpha is divided by the number of channels."""
    perm, size = channels_first_perm(4), 2 * spec.radius + 1
    options = {"alpha": spec.alpha * size, "beta": spec.beta, "bias": spec.bias, "size": size}
    return b.tensor(b.op("LRN", b.arrange(x, perm), **options), perm=perm)
