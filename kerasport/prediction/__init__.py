"""``predict``: batches of arrays through ONNX Runtime, or through the NumPy reference."""

from __future__ import annotations

from kerasport.prediction.predictor import Predictor, predict
from kerasport.prediction.sinks import write_batches
from kerasport.prediction.sources import Source, open_sources

__all__ = ["Predictor", "Source", "open_sources", "predict", "write_batches"]
