"""The layers that keras.applications defines for its own models."""

from __future__ import annotations

from typing import ClassVar, Self

from kerasport.errors import LayerError
from kerasport.layers import LAYERS
from kerasport.layers.base import Shape, Spec, TensorType
from kerasport.layers.config import Config
from kerasport.layers.frozen import frozen
from kerasport.layers.ops import broadcast_shape


@LAYERS.register("LayerScale", ignored="init_values")
@frozen
class LayerScale(Spec):
    """ConvNeXt's ``x * gamma``, with a learned gamma per feature of the last axis."""

    features: int
    carries_mask: ClassVar[bool] = False

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's key: projection_dim."""
        return cls(features=config.integer("projection_dim"))

    def weights(self, *inputs: TensorType) -> dict[str, Shape]:
        """Gamma (features,)."""
        return {"gamma": (self.features,)}

    def infer(self, *inputs: TensorType) -> TensorType:
        """The input's type."""
        if inputs[0].shape[-1] not in (None, self.features):
            raise LayerError(f"its input has {inputs[0].shape[-1]} features where it scales {self.features}")
        return inputs[0]


@LAYERS.register("CustomScaleLayer")
@frozen
class ScaledSum(Spec):
    """Inception-ResNet's ``x + y * scale``, for two inputs of one shape."""

    scale: float
    carries_mask: ClassVar[bool] = False

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's key: scale."""
        return cls(scale=config.number("scale"))

    def infer(self, *inputs: TensorType) -> TensorType:
        """The inputs' common type."""
        if len(inputs) != 2 or inputs[0].rank != inputs[1].rank:
            raise LayerError(f"it adds two inputs of one rank and is given {[x.shape for x in inputs]}")
        return inputs[0].with_shape(broadcast_shape(*(x.shape for x in inputs)))
