"""Known classes that are refused, each with the reason and an alternative."""

from __future__ import annotations

from dataclasses import dataclass

from kerasport.errors import LayerError

_CUT = "in Keras, save the part before this layer and the part after it as two models, and convert those"

_RAGGED = "it calls a method of a ragged or sparse tensor, which ONNX does not have"
_DENSE = "pad the rows to one length, and use masks"
_PREMADE = "it is a subclass of Model, for which Keras saves no layer graph"
_REBUILD = "build the same model with Dense, Concatenate and Add in the functional API, load its weights, and save that"


@dataclass(frozen=True)
class Refusal:
    """Why a class cannot be converted.

    Attributes:
        reason: What stands in the way.
        way_on: What the user can do.
    """

    reason: str
    way_on: str

    def error(self, what: str) -> LayerError:
        """The error for a layer or operation, ``what``."""
        return LayerError(f"{what} cannot be converted: {self.reason}", self.way_on)


LAYERS: dict[str, Refusal] = {
    "DenseFeatures": Refusal(
        "it reads raw columns through TensorFlow's feature columns, which are not in the saved layer graph",
        _CUT,
    ),
    "ClassMethod": Refusal(_RAGGED, _DENSE),
    "InstanceMethod": Refusal(_RAGGED, _DENSE),
    "InstanceProperty": Refusal(_RAGGED, _DENSE),
    "LinearModel": Refusal(_PREMADE, _REBUILD),
    "WideDeepModel": Refusal(_PREMADE, _REBUILD),
    "FeatureSpace": Refusal(
        "it takes a dict of columns and is not part of a layer graph",
        "save the model of its features: Model(feature_space.get_inputs(), feature_space.get_encoded_features())",
    ),
    "TFSMLayer": Refusal(
        "it runs the graph of a TensorFlow SavedModel in another folder", "convert that SavedModel with tf2onnx"
    ),
    "TorchModuleWrapper": Refusal("it holds a pickled PyTorch module, which is code", "export that with torch.onnx"),
    "JaxLayer": Refusal("it holds a Python function of JAX, which is code", "export that with jax2onnx"),
    "FlaxLayer": Refusal("it holds a Python function of JAX, which is code", "export that with jax2onnx"),
    "TernaryDense": Refusal(
        "no released Keras has it yet, so it cannot be tested against a real Keras", "save the model with Dense instead"
    ),
}
OPERATIONS: dict[str, Refusal] = {}
