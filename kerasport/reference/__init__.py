"""The NumPy reference: what Keras computes, in Keras's layout, written apart from the ONNX translation."""

from kerasport.reference import (
    activation,
    attention,
    conv,
    conv_lstm,
    core,
    merge,
    normalization,
    operators,
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
    "attention",
    "conv",
    "conv_lstm",
    "core",
    "merge",
    "normalization",
    "operators",
    "ops",
    "pooling",
    "preprocessing",
    "recurrent",
    "resampling",
    "run",
    "run_layers",
    "wrappers",
]
