"""MultiHeadAttention and GroupQueryAttention in ONNX.

The heads of a projection are one MatMul; projections of the same value are one, too. Shapes, with heads
(H,), or (groups, heads of each group) where keys and values are shared: query (batch, heads, steps, key_dim),
turned key (batch, heads, key_dim, steps), value (batch, heads, steps, value_dim).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasport.export.arrays import Lazy, combine
from kerasport.export.builder import Scope
from kerasport.export.layout import Tensor
from kerasport.export.ops import reduce, reshape
from kerasport.export.stored import Kernel, effective
from kerasport.export.visibility import LOWEST, additive, combined, or_everything, positions, spread, weights
from kerasport.layers import attention
from kerasport.layers.stored import Layout


def multi_head_attention(spec: attention.MultiHeadAttention, b: Scope, *inputs: Tensor) -> tuple[Tensor, ...]:
    """Attention from opset 23 on where that is exact; else MatMul, Softmax, MatMul between Transposes."""
    layer = _Layer(spec, b, inputs)
    y, distribution = layer.einsums() if len(layer.axes) > 1 else layer.fused() or layer.products()
    output = b.tensor(layer.output(y))
    return (output, b.tensor(distribution, b.call.outputs[1].type)) if spec.scores else (output,)


@dataclass(frozen=True)
class _Part:
    """One of the projections of query, key and value.

    Attributes:
        name: Which.
        source: What is projected.
        heads: The axes of its heads.
        dim: Features of each head.
    """

    name: str
    source: Tensor
    heads: tuple[int, ...]
    dim: int

    @property
    def width(self) -> int:
        """Columns of its kernel."""
        return prod(self.heads) * self.dim


@dataclass(frozen=True)
class _Layer:
    spec: attention.MultiHeadAttention
    b: Scope
    inputs: tuple[Tensor, ...]

    @property
    def query(self) -> Tensor:
        return self.spec.tensors(self.inputs)[0]

    @property
    def rank(self) -> int:
        return self.query.type.rank

    @property
    def axes(self) -> tuple[int, ...]:
        return self.spec.attended(self.rank)

    @property
    def batch(self) -> list[int]:
        """The axes that are neither attended to nor features."""
        return [axis for axis in range(self.rank - 1) if axis not in self.axes]

    @property
    def given_mask(self) -> Tensor | None:
        return self.spec.argument("attention_mask", self.inputs)

    @cached_property
    def grouped(self) -> bool:
        """Whether groups of heads are an axis of their own, so that their keys and values broadcast."""
        per_head = self.given_mask is not None and self.given_mask.type.rank > self.rank
        return self.spec.groups < self.spec.heads and not self.spec.scores and not per_head

    @cached_property
    def zeroed(self) -> bool:
        return self.spec.zeroes_unseeing(self.rank)

    @cached_property
    def parts(self) -> list[_Part]:
        """Query, key, value."""
        spec = self.spec
        query, value, key = spec.tensors(self.inputs)
        heads, shared = ((spec.groups, spec.heads // spec.groups), (spec.groups, 1))
        if not self.grouped:
            heads, shared = (spec.heads,), (spec.groups,)  # type: ignore[assignment]
        return [
            _Part("query", query, heads, spec.key_dim),
            _Part("key", key, shared, spec.key_dim),
            _Part("value", value, shared, spec.value_dim),
        ]

    # --- the three ways

    def fused(self) -> tuple[str, str] | None:
        """One Attention; None where it is not there, or would treat masks in another way."""
        b, spec = self.b, self.spec
        if b.opset < 23 or self.rank != 3 or spec.scores:
            return None
        only_causal = spec.causal and spec.window is None and not self._masks and self.given_mask is None
        visible = "" if only_causal else self.visible(4)
        if visible and (self.zeroed or not self._masks_all_pairs):
            return None
        values: dict[str, str] = {}
        for group in self.groups(lambda part: part.source):
            y = self.project(group)
            widths = b.constant([part.width for part in group], "widths")
            names = [y] if len(group) == 1 else b.op_n("Split", len(group), y, widths, axis=-1)
            values |= zip((part.name for part in group), names, strict=True)
        y = b.op(
            "Attention",
            *(values[part.name] for part in self.parts),
            additive(b, visible) if visible else "",
            q_num_heads=spec.heads,
            kv_num_heads=spec.groups,
            scale=1 / sqrt(spec.key_dim),
            is_causal=1 if only_causal else None,
        )
        return y, ""

    def products(self) -> tuple[str, str]:
        """MatMuls over one axis, with all others and the heads as a batch; the heads joined again, and the scores."""
        b, spec, (axis,) = self.b, self.spec, self.axes
        q, k, v = self.heads()
        heads = len(self.parts[0].heads)
        scores = b.op("MatMul", q, k)
        distribution = weights(b, scores, self.visible(self.rank + heads), self.zeroed)
        y = b.op("MatMul", distribution, v)
        now = [*self.batch, *range(self.rank, self.rank + heads), axis, self.rank + heads]
        y = b.op("Transpose", y, perm=[now.index(i) for i in sorted(now)])
        return reshape(b, y, [0] * (self.rank - 1) + [spec.heads * spec.value_dim]), distribution

    def einsums(self) -> tuple[str, str]:
        """Einsums over several axes; the softmax over them by its logarithm."""
        b, spec, count = self.b, self.spec, len(self.axes)
        q, k, v = (
            reshape(b, self.project([part], scaled=True), [0] * (self.rank - 1) + [*part.heads, part.dim])
            for part in self.parts
        )
        of_query, of_value, of_scores = self._letters()
        scores = b.op("Einsum", q, k, equation=f"{of_query},{of_value}->{of_scores}")
        visible = self.visible(len(of_scores))
        if visible:
            scores = b.op("Where", visible, scores, b.constant(LOWEST, "lowest"))
        last = list(range(len(of_scores) - count, len(of_scores)))
        distribution = b.op("Exp", b.op("Sub", scores, reduce(b, "ReduceLogSumExp", scores, last, keepdims=True)))
        if visible and self.zeroed:
            distribution = b.op("Where", visible, distribution, b.constant(0.0, "zero"))
        y = b.op("Einsum", distribution, v, equation=f"{of_scores},{of_value}->{of_query}")
        return reshape(b, y, [0] * (self.rank - 1) + [spec.heads * spec.value_dim]), distribution

    def _letters(self) -> tuple[str, str, str]:
        """The axes of query, value and scores; the features of all heads count as the last."""
        names = "abcdefghijklmnopqrstuvwxyz"
        query = names[: self.rank + 1]
        seen = dict(zip(self.axes, names[self.rank + 1 :], strict=False))
        value = "".join(seen.get(axis, letter) for axis, letter in enumerate(query))
        batch = "".join(query[axis] for axis in (*self.batch, self.rank - 1))
        return query, value, batch + "".join(query[axis] for axis in self.axes) + "".join(seen.values())

    # --- projections

    def heads(self) -> list[str]:
        """Query, turned key and value with their heads as a batch axis."""
        b, (axis,) = self.b, self.axes
        found: dict[str, str] = {}
        for group in self.groups(lambda part: (part.source, part.heads[1:], part.dim)):
            tail = group[0].heads[1:]
            split = [sum(part.heads[0] for part in group), *tail, group[0].dim]
            y = reshape(b, self.project(group, scaled=True), [0] * (self.rank - 1) + split)
            y, repeated = self._repeated(group, y)
            last = [axis, self.rank + len(tail)]
            turned = [part.name for part in group] == ["key"]
            order = [*self.batch, *range(self.rank - 1, self.rank + len(tail)), *(last[::-1] if turned else last)]
            y = b.op("Transpose", y, perm=order)
            sizes = b.constant([part.heads[0] * repeated for part in group], "heads")
            names = [y] if len(group) == 1 else b.op_n("Split", len(group), y, sizes, axis=len(self.batch))
            for part, name in zip(group, names, strict=True):
                swapped = [*range(len(order) - 2), len(order) - 1, len(order) - 2]
                turn = part.name == "key" and not turned
                found[part.name] = b.op("Transpose", name, perm=swapped) if turn else name
        return [found[part.name] for part in self.parts]

    def _repeated(self, group: Sequence[_Part], y: str) -> tuple[str, int]:
        """Each shared head once for every head of the query, where they do not broadcast."""
        spec = self.spec
        times = 1 if self.grouped or group[0].name == "query" else spec.heads // spec.groups
        if times == 1:
            return y, 1
        order = np.repeat(np.arange(sum(part.heads[0] for part in group)), times)
        return self.b.op("Gather", y, self.b.constant(order, "shared"), axis=self.rank - 1), times

    def groups(self, key: Callable[[_Part], object]) -> list[list[_Part]]:
        """Parts that agree in a key, to be projected together; each alone where inputs are rounded for each."""
        found: dict[object, list[_Part]] = {}
        for part in self.parts:
            found.setdefault((part.name if self.spec.stored.changes_inputs else "", key(part)), []).append(part)
        return list(found.values())

    def project(self, group: Sequence[_Part], scaled: bool = False) -> str:
        """(..., features of all heads of all parts), from one MatMul; the query scaled if wanted."""
        b, label = self.b, "_".join(part.name for part in group)
        value = b.logical(group[0].source)
        if self.spec.stored.changes_inputs:
            y = self._rounded(group[0].name, value)
            factor = self._factor(group[0], scaled)
            return b.op("Mul", y, b.constant(factor, "scale")) if factor != 1 else y
        y = b.op("MatMul", value, b.initializer(self._joined(group, "kernel", scaled), label))
        if self.spec.use_bias:
            y = b.op("Add", y, b.initializer(self._joined(group, "bias", scaled), f"{label}_bias"))
        return y

    def _rounded(self, name: str, value: str) -> str:
        """One projection over the last axis of a value, in the form in which it is stored."""
        scope, layout = self.b.under(f"{name}/"), self._layouts[name]
        rows = len(layout.shape) - len(layout.channels)

        def matrix(kernel: Lazy) -> Lazy:
            return kernel.reshape(prod(kernel.shape[:rows]), prod(kernel.shape[rows:]))

        bias = scope.weight("bias") if self.spec.use_bias else None
        kernel = Kernel(scope, self.spec.stored, layout, matrix, layout.channels)
        return kernel.product(value, self.rank, bias.reshape(bias.size) if bias else None)

    @cached_property
    def _layouts(self) -> dict[str, Layout]:
        return self.spec.layouts(*(tensor.type for tensor in self.inputs))

    def _factor(self, part: _Part, scaled: bool) -> float:
        return 1 / sqrt(part.dim) if scaled and part.name == "query" else 1.0

    def _kernel(self, name: str) -> Lazy:
        return effective(self.b.under(f"{name}/"), self.spec.stored, self._layouts[name])

    def _joined(self, group: Sequence[_Part], role: str, scaled: bool) -> Lazy:
        is_kernel = role == "kernel"
        arrays = [self._kernel(part.name) if is_kernel else self.b.weight(f"{part.name}/{role}") for part in group]
        rows = arrays[0].shape[:1] if is_kernel else ()
        width = sum(part.width for part in group)
        factors = [self._factor(part, scaled) for part in group]
        if factors == [1.0]:
            return arrays[0].reshape(*rows, width)

        def join(*parts: NDArray[Any]) -> NDArray[Any]:
            flat = [part.reshape(*rows, -1) * np.float32(f) for part, f in zip(parts, factors, strict=True)]
            return np.concatenate(flat, axis=-1)

        return combine(("joined", tuple(factors)), join, arrays, (*rows, width))

    def output(self, y: str) -> str:
        """The gate, and the projection of all heads' features."""
        b, spec = self.b, self.spec
        width = spec.heads * spec.value_dim
        if spec.gate:
            gate = self.project([_Part("gate", self.query, (spec.heads,), spec.value_dim)])
            y = b.op("Mul", y, b.op("Sigmoid", gate))
        shape = self._kernel("attention_output").shape[2:]
        if spec.stored.changes_inputs:
            y = self._rounded("attention_output", y)
        else:
            kernel = self._kernel("attention_output").reshape(width, prod(shape))
            y = b.op("MatMul", y, b.initializer(kernel, "output"))
            if spec.use_bias:
                bias = b.weight("attention_output/bias").reshape(prod(shape))
                y = b.op("Add", y, b.initializer(bias, "output_bias"))
        return reshape(b, y, [0] * (self.rank - 1) + list(shape)) if len(shape) > 1 else y

    # --- masks

    @property
    def _masks(self) -> list[tuple[Tensor, bool]]:
        """The masks that count, and whether each is one of the query."""
        found = self.spec.masked(self.inputs, self.b.masks)
        return [(mask, not index) for index, mask in enumerate(found) if mask is not None]

    @property
    def _masks_all_pairs(self) -> bool:
        """Whether what is visible has as many rows as the query has steps, and columns as the value."""
        query, value, _ = self.spec.tensors(self.inputs)
        sizes = query.type.shape[1], value.type.shape[1]
        mask = self.given_mask
        if mask is not None and None not in sizes and mask.type.shape[-2:] == sizes:
            return True
        of_query = {is_query for _, is_query in self._masks}
        return self.spec.causal or self.spec.window is not None or len(of_query) == 2

    def visible(self, rank: int) -> str:
        """What each query may see, to broadcast with scores of this rank; "" for everything."""
        b, spec, steps = self.b, self.spec, 2 * len(self.axes)
        query, value, _ = spec.tensors(self.inputs)
        terms = []
        if spec.causal or spec.window is not None:
            terms.append(positions(b, query, value, (1, 1), spec.causal, spec.window))
        terms += [spread(b, mask, rank, (0, rank - 2 if of_query else rank - 1)) for mask, of_query in self._masks]
        given = self.given_mask
        if given is not None:
            lead = given.type.rank - steps
            terms.append(spread(b, given, rank, [*range(lead), *range(rank - steps, rank)]))
        visible = combined(b, terms)
        return or_everything(b, visible, len(self.axes)) if visible and spec.exact else visible
