"""The translation to ONNX: one function per spec, a layout-tracking builder, a streaming writer."""

from kerasport.export import (
    activation,
    attention,
    conv,
    conv_lstm,
    core,
    merge,
    multi_head,
    normalization,
    operators,
    ops,
    pooling,
    preprocessing,
    recurrent,
    resampling,
    wrappers,
)
from kerasport.export.registry import EXPORT
from kerasport.export.translate import OnnxModel, translate

__all__ = [
    "EXPORT",
    "OnnxModel",
    "activation",
    "attention",
    "conv",
    "conv_lstm",
    "core",
    "merge",
    "multi_head",
    "normalization",
    "operators",
    "ops",
    "pooling",
    "preprocessing",
    "recurrent",
    "resampling",
    "translate",
    "wrappers",
]
