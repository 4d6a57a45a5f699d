"""Arrays that are computed only when they are written."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from kerasport.reader.weights import Weight


@dataclass(frozen=True, eq=False)
class Lazy:
    """An array to be: a weight of the file, with the changes on its way into the ONNX model.

    Attributes:
        shape: Its shape when loaded.
        dtype: Its NumPy dtype name when loaded.
        key: Equal keys mean equal values, so that a shared layer's weights are written once.
        load: Gives the array.
    """

    shape: tuple[int, ...]
    dtype: str
    key: Hashable
    load: Callable[[], NDArray[Any]]

    def map(self, tag: Hashable, function: Callable[[NDArray[Any]], NDArray[Any]], shape: tuple[int, ...]) -> Lazy:
        """``function`` of the array; ``tag`` tells it apart from other functions."""
        return Lazy(shape, self.dtype, (self.key, tag), lambda: function(self.load()))

    def transpose(self, *axes: int) -> Lazy:
        """The axes in another order."""
        shape = tuple(self.shape[axis] for axis in axes)
        return self.map(("transpose", axes), lambda array: array.transpose(axes), shape)

    def reshape(self, *shape: int) -> Lazy:
        """Another shape of the same size, all dimensions given."""
        return self.map(("reshape", shape), lambda array: array.reshape(shape), shape)

    @property
    def size(self) -> int:
        """The number of values."""
        product = 1
        for dim in self.shape:
            product *= dim
        return product


def from_weight(weight: Weight, dtype: str = "float32") -> Lazy:
    """A weight of the file in the dtype that the graph computes in; integers stay as they are."""
    is_float = weight.dtype.kind in "fV"
    wanted = dtype if is_float else weight.dtype.name
    return Lazy(weight.shape, wanted, weight.path, lambda: weight.read().astype(wanted, copy=False))


def from_array(array: np.ndarray[Any, Any]) -> Lazy:
    """A constant that is known now."""
    return Lazy(array.shape, array.dtype.name, (array.dtype.str, array.shape, array.tobytes()), lambda: array)


def combine(
    tag: Hashable, function: Callable[..., NDArray[Any]], arrays: Sequence[Lazy], shape: tuple[int, ...]
) -> Lazy:
    """``function`` of several arrays, as float32; ``tag`` tells it apart from other functions."""
    key = (tag, *(array.key for array in arrays))
    return Lazy(shape, "float32", key, lambda: function(*(a.load() for a in arrays)).astype("float32", copy=False))
