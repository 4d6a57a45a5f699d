"""The translation to ONNX: one function per spec, a layout-tracking builder, a streaming writer."""

from kerasport.export.registry import EXPORT
from kerasport.export.translate import OnnxModel, translate

__all__ = ["EXPORT", "OnnxModel", "translate"]
