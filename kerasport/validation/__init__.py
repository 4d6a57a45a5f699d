"""``validate``: ONNX Runtime against the NumPy reference, layer by layer."""

from __future__ import annotations

from kerasport.validation.compare import Settings, compare, validate
from kerasport.validation.error import LayerError, Tolerance
from kerasport.validation.foreign import Ends
from kerasport.validation.result import TrialInput, Validation, Witness

__all__ = ["Ends", "LayerError", "Settings", "Tolerance", "TrialInput", "Validation", "Witness", "compare", "validate"]
