"""Zero padding, cropping and upsampling, in ONNX."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from kerasport.export.builder import Scope
from kerasport.export.layout import Tensor
from kerasport.export.ops import reshape, slice_
from kerasport.export.registry import EXPORT
from kerasport.export.spatial import channels_first_order, weighted
from kerasport.layers import resampling

_END = (1 << 31) - 1


@EXPORT.register(resampling.ZeroPadding1D, resampling.ZeroPadding2D, resampling.ZeroPadding3D)
def zero_padding(spec: resampling.ZeroPadding, b: Scope, x: Tensor) -> Tensor:
    """Pad, in any layout; a convolution that is its only user takes it over."""
    if not any(map(any, spec.padding)):
        return x
    rank = x.type.rank
    pads = np.zeros((2, rank), np.int64)
    for axis, pair in zip(spec.space(rank), spec.padding, strict=True):
        pads[:, x.stored_axis(axis)] = pair
    return b.tensor(b.op("Pad", x.name, b.constant(pads.ravel(), "pads")), perm=x.perm)


@EXPORT.register(resampling.Cropping1D, resampling.Cropping2D, resampling.Cropping3D)
def cropping(spec: resampling.Cropping, b: Scope, x: Tensor) -> Tensor:
    """Slice, in any layout."""
    pairs = zip(spec.space(x.type.rank), spec.cropping, strict=True)
    cut = [(x.stored_axis(axis), before, -after or _END) for axis, (before, after) in pairs if before or after]
    if not cut:
        return x
    axes, starts, ends = ([entry[i] for entry in cut] for i in range(3))
    names = (b.constant(starts, "starts"), b.constant(ends, "ends"), b.constant(axes, "axes"))
    return b.tensor(b.op("Slice", x.name, *names), perm=x.perm)


@EXPORT.register(resampling.UpSampling1D, resampling.UpSampling2D, resampling.UpSampling3D)
def up_sampling(spec: resampling.UpSampling, b: Scope, x: Tensor) -> Tensor:
    """Resize, where it computes what TensorFlow does; weighted sums with TensorFlow's weights else."""
    if set(spec.size) == {1} and not spec.blurs:
        return x
    if spec.repeats:
        name = _resize(spec, b, x, mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor")
        return b.tensor(name, perm=x.perm)
    if _resizable(spec):
        return _faded(spec, b, x) if spec.fades else _interpolated(spec, b, x)
    lengths = spec.lengths(x.type)
    known = [length for length in lengths if length is not None]
    if len(known) < len(lengths):
        return _spread(spec, b, x)
    axes = zip(spec.space(x.type.rank), known, spec.size, strict=True)
    mixed = [(axis, length, factor) for axis, length, factor in axes if factor > 1 or spec.blurs]
    matrices = {axis: _matrix(spec.interpolation, length, factor) for axis, length, factor in mixed}
    return b.tensor(weighted(b, x, matrices), perm=x.perm)


def _resizable(spec: resampling.UpSampling) -> bool:
    """Whether Resize has the kernel, and TensorFlow's table of cubic weights an entry for every sampled point."""
    exact = all(TABLE_STEPS % (2 * factor) == 0 for factor in spec.size)
    return spec.interpolation == "bilinear" or (spec.interpolation == "bicubic" and exact)


def _interpolated(spec: resampling.UpSampling, b: Scope, x: Tensor) -> Tensor:
    order = channels_first_order(spec, x.type.rank)
    x = Tensor(b.arrange(x, order), x.type, order)
    points = "half_pixel" if spec.half_pixel else "asymmetric"
    cubic = {"cubic_coeff_a": -0.5, "exclude_outside": 1} if spec.interpolation == "bicubic" else {}
    mode = "cubic" if cubic else "linear"
    return b.tensor(_resize(spec, b, x, mode=mode, coordinate_transformation_mode=points, **cubic), perm=order)


def _faded(spec: resampling.UpSampling, b: Scope, x: Tensor) -> Tensor:
    """Resize of the data with a zero behind each axis, without what comes of that zero alone."""
    axes, ends = [x.stored_axis(axis) for axis in spec.space(x.type.rank)], np.zeros(2 * x.type.rank, np.int64)
    ends[[x.type.rank + axis for axis in axes]] = 1
    lengths = [n if n is None else n + 1 for n in spec.lengths(x.type)]
    type_ = spec.resized(x.type, lengths, spec.channels(x.type))
    longer = Tensor(b.op("Pad", x.name, b.constant(ends, "pads")), type_, x.perm)
    y = _interpolated(spec, b, longer)
    for axis, factor in zip(spec.space(x.type.rank), spec.size, strict=True):
        y = Tensor(slice_(b, y.name, y.stored_axis(axis), 0, -factor), y.type, y.perm)
    return b.tensor(y.name, perm=y.perm)


def _resize(spec: resampling.UpSampling, b: Scope, x: Tensor, **attributes: str | float) -> str:
    scales = np.ones(x.type.rank, np.float32)
    for axis, factor in zip(spec.space(x.type.rank), spec.size, strict=True):
        scales[x.stored_axis(axis)] = factor
    return b.op("Resize", x.name, "", b.constant(scales, "scales"), **attributes)


def _spread(spec: resampling.UpSampling, b: Scope, x: Tensor) -> Tensor:
    """ConvTranspose of every channel alone, divided by that of ones: the weights' sum is smaller at the edges."""
    order = channels_first_order(spec, x.type.rank)
    rows, columns = (_weights(spec.interpolation, factor) for factor in spec.size)
    kernel = b.constant(np.outer(rows, columns)[None, None].astype(np.float32), "weights")
    options = {"strides": list(spec.size), "pads": [_reach(spec.interpolation) * factor for factor in spec.size] * 2}
    planes = reshape(b, b.arrange(x, order), [-1, 1, 0, 0])
    one = b.op("Expand", b.constant(np.ones(1, np.float32), "one"), b.op("Shape", slice_(b, planes, 0, 0, 1)))
    sums, totals = (b.op("ConvTranspose", value, kernel, **options) for value in (planes, one))
    return b.tensor(reshape(b, b.op("Div", sums, totals), [-1, spec.channels(x.type) or 0, 0, 0]), perm=order)


def _matrix(interpolation: str, length: int, factor: int) -> NDArray[np.float32]:
    """The weight (new position, old position) of each pixel, scaled to a sum of 1."""
    weights, reach = _weights(interpolation, factor), _reach(interpolation) * factor
    places = np.arange(length * factor)[:, None] - np.arange(length) * factor + reach
    inside = (places >= 0) & (places < len(weights))
    matrix = np.where(inside, weights[places * inside], 0)
    return np.asarray(matrix / matrix.sum(1, keepdims=True), np.float32)


def _weights(interpolation: str, factor: int) -> NDArray[np.float64]:
    """What a pixel counts for the new positions around its own, from ``reach * factor`` before its first one."""
    reach = _reach(interpolation)
    points = (np.arange(-reach * factor, (reach + 1) * factor) + 0.5) / factor - 0.5
    if interpolation == "bicubic":
        points = np.round(points * TABLE_STEPS) / TABLE_STEPS
    radius, kernel = KERNELS[interpolation]
    return np.where(np.abs(points) < radius, kernel(np.abs(points)), 0)


def _reach(interpolation: str) -> int:
    return math.ceil(KERNELS[interpolation][0])


def _lanczos(radius: int, x: NDArray[np.float64]) -> NDArray[np.float64]:
    angle = np.pi * np.maximum(x, 1e-9)
    return np.asarray(radius * np.sin(angle) * np.sin(angle / radius) / angle**2)


def _keys(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(x < 1, (1.5 * x - 2.5) * x**2 + 1, ((-0.5 * x + 2.5) * x - 4) * x + 2)


def _mitchell(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(x < 1, (7 / 6 * x - 2) * x**2 + 8 / 9, ((-7 / 18 * x + 2) * x - 10 / 3) * x + 16 / 9)


# TensorFlow's sampling kernels: how far they reach, in pixels, and the weight by distance.
# tensorflow/core/kernels/image/sampling_kernels.h; bicubic is read from a table, in resize_bicubic_op.cc.
TABLE_STEPS = 1024
KERNELS: dict[str, tuple[float, Callable[[NDArray[np.float64]], NDArray[np.float64]]]] = {
    "bicubic": (2.0, _keys),
    "mitchellcubic": (2.0, _mitchell),
    "lanczos3": (3.0, lambda x: _lanczos(3, x)),
    "lanczos5": (5.0, lambda x: _lanczos(5, x)),
    "gaussian": (1.5, lambda x: np.exp(-(x**2) / (2 * 0.5**2))),
}
