"""Convolutions in ONNX: one Conv or ConvTranspose each, two for a separable one."""

from __future__ import annotations

from collections.abc import Sequence

from kerasport.export.activation import apply
from kerasport.export.arrays import Lazy
from kerasport.export.builder import Scope
from kerasport.export.layout import Perm, Tensor
from kerasport.export.ops import reshape
from kerasport.export.registry import EXPORT
from kerasport.export.spatial import (
    Pairs,
    as_more_batches,
    as_one_batch,
    channels_first_order,
    padding_attributes,
    without_outermost,
)
from kerasport.export.stored import effective
from kerasport.layers import conv
from kerasport.layers.base import TensorType

# A kernel: a constant, or a value of the graph in its logical order.
Kernel = Lazy | Tensor


@EXPORT.register(conv.Conv1D, conv.Conv2D, conv.Conv3D)
def convolution(spec: conv.Conv, b: Scope, x: Tensor) -> Tensor:
    """Conv, with the kernel as (filters, in / groups, *size)."""
    return plain(spec, b, x, effective(b, spec.stored, spec.layout(spec.channels(x.type))))


@EXPORT.register(conv.DepthwiseConv1D, conv.DepthwiseConv2D)
def depthwise(spec: conv.DepthwiseConv, b: Scope, x: Tensor) -> Tensor:
    """Conv with a group per channel."""
    return by_channel(spec, b, x, b.weight("depthwise_kernel"))


@EXPORT.register(conv.SeparableConv1D, conv.SeparableConv2D)
def separable(spec: conv.SeparableConv, b: Scope, x: Tensor) -> Tensor:
    """Conv with a group per channel, then Conv of size 1."""
    return in_two_steps(spec, b, x, b.weight("depthwise_kernel"), b.weight("pointwise_kernel"))


@EXPORT.register(conv.Conv1DTranspose, conv.Conv2DTranspose, conv.Conv3DTranspose)
def transposed(spec: conv.ConvTranspose, b: Scope, x: Tensor) -> Tensor:
    """ConvTranspose, with the kernel as (in, filters, *size); Keras's cut as pads, its zeros as output_padding."""
    return spread(spec, b, x, b.weight("kernel"))


def plain(spec: conv.Conv, b: Scope, x: Tensor, kernel: Kernel) -> Tensor:
    """A convolution with a kernel (*size, in / groups, filters)."""
    arranged = _first_two_last(b, kernel, "kernel")
    return _finished(spec, b, x, _conv(spec, b, x, arranged, spec.groups, _bias(spec, b)))


def by_channel(spec: conv.DepthwiseConv, b: Scope, x: Tensor, kernel: Kernel) -> Tensor:
    """A depthwise convolution with a kernel (*size, in, multiplier)."""
    return _finished(spec, b, x, _depthwise(spec, b, x, kernel, _bias(spec, b)))


def in_two_steps(spec: conv.SeparableConv, b: Scope, x: Tensor, kernel: Kernel, pointwise: Kernel) -> Tensor:
    """A separable convolution with kernels (*size, in, multiplier) and (1 ..., in * multiplier, filters)."""
    y = _depthwise(spec, b, x, kernel, "")
    name = _first_two_last(b, pointwise, "pointwise_kernel")
    return _finished(spec, b, x, b.op("Conv", y, name, _bias(spec, b), kernel_shape=[1] * spec.dimensions))


def spread(spec: conv.ConvTranspose, b: Scope, x: Tensor, kernel: Kernel) -> Tensor:
    """A transposed convolution with a kernel (*size, filters, in).

    Zeros before an axis (on CNTK, for kernels smaller than the stride) are a Pad, and the bias comes behind it.
    """
    cuts = spec.cuts(spec.lengths(x.type))
    pads = [max(before, 0) for before, _ in cuts] + [max(after, 0) for _, after in cuts]
    missing = [max(-after, 0) for _, after in cuts]
    ahead = [max(-before, 0) for before, _ in cuts]
    y = b.op(
        "ConvTranspose",
        b.arrange(x, channels_first_order(spec, x.type.rank)),
        _first_two_last(b, kernel, "kernel"),
        "" if any(ahead) else _bias(spec, b),
        kernel_shape=list(spec.kernel_size),
        strides=list(spec.strides),
        dilations=_unless_ones(spec.dilations),
        pads=pads if any(pads) else None,
        output_padding=missing if any(missing) else None,
    )
    if any(ahead):
        y = b.op("Pad", y, b.constant([0, 0, *ahead, *[0] * (spec.dimensions + 2)], "ahead"))
        y = _plus_bias(spec, b, y)
    return _finished(spec, b, x, y)


def _first_two_last(b: Scope, kernel: Kernel, role: str) -> str:
    """A kernel (*size, i, o) as (o, i, *size)."""
    rank = len(kernel.shape) if isinstance(kernel, Lazy) else kernel.type.rank
    return _arranged(b, kernel, (rank - 1, rank - 2, *range(rank - 2)), role)


def _arranged(b: Scope, kernel: Kernel, order: Perm, role: str, shape: Sequence[int] = ()) -> str:
    """The kernel with its axes in another order, then in a shape."""
    if isinstance(kernel, Lazy):
        moved = kernel.transpose(*order)
        return b.initializer(moved.reshape(*shape) if shape else moved, role)
    name = b.arrange(kernel, order)
    return reshape(b, name, shape) if shape else name


def _finished(spec: conv.Convolution, b: Scope, x: Tensor, y: str) -> Tensor:
    """The activation on a channels-first value, once it has the input's batch axes again."""
    rank = x.type.rank
    order = channels_first_order(spec, rank)
    lengths = spec.output_lengths(spec.lengths(x.type))
    type_ = spec.resized(x.type, lengths, spec.output_channels(spec.channels(x.type)))
    return apply(b, spec.activation, Tensor(as_more_batches(spec, b, y, x, type_), type_, order))


def _plus_bias(spec: conv.Convolution, b: Scope, y: str) -> str:
    if not spec.use_bias:
        return y
    bias = b.weight("bias")
    return b.op("Add", y, b.initializer(bias.reshape(*bias.shape, *[1] * spec.dimensions), "bias"))


def _bias(spec: conv.Convolution, b: Scope) -> str:
    return b.initializer(b.weight("bias"), "bias") if spec.use_bias else ""


def _depthwise(spec: conv.DepthwiseConv | conv.SeparableConv, b: Scope, x: Tensor, kernel: Kernel, bias: str) -> str:
    """The kernel (*size, in, multiplier) as (in * multiplier, 1, *size)."""
    n = spec.dimensions
    channels, multiplier = (kernel.shape if isinstance(kernel, Lazy) else kernel.type.shape)[n:]
    shape = ((channels or 0) * (multiplier or 0), 1, *spec.kernel_size)
    arranged = _arranged(b, kernel, (n, n + 1, *range(n)), "depthwise_kernel", shape)
    return _conv(spec, b, x, arranged, channels or 0, bias)


def _conv(spec: conv.Convolution, b: Scope, x: Tensor, kernel: str, groups: int, bias: str) -> str:
    pads = _pads(spec, x.type)
    if pads is not None:
        x, pads = _without_padding(b, x, channels_first_order(spec, x.type.rank), pads)
    value, pads = without_outermost(b, as_one_batch(spec, b, x), pads)
    if pads is None and not _pads_itself(spec):
        value, pads = _padded_at_run_time(spec, b, value), []
    return b.op(
        "Conv",
        value,
        kernel,
        bias,
        kernel_shape=list(spec.kernel_size),
        strides=list(spec.strides),
        dilations=_unless_ones(spec.dilations),
        group=groups if groups > 1 else None,
        **padding_attributes(pads),
    )


def _pads_itself(spec: conv.Convolution) -> bool:
    """Whether ONNX Runtime's auto_pad does what the padding says."""
    return spec.padding == "same" and max(spec.dilations) == 1 and all(w.extent >= w.stride for w in spec.windows)


def _pads(spec: conv.Convolution, x: TensorType) -> Pairs | None:
    pads = [w.pads(n, spec.padding) for w, n in zip(spec.windows, spec.lengths(x), strict=True)]
    known = [pair for pair in pads if pair is not None]
    return known if len(known) == len(pads) else None


def _without_padding(b: Scope, x: Tensor, order: Perm, pads: Pairs) -> tuple[Tensor, Pairs]:
    """Takes over what a Pad before the convolution does; the Pad stays only if something else needs it."""
    node = b.builder.producer(x.name)
    if not b.builder.fold or node is None or node.op != "Pad" or not b.sole_user():
        return x, pads
    if len(node.inputs) > 2 or node.inputs[1] not in b.builder.initializers:
        return x, pads
    rank, space = x.type.rank, order[len(order) - len(pads) :]
    amounts = [int(amount) for amount in b.builder.initializers[node.inputs[1]].load()]
    pairs = [(amounts[stored], amounts[rank + stored]) for stored in range(rank)]
    if node.attributes or any(any(pairs[x.stored_axis(axis)]) for axis in set(range(rank)) - set(space)):
        return x, pads
    shape = [None if dim is None else dim - sum(pairs[x.stored_axis(axis)]) for axis, dim in enumerate(x.type.shape)]
    more = [pairs[x.stored_axis(axis)] for axis in space]
    total = [(p[0] + q[0], p[1] + q[1]) for p, q in zip(pads, more, strict=True)]
    return Tensor(node.inputs[0], x.type.with_shape(shape), x.perm), total


def _padded_at_run_time(spec: conv.Convolution, b: Scope, value: str) -> str:
    """Pad, by a table of what the windows need for each remainder of a length and its stride.

    For what ONNX Runtime's auto_pad cannot do: dilations, windows smaller than their stride, centred windows.
    """
    table, first = [(0, 0)], [0, 0]
    for window in spec.windows:
        first.append(len(table))
        lengths = [remainder or window.stride for remainder in range(window.stride)]
        table += [window.pads(length, spec.padding) or (0, 0) for length in lengths]
    remainders = b.op("Mod", b.op("Shape", value), b.constant([1, 1, *spec.strides], "strides"))
    places = b.op("Add", remainders, b.constant(first, "first"))
    sides = [b.op("Gather", b.constant([pair[i] for pair in table], "pads"), places) for i in (0, 1)]
    return b.op("Pad", value, b.op("Concat", *sides, axis=0))


def _unless_ones(numbers: Sequence[int]) -> list[int] | None:
    return list(numbers) if max(numbers) > 1 else None
