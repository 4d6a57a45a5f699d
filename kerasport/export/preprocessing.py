"""Rescaling and Normalization in ONNX."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kerasport.export.arrays import Lazy, from_array
from kerasport.export.builder import Scope
from kerasport.export.layout import Tensor
from kerasport.export.registry import EXPORT
from kerasport.layers import preprocessing
from kerasport.layers.preprocessing import Numbers

if TYPE_CHECKING:
    from numpy.typing import NDArray


@EXPORT.register(preprocessing.Rescaling)
def rescaling(spec: preprocessing.Rescaling, b: Scope, x: Tensor) -> Tensor:
    """Mul and Add, each where it changes anything."""
    y = x.name
    for op, role, value, neutral in (("Mul", "scale", spec.scale, 1.0), ("Add", "offset", spec.offset, 0.0)):
        array = np.array(value, np.float32)
        if (array != neutral).any():
            axes = range(x.type.rank - array.ndim, x.type.rank)
            y = b.op(op, y, b.initializer(b.aligned(from_array(array), axes, x), role))
    return b.tensor(y, perm=x.perm)


@EXPORT.register(preprocessing.Normalization)
def normalization(spec: preprocessing.Normalization, b: Scope, x: Tensor) -> Tensor:
    """Sub and Div; inverted Mul and Add."""
    kept = spec.kept(x.type)
    shape = tuple(dim for axis in kept if (dim := x.type.shape[axis]) is not None)
    variance = _statistic(b, "variance", spec.variance, shape)
    deviation = variance.map(("deviation", spec.floor), lambda array: _deviation(array, spec.floor), shape)
    mean = _place(b, "mean", _statistic(b, "mean", spec.mean, shape), kept, x)
    scale = _place(b, "deviation", deviation, kept, x)
    if spec.invert:
        return b.tensor(b.op("Add", b.op("Mul", x.name, scale), mean), perm=x.perm)
    return b.tensor(b.op("Div", b.op("Sub", x.name, mean), scale), perm=x.perm)


def _statistic(b: Scope, role: str, constant: Numbers | None, shape: tuple[int, ...]) -> Lazy:
    if constant is None:
        return b.weight(role)
    return from_array(np.array(np.broadcast_to(np.array(constant, np.float32), shape)))


def _deviation(variance: NDArray[Any], floor: float) -> NDArray[Any]:
    return np.asarray(np.maximum(np.sqrt(variance), np.float32(floor)))


def _place(b: Scope, role: str, array: Lazy, axes: Sequence[int], x: Tensor) -> str:
    return b.initializer(b.aligned(array, axes, x), role)
