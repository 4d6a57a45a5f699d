"""Operations that move, repeat and slice data, in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

from kerasport.layers import shaping
from kerasport.reference.registry import REFERENCE, Array, Context


def _dtype(name: str, context: Context) -> Any:
    return context.dtype if name.startswith("float") else name


@REFERENCE.register(shaping.Constant)
def constant(spec: shaping.Constant, context: Context) -> Array:
    """The array."""
    return np.asarray(spec.value, _dtype(spec.dtype, context))


@REFERENCE.register(shaping.ShapeOf)
def shape_of(spec: shaping.ShapeOf, context: Context, x: Array) -> Array:
    """The shape."""
    return np.asarray(x.shape, np.int32)


@REFERENCE.register(shaping.Reshape)
def reshape(spec: shaping.Reshape, context: Context, x: Array, *row: Array) -> Array:
    """``x.reshape(shape)``."""
    return x.reshape(spec.shape if spec.shape is not None else row[0].tolist())


@REFERENCE.register(shaping.Squeeze)
def squeeze(spec: shaping.Squeeze, context: Context, x: Array) -> Array:
    """Without the axes."""
    return np.squeeze(x, spec.axes)


@REFERENCE.register(shaping.Transpose)
def transpose(spec: shaping.Transpose, context: Context, x: Array) -> Array:
    """The axes in the new order."""
    return x.transpose(spec.perm)


@REFERENCE.register(shaping.Split)
def split(spec: shaping.Split, context: Context, x: Array) -> tuple[Array, ...]:
    """The parts."""
    return tuple(np.split(x, np.cumsum(spec.sizes)[:-1], axis=spec.axis))


@REFERENCE.register(shaping.Tile)
def tile(spec: shaping.Tile, context: Context, x: Array, *row: Array) -> Array:
    """The repetitions."""
    return np.tile(x, spec.repeats if spec.repeats is not None else row[0].tolist())


@REFERENCE.register(shaping.BroadcastTo)
def broadcast_to(spec: shaping.BroadcastTo, context: Context, x: Array, *row: Array) -> Array:
    """The repeated axes."""
    return np.broadcast_to(x, spec.shape if spec.shape is not None else row[0].tolist())


@REFERENCE.register(shaping.Pad)
def pad(spec: shaping.Pad, context: Context, x: Array) -> Array:
    """``np.pad``."""
    if spec.mode == "constant":
        return np.pad(x, spec.pairs, constant_values=spec.value)
    return np.pad(x, spec.pairs, "reflect" if spec.mode == "reflect" else "symmetric")


@REFERENCE.register(shaping.Filled)
def filled(spec: shaping.Filled, context: Context, row: Array) -> Array:
    """The value everywhere."""
    return np.full(row.tolist(), spec.value, _dtype(spec.dtype, context))


@REFERENCE.register(shaping.Range)
def range_(spec: shaping.Range, context: Context, start: Array, stop: Array, step: Array) -> Array:
    """The progression."""
    ends: list[Any] = [start.item(), stop.item(), step.item()]
    return np.arange(*ends).astype(stop.dtype)


@REFERENCE.register(shaping.Band)
def band(spec: shaping.Band, context: Context, x: Array) -> Array:
    """By the distance from the diagonal."""
    below = np.arange(x.shape[-2])[:, None] - np.arange(x.shape[-1])
    kept = np.ones(below.shape, bool)
    if spec.lower is not None:
        kept &= below <= spec.lower
    if spec.upper is not None:
        kept &= -below <= spec.upper
    return np.where(kept, x, x.dtype.type(0))
