"""Layer specs, by family. Importing this package fills the registry."""

from kerasport.layers import (
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
from kerasport.layers.registry import LAYERS

__all__ = [
    "LAYERS",
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
    "wrappers",
]
