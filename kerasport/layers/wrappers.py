"""Wrappers as graph operations: TimeDistributed folds time into the batch. Bidirectional is in ``recurrent``."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from kerasport.layers.base import TensorType, known_product
from kerasport.layers.frozen import frozen
from kerasport.layers.ops import Op

if TYPE_CHECKING:
    from kerasport.dialect.model import LayerDef

# Layers that treat each step of (batch, time, ...) alone anyway, so that nothing needs folding.
_PER_STEP = frozenset(
    [
        "Activation",
        "LeakyReLU",
        "ELU",
        "ReLU",
        "ThresholdedReLU",
        "Dropout",
        "GaussianDropout",
        "GaussianNoise",
        "AlphaDropout",
        "ActivityRegularization",
        "Identity",
        "Dense",
        "Embedding",
    ]
)


def works_per_step(layer: LayerDef) -> bool:
    """Whether the layer gives the same on (batch, time, ...) as on each step."""
    return layer.model is None and layer.class_name in _PER_STEP


@frozen
class FoldTime(Op):
    """(batch, time, ...) to (batch * time, ...)."""

    moves_values: ClassVar[bool] = True

    def infer(self, *inputs: TensorType) -> TensorType:
        """The first two axes as one."""
        shape = inputs[0].shape
        return inputs[0].with_shape((known_product(shape[:2]), *shape[2:]))


@frozen
class UnfoldTime(Op):
    """(batch * time, ...) back to (batch, time, ...), with batch and time those of the second input."""

    moves_values: ClassVar[bool] = True

    def infer(self, *inputs: TensorType) -> TensorType:
        """The second input's first two axes, then the first input's."""
        return inputs[0].with_shape((*inputs[1].shape[:2], *inputs[0].shape[1:]))
