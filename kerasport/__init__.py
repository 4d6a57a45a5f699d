"""Convert trained Keras models to ONNX and prove the result, without TensorFlow or Keras installed.

    with kerasport.load("model.h5") as model: ...      the file's graph, with lazy weights
    kerasport.inspect("model.h5")                      its contents, and whether it can be converted
    kerasport.check("model.h5")                        whether it can be converted, with every reason why not
    kerasport.convert("model.h5", "model.onnx")        translate, validate, write
    kerasport.Cut(outputs=["pool"])                    a part of a model, for convert(..., part=...)
    kerasport.validate("model.h5", "model.onnx")       compare ONNX Runtime with the NumPy reference
    kerasport.predict("model.onnx", array)             predict for arrays, iterators of batches, files
    with kerasport.Predictor("model.onnx") as p: ...   the same, keeping the model open
    kerasport.batch_function("model.onnx")             for Spark's predict_batch_udf
    kerasport.frame_function("model.onnx")             from data frame to data frame

Importing kerasport imports nothing else; each function imports what it needs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from kerasport._version import __version__

if TYPE_CHECKING:
    from kerasport.checking import check
    from kerasport.conversion import convert
    from kerasport.inspection import inspect
    from kerasport.loading import load
    from kerasport.parts.cutting import Cut
    from kerasport.prediction import Predictor, predict
    from kerasport.prediction.functions import batch_function, frame_function
    from kerasport.validation import validate

__all__ = [
    "Cut",
    "Predictor",
    "__version__",
    "batch_function",
    "check",
    "convert",
    "frame_function",
    "inspect",
    "load",
    "predict",
    "validate",
]

_HOMES = {
    "Cut": "kerasport.parts.cutting",
    "Predictor": "kerasport.prediction",
    "batch_function": "kerasport.prediction.functions",
    "check": "kerasport.checking",
    "convert": "kerasport.conversion",
    "frame_function": "kerasport.prediction.functions",
    "inspect": "kerasport.inspection",
    "load": "kerasport.loading",
    "predict": "kerasport.prediction",
    "validate": "kerasport.validation",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'kerasport' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
