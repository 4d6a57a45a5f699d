"""Folding and unfolding time, in NumPy."""

from __future__ import annotations

from kerasport.layers import wrappers
from kerasport.reference.registry import REFERENCE, Array, Context


@REFERENCE.register(wrappers.FoldTime)
def fold_time(spec: wrappers.FoldTime, context: Context, x: Array) -> Array:
    """(batch, time, ...) to (batch * time, ...)."""
    return x.reshape(-1, *x.shape[2:])


@REFERENCE.register(wrappers.UnfoldTime)
def unfold_time(spec: wrappers.UnfoldTime, context: Context, x: Array, like: Array) -> Array:
    """(batch * time, ...) to (batch, time, ...)."""
    return x.reshape(*like.shape[:2], *x.shape[1:])
