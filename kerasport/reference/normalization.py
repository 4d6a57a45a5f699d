"""Normalizations in NumPy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from kerasport.layers import normalization
from kerasport.layers.normalization import chosen_axes
from kerasport.reference.blocks import by_rows
from kerasport.reference.registry import REFERENCE, Array, Context, Result


@REFERENCE.register(normalization.BatchNormalization)
def batch(spec: normalization.BatchNormalization, context: Context, x: Array) -> Array:
    """``(x - mean) / deviation * gamma + beta``, with the statistics brought to the input's rank."""
    axes = chosen_axes(spec.axes, x.ndim)
    weights = _shaped(context, x, axes)
    mean = weights["moving_mean"]
    deviation = np.sqrt(weights["moving_variance"] + x.dtype.type(spec.epsilon))

    def normalized(rows: Array) -> Array:
        return _scaled((rows - mean) / deviation, weights.get("gamma"), weights.get("beta"))

    return _by_rows(normalized, x, axes)


@REFERENCE.register(normalization.CurrentBatchNormalization)
def by_batch(spec: normalization.CurrentBatchNormalization, context: Context, x: Array) -> Array:
    """Mean and variance over all axes but the chosen ones."""
    axes = chosen_axes(spec.axes, x.ndim)
    weights = _shaped(context, x, axes)
    others = tuple(axis for axis in range(x.ndim) if axis not in axes)
    deviation = np.sqrt(x.var(axis=others, keepdims=True) + x.dtype.type(spec.epsilon))
    centered = x - x.mean(axis=others, keepdims=True)
    return _scaled(centered / deviation, weights.get("gamma"), weights.get("beta"))


@REFERENCE.register(normalization.LayerNormalization)
def layer(spec: normalization.LayerNormalization, context: Context, x: Array) -> Array:
    """Mean and variance of each sample over the axes."""
    axes = chosen_axes(spec.axes, x.ndim)
    weights = _shaped(context, x, axes)

    def normalized(rows: Array) -> Array:
        over = tuple(axis - x.ndim for axis in axes)
        deviation = np.sqrt(rows.var(axis=over, keepdims=True) + x.dtype.type(spec.epsilon))
        centered = rows if spec.rms_scaling else rows - rows.mean(axis=over, keepdims=True)
        return _scaled(centered / deviation, weights.get("gamma"), weights.get("beta"))

    return _by_rows(normalized, x, axes)


def _shaped(context: Context, x: Array, axes: tuple[int, ...]) -> dict[str, Array]:
    """The weights with an axis for each of x's from the first chosen one on."""
    shape = [dim if axis in axes else 1 for axis, dim in enumerate(x.shape)][min(axes) :]
    return {role: weight.reshape(shape) for role, weight in context.weights.items()}


def _by_rows(function: Callable[[Array], Array], x: Array, axes: tuple[int, ...]) -> Array:
    """Row by row where the chosen axes are the last ones."""
    last = axes == tuple(range(x.ndim - len(axes), x.ndim))
    return by_rows(function, x, len(axes)) if last else function(x)


@REFERENCE.register(normalization.RMSNormalization)
def rms(spec: normalization.RMSNormalization, context: Context, x: Array) -> Array:
    """``x / sqrt(mean(x^2) + epsilon) * scale``."""
    power = np.square(x).mean(axis=chosen_axes(spec.axes, x.ndim), keepdims=True)
    return np.asarray(x / np.sqrt(power + x.dtype.type(spec.epsilon)) * context.weights["scale"])


@REFERENCE.register(normalization.GroupNormalization)
def group(spec: normalization.GroupNormalization, context: Context, x: Array) -> Array:
    """The channels last and split in (groups, channels per group); statistics over all but batch and groups."""
    axis = spec.axis % x.ndim
    moved = np.moveaxis(x, axis, -1)
    groups = moved.shape[-1] if spec.groups == -1 else spec.groups
    split = moved.reshape(len(x), -1, groups, moved.shape[-1] // groups)
    centered = split - split.mean(axis=(1, 3), keepdims=True)
    y = centered / np.sqrt(split.var(axis=(1, 3), keepdims=True) + x.dtype.type(spec.epsilon))
    y = _scaled(y.reshape(moved.shape), context.weights.get("gamma"), context.weights.get("beta"))
    return np.moveaxis(y, -1, axis)


@REFERENCE.register(normalization.UnitNormalization)
def unit(spec: normalization.UnitNormalization, context: Context, x: Array) -> Array:
    """``x / max(norm, floor)``."""
    return unit_length(x, chosen_axes(spec.axes, x.ndim), spec.floor)


@REFERENCE.register(normalization.SpectralNormalization)
def spectral(spec: normalization.SpectralNormalization, context: Context, *inputs: Array) -> Result:
    """The wrapped layer."""
    return REFERENCE[type(spec.layer)](spec.layer, context, *inputs)


def unit_length(x: Array, axes: tuple[int, ...], floor: float) -> Array:
    """``x / max(norm, floor)`` with the Euclidean norm over some axes."""
    norm = np.sqrt(np.square(x).sum(axis=axes, keepdims=True))
    return np.asarray(x / np.maximum(norm, x.dtype.type(floor)))


def _scaled(x: Array, gamma: Array | None, beta: Array | None) -> Array:
    y = x if gamma is None else x * gamma
    return y if beta is None else y + beta


@REFERENCE.register(normalization.LocalResponse)
def local_response(spec: normalization.LocalResponse, context: Context, x: Array) -> Array:
    """The sums over windows as differences of a running sum."""
    running = np.cumsum(np.pad(x * x, [(0, 0)] * 3 + [(spec.radius + 1, spec.radius)]), axis=-1)
    sums = running[..., 2 * spec.radius + 1 :] - running[..., : -2 * spec.radius - 1]
    return np.asarray(x / (spec.bias + spec.alpha * sums) ** spec.beta)
