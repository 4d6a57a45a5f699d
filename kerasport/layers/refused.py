"""What is known and refused: each class or operation with the reason, and the way on."""

from __future__ import annotations

from dataclasses import dataclass

from kerasport.errors import LayerError

_CUT = "save the model up to this layer, and the model behind it, as two models in Keras, and convert these"


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
    "Lambda": Refusal(
        "its Python code is in the file as bytecode, or not at all, and kerasport runs no code from a model file",
        "replace it by layers or operations of Keras with the same effect, and save the model again",
    ),
    "DenseFeatures": Refusal(
        "it reads raw columns through TensorFlow's feature columns, which are not in the saved layer graph",
        _CUT,
    ),
}
OPERATIONS: dict[str, Refusal] = {}
