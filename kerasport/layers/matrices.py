"""Linear algebra over the last two axes: solving, determinants, factorisations."""

from __future__ import annotations

from typing import ClassVar

from kerasport.errors import LayerError
from kerasport.layers.base import POSITIVE_DEFINITE, Dim, Domain, TensorType, Types
from kerasport.layers.frozen import frozen
from kerasport.layers.ops import Op


@frozen
class OfSquares(Op):
    """The base of functions of square matrices of a known size."""

    contracts: ClassVar[bool] = True
    eliminates: ClassVar[bool] = True

    def size(self, x: TensorType) -> int:
        """The number of rows.

        Raises:
            LayerError: The matrices are not square, or of unknown size.
        """
        size: Dim = x.shape[-1] if x.rank > 1 else None
        if size is None or x.shape[-2] != size:
            raise LayerError(f"matrices of the shape {x.shape} are not supported, square ones of known size are")
        return size

    def infer(self, *inputs: TensorType) -> Types:
        """The input's type."""
        self.size(inputs[0])
        return inputs[0]


@frozen
class Solve(OfSquares):
    """``x`` with ``a @ x = b``.

    Attributes:
        triangle: Where the matrices are not zero, "lower" or "upper" of their diagonal, so that substitution solves
            them; "" for elimination with pivots.
    """

    triangle: str = ""

    def infer(self, *inputs: TensorType) -> TensorType:
        """The right side's type; its axes before the last two are those of the matrices."""
        a, right = inputs
        if a.rank != right.rank or right.shape[-2] != self.size(a):
            raise LayerError(f"equations of matrices {a.shape} with a right side {right.shape} are not supported")
        return right


@frozen
class Determinant(OfSquares):
    """The sign of each determinant, and the logarithm of its absolute value; two outputs."""

    def infer(self, *inputs: TensorType) -> tuple[TensorType, TensorType]:
        """The axes before the last two."""
        self.size(inputs[0])
        type_ = inputs[0].with_shape(inputs[0].shape[:-2])
        return type_, type_


@frozen
class Cholesky(OfSquares):
    """The lower triangular ``l`` with ``l @ l.T = x``, for positive definite matrices; NaN for others."""

    def domain(self) -> Domain:
        """Matrices that have such a factor."""
        return POSITIVE_DEFINITE


LARGEST = 64  # rows or columns that a decomposition by rotations is offered for


@frozen
class OfMatrices(Op):
    """The base of functions of matrices of any form, of known and not too large sizes."""

    contracts: ClassVar[bool] = True
    eliminates: ClassVar[bool] = True

    def sizes(self, x: TensorType) -> tuple[int, int]:
        """The numbers of rows and columns.

        Raises:
            LayerError: They are unknown, or the smaller one is too large.
        """
        rows, columns = x.shape[-2:] if x.rank > 1 else (None, None)
        if rows is None or columns is None or min(rows, columns) > LARGEST:
            raise LayerError(
                f"matrices of the shape {x.shape} are not supported, at most {LARGEST} by {LARGEST} ones are"
            )
        return rows, columns


@frozen
class SingularValues(OfMatrices):
    """The singular values in descending order."""

    def infer(self, *inputs: TensorType) -> TensorType:
        """As many as the smaller of rows and columns, in the place of both."""
        return inputs[0].with_shape((*inputs[0].shape[:-2], min(self.sizes(inputs[0]))))


@frozen
class PseudoInverse(OfMatrices):
    """Moore and Penrose's inverse.

    Attributes:
        cutoff: Which part of the largest singular value counts as zero.
    """

    cutoff: float

    def infer(self, *inputs: TensorType) -> TensorType:
        """Rows and columns swapped."""
        rows, columns = self.sizes(inputs[0])
        return inputs[0].with_shape((*inputs[0].shape[:-2], columns, rows))


@frozen
class Qr(OfMatrices):
    """Householder's factors with ``q @ r = x``: orthonormal columns and an upper triangle; two outputs.

    Attributes:
        complete: Whether q is square.
    """

    complete: bool = False

    def infer(self, *inputs: TensorType) -> tuple[TensorType, TensorType]:
        """(rows, rank) and (rank, columns), where the rank is the smaller of both or, if complete, the rows."""
        rows, columns = self.sizes(inputs[0])
        rank, leading = rows if self.complete else min(rows, columns), inputs[0].shape[:-2]
        return inputs[0].with_shape((*leading, rows, rank)), inputs[0].with_shape((*leading, rank, columns))
