"""Rescaling and Normalization in NumPy."""

from __future__ import annotations

import numpy as np

from kerasport.layers import preprocessing
from kerasport.reference.registry import REFERENCE, Array, Context


@REFERENCE.register(preprocessing.Rescaling)
def rescaling(spec: preprocessing.Rescaling, context: Context, x: Array) -> Array:
    """``x * scale + offset``."""
    return np.asarray(x * np.asarray(spec.scale, x.dtype) + np.asarray(spec.offset, x.dtype))


@REFERENCE.register(preprocessing.Normalization)
def normalization(spec: preprocessing.Normalization, context: Context, x: Array) -> Array:
    """``(x - mean) / deviation``, or ``mean + x * deviation``, with the statistics brought to the input's rank."""
    axes = {axis % x.ndim for axis in spec.axes}
    kept = [dim for axis, dim in enumerate(x.shape) if axis in axes]
    shape = [dim if axis in axes else 1 for axis, dim in enumerate(x.shape)]
    mean = context.weights["mean"] if spec.mean is None else np.asarray(spec.mean, x.dtype)
    variance = context.weights["variance"] if spec.variance is None else np.asarray(spec.variance, x.dtype)
    mean, variance = (np.broadcast_to(array, kept).reshape(shape) for array in (mean, variance))
    deviation = np.maximum(np.sqrt(variance), x.dtype.type(spec.floor))
    return np.asarray(mean + x * deviation if spec.invert else (x - mean) / deviation)
