"""Operations along axes: sums, extremes and their indices, cumulative sums, sorting."""

from __future__ import annotations

from kerasport.errors import LayerError
from kerasport.layers.base import Dim, TensorType, normalize_axis
from kerasport.layers.frozen import frozen
from kerasport.layers.ops import Op, reduced_shape


@frozen
class Reduce(Op):
    """One value from all along some axes.

    Attributes:
        function: "sum", "mean", "max", "min", "prod", "any", "all", "logsumexp", "l1" or "l2" (the norms).
        axes: May be negative; None for all.
        keepdims: Whether the axes stay, with size 1.
    """

    function: str
    axes: tuple[int, ...] | None = None
    keepdims: bool = False

    def over(self, rank: int) -> tuple[int, ...]:
        """The axes as non-negative numbers, ascending."""
        axes = range(rank) if self.axes is None else self.axes
        return tuple(sorted({normalize_axis(axis, rank) for axis in axes}))

    @property
    def widens(self) -> bool:
        """It calculates, unless it only asks what is true."""
        return self.function not in ("any", "all")

    def infer(self, *inputs: TensorType) -> TensorType:
        """The input's shape without the axes, or with 1 there."""
        shape = reduced_shape(inputs[0].shape, self.over(inputs[0].rank), self.keepdims)
        return TensorType(shape, "bool" if self.function in ("any", "all") else inputs[0].dtype)


@frozen
class ArgExtreme(Op):
    """Where along an axis the largest, or smallest, value stands: the first of equal ones."""

    axis: int
    largest: bool = True
    keepdims: bool = False

    @property
    def widens(self) -> bool:
        """It compares."""
        return True

    def infer(self, *inputs: TensorType) -> TensorType:
        """The input's shape without the axis, or with 1 there; int64."""
        axis = normalize_axis(self.axis, inputs[0].rank)
        return TensorType(reduced_shape(inputs[0].shape, (axis,), self.keepdims), "int64")


@frozen
class Cumulative(Op):
    """Running sums or products along an axis.

    Attributes:
        product: Whether they are products.
        axis: May be negative.
        reverse: Whether they run from the end.
        exclusive: Whether each value is left out of its own sum.
    """

    axis: int
    product: bool = False
    reverse: bool = False
    exclusive: bool = False

    @property
    def widens(self) -> bool:
        """It calculates."""
        return True

    def infer(self, *inputs: TensorType) -> TensorType:
        """The input's type; int32 for bool."""
        normalize_axis(self.axis, inputs[0].rank)
        return inputs[0].with_dtype("int32" if inputs[0].dtype == "bool" else inputs[0].dtype)


@frozen
class TopK(Op):
    """The ``k`` largest (or smallest) values along an axis in order, and their places; two outputs.

    Attributes:
        k: Their number, None for all.
        axis: May be negative.
        largest: Whether the largest ones, in descending order.
    """

    k: int | None
    axis: int = -1
    largest: bool = True

    @property
    def widens(self) -> bool:
        """It compares."""
        return True

    def infer(self, *inputs: TensorType) -> tuple[TensorType, TensorType]:
        """The axis of size k; the places are int64."""
        axis = normalize_axis(self.axis, inputs[0].rank)
        size: Dim = inputs[0].shape[axis]
        if self.k is not None:
            if size is not None and self.k > size:
                raise LayerError(f"k={self.k} of an axis of {size}")
            size = self.k
        shape = (*inputs[0].shape[:axis], size, *inputs[0].shape[axis + 1 :])
        return inputs[0].with_shape(shape), TensorType(shape, "int64")
