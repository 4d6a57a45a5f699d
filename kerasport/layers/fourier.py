"""Discrete Fourier transforms of the last axis."""

from __future__ import annotations

from typing import ClassVar

from kerasport.errors import LayerError
from kerasport.layers.base import TensorType, Types
from kerasport.layers.frozen import frozen
from kerasport.layers.ops import Op

LONGEST = 8192  # a transform is a product with a matrix of this size


@frozen
class Fourier(Op):
    """``sum of x[n] * exp(-2 pi i k n / length)``; complex numbers are two tensors, the real and the imaginary parts.

    Attributes:
        length: How many values are transformed.
        kind: "complex" of two tensors into two; "inverse" back, by the length; "real" of one tensor into two of the
            first half; "inverse_real" of those into one.
    """

    contracts: ClassVar[bool] = True

    length: int
    kind: str

    @property
    def half(self) -> int:
        """The size of a half that tells all about real values."""
        return self.length // 2 + 1

    def infer(self, *inputs: TensorType) -> Types:
        """The last axis of the transform's length, or half of it."""
        x, size = inputs[0], self.half if self.kind == "inverse_real" else self.length
        if not x.rank or x.shape[-1] != size:
            raise LayerError(f"a transform of {size} values of a tensor of shape {x.shape}")
        if self.length > LONGEST:
            raise LayerError(f"a transform of {self.length} values is not supported; {LONGEST} are the most")
        if self.kind == "inverse_real":
            return x.with_shape((*x.shape[:-1], self.length))
        found = x.with_shape((*x.shape[:-1], self.half if self.kind == "real" else self.length))
        return found, found
