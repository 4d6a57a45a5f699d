"""What represents a composed layer in a graph: its own weights as tensors, and its result."""

from __future__ import annotations

from typing import ClassVar

from kerasport.layers.base import Shape, TensorType
from kerasport.layers.frozen import frozen
from kerasport.layers.ops import Op


@frozen
class Parameter(Op):
    """A weight as a tensor, without inputs.

    Attributes:
        layer: The full name of the layer that it belongs to.
        role: Its role there.
        shape: Its shape.
    """

    layer: str
    role: str
    shape: tuple[int, ...]

    def weights(self, *inputs: TensorType) -> dict[str, Shape]:
        """Itself."""
        return {self.role: self.shape}

    def infer(self, *inputs: TensorType) -> TensorType:
        """Its shape, float32."""
        return TensorType(self.shape)


@frozen
class Composite(Op):
    """The results of a composed layer, which are its inputs."""

    moves_values: ClassVar[bool] = True

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        """The types of the inputs."""
        return inputs
