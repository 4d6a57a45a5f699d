"""A weight that is still in its file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import h5py
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Weight:
    """One array in an open model file.

    Attributes:
        path: Where it is in the file, for messages.
        shape: Its shape as stored.
        dtype: Its NumPy dtype as stored.
        dataset: The open HDF5 dataset.
    """

    path: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    dataset: h5py.Dataset

    @property
    def nbytes(self) -> int:
        """Its size in bytes when read."""
        return int(self.dataset.size) * self.dtype.itemsize

    def read(self) -> NDArray[Any]:
        """Reads the values.

        Raises:
            DamagedFileError: The bytes are not all there.
        """
        from kerasport.errors import DamagedFileError

        try:
            array: NDArray[Any] = self.dataset[()]
        except (OSError, RuntimeError, ValueError) as error:
            raise DamagedFileError(f"The weight {self.path!r} cannot be read: {error}.") from error
        return _bfloat16(array) if array.dtype.kind == "V" else array


def _bfloat16(array: NDArray[Any]) -> NDArray[Any]:
    """Raw two-byte values, as Keras stores bfloat16, as float32: the upper half of its bits."""
    import numpy as np

    return (array.view("<u2").astype(np.uint32) << 16).view(np.float32)
