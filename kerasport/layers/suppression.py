"""Non-maximum suppression of boxes."""

from __future__ import annotations

from kerasport.errors import LayerError
from kerasport.layers.base import TensorType
from kerasport.layers.frozen import frozen
from kerasport.layers.ops import Op


@frozen
class NonMaxSuppression(Op):
    """The places of the best boxes (y1, x1, y2, x2), the best first, without those that lie over a better one.

    Attributes:
        most: How many boxes there are at most.
        overlap: Two boxes lie over each other when their intersection divided by their union is above this.
        least: Only scores above this count; None for all.
    """

    most: int
    overlap: float = 0.5
    least: float | None = None

    def infer(self, *inputs: TensorType) -> TensorType:
        """Boxes (n, 4) and scores (n,) to (number of boxes,); int32."""
        boxes, scores = inputs
        if boxes.rank != 2 or scores.rank != 1 or boxes.shape[1] not in (4, None):
            raise LayerError(f"boxes of shape {boxes.shape} with scores of shape {scores.shape} are not supported")
        return TensorType((None,), "int32")


@frozen
class CombinedSuppression(Op):
    """Non-maximum suppression of each class of each image, and the best boxes of all classes together.

    Boxes (batch, n, 1 or classes, 4) and scores (batch, n, classes) to boxes (batch, total, 4), scores and classes
    (batch, total), and how many of them count (batch,); zeros behind those.

    Attributes:
        most: How many boxes of a class there are at most.
        total: How many there are of all.
        overlap: As for NonMaxSuppression.
        least: The same.
        clips: Whether corners are brought into [0, 1].
    """

    most: int
    total: int
    overlap: float = 0.5
    least: float | None = None
    clips: bool = True

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        """The four outputs, all but the number float32."""
        boxes, scores = inputs
        fits = boxes.rank == 4 and scores.rank == 3 and boxes.shape[3] == 4
        if not fits or boxes.shape[2] not in (1, scores.shape[2]) or None in scores.shape[1:]:
            raise LayerError(f"boxes of shape {boxes.shape} with scores of shape {scores.shape} are not supported")
        batch = boxes.shape[0]
        row = TensorType((batch, self.total))
        return TensorType((batch, self.total, 4)), row, row, TensorType((batch,), "int32")
