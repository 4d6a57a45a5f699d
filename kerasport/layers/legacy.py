"""Layers that only Keras 1 had."""

from __future__ import annotations

from typing import ClassVar, Self

from kerasport.errors import LayerError
from kerasport.layers import LAYERS
from kerasport.layers.base import Shape, Spec, TensorType
from kerasport.layers.config import Config
from kerasport.layers.frozen import frozen
from kerasport.layers.functions import LINEAR, Function
from kerasport.layers.merge import Dot
from kerasport.layers.normalization import chosen_axes


@LAYERS.register("MaxoutDense")
@frozen
class MaxoutDense(Spec):
    """``max over f of x @ kernel[f] + bias[f]``, for (batch, features)."""

    units: int
    features: int
    use_bias: bool = True
    carries_mask: ClassVar[bool] = False

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's keys: output_dim (units), nb_feature, bias."""
        units, features = config.integer("units"), config.integer("nb_feature", 4)
        return cls(units=units, features=features, use_bias=config.flag("use_bias", True))

    def weights(self, *inputs: TensorType) -> dict[str, Shape]:
        """Kernel (features, in, units), bias (features, units)."""
        roles: dict[str, Shape] = {"kernel": (self.features, inputs[0].shape[-1], self.units)}
        return roles | ({"bias": (self.features, self.units)} if self.use_bias else {})

    def infer(self, *inputs: TensorType) -> TensorType:
        """(batch, units)."""
        if inputs[0].rank != 2:
            raise LayerError(f"its input has rank {inputs[0].rank} where (batch, features) is needed")
        return inputs[0].with_shape((inputs[0].shape[0], self.units))


@LAYERS.register("Highway")
@frozen
class Highway(Spec):
    """``t * activation(x @ kernel + bias) + (1 - t) * x`` with ``t = sigmoid(x @ carry_kernel + carry_bias)``."""

    activation: Function = LINEAR
    use_bias: bool = True
    carries_mask: ClassVar[bool] = False

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's keys: activation, bias."""
        return cls(activation=config.activation(), use_bias=config.flag("use_bias", True))

    def weights(self, *inputs: TensorType) -> dict[str, Shape]:
        """Kernels (in, in), biases (in,)."""
        size = inputs[0].shape[-1]
        roles: dict[str, Shape] = dict.fromkeys(("kernel", "carry_kernel"), (size, size))
        return roles | (dict.fromkeys(("bias", "carry_bias"), (size,)) if self.use_bias else {})

    def infer(self, *inputs: TensorType) -> TensorType:
        """The input's type."""
        if inputs[0].rank != 2:
            raise LayerError(f"its input has rank {inputs[0].rank} where (batch, features) is needed")
        return inputs[0]


@frozen
class Parametric(Spec):
    """The base of activations with parameters of the input's shape, or of size 1 along axes that share one."""

    parameters: ClassVar[tuple[str, ...]]

    @classmethod
    def parse(cls, config: Config) -> Self:
        """The dialect's key: shared_axes, which only the weights' shapes tell."""
        config.expect("shared_axes", "stored")
        return cls()

    def weights(self, *inputs: TensorType) -> dict[str, Shape]:
        """The parameters, of the input's rank without the batch."""
        return dict.fromkeys(self.parameters, (None,) * (inputs[0].rank - 1))

    def infer(self, *inputs: TensorType) -> TensorType:
        """The input's type."""
        return inputs[0]


@LAYERS.register("ParametricSoftplus")
@frozen
class ParametricSoftplus(Parametric):
    """``alpha * softplus(beta * x)``."""

    parameters = ("alpha", "beta")


@LAYERS.register("SReLU")
@frozen
class SReLU(Parametric):
    """``x`` from ``t_left`` to ``t_left + |t_right|``, and lines with slopes of their own on both sides.

    Attributes:
        limits_left: Whether the line on the left ends where it reaches the upper bend, as on Theano.
    """

    parameters = ("t_left", "a_left", "t_right", "a_right")
    limits_left: bool = False

    @classmethod
    def parse(cls, config: Config) -> Self:
        """The dialect's keys: shared_axes, limits_left."""
        config.expect("shared_axes", "stored")
        return cls(limits_left=config.flag("limits_left"))


@LAYERS.register("BatchNormalization (mode 1)", ignored="momentum")
@frozen
class RowNormalization(Spec):
    """``(x - mean) / (sqrt(variance + epsilon) + epsilon) * gamma + beta`` by the statistics of the last axis."""

    epsilon: float
    axis: int = -1
    non_trainable: ClassVar[frozenset[str]] = frozenset(["moving_mean", "moving_variance"])

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's keys: epsilon, axis."""
        return cls(epsilon=config.number("epsilon"), axis=config.integer("axis", -1))

    def weights(self, *inputs: TensorType) -> dict[str, Shape]:
        """Gamma, beta, and the moving statistics, which nothing uses; all (channels,)."""
        (axis,) = chosen_axes([self.axis], inputs[0].rank)
        return dict.fromkeys(("gamma", "beta", "moving_mean", "moving_variance"), (inputs[0].shape[axis],))

    def infer(self, *inputs: TensorType) -> TensorType:
        """The input's type."""
        chosen_axes([self.axis], inputs[0].rank)
        return inputs[0]


@LAYERS.register("Merge (cos)")
@frozen
class Cosine(Dot):
    """``dot(x, y) / max(sqrt(max(dot(x, x) * dot(y, y), 0)), 1e-7)`` with a new axis 1, element by element."""

    def infer(self, *inputs: TensorType) -> TensorType:
        """That of ``dot(x, y)``, with an axis of size 1 behind the batch."""
        x, y = inputs
        product = super().infer(x, y)
        if len({self.dot.infer(*pair).shape[1:] for pair in ((x, y), (x, x), (y, y))}) > 1:
            raise LayerError(f"the cosine of inputs of the shapes {x.shape} and {y.shape} is not supported")
        return product.with_shape((product.shape[0], 1, *product.shape[1:]))

    @property
    def dot(self) -> Dot:
        """The product alone."""
        return Dot(axes=self.axes, batch_axes=self.batch_axes)
