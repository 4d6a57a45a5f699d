"""Normalizations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

from kerasport.errors import LayerError
from kerasport.layers import LAYERS
from kerasport.layers.base import (
    Emit,
    Masks,
    Shape,
    Spec,
    TensorType,
    Types,
    Value,
    normalize_axis,
    refuse_whole_numbers,
)
from kerasport.layers.config import Config
from kerasport.layers.frozen import frozen
from kerasport.layers.ops import Op

_GAMMA_BETA = (
    "beta_initializer gamma_initializer beta_regularizer gamma_regularizer beta_constraint gamma_constraint"
)  # fmt: skip

_FIX = "fix that size of the model's input with --input-shape"
_CUT = "to which Keras would cut off the result"


def chosen_axes(axes: Sequence[int], rank: int) -> tuple[int, ...]:
    """The axes as non-negative numbers, in the given order.

    Raises:
        LayerError: One is missing in the tensor, the batch is among them, or one comes twice.
    """
    chosen = tuple(normalize_axis(axis, rank) for axis in axes)
    if not chosen or 0 in chosen or len(set(chosen)) < len(chosen):
        raise LayerError(f"axis={list(axes)} is not supported for an input of rank {rank}")
    return chosen


@LAYERS.register(
    "BatchNormalization",
    ignored=f"momentum moving_mean_initializer moving_variance_initializer fused freeze renorm_clipping renorm_momentum"
    f" synchronized {_GAMMA_BETA}",
)
@frozen
class BatchNormalization(Spec):
    """``(x - moving_mean) / sqrt(moving_variance + epsilon) * gamma + beta`` along one or several axes.

    Attributes:
        axes: The axes that have statistics of their own; may be negative.
        renorm: Whether the file has the three further statistics of renormalisation, which inference ignores.
        virtual: Whether training splits batches into smaller ones: the statistics have another axis for these.
    """

    axes: tuple[int, ...] = (-1,)
    epsilon: float = 1e-3
    center: bool = True
    scale: bool = True
    renorm: bool = False
    virtual: bool = False
    non_trainable: ClassVar[frozenset[str]] = frozenset(
        ["moving_mean", "moving_variance", "moving_stddev", "renorm_mean", "renorm_stddev"]
    )

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's keys: axis, epsilon, center, scale, renorm, virtual_batch_size.

        With virtual batches Keras saves the axes as they are behind the axis that it inserts.
        """
        virtual = config.get("virtual_batch_size", None) is not None
        return cls(
            axes=tuple(axis - virtual for axis in config.integers("axis", default=-1)),
            virtual=virtual,
            epsilon=config.number("epsilon"),
            center=config.flag("center", True),
            scale=config.flag("scale", True),
            renorm=config.flag("renorm"),
        )

    def weights(self, *inputs: TensorType) -> dict[str, Shape]:
        """Gamma, beta and the statistics: (channels,), or for several axes the input's rank with 1 elsewhere."""
        axes = chosen_axes(self.axes, inputs[0].rank)
        full = tuple(dim if axis in axes else 1 for axis, dim in enumerate(inputs[0].shape))
        shape = (1, *full) if self.virtual else full if len(axes) > 1 else (full[axes[0]],)
        roles = ["gamma"] * self.scale + ["beta"] * self.center + ["moving_mean", "moving_variance"]
        roles += ["moving_stddev", "renorm_mean", "renorm_stddev"] * self.renorm
        return dict.fromkeys(roles, shape)

    def infer(self, *inputs: TensorType) -> TensorType:
        """The input's type."""
        chosen_axes(self.axes, inputs[0].rank)
        return inputs[0]

    def called_with(self, kwargs: Mapping[str, Any]) -> Spec:
        """Takes ``training=True``, by which the statistics are those of the batch."""
        if not kwargs.get("training"):
            return super().called_with(kwargs)
        if self.renorm or self.virtual:
            raise LayerError("it is called with training=True, which is not supported beside renorm or virtual batches")
        own = CurrentBatchNormalization(axes=self.axes, epsilon=self.epsilon, center=self.center, scale=self.scale)
        return own.called_with({**kwargs, "training": False})


@LAYERS.register("BatchNormalization (mode 2)", ignored="momentum")
@frozen
class CurrentBatchNormalization(BatchNormalization):
    """``(x - mean) / sqrt(variance + epsilon) * gamma + beta`` by the statistics of the batch, over all other axes."""


@LAYERS.register("LayerNormalization", ignored=_GAMMA_BETA)
@frozen
class LayerNormalization(Spec):
    """``(x - mean(x)) / sqrt(variance(x) + epsilon) * gamma + beta`` over some axes of each sample.

    Attributes:
        axes: May be negative; gamma and beta have their dimensions in this order, laid out in ascending order.
        rms_scaling: Whether the mean is not subtracted (the variance is still one around the mean) and
            beta is left out.
        cuts_integers: Whether whole numbers give whole numbers (from Keras 3.11 on).
    """

    axes: tuple[int, ...] = (-1,)
    epsilon: float = 1e-3
    center: bool = True
    scale: bool = True
    rms_scaling: bool = False
    cuts_integers: bool = False

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's keys: axis, epsilon, center, scale, rms_scaling."""
        rms = config.flag("rms_scaling")
        return cls(
            axes=config.integers("axis", default=-1),
            epsilon=config.number("epsilon"),
            center=config.flag("center", True) and not rms,
            scale=config.flag("scale", True) or rms,
            rms_scaling=rms,
            cuts_integers=config.flag("cuts_integers"),
        )

    def check_given(self, *inputs: TensorType) -> None:
        """Refuses whole numbers where these give such."""
        super().check_given(*inputs)
        if self.cuts_integers:
            refuse_whole_numbers(inputs, _CUT)

    def weights(self, *inputs: TensorType) -> dict[str, Shape]:
        """Gamma and beta: the dimensions of the axes."""
        axes = chosen_axes(self.axes, inputs[0].rank)
        roles = ["gamma"] * self.scale + ["beta"] * self.center
        unknown = [axis for axis in axes if inputs[0].shape[axis] is None]
        if roles and unknown:
            raise LayerError(f"it has weights along axis {unknown[0]}, whose size is not known", _FIX)
        return dict.fromkeys(roles, tuple(inputs[0].shape[axis] for axis in axes))

    def infer(self, *inputs: TensorType) -> TensorType:
        """The input's type."""
        chosen_axes(self.axes, inputs[0].rank)
        return inputs[0]


@LAYERS.register("RMSNormalization", ignored="scale_initializer")
@frozen
class RMSNormalization(Spec):
    """``x / sqrt(mean(x^2) + epsilon) * scale`` over some axes; the scale falls on the last axes in any case."""

    axes: tuple[int, ...] = (-1,)
    epsilon: float = 1e-6
    carries_mask: ClassVar[bool] = False

    def check_given(self, *inputs: TensorType) -> None:
        """Refuses whole numbers."""
        super().check_given(*inputs)
        refuse_whole_numbers(inputs, _CUT)

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's keys: axis, epsilon."""
        return cls(axes=config.integers("axis", default=-1), epsilon=config.number("epsilon"))

    def weights(self, *inputs: TensorType) -> dict[str, Shape]:
        """Scale: the dimensions of the axes."""
        return {"scale": tuple(inputs[0].shape[axis] for axis in chosen_axes(self.axes, inputs[0].rank))}

    def infer(self, *inputs: TensorType) -> TensorType:
        """The input's type."""
        shape = self.weights(*inputs)["scale"]
        if any(one not in (1, other) for one, other in zip(shape, inputs[0].shape[-len(shape) :], strict=True)):
            raise LayerError(f"a scale of the shape {shape} does not fit the last axes of {inputs[0].shape}")
        return inputs[0]


@LAYERS.register("GroupNormalization", ignored=_GAMMA_BETA)
@frozen
class GroupNormalization(Spec):
    """Normalizes each sample over groups of channels and all other axes, then scales each channel.

    Attributes:
        groups: -1 for as many as there are channels.
        axis: That of the channels; may be negative.
        keeps_mask: Whether the mask goes on (in Keras 3).
        cuts_integers: Whether whole numbers give whole numbers (from Keras 3.4 on).
    """

    groups: int = 32
    axis: int = -1
    epsilon: float = 1e-3
    center: bool = True
    scale: bool = True
    keeps_mask: bool = True
    cuts_integers: bool = False

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's keys: groups, axis, epsilon, center, scale."""
        return cls(
            groups=config.integer("groups"),
            axis=config.integer("axis", -1),
            epsilon=config.number("epsilon"),
            center=config.flag("center", True),
            scale=config.flag("scale", True),
            keeps_mask=config.flag("keeps_mask", True),
            cuts_integers=config.flag("cuts_integers"),
        )

    def check_given(self, *inputs: TensorType) -> None:
        """Refuses whole numbers where these give such."""
        super().check_given(*inputs)
        if self.cuts_integers:
            refuse_whole_numbers(inputs, _CUT)

    def channels(self, x: TensorType) -> tuple[int, int]:
        """The channels' axis, and the number of groups.

        Raises:
            LayerError: The channels are unknown or do not fall into so many groups.
        """
        (axis,) = chosen_axes([self.axis], x.rank)
        size = x.shape[axis]
        groups = size if self.groups == -1 else self.groups
        if not size or not groups or size % groups:
            raise LayerError(f"{size} channels do not fall into {groups} groups")
        return axis, groups

    def weights(self, *inputs: TensorType) -> dict[str, Shape]:
        """Gamma and beta: (channels,)."""
        axis, _ = self.channels(inputs[0])
        return dict.fromkeys(["gamma"] * self.scale + ["beta"] * self.center, (inputs[0].shape[axis],))

    def infer(self, *inputs: TensorType) -> TensorType:
        """The input's type."""
        self.channels(inputs[0])
        return inputs[0]

    def output_mask(self, masks: Sequence[Value | None], inputs: Sequence[Value], emit: Emit) -> Value | None:
        """The input's in Keras 3, none before."""
        return masks[0] if self.keeps_mask else None


@LAYERS.register("UnitNormalization")
@frozen
class UnitNormalization(Spec):
    """``x / max(norm(x), floor)`` with the Euclidean norm over some axes."""

    axes: tuple[int, ...] = (-1,)
    floor: float = 1e-12

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's key: axis."""
        return cls(axes=config.integers("axis", default=-1), floor=config.number("floor", 1e-12))

    def infer(self, *inputs: TensorType) -> TensorType:
        """The input's type."""
        chosen_axes(self.axes, inputs[0].rank)
        return inputs[0]


@LAYERS.register("SpectralNormalization", ignored="power_iterations")
@frozen
class SpectralNormalization(Spec):
    """A wrapper that changes its layer's kernel in training only.

    Attributes:
        layer: The wrapped layer.
        casts: Whether the output gets the input's dtype (in Keras 3), which cuts off fractions for whole numbers.
    """

    layer: Spec
    casts: bool = False
    float_only: ClassVar[bool] = False
    non_trainable: ClassVar[frozenset[str]] = frozenset(["vector_u"])

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's key: layer."""
        if "layer" not in config.inner:
            raise LayerError("its config has no 'layer'")
        return cls(layer=config.inner["layer"], casts=config.flag("casts"))

    def weights(self, *inputs: TensorType) -> dict[str, Shape]:
        """The layer's, then the vector of the power iteration (1, last dimension of the kernel)."""
        roles = self.layer.weights(*inputs)
        kernel = next((shape for role, shape in roles.items() if role != "bias"), ())
        return roles | {"vector_u": (1, *kernel[-1:])}

    def infer(self, *inputs: TensorType) -> Types:
        """The layer's output type."""
        if not inputs[0].dtype.startswith("float") and (self.casts or self.layer.float_only):
            hint = "take the layer out of the SpectralNormalization, which does nothing at inference"
            raise LayerError("its input is of whole numbers, to which Keras would round the output", hint)
        return self.layer.infer(*inputs)

    def called_with(self, kwargs: Mapping[str, Any]) -> Spec:
        """Refuses ``training=True``."""
        if kwargs.get("training"):
            raise LayerError("it is called with training=True, by which its kernel changes with every batch")
        return super().called_with(kwargs)

    def output_mask(self, masks: Sequence[Value | None], inputs: Sequence[Value], emit: Emit) -> Masks:
        """The layer's."""
        return self.layer.output_mask(masks, inputs, emit)


@frozen
class LocalResponse(Op):
    """``x / (bias + alpha * sum of x**2 over the channels around) ** beta`` of images (batch, height, width, channels).

    Attributes:
        radius: How many channels on either side count, as far as there are some.
        bias: Keeps the divisor from 0.
        alpha: The weight of the squares.
        beta: The exponent.
    """

    radius: int = 5
    bias: float = 1.0
    alpha: float = 1.0
    beta: float = 0.5

    def infer(self, *inputs: TensorType) -> TensorType:
        """The input's type."""
        if inputs[0].rank != 4:
            raise LayerError(f"its input has {inputs[0].rank} axes where 4 are needed")
        return inputs[0]
