"""Dense, Embedding, Masking and data movement, in NumPy."""

from __future__ import annotations

import numpy as np

from kerasport.layers import core
from kerasport.reference import stored
from kerasport.reference.activation import apply
from kerasport.reference.ops import not_equal
from kerasport.reference.registry import REFERENCE, Array, Context


@REFERENCE.register(core.Identity)
def identity(spec: core.Identity, context: Context, x: Array) -> Array:
    """Nothing happens at inference."""
    return x


@REFERENCE.register(core.Dense)
def dense(spec: core.Dense, context: Context, x: Array) -> Array:
    """``activation(x @ kernel + bias)``."""
    layout = spec.layout(x.shape[-1])
    y = stored.product(spec.stored, layout, context, stored.rounded(spec.stored, context, x, (-1,)))
    if stored.has_factors(layout, context):
        y = y + x @ stored.low_rank(spec.stored, layout, context)
    if spec.use_bias:
        y = y + stored.bias(spec.stored, context)
    return apply(spec.activation, y)


@REFERENCE.register(core.Flatten)
def flatten(spec: core.Flatten, context: Context, x: Array) -> Array:
    """(batch, everything else)."""
    if spec.channels_first and x.ndim > 2:
        x = np.moveaxis(x, 1, -1)
    return x.reshape(len(x), -1)


@REFERENCE.register(core.Reshape)
def reshape(spec: core.Reshape, context: Context, x: Array) -> Array:
    """(batch, *target_shape)."""
    return x.reshape(len(x), *spec.target_shape)


@REFERENCE.register(core.Permute)
def permute(spec: core.Permute, context: Context, x: Array) -> Array:
    """The axes in the new order."""
    return x.transpose(spec.axes)


@REFERENCE.register(core.RepeatVector)
def repeat_vector(spec: core.RepeatVector, context: Context, x: Array) -> Array:
    """(batch, n, features)."""
    return np.repeat(x[:, None], spec.n, axis=1)


@REFERENCE.register(core.Embedding)
def embedding(spec: core.Embedding, context: Context, x: Array) -> Array:
    """Rows of the table; float ids are truncated."""
    return stored.picked(spec.stored, spec.layout, context, x.astype(np.int64))


@REFERENCE.register(core.Masking)
def masking(spec: core.Masking, context: Context, x: Array) -> Array:
    """``x * any(x != mask_value)``."""
    kept = not_equal(x, spec.mask_value).any(axis=-1, keepdims=True)
    return np.where(kept, x, x.dtype.type(0))


@REFERENCE.register(core.RandomFourierFeatures)
def random_fourier_features(spec: core.RandomFourierFeatures, context: Context, x: Array) -> Array:
    """``cos(x @ kernel / scale + bias)``."""
    weights = context.weights
    return np.asarray(np.cos(x @ weights["unscaled_kernel"] / weights["kernel_scale"] + weights["bias"]))
