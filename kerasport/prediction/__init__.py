"""``predict``: runs rows through ONNX Runtime, or the NumPy reference, in batches.

    readers (``formats``) -> ``binding``: columns to inputs -> ``pipeline``: steps, checks, inference -> ``output``

What flows is ``rows.Rows``; ``stages`` overlaps the steps, ``journal`` lets another process resume.
"""

from __future__ import annotations

from kerasport.prediction.api import predict
from kerasport.prediction.predictor import Predictor

__all__ = ["Predictor", "predict"]
