"""Convolutions whose kernels are tensors of the graph."""

from __future__ import annotations

from typing import ClassVar

from kerasport.errors import LayerError
from kerasport.layers.base import TensorType, Types
from kerasport.layers.conv import Convolution
from kerasport.layers.frozen import frozen
from kerasport.layers.ops import Op


@frozen
class Convolved(Op):
    """A convolution of the first input with the kernels that the other inputs are.

    Attributes:
        layer: The convolution, without a bias; each kernel has the shape of one of its weights, in their order.
    """

    contracts: ClassVar[bool] = True

    layer: Convolution

    def infer(self, *inputs: TensorType) -> Types:
        """What the layer gives for the first input."""
        x, *kernels = inputs
        for (role, wanted), kernel in zip(self.layer.weights(x).items(), kernels, strict=True):
            pairs = zip(wanted, kernel.shape, strict=False)
            if len(wanted) != kernel.rank or any(a != b for a, b in pairs if None not in (a, b)):
                raise LayerError(f"its {role} has the shape {kernel.shape} where {wanted} is needed")
        return self.layer.infer(x)
