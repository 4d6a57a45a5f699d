"""A weight that is still in its file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

from kerasport import tiles
from kerasport.errors import DamagedFileError
from kerasport.reader.stretch import Stretch

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

    def read_part(self, shape: tuple[int, ...], index: tiles.Index) -> NDArray[Any]:
        """Reads a part of the values.

        Args:
            shape: The shape to see them in, of the same size as theirs.
            index: Which part of that.

        Raises:
            DamagedFileError: The bytes are not all there.
        """
        return self.read().reshape(shape)[index]


@dataclass(frozen=True, eq=False)
class PlacedWeight(Weight):
    """One HDF5 dataset whose values stand in the file one behind the other, as NumPy would have them.

    Attributes:
        raw: The file.
        start: Where they start.
    """

    raw: Stretch
    start: int

    @property
    def in_parts(self) -> bool:
        """Any part can be read alone."""
        return True

    def read(self) -> NDArray[Any]:
        """Reads the values."""
        return self.read_part(self.shape, tiles.everything(self.shape))

    def read_part(self, shape: tuple[int, ...], index: tiles.Index) -> NDArray[Any]:
        """Reads the bytes of the part, and no others."""
        if self.start + self.nbytes > self.raw.size:  # before memory is taken
            raise DamagedFileError(f"The weight {self.path!r} cannot be read: the file ends within it.")
        try:
            array = tiles.read(self.raw, self.start, self.dtype, shape, index)
        except OSError as error:
            raise DamagedFileError(f"The weight {self.path!r} cannot be read: {error}.") from error
        return _numbers(array)


@dataclass(frozen=True, eq=False)
class StoredWeight(Weight):
    """One HDF5 dataset in chunks, compressed, of a type of its own, or in a file in memory.

    Attributes:
        dataset: Open.
    """

    dataset: h5py.Dataset

    def read(self) -> NDArray[Any]:
        """Reads the dataset."""
        try:
            array: NDArray[Any] = self.dataset[()]
        except (OSError, RuntimeError, ValueError) as error:
            raise DamagedFileError(f"The weight {self.path!r} cannot be read: {error}.") from error
        return _numbers(array)


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


def _numbers(array: NDArray[Any]) -> NDArray[Any]:
    """Raw two-byte values, as Keras stores bfloat16, as float32, whose upper half they are; others as they are."""
    import numpy as np

    return (array.view("<u2").astype(np.uint32) << 16).view(np.float32) if array.dtype.kind == "V" else array
