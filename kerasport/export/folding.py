"""Folds a scale and shift per channel into the preceding layer: y = (W x + c) * s + t = (W s) x + (c s + t)."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from kerasport.export.arrays import Lazy, combine
from kerasport.export.builder import Builder, Node, Scope
from kerasport.export.layout import Tensor

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Affine:
    """``x * scale + shift`` along one axis, or several, from a layer's weights.

    Attributes:
        tag: Tells it apart from other functions of the same weights.
        arrays: The weights, lazy.
        compute: Gives (scale, shift) from the arrays as float64.
    """

    tag: Hashable
    arrays: tuple[Lazy, ...]
    compute: Callable[..., tuple[NDArray[Any], NDArray[Any]]]

    def part(self, index: int, shape: tuple[int, ...]) -> Lazy:
        """The scale (0) or the shift (1)."""
        return combine((self._key, index), lambda: self._computed[index].reshape(shape), (), shape)

    def of_kernel(self, kernel: Lazy, axis: int) -> Lazy:
        """A kernel times the scale along its output channels."""
        return kernel.scaled(lambda: self._computed[0], axis, self._key)

    def of_bias(self, bias: Lazy) -> Lazy:
        """A bias times the scale plus the shift."""
        return combine((self._key, "bias"), self._biased, [bias], bias.shape)

    @property
    def _key(self) -> Hashable:
        return self.tag, *(array.key for array in self.arrays)

    def _biased(self, bias: NDArray[Any]) -> NDArray[Any]:
        scale, shift = self._computed
        return np.asarray(bias.astype(np.float64) * scale + shift)

    @cached_property
    def _computed(self) -> tuple[NDArray[Any], NDArray[Any]]:
        scale, shift = self.compute(*(array.load().astype(np.float64) for array in self.arrays))
        return scale, np.asarray(shift)


@dataclass(frozen=True)
class _Site:
    """Where a linear layer has its weights.

    Attributes:
        node: Conv, ConvTranspose, Gemm or MatMul, with its kernel as input 1.
        axis: The kernel's axis of output channels.
        bias: The node that adds the bias and the place of that among its inputs; None for MatMul alone.
    """

    node: Node
    axis: int
    bias: tuple[Node, int] | None


def fold(b: Scope, x: Tensor, axis: int, affine: Affine) -> Tensor | None:
    """Folds an affine change of the call's input into the node that computes it.

    Args:
        b: The scope of the call.
        x: Its input.
        axis: The logical axis of the channels.
        affine: The change.

    Returns:
        The folded value; None where the input is not directly, and for this call alone, the output of a
        linear layer with these channels, and nothing was changed.
    """
    builder = b.builder
    site = _site(builder, x, x.stored_axis(axis)) if builder.fold and b.sole_user() else None
    if site is None or not forget(builder, {x.name: 0}):
        return None
    kernel = builder.initializers[site.node.inputs[1]]
    site.node.inputs[1] = b.initializer(affine.of_kernel(kernel, site.axis), "kernel")
    channels = kernel.shape[site.axis]
    if site.bias is None:
        shift = b.initializer(affine.part(1, (channels,)), "bias")
        return b.tensor(b.op("Add", x.name, shift), perm=x.perm)
    node, place = site.bias
    bias = builder.initializers[node.inputs[place]] if len(node.inputs) > place else None
    folded = affine.of_bias(bias) if bias else affine.part(1, (channels,))
    node.inputs[place:] = [b.initializer(folded, "bias")]
    return b.tensor(x.name, perm=x.perm)


def _site(builder: Builder, x: Tensor, channels: int) -> _Site | None:
    """The weights behind a value whose channels are stored at this axis, when all of them are initializers."""
    node = builder.producer(x.name)
    site = _linear(builder, node, channels, x.type.rank) if node else None
    if site is None:
        return None
    constants = [site.node.inputs[1]]
    if site.bias is not None:
        constants += site.bias[0].inputs[site.bias[1] :]
    return site if all(name in builder.initializers for name in constants) else None


def _linear(builder: Builder, node: Node, channels: int, rank: int) -> _Site | None:
    if node.op == "Conv" and channels == 1:
        return _Site(node, 0, (node, 2))
    if node.op == "ConvTranspose" and channels == 1 and node.attributes.get("group", 1) == 1:
        return _Site(node, 1, (node, 2))
    if node.op == "Gemm" and channels == 1 and set(node.attributes) <= {"transB"}:
        return _Site(node, 0 if node.attributes.get("transB") else 1, (node, 2))
    if node.op == "MatMul" and channels == rank - 1 and _is_matrix(builder, node):
        return _Site(node, 1, None)
    if node.op == "Add" and channels == rank - 1 and _is_vector(builder, node.inputs[1]):
        product = builder.producer(node.inputs[0])
        sole = builder.readers(node.inputs[0]) == 1
        if product and product.op == "MatMul" and sole and _is_matrix(builder, product):
            return _Site(product, 1, (node, 1))
    return None


def _is_matrix(builder: Builder, node: Node) -> bool:
    kernel = builder.initializers.get(node.inputs[1])
    return kernel is not None and len(kernel.shape) == 2


def _is_vector(builder: Builder, name: str) -> bool:
    array = builder.initializers.get(name)
    return array is not None and len(array.shape) == 1


def forget(builder: Builder, values: Mapping[str, int]) -> bool:
    """Strikes the layers whose outputs some values are off the builder's list.

    Args:
        builder: What has translated these layers.
        values: How many nodes read each as yet, for what takes the layers' place.

    Returns:
        Whether nothing else needs these outputs; otherwise nothing was changed.
    """
    layers = [key for name in values for key in builder.holders(name)]
    if any(builder.uses[key] > 1 for key in layers):
        return False
    if any(builder.readers(name) != count for name, count in values.items()):
        return False
    for key in layers:
        del builder.tensors[key]
    return True
