"""Layer specs, by family. Importing this package fills the registry."""

from kerasport.layers import (
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
from kerasport.layers.registry import LAYERS

__all__ = [
    "LAYERS",
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
    "wrappers",
]
