"""Convolutions whose kernels are tensors of the graph, in ONNX."""

from __future__ import annotations

from kerasport.export import conv
from kerasport.export.arrays import Lazy
from kerasport.export.builder import Scope
from kerasport.export.layout import Tensor
from kerasport.export.registry import EXPORT
from kerasport.layers import kernels
from kerasport.layers.conv import Conv, ConvTranspose, DepthwiseConv, SeparableConv


@EXPORT.register(kernels.Convolved)
def convolved(spec: kernels.Convolved, b: Scope, x: Tensor, *given: Tensor) -> Tensor:
    """Conv or ConvTranspose; constant kernels are arranged at export, others by Transpose and Reshape."""
    layer, sources = spec.layer, [_source(b, kernel) for kernel in given]
    if isinstance(layer, Conv):
        return conv.plain(layer, b, x, sources[0])
    if isinstance(layer, DepthwiseConv):
        return conv.by_channel(layer, b, x, sources[0])
    if isinstance(layer, SeparableConv):
        return conv.in_two_steps(layer, b, x, *sources)
    assert isinstance(layer, ConvTranspose)
    return conv.spread(layer, b, x, sources[0])


def _source(b: Scope, kernel: Tensor) -> Lazy | Tensor:
    known = b.builder.initializers.get(kernel.name)
    return known if known is not None and kernel.is_logical else kernel
