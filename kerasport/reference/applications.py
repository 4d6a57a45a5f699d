"""The layers of keras.applications, in NumPy."""

from __future__ import annotations

import numpy as np

from kerasport.layers import applications
from kerasport.reference.registry import REFERENCE, Array, Context


@REFERENCE.register(applications.LayerScale)
def layer_scale(spec: applications.LayerScale, context: Context, x: Array) -> Array:
    """``x * gamma``."""
    return x * context.weights["gamma"]


@REFERENCE.register(applications.ScaledSum)
def scaled_sum(spec: applications.ScaledSum, context: Context, x: Array, y: Array) -> Array:
    """``x + y * scale``."""
    return np.asarray(x + y * x.dtype.type(spec.scale))
