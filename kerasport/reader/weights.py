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
class StoredWeight(Weight):
    """One HDF5 dataset.

    Attributes:
        dataset: Open.
        raw: The bytes that HDF5 reads.
        start: Where the values stand in these, one behind the other; None where they do not.
    """

    dataset: h5py.h5d.DatasetID
    raw: Stretch | None = None
    start: int | None = None

    @property
    def in_parts(self) -> bool:
        """Whether the dataset is one stretch of the file."""
        return self.raw is not None and self.start is not None

    def read(self) -> NDArray[Any]:
        """Reads the dataset."""
        return self.read_part(self.shape, tiles.everything(self.shape))

    def read_part(self, shape: tuple[int, ...], index: tiles.Index) -> NDArray[Any]:
        """Reads a part; where the dataset is one stretch of the file, its bytes and no others."""
        try:
            if self.raw is not None and self.start is not None:
                if self.start + self.nbytes > self.raw.size:
                    raise OSError("the file ends within it")
                array = tiles.read(self.raw, self.start, self.dtype, shape, index)
            else:
                array = self._whole().reshape(shape)[index]
        except (OSError, RuntimeError, ValueError) as error:
            raise DamagedFileError(f"The weight {self.path!r} cannot be read: {error}.") from error
        return _bfloat16(array) if array.dtype.kind == "V" else array

    def _whole(self) -> NDArray[Any]:
        import h5py
        import numpy as np

        return np.asarray(h5py.Dataset(self.dataset)[()])


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
