"""Pooling in ONNX: MaxPool and AveragePool, reductions for the global ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kerasport.export.builder import Scope
from kerasport.export.layout import Tensor
from kerasport.export.ops import cast, reduce, unsqueeze
from kerasport.export.registry import EXPORT
from kerasport.export.spatial import Pairs, channels_first_order, padding_attributes, weighted, without_outermost
from kerasport.layers import pooling
from kerasport.layers.spatial import Spatial, Window


@EXPORT.register(pooling.MaxPooling1D, pooling.MaxPooling2D, pooling.MaxPooling3D)
def max_pooling(spec: pooling.MaxPooling, b: Scope, x: Tensor) -> Tensor:
    """MaxPool."""
    return _pooled(spec, b, x, "MaxPool")


@EXPORT.register(pooling.AveragePooling1D, pooling.AveragePooling2D, pooling.AveragePooling3D)
def average_pooling(spec: pooling.AveragePooling, b: Scope, x: Tensor) -> Tensor:
    """AveragePool, which by default counts no padding."""
    return _pooled(spec, b, x, "AveragePool", **({"count_include_pad": 1} if spec.counts_padding else {}))


def _pooled(spec: pooling.Pooling, b: Scope, x: Tensor, op: str, **options: int) -> Tensor:
    """One node where the padding is known, or auto_pad finds it out; else axis by axis, which a pool allows.

    ONNX Runtime's auto_pad fails for windows smaller than their stride, and knows no centred windows.
    """
    order = channels_first_order(spec, x.type.rank)
    stored = value = b.arrange(x, order)
    pads = [w.pads(n, spec.padding) for w, n in zip(spec.windows, spec.lengths(x.type), strict=True)]
    fitting = [spec.padding == "same" and w.size >= w.stride for w in spec.windows]
    if None in pads and all(fitting):
        return b.tensor(_pool(b, op, value, spec.windows, None, **options), perm=order)
    axes = list(zip(spec.windows, pads, strict=True))
    automatic = [pair is None and fits for (_, pair), fits in zip(axes, fitting, strict=True)]
    if any(automatic):
        chosen = [w if auto else Window(1) for w, auto in zip(spec.windows, automatic, strict=True)]
        value = _pool(b, op, value, chosen, None, **options)
        axes = [(Window(1), (0, 0)) if auto else axis for axis, auto in zip(axes, automatic, strict=True)]
    steps = [w if pair is not None else Window(w.size) for w, pair in axes]
    value, left = without_outermost(b, value, [pair or (w.size - 1, w.size - 1) for w, pair in axes])
    value = _pool(b, op, value, steps, left, **options)
    for axis, (window, pair) in enumerate(axes, 2):
        if pair is None:
            value = _strided(b, value, axis, stored, window, spec.padding)
    return b.tensor(value, perm=order)


def _strided(b: Scope, value: str, axis: int, x: str, window: Window, padding: str) -> str:
    """Of the results for all positions those at a stride, from the one that the padding starts with."""
    size, stride = window.size, window.stride
    pads = [window.pads(remainder or stride, padding) or (0, 0) for remainder in range(stride)]
    starts = b.constant([size - 1 - before for before, _ in pads], "starts")
    length = b.op("Gather", b.op("Shape", x), b.constant([axis], "axis"))
    start = b.op("Gather", starts, b.op("Mod", length, b.constant([stride], "stride")))
    names = [b.constant([number], label) for number, label in ((axis, "axis"), (stride, "stride"))]
    return b.op("Slice", value, start, b.op("Add", start, length), *names)


def _pool(b: Scope, op: str, value: str, windows: Sequence[Window], pads: Pairs | None, **options: int) -> str:
    sizes, strides = [w.size for w in windows], [w.stride for w in windows]
    return b.op(op, value, kernel_shape=sizes, strides=strides, **padding_attributes(pads), **options)


@EXPORT.register(pooling.GlobalMaxPooling1D, pooling.GlobalMaxPooling2D, pooling.GlobalMaxPooling3D)
def global_max(spec: pooling.GlobalMaxPooling, b: Scope, x: Tensor) -> Tensor:
    """ReduceMax, in any layout."""
    return _reduced(spec, b, x, "ReduceMax", x.name)


@EXPORT.register(pooling.GlobalAveragePooling1D, pooling.GlobalAveragePooling2D, pooling.GlobalAveragePooling3D)
def global_average(spec: pooling.GlobalAveragePooling, b: Scope, x: Tensor) -> Tensor:
    """GlobalAveragePool where the channels are stored second, else ReduceMean; with a mask, ``sum(x m) / sum(m)``."""
    rank = x.type.rank
    if b.mask is None and rank == spec.dimensions + 2 and x.perm[:2] == (0, spec.channel_axis(rank)):
        return _global_average_pool(spec, b, x)
    if b.mask is None:
        return _reduced(spec, b, x, "ReduceMean", x.name)
    channels = x.stored_axis(spec.channel_axis(x.type.rank))
    kept = unsqueeze(b, cast(b, b.logical(b.mask), x.type.dtype), [channels])
    total = _reduced(spec, b, x, "ReduceSum", b.op("Mul", x.name, kept))
    count = _reduced(spec, b, x, "ReduceSum", kept)
    return b.tensor(b.op("Div", total.name, count.name), perm=total.perm)


def _global_average_pool(spec: pooling.GlobalPooling, b: Scope, x: Tensor) -> Tensor:
    """The operator that ONNX Runtime runs in the blocked layout of its convolutions; a Flatten drops the axes."""
    space = spec.space(x.type.rank)
    type_ = x.type.with_shape([1 if axis in space else dim for axis, dim in enumerate(x.type.shape)])
    pooled = Tensor(b.op("GlobalAveragePool", x.name), type_, x.perm)
    if spec.keepdims:
        return pooled
    y = b.tensor(b.op("Flatten", pooled.name))
    b.builder.squeezed[y.name] = pooled
    return y


def _reduced(spec: pooling.GlobalPooling, b: Scope, x: Tensor, op: str, value: str) -> Tensor:
    axes = sorted(x.stored_axis(axis) for axis in spec.space(x.type.rank))
    return b.tensor(reduce(b, op, value, axes, spec.keepdims), perm=x.perm if spec.keepdims else (0, 1))


@EXPORT.register(pooling.AdaptiveMaxPooling1D, pooling.AdaptiveMaxPooling2D, pooling.AdaptiveMaxPooling3D)
def adaptive_max(spec: pooling.AdaptiveMaxPooling, b: Scope, x: Tensor) -> Tensor:
    """MaxPool where all windows are alike; else, per axis, Gather of the windows (overlong) and ReduceMax."""
    windows = _alike(spec, x)
    if windows is not None:
        return _uniform(spec, b, x, "MaxPool", windows)
    value = x.name
    for axis, starts, ends in _bounds(spec, x):
        steps = np.arange(max(np.subtract(ends, starts)))
        positions = np.minimum(np.array(starts)[:, None] + steps, np.array(ends)[:, None] - 1)
        stored = x.stored_axis(axis)
        value = b.op("Gather", value, b.constant(positions, "positions"), axis=stored)
        value = reduce(b, "ReduceMax", value, [stored + 1], keepdims=False)
    return b.tensor(value, perm=x.perm)


@EXPORT.register(pooling.AdaptiveAveragePooling1D, pooling.AdaptiveAveragePooling2D, pooling.AdaptiveAveragePooling3D)
def adaptive_average(spec: pooling.AdaptiveAveragePooling, b: Scope, x: Tensor) -> Tensor:
    """AveragePool where all windows are alike; else Einsum with a matrix of weights per axis."""
    windows = _alike(spec, x)
    if windows is not None:
        return _uniform(spec, b, x, "AveragePool", windows)
    matrices = {}
    for (axis, starts, ends), n in zip(_bounds(spec, x), spec.lengths(x.type), strict=True):
        pixels = np.arange(n or 0)
        inside = [(pixels >= start) & (pixels < end) for start, end in zip(starts, ends, strict=True)]
        matrices[axis] = np.array([row / row.sum() for row in inside], np.float32)
    return b.tensor(weighted(b, x, matrices), perm=x.perm)


def _uniform(spec: Spatial, b: Scope, x: Tensor, op: str, windows: Sequence[Window]) -> Tensor:
    order = channels_first_order(spec, x.type.rank)
    return b.tensor(_pool(b, op, b.arrange(x, order), windows, []), perm=order)


def _bounds(spec: pooling.AdaptivePooling, x: Tensor) -> list[tuple[int, list[int], list[int]]]:
    """Per spatial axis: the axis, and where its windows start and end."""
    sizes = zip(spec.space(x.type.rank), spec.lengths(x.type), spec.output_size, strict=True)
    return [
        (axis, [i * (n or 0) // o for i in range(o)], [-(-(i + 1) * (n or 0) // o) for i in range(o)])
        for axis, n, o in sizes
    ]


def _alike(spec: pooling.AdaptivePooling, x: Tensor) -> list[Window] | None:
    """The windows as those of a pool, where they all have one size and one distance."""
    windows = []
    for _, starts, ends in _bounds(spec, x):
        sizes, distances = set(np.subtract(ends, starts).tolist()), set(np.diff(starts).tolist()) or {1}
        if len(sizes) > 1 or len(distances) > 1 or 0 in distances:
            return None
        windows.append(Window(sizes.pop(), distances.pop()))
    return windows
