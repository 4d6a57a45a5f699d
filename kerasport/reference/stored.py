"""Quantised and low-rank kernels decoded, and products with quantised inputs, in NumPy."""

from __future__ import annotations

import numpy as np

from kerasport.layers.stored import EPSILON, GROUPED, Layout, Stored, check_groups
from kerasport.reference.registry import Array, Context
from kerasport.reference.weights import multiplied, rows_of


def kernel(stored: Stored, layout: Layout, context: Context) -> Array:
    """The kernel as floating-point values, the low-rank factors merged."""
    whole = base(stored, layout, context)
    return whole + low_rank(stored, layout, context) if has_factors(layout, context) else whole


def picked(stored: Stored, layout: Layout, context: Context, places: Array) -> Array:
    """Some rows of the kernel."""
    if stored.mode == "plain" and not has_factors(layout, context):
        return rows_of(context.weights, layout.role, places)
    return np.asarray(kernel(stored, layout, context)[places])


def product(stored: Stored, layout: Layout, context: Context, x: Array) -> Array:
    """``x @ kernel`` for a matrix without its low-rank factors."""
    if stored.mode == "plain":
        return multiplied(x, context.weights, layout.role)
    return np.tensordot(x, base(stored, layout, context), 1)


def base(stored: Stored, layout: Layout, context: Context) -> Array:
    """The kernel without its low-rank factors."""
    weights, role = context.weights, layout.role
    array = weights[role]
    if stored.mode == "plain":
        return array
    if stored.mode == "float8":
        return float8(array, weights["kernel_scale"])
    if stored.mode in GROUPED:
        return _by_group(stored, layout, context)
    scale = weights[f"{role}_scale"]
    if stored.mode == "int8":
        return np.asarray(array.astype(scale.dtype) / _per_channel(scale, layout))
    return _of_nibbles(stored, layout, context)


def _of_nibbles(stored: Stored, layout: Layout, context: Context) -> Array:
    """The kernel of int4."""
    weights, role = context.weights, layout.role
    array, scale = weights[role], weights[f"{role}_scale"]
    whole = _unpacked(array, *((layout.packed_axis, layout.shape) if stored.packs_rows else (1, layout.matrix)))
    if stored.packs_rows and not stored.block:
        return np.asarray(whole.astype(scale.dtype) / _per_channel(scale, layout))
    matrix, axis = whole.astype(scale.dtype), layout.grouped_axis
    if not stored.block:
        return np.asarray(matrix / np.expand_dims(scale, axis)).reshape(_known(layout.shape))
    groups = _groups(context, scale.shape[axis])
    zero, scale = (np.take(array, groups, axis=axis) for array in (weights[f"{role}_zero"], scale))
    return np.asarray((matrix - zero) * scale).reshape(_known(layout.shape))


def _groups(context: Context, count: int) -> Array:
    groups = context.weights["g_idx"].astype(int)
    check_groups(int(groups.min(initial=0)), int(groups.max(initial=0)), count)
    return groups


def _by_group(stored: Stored, layout: Layout, context: Context) -> Array:
    """The kernel of gptq and awq, column by column of what they store."""
    weights, q = context.weights, context.weights["kernel"]
    columns, rows = weights["kernel_scale"].shape[0], q.shape[1]
    if stored.nibbles:
        q = np.stack([q % 16, q // 16], axis=1).reshape(-1, rows)[:columns]
    group = _groups(context, weights["kernel_scale"].shape[1])
    matrix = (q - weights["kernel_zero"].astype(context.dtype)[:, group]) * weights["kernel_scale"][:, group]
    if stored.mode == "awq":
        matrix = matrix / weights["awq_scales"]
    return np.asarray(matrix.T.reshape(_known(layout.shape)))


def has_factors(layout: Layout, context: Context) -> bool:
    """Whether the file has low-rank factors; in archives they are merged."""
    return f"lora_{layout.role}_a" in context.weights


def low_rank(stored: Stored, layout: Layout, context: Context) -> Array:
    """What the low-rank factors add."""
    a, b = (context.weights[f"lora_{layout.role}_{factor}"] for factor in "ab")
    return np.asarray(stored.factor * (a @ b))


def rounded(stored: Stored, context: Context, x: Array, axes: tuple[int, ...]) -> Array:
    """The input as the product sees it, rounded over these axes together."""
    if stored.mode == "float8":
        return float8(x, context.weights["inputs_scale"])
    if not stored.rounds_inputs:
        return x
    # In float32 whatever the rest is computed in: what lies between two steps there may not do so here.
    single = x.astype(np.float32)
    scale = np.float32(127) / (abs(single).max(axis=axes, keepdims=True) + np.float32(EPSILON))
    return np.asarray(np.rint(single * scale).astype(x.dtype) / scale.astype(x.dtype))


def bias(stored: Stored, context: Context) -> Array:
    """The bias, which float8 layers round to bfloat16."""
    values = context.weights["bias"]
    if stored.mode != "float8":
        return values
    _, exponents = np.frexp(values)
    quantum = np.ldexp(np.ones_like(values), exponents - 8)
    return np.asarray(np.rint(values / quantum) * quantum)


def float8(x: Array, scale: Array) -> Array:
    """``e4m3(x / scale) * scale``: four significant bits, steps of 1/512 at least, 448 at most."""
    y = np.clip(x.astype(np.float32) / np.float32(scale), -448, 448)
    _, exponents = np.frexp(y)
    quantum = np.ldexp(np.ones_like(y), np.maximum(exponents, -5) - 4)
    return np.asarray((np.rint(y / quantum) * quantum).astype(x.dtype) * scale)


def _unpacked(packed: Array, axis: int, shape: tuple[int | None, ...]) -> Array:
    """Two signed values of 4 bits a byte, the first one in the low half."""
    parts = np.stack([packed & 15, (packed >> 4) & 15], axis=axis + 1)
    signed = np.where(parts > 7, parts.astype(int) - 16, parts)
    size = shape[axis]
    values = signed.reshape(*packed.shape[:axis], -1, *packed.shape[axis + 1 :])
    return np.asarray(np.take(values, range(size), axis=axis) if size is not None else values)


def _per_channel(scale: Array, layout: Layout) -> Array:
    """The scales with an axis for each axis of the kernel."""
    order = np.argsort(layout.channels)
    ordered = scale.reshape([layout.shape[axis] or -1 for axis in layout.channels]).transpose(order)
    return np.asarray(np.expand_dims(ordered, [a for a in range(len(layout.shape)) if a not in layout.channels]))


def _known(shape: tuple[int | None, ...]) -> tuple[int, ...]:
    return tuple(-1 if dim is None else dim for dim in shape)
