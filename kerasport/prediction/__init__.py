"""``predict``: rows through ONNX Runtime, or through the NumPy reference, in batches.

    readers (``forms``) -> ``binding``: columns to inputs -> ``pipeline``: steps, checks, inference -> ``output``

What flows is ``rows.Rows``; ``stages`` lets it overlap, ``journal`` lets another process continue.
"""

from __future__ import annotations

from kerasport.prediction.api import predict
from kerasport.prediction.predictor import Predictor

__all__ = ["Predictor", "predict"]
