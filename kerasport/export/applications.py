"""The layers of keras.applications in ONNX."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from kerasport.export.builder import Scope
from kerasport.export.folding import Affine, fold
from kerasport.export.layout import Tensor
from kerasport.export.registry import EXPORT
from kerasport.layers import applications

if TYPE_CHECKING:
    from numpy.typing import NDArray


@EXPORT.register(applications.LayerScale)
def layer_scale(spec: applications.LayerScale, b: Scope, x: Tensor) -> Tensor:
    """Nothing where it folds into the layer before; else Mul."""
    axis = x.type.rank - 1
    folded = fold(b, x, axis, Affine(("layer scale", spec), (b.weight("gamma"),), _without_shift))
    if folded is not None:
        return folded
    gamma = b.initializer(b.aligned(b.weight("gamma"), [axis], x), "gamma")
    return b.tensor(b.op("Mul", x.name, gamma), perm=x.perm)


def _without_shift(gamma: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    return gamma, np.zeros_like(gamma)


@EXPORT.register(applications.ScaledSum)
def scaled_sum(spec: applications.ScaledSum, b: Scope, x: Tensor, y: Tensor) -> Tensor:
    """Mul and Add."""
    names, perm = b.common([x, y])
    return b.tensor(b.op("Add", names[0], b.op("Mul", names[1], b.constant(spec.scale, "scale"))), perm=perm)
