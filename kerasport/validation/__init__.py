"""``validate``: ONNX Runtime against the NumPy reference, layer by layer."""

from __future__ import annotations

from kerasport.validation.compare import Validation, compare, validate
from kerasport.validation.error import LayerError, Tolerance

__all__ = ["LayerError", "Tolerance", "Validation", "compare", "validate"]
