"""Convolutions with constant or computed kernels, under Keras 3's names; TensorFlow's own under ``tf.`` names."""

from __future__ import annotations

from typing import Any

from kerasport.errors import LayerError
from kerasport.layers.arguments import Arguments, Step, register
from kerasport.layers.base import Shape, Value
from kerasport.layers.conv import (
    Conv,
    Conv1D,
    Conv1DTranspose,
    Conv2D,
    Conv2DTranspose,
    Conv3D,
    Conv3DTranspose,
    Convolution,
    ConvTranspose,
    DepthwiseConv,
    DepthwiseConv1D,
    DepthwiseConv2D,
    SeparableConv,
    SeparableConv1D,
    SeparableConv2D,
)
from kerasport.layers.kernels import Convolved

_CONVOLUTIONS: tuple[type[Conv], ...] = (Conv1D, Conv2D, Conv3D)
_DEPTHWISE: tuple[type[DepthwiseConv], ...] = (DepthwiseConv1D, DepthwiseConv2D)
_SEPARABLE: tuple[type[SeparableConv], ...] = (SeparableConv1D, SeparableConv2D)
_TRANSPOSED: tuple[type[ConvTranspose], ...] = (Conv1DTranspose, Conv2DTranspose, Conv3DTranspose)


def is_channels_first(call: Arguments, position: int | None = None) -> bool:
    """Whether the option ``data_format`` says so, in Keras's or TensorFlow's words."""
    return call.text("data_format", position) in ("channels_first", "NCW", "NCHW", "NCDHW")


def spatial(call: Arguments, name: str, dimensions: int, default: Any = 1) -> tuple[int, ...]:
    """One number for each spatial axis, from one for all, or from those of batch and channels as well."""
    raw = call.get(name)
    sizes = call.integers(name, default=default) if raw is not None else (default,)
    if len(sizes) == 1:
        return sizes * dimensions
    if len(sizes) == dimensions + 2:
        first = is_channels_first(call)
        sizes, others = (sizes[2:], sizes[:2]) if first else (sizes[1:-1], (sizes[0], sizes[-1]))
        if others != (1, 1):
            raise LayerError(f"{name} of batch or channels, {list(others)}, is not supported")
    if len(sizes) != dimensions or min(sizes) < 1:
        raise LayerError(f"{name}={list(sizes)} is not supported")
    return sizes


def padding(call: Arguments, dimensions: int) -> dict[str, Any]:
    """The fields ``padding`` and ``edges``, from a name or from numbers of positions."""
    raw, edges = call.get("padding"), call.get("explicit_paddings")
    if isinstance(raw, str) and raw.lower() in ("valid", "same"):
        return {"padding": raw.lower()}
    if edges and raw == "EXPLICIT":
        raw = list(zip(edges[::2], edges[1::2], strict=True))
    if not isinstance(raw, list | tuple) or len(raw) not in (dimensions, dimensions + 2):
        raise LayerError(f"padding={str(raw)[:60]} is not supported")
    pairs = tuple((int(before), int(after)) for before, after in raw)
    if len(pairs) > dimensions:
        pairs = pairs[2:] if is_channels_first(call) else pairs[1:-1]
    return {"edges": pairs}


def _options(call: Arguments, x: Value, kernel: Shape, most: int = 3) -> dict[str, Any]:
    """The fields that all convolutions have, for a kernel with two axes behind those of space."""
    dimensions = x.type.rank - 2
    size = tuple(dim or 0 for dim in kernel[:-2])
    if not 1 <= dimensions <= most or len(size) != dimensions or 0 in size or None in kernel:
        raise LayerError(f"a kernel of shape {kernel} for an input of shape {x.type.shape} is not supported")
    return {
        "channels_first": is_channels_first(call),
        "kernel_size": size,
        "strides": spatial(call, "strides", dimensions),
        "dilations": spatial(call, "dilation_rate", dimensions),
        "use_bias": False,
        **padding(call, dimensions),
    }


def _operands(call: Arguments, *kernels: str) -> list[Value]:
    """The images, then the kernels, all as float32."""
    names = ("inputs", *kernels)
    return [call.floating(call.tensor(name, position)) for position, name in enumerate(names)]


def _finished(layer: Convolution, values: list[Value]) -> Step:
    return Step(Convolved(layer=layer), tuple(values))


@register("Conv")
def _conv(call: Arguments) -> Step:
    x, kernel = _operands(call, "kernel")
    share, filters = kernel.type.shape[-2:]
    options = _options(call, x, kernel.type.shape)
    channels = x.type.shape[1 if options["channels_first"] else -1]
    if channels is None or not share or channels % share:
        raise LayerError(f"a kernel of shape {kernel.type.shape} for {channels} channels is not supported")
    layer = _CONVOLUTIONS[x.type.rank - 3](filters=filters or 0, groups=channels // share, **options)
    return _finished(layer, [x, kernel])


@register("DepthwiseConv")
def _depthwise(call: Arguments) -> Step:
    x, kernel = _operands(call, "kernel")
    options = _options(call, x, kernel.type.shape, most=2)
    layer = _DEPTHWISE[x.type.rank - 3](depth_multiplier=kernel.type.shape[-1] or 0, **options)
    return _finished(layer, [x, kernel])


@register("SeparableConv")
def _separable(call: Arguments) -> Step:
    x, kernel, pointwise = _operands(call, "depthwise_kernel", "pointwise_kernel")
    options = _options(call, x, kernel.type.shape, most=2)
    multiplier, filters = kernel.type.shape[-1] or 0, pointwise.type.shape[-1] or 0
    layer = _SEPARABLE[x.type.rank - 3](depth_multiplier=multiplier, filters=filters, **options)
    return _finished(layer, [x, kernel, pointwise])


@register("ConvTranspose")
def _transposed(call: Arguments) -> Step:
    x, kernel = _operands(call, "kernel")
    options, dimensions = _options(call, x, kernel.type.shape), x.type.rank - 2
    if call.get("output_padding") is not None:
        added = call.integers("output_padding")
        options["output_padding"] = added * dimensions if len(added) == 1 else added
    layer = _TRANSPOSED[dimensions - 1](filters=kernel.type.shape[-2] or 0, **options)
    return _finished(layer, [x, kernel])


@register("tf.nn.conv_transpose")
def _transposed_to(call: Arguments) -> Step:
    """Unlike Keras's, it is told the size of the result."""
    x, kernel = _operands(call, "kernel")
    options, dimensions = _options(call, x, kernel.type.shape), x.type.rank - 2
    if "edges" in options:
        raise LayerError("padding of single sides is not supported for a transposed convolution")
    row = call.value(call.get("output_shape"), "output_shape").type.content
    space = None if row is None or len(row) != dimensions + 2 else row[2:] if options["channels_first"] else row[1:-1]
    if space is None or None in space:
        raise LayerError("the size of its result is computed, which is not supported", "use a Conv2DTranspose layer")
    options["output_size"] = tuple(dim or 0 for dim in space)
    layer = _TRANSPOSED[dimensions - 1](filters=kernel.type.shape[-2] or 0, **options)
    return _finished(layer, [x, kernel])
