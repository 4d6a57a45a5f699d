"""Activation functions as layers."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import ClassVar, Self

from kerasport.errors import LayerError
from kerasport.layers import LAYERS
from kerasport.layers.base import Emit, Shape, Spec, TensorType, Value, normalize_axis
from kerasport.layers.config import Config
from kerasport.layers.frozen import frozen
from kerasport.layers.functions import Function, function
from kerasport.layers.ops import broadcast_shape


@LAYERS.register("Activation")
@frozen
class Activation(Spec):
    """One elementwise (or last-axis) function."""

    activation: Function

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's key: activation."""
        return cls(activation=config.activation())

    @property
    def last_function(self) -> Function:
        """Its activation."""
        return self.activation

    def read_as_floats(self, count: int) -> Collection[int]:
        """None, where nothing changes."""
        return () if self.activation.is_linear else super().read_as_floats(count)

    def whole_dtype(self, given: str) -> str:
        """The input's behind a ReLU that makes no fractions."""
        return given if given != "bool" and self.activation.keeps_whole_numbers else ""

    def infer(self, *inputs: TensorType) -> TensorType:
        """The input's type; ``glu`` halves its axis."""
        return function_type(self.activation, inputs[0])


@LAYERS.register("LeakyReLU")
@frozen
class LeakyReLU(Activation):
    """``x`` where it is positive, else ``negative_slope * x``."""

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's key: negative_slope."""
        slope = config.number("negative_slope", 0.3)
        return cls(activation=function({"function": "leaky_relu", "negative_slope": slope}))


@LAYERS.register("ELU")
@frozen
class ELU(Activation):
    """``x`` where it is positive, else ``alpha * (exp(x) - 1)``."""

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's key: alpha."""
        return cls(activation=function({"function": "elu", "alpha": config.number("alpha", 1.0)}))


@LAYERS.register("ReLU")
@frozen
class ReLU(Activation):
    """The general ReLU: see the function ``relu``."""

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's keys: max_value, negative_slope, threshold; each may be null. And inclusive, from the dialect."""
        keys = ("max_value", "negative_slope", "threshold", "inclusive")
        given = {key: config.optional_number(key) for key in keys}
        return cls(activation=function({"function": "relu"} | {k: v for k, v in given.items() if v is not None}))


@LAYERS.register("ThresholdedReLU")
@frozen
class ThresholdedReLU(Activation):
    """``x`` where it is above ``theta``, else 0."""

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's key: theta."""
        return cls(activation=function({"function": "thresholded_relu", "theta": config.number("theta", 1.0)}))


@LAYERS.register("PReLU", ignored="alpha_initializer alpha_regularizer alpha_constraint")
@frozen
class PReLU(Spec):
    """``x`` where it is positive, else ``alpha * x`` with a learned alpha.

    Attributes:
        shared_axes: The axes (from 1) along which all positions share one alpha; None where only alpha's own shape
            tells.
    """

    shared_axes: tuple[int, ...] | None = ()

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's key: shared_axes, null for none; "stored" where the dialect does not know them."""
        if config.get("shared_axes", None) == "stored":
            return cls(shared_axes=None)
        return cls(shared_axes=() if config.get("shared_axes", None) is None else config.integers("shared_axes"))

    def weights(self, *inputs: TensorType) -> dict[str, Shape]:
        """Alpha: the input's shape without the batch, 1 at the shared axes."""
        if self.shared_axes is None:
            return {"alpha": (None,) * (inputs[0].rank - 1)}
        shared = {normalize_axis(axis, inputs[0].rank) for axis in self.shared_axes}
        return {"alpha": tuple(1 if axis in shared else d for axis, d in enumerate(inputs[0].shape) if axis)}

    def infer(self, *inputs: TensorType) -> TensorType:
        """The input's type."""
        return inputs[0]


@LAYERS.register("Softmax")
@frozen
class Softmax(Spec):
    """``exp(x) / sum(exp(x))`` over one or several axes.

    Attributes:
        axes: May be negative.
        masked: What becomes of masked positions: "ignored" (the mask does nothing), "lowered" (to -1e9
            beforehand; where all are masked, the result is uniform, or over several axes 1), "zeroed" (also
            0 in the result).
    """

    axes: tuple[int, ...] = (-1,)
    masked: str = "zeroed"
    uses_mask: ClassVar[bool] = True

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's key: axis, one or several."""
        axes = config.integers("axis", default=-1)
        return cls(axes=axes, masked=config.choice("masked", ("ignored", "lowered", "zeroed"), "zeroed"))

    def infer(self, *inputs: TensorType) -> TensorType:
        """The input's type."""
        axes = {normalize_axis(axis, inputs[0].rank) for axis in self.axes}
        if not axes or len(axes) != len(self.axes):
            raise LayerError(f"axis={list(self.axes)} is not supported")
        return inputs[0]

    def output_mask(self, masks: Sequence[Value | None], inputs: Sequence[Value], emit: Emit) -> Value | None:
        """The input's mask, which must broadcast to the input from the last axis on."""
        mask = masks[0]
        if mask is not None and self.masked != "ignored":
            x = inputs[0].type.shape
            if broadcast_shape(mask.type.shape, x) != x:
                raise LayerError(f"a mask of the shape {mask.type.shape} does not fit its input {x}")
        return mask


def function_type(function: Function, x: TensorType) -> TensorType:
    """The type of ``function(x)``.

    Raises:
        LayerError: ``glu`` of an axis that cannot be halved.
    """
    if function.name != "glu":
        return x
    shape = list(x.shape)
    axis = normalize_axis(int(function["axis"]), x.rank)
    size = shape[axis]
    if size is not None and size % 2:
        raise LayerError(f"glu needs an even number of features; there are {size}")
    shape[axis] = None if size is None else size // 2
    return x.with_shape(shape)
