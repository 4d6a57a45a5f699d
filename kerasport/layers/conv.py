"""Convolutions: plain, depthwise, separable and transposed, over one to three spatial axes."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from kerasport.errors import LayerError
from kerasport.layers import LAYERS
from kerasport.layers.activation import function_type
from kerasport.layers.base import Dim, Shape, TensorType
from kerasport.layers.config import Config
from kerasport.layers.frozen import frozen
from kerasport.layers.functions import LINEAR, Function
from kerasport.layers.spatial import Spatial, Window, padding_options, positive
from kerasport.layers.stored import PLAIN, Layout, Stored

_DEPTHWISE = "depthwise_initializer depthwise_regularizer depthwise_constraint"
_POINTWISE = "pointwise_initializer pointwise_regularizer pointwise_constraint"


@frozen
class Convolution(Spatial):
    """What all convolutions have.

    Attributes:
        kernel_size: One number per spatial axis, as for the next two.
        strides: Of the windows over the input (of a transposed one: over the output).
        dilations: The distance of the kernel's taps.
        padding: "valid", "same", or "causal" (all of it before the axis).
        edges: The padding of each spatial axis, where it is not what the name says.
        use_bias: Whether a bias per output channel is added.
        activation: Applied to the result, in the layout of the data.
    """

    paddings: ClassVar[tuple[str, ...]] = ("valid", "same")
    kernel_size: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    padding: str = "valid"
    edges: tuple[tuple[int, int], ...] | None = None
    use_bias: bool = True
    activation: Function = LINEAR

    @classmethod
    def options(cls, config: Config) -> dict[str, Any]:
        """The fields that all convolutions read."""
        return {
            "channels_first": config.channels_first(),
            "kernel_size": positive(config, "kernel_size", cls.dimensions),
            "strides": positive(config, "strides", cls.dimensions, default=1),
            "dilations": positive(config, "dilation_rate", cls.dimensions, default=1),
            "use_bias": config.flag("use_bias", True),
            "activation": config.activation(),
            **padding_options(config, cls.paddings, cls.dimensions),
        }

    @property
    def last_function(self) -> Function:
        """Its activation."""
        return self.activation

    @property
    def windows(self) -> tuple[Window, ...]:
        """The kernel along each spatial axis."""
        edges = self.edges or (None,) * self.dimensions
        return tuple(map(Window, self.kernel_size, self.strides, self.dilations, edges))

    def output_channels(self, channels: Dim) -> Dim:
        """The number of output channels for a number of input channels."""
        raise NotImplementedError

    def output_lengths(self, lengths: tuple[Dim, ...]) -> list[Dim]:
        """The spatial sizes of the output."""
        return [w.output_length(n, self.padding) for w, n in zip(self.windows, lengths, strict=True)]

    def infer(self, *inputs: TensorType) -> TensorType:
        """(batch, *space, channels), each spatial size by the windows' arithmetic."""
        x = inputs[0]
        output = self.resized(x, self.output_lengths(self.lengths(x)), self.output_channels(self.channels(x)))
        return function_type(self.activation, output)

    def _with_bias(self, roles: dict[str, Shape], channels: Dim) -> dict[str, Shape]:
        return roles | ({"bias": (self.output_channels(channels),)} if self.use_bias else {})


@frozen
class Conv(Convolution):
    """``activation(sum over taps of x[position * stride + tap * dilation] @ kernel[tap] + bias)``.

    With groups, the g-th share of the input channels makes the g-th share of the filters.
    """

    more_batch: ClassVar[bool] = True
    filters: int
    groups: int = 1
    stored: Stored = PLAIN

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's keys: filters, groups and the common ones."""
        (filters,), (groups,) = positive(config, "filters", 1), positive(config, "groups", 1, default=1)
        if filters % groups:
            raise LayerError(f"{filters} filters cannot be divided into {groups} groups")
        return cls(filters=filters, groups=groups, stored=Stored.parse(config), **cls.options(config))

    def weights(self, *inputs: TensorType) -> dict[str, Shape]:
        """Kernel (*kernel_size, in / groups, filters), bias (filters,)."""
        channels = self.channels(inputs[0])
        if channels is not None and channels % self.groups:
            raise LayerError(f"{channels} channels cannot be divided into {self.groups} groups")
        return self.stored.roles(self.layout(channels), (self.filters,) if self.use_bias else None)

    def layout(self, channels: Dim) -> Layout:
        """The kernel's, for an input with these channels."""
        share = None if channels is None else channels // self.groups
        shape = (*self.kernel_size, share, self.filters)
        return Layout(role="kernel", shape=shape, channels=(len(shape) - 1,), scale=(self.filters,))

    def output_channels(self, channels: Dim) -> Dim:
        """The filters."""
        return self.filters


@LAYERS.register("Conv1D")
class Conv1D(Conv):
    """A convolution over (batch, steps, channels); it alone can be causal."""

    dimensions = 1
    paddings = ("valid", "same", "causal")


@LAYERS.register("Conv2D")
class Conv2D(Conv):
    """A convolution over (batch, height, width, channels)."""

    dimensions = 2


@LAYERS.register("Conv3D")
class Conv3D(Conv):
    """A convolution over (batch, depth, height, width, channels)."""

    dimensions = 3


@frozen
class DepthwiseConv(Convolution):
    """Every channel convolved with ``depth_multiplier`` filters of its own; channel-major output order."""

    depth_multiplier: int = 1

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's keys: depth_multiplier and the common ones."""
        (depth_multiplier,) = positive(config, "depth_multiplier", 1, default=1)
        return cls(depth_multiplier=depth_multiplier, **cls.options(config))

    def weights(self, *inputs: TensorType) -> dict[str, Shape]:
        """Depthwise kernel (*kernel_size, in, depth_multiplier), bias (in * depth_multiplier,)."""
        channels = self.channels(inputs[0])
        return self._with_bias({"depthwise_kernel": (*self.kernel_size, channels, self.depth_multiplier)}, channels)

    def output_channels(self, channels: Dim) -> Dim:
        """Input channels times depth_multiplier."""
        return None if channels is None else channels * self.depth_multiplier


# tf.keras writes groups for the layers below and never looks at them.
@LAYERS.register("DepthwiseConv1D", ignored=f"groups {_DEPTHWISE}")
class DepthwiseConv1D(DepthwiseConv):
    """Over (batch, steps, channels)."""

    dimensions = 1


@LAYERS.register("DepthwiseConv2D", ignored=f"groups {_DEPTHWISE}")
class DepthwiseConv2D(DepthwiseConv):
    """Over (batch, height, width, channels)."""

    dimensions = 2


@frozen
class SeparableConv(Convolution):
    """A depthwise convolution without bias, then a 1x1 convolution, bias and activation."""

    filters: int
    depth_multiplier: int = 1

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's keys: filters, depth_multiplier and the common ones."""
        (filters,) = positive(config, "filters", 1)
        (depth_multiplier,) = positive(config, "depth_multiplier", 1, default=1)
        return cls(filters=filters, depth_multiplier=depth_multiplier, **cls.options(config))

    def weights(self, *inputs: TensorType) -> dict[str, Shape]:
        """Depthwise kernel (*kernel_size, in, m), pointwise kernel (1 ..., in * m, filters), bias (filters,)."""
        channels = self.channels(inputs[0])
        inner = None if channels is None else channels * self.depth_multiplier
        kernels: dict[str, Shape] = {
            "depthwise_kernel": (*self.kernel_size, channels, self.depth_multiplier),
            "pointwise_kernel": (*[1] * self.dimensions, inner, self.filters),
        }
        return self._with_bias(kernels, channels)

    def output_channels(self, channels: Dim) -> Dim:
        """The filters."""
        return self.filters


@LAYERS.register("SeparableConv1D", ignored=f"groups {_DEPTHWISE} {_POINTWISE}")
class SeparableConv1D(SeparableConv):
    """Over (batch, steps, channels)."""

    dimensions = 1
    paddings = ("valid", "same", "causal")


@LAYERS.register("SeparableConv2D", ignored=f"groups {_DEPTHWISE} {_POINTWISE}")
class SeparableConv2D(SeparableConv):
    """Over (batch, height, width, channels)."""

    dimensions = 2


@frozen
class ConvTranspose(Convolution):
    """The gradient of a convolution: every input position adds ``x @ kernel[tap].T`` to the output at its taps.

    The whole result has ``(n - 1) * stride + extent`` positions; Keras then cuts it or appends zeros (before
    the bias) to the output length, for "same" half of the cut (rounded down) at the start.

    Attributes:
        output_padding: What is added to the output length, None for Keras's default length.
        output_size: The output lengths, where they are given.
        cut_before: How many positions are cut at the start of each axis, where it is not half of what is too much.
        shortened: The axes that keep at most ``ceil(n / stride)`` positions: on Theano, for even kernels.
    """

    filters: int
    output_padding: tuple[int, ...] | None = None
    output_size: tuple[int, ...] | None = None
    cut_before: tuple[int, ...] | None = None
    shortened: tuple[bool, ...] | None = None

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's keys: filters, output_padding and the common ones; and the dialect's for the other fields."""
        (filters,) = positive(config, "filters", 1)
        options = cls.options(config)
        for key in ("output_padding", "output_size", "cut_before"):
            if config.get(key, None) is not None:
                options[key] = config.integers(key, cls.dimensions)
        shortened = config.get("shortened", None)
        return cls(filters=filters, shortened=tuple(shortened) if shortened else None, **options)

    def weights(self, *inputs: TensorType) -> dict[str, Shape]:
        """Kernel (*kernel_size, filters, in), bias (filters,)."""
        channels = self.channels(inputs[0])
        return self._with_bias({"kernel": (*self.kernel_size, self.filters, channels)}, channels)

    def output_channels(self, channels: Dim) -> Dim:
        """The filters."""
        return self.filters

    def output_lengths(self, lengths: tuple[Dim, ...]) -> list[Dim]:
        """Per axis: by default ``n * stride`` for "same", ``n * stride + max(extent - stride, 0)`` for "valid".

        With output_padding: ``(n - 1) * stride + extent + output_padding``, for "same" less ``2 * (extent // 2)``.
        """
        sizes = zip(lengths, self._lengths(lengths), self.strides, self._shortened, strict=True)
        return [min(size, -(-(n or 0) // stride)) if short and size else size for n, size, stride, short in sizes]

    def cuts(self, lengths: tuple[Dim, ...]) -> list[tuple[int, int]]:
        """How many positions of the whole result are cut before and after each axis; negative: zeros are appended."""
        known = tuple(1 if n is None else n for n in lengths)  # what is too much depends on n in no other case
        whole = [(n - 1) * w.stride + w.extent for n, w in zip(known, self.windows, strict=True)]
        sizes = [[n or 0 for n in found] for found in (self._lengths(known), self.output_lengths(known))]
        starts = self.cut_before or [max(all_ - size, 0) // 2 for all_, size in zip(whole, sizes[0], strict=True)]
        return [(start, all_ - start - size) for all_, start, size in zip(whole, starts, sizes[1], strict=True)]

    @property
    def _shortened(self) -> tuple[bool, ...]:
        return self.shortened or (False,) * self.dimensions

    def _lengths(self, lengths: tuple[Dim, ...]) -> list[Dim]:
        """The output lengths before an axis is shortened."""
        if None in lengths and (self.output_size is not None or any(self._shortened)):
            raise LayerError("its output size was fixed for an input of known size, and the input's is unknown")
        if self.output_size is not None:
            return list(self.output_size)
        added = self.output_padding or (None,) * self.dimensions
        axes = zip(lengths, self.windows, added, strict=True)
        return [None if n is None else self._length(n, w, more) for n, w, more in axes]

    def _length(self, n: int, w: Window, added: int | None) -> int:
        same = self.padding == "same"
        if added is None:
            return n * w.stride + (0 if same else max(w.extent - w.stride, 0))
        return (n - 1) * w.stride + w.extent + added - (w.extent // 2 * 2 if same else 0)


@LAYERS.register("Conv1DTranspose", ignored="groups")
class Conv1DTranspose(ConvTranspose):
    """Over (batch, steps, channels)."""

    dimensions = 1


@LAYERS.register("Conv2DTranspose", ignored="groups")
class Conv2DTranspose(ConvTranspose):
    """Over (batch, height, width, channels)."""

    dimensions = 2


@LAYERS.register("Conv3DTranspose", ignored="groups")
class Conv3DTranspose(ConvTranspose):
    """Over (batch, depth, height, width, channels)."""

    dimensions = 3
