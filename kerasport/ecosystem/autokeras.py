"""Layers of autokeras, with which the models that it exports begin."""

from __future__ import annotations

from kerasport.plugins import CustomLayer, Tensor, compose, ops, refuse


@compose("CastToFloat32", mask="dropped")
def cast_to_float32(layer: CustomLayer, x: Tensor) -> Tensor:
    """Numbers as float32."""
    if x.dtype == "string":
        raise refuse("text is not read as numbers; give the model numbers")
    return ops.cast(x, "float32")


@compose("ExpandLastDim", mask="dropped")
def expand_last_dim(layer: CustomLayer, x: Tensor) -> Tensor:
    """A last axis of size 1."""
    return ops.expand_dims(x, -1)
