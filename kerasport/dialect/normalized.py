"""Wrappers of other packages that store a kernel as direction and length, as the layer with the kernel itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from kerasport.dialect.model import LayerDef
from kerasport.dialect.storage import Arrays, Storage
from kerasport.errors import DamagedFileError
from kerasport.reader.weights import DerivedWeight, Weight

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WRAPPERS = ("Addons>WeightNormalization", "WeightNormalization")
_TINY = 1e-12  # TensorFlow's least squared length


@dataclass(frozen=True)
class Normalized(Storage):
    """A kernel stored as a direction ``v`` and a length ``g`` of each last axis: ``g * v / |v|``.

    Attributes:
        kernel: The role of the kernel.
        copied: Whether the file has a copy of the layer behind it, with which Keras found the first lengths.
    """

    kernel: str = "kernel"
    copied: bool = False

    def stored(self, roles: Iterable[str]) -> list[str]:
        """Length, direction, the other roles, whether the lengths were set, and the copy; archives have their order."""
        others = [role for role in roles if role != self.kernel]
        copies = [f"copy of {role}" for role in roles] if self.copied else []
        own = ["g", self.kernel]
        return [*own, "initialized", *others, *copies] if self.objects else [*own, *others, "initialized", *copies]

    def in_archive(self) -> Storage:
        """The wrapper's own arrays first, then the layer's, which has lost its kernel, and its copy's."""
        return replace(self, objects=("layer", "_naked_clone_layer"))

    def weights(self, stored: Arrays, roles: Iterable[str]) -> dict[str, Weight]:
        """The weights by role, the kernel from its parts."""
        parts = stored[self.kernel], stored["g"], stored["initialized"]
        path = f"{parts[0].path} normalized"
        kernel = DerivedWeight(path, parts[0].shape, parts[0].dtype, parts, self._product)
        return {role: kernel if role == self.kernel else stored[role] for role in roles}

    def _product(self, direction: NDArray[Any], length: NDArray[Any], initialized: NDArray[Any]) -> NDArray[Any]:
        import numpy as np

        if not initialized:
            raise DamagedFileError("The file was saved before its WeightNormalization was called for the first time.")
        squares = np.square(direction, dtype=np.float64).sum(axis=tuple(range(direction.ndim - 1)))
        kernel: NDArray[Any] = direction * (length / np.sqrt(np.maximum(squares, _TINY)))
        return kernel.astype(direction.dtype)


def unwrapped(layer: LayerDef) -> LayerDef:
    """The layer in a WeightNormalization of tensorflow-addons, by the wrapper's name; any other layer as it is."""
    inner = layer.inner.get("layer")
    if layer.class_name not in _WRAPPERS or inner is None or "data_init" not in layer.config:
        return layer
    kernel = "recurrent_kernel" if inner.class_name in ("SimpleRNN", "LSTM", "GRU") else "kernel"
    return inner.in_place_of(layer, Normalized(kernel=kernel, copied=bool(layer.config["data_init"])))
