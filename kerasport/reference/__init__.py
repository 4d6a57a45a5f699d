"""The NumPy reference: what Keras computes, in Keras's layout, written apart from the ONNX translation."""

from kerasport.reference import (
    activation,
    conv,
    core,
    merge,
    normalization,
    ops,
    pooling,
    preprocessing,
    recurrent,
    resampling,
    wrappers,
)
from kerasport.reference.interpreter import run, run_layers
from kerasport.reference.registry import REFERENCE

__all__ = [
    "REFERENCE",
    "activation",
    "conv",
    "core",
    "merge",
    "normalization",
    "ops",
    "pooling",
    "preprocessing",
    "recurrent",
    "resampling",
    "run",
    "run_layers",
    "wrappers",
]
