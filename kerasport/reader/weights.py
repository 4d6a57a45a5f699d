"""A weight that is still in its file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

from kerasport.errors import DamagedFileError
from kerasport.reader.stretch import Index, Stretch, read_tile

if TYPE_CHECKING:
    import h5py
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Weight:
    """One array of an open model file.

    Attributes:
        path: Where it is in the file, for messages; no two weights have the same.
        shape: Its shape when read.
        dtype: Its NumPy dtype as stored.
    """

    path: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def nbytes(self) -> int:
        """Its size in bytes when read."""
        return prod(self.shape) * self.dtype.itemsize

    @property
    def in_parts(self) -> bool:
        """Whether a part of it can be read without all of it."""
        return False

    def read(self) -> NDArray[Any]:
        """Reads the values.

        Raises:
            DamagedFileError: The bytes are not all there.
        """
        raise NotImplementedError

    def read_part(self, shape: tuple[int, ...], index: Index) -> NDArray[Any]:
        """Reads a part of the values.

        Args:
            shape: The shape to see them in, of the same size as theirs.
            index: Which part of that.

        Raises:
            DamagedFileError: The bytes are not all there.
        """
        return self.read().reshape(shape)[index]


@dataclass(frozen=True, eq=False)
class StoredWeight(Weight):
    """One HDF5 dataset.

    Attributes:
        dataset: Open.
        raw: Opens the bytes that HDF5 reads it from; None where these are not a stretch of a file.
    """

    dataset: h5py.Dataset
    raw: Callable[[], Stretch] | None = None

    @property
    def in_parts(self) -> bool:
        """Whether the dataset is one stretch of the file."""
        return self.raw is not None and self.dataset.id.get_offset() is not None

    def read(self) -> NDArray[Any]:
        """Reads the dataset."""
        try:
            array: NDArray[Any] = self.dataset[()]
        except (OSError, RuntimeError, ValueError) as error:
            raise DamagedFileError(f"The weight {self.path!r} cannot be read: {error}.") from error
        return _bfloat16(array) if array.dtype.kind == "V" else array

    def read_part(self, shape: tuple[int, ...], index: Index) -> NDArray[Any]:
        """Reads a part; where the dataset is one stretch of the file, its bytes and no others."""
        if self.raw is None or not self.in_parts:
            return super().read_part(shape, index)
        try:
            with self.raw() as file:
                array = read_tile(file, self.dataset.id.get_offset(), self.dtype, shape, index)
        except (OSError, EOFError) as error:
            raise DamagedFileError(f"The weight {self.path!r} cannot be read: the file ends within it.") from error
        return _bfloat16(array) if array.dtype.kind == "V" else array


@dataclass(frozen=True, eq=False)
class DerivedWeight(Weight):
    """What is computed from other weights when it is read.

    Attributes:
        parts: These weights.
        compute: Gives the array from theirs.
    """

    parts: tuple[Weight, ...]
    compute: Callable[..., NDArray[Any]]

    def read(self) -> NDArray[Any]:
        """Reads the parts and computes."""
        return self.compute(*(part.read() for part in self.parts))


def _bfloat16(array: NDArray[Any]) -> NDArray[Any]:
    """Raw two-byte values, as Keras stores bfloat16, as float32: the upper half of its bits."""
    import numpy as np

    return (array.view("<u2").astype(np.uint32) << 16).view(np.float32)
