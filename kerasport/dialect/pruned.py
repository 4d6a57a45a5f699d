"""The wrapper with which tensorflow-model-optimization prunes: the layer with the weights that are left."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from kerasport.dialect.model import LayerDef
from kerasport.dialect.storage import Arrays, Storage
from kerasport.reader.weights import DerivedWeight, Weight

if TYPE_CHECKING:
    from numpy.typing import NDArray

# The classes with weights that are pruned, by their roles.
_PRUNED = {
    "kernel": (
        "Conv1D Conv2D Conv2DTranspose Conv3D Conv3DTranspose Dense LocallyConnected1D LocallyConnected2D"
        " QConv1D QConv2D QDense"
    ),
    "pointwise_kernel": "SeparableConv1D SeparableConv2D",
    "embeddings": "Embedding",
    "kernel recurrent_kernel": "GRU LSTM SimpleRNN",
}
_ROLES = {name: roles.split() for roles, names in _PRUNED.items() for name in names.split()}
_UNLIKE = ("MultiHeadAttention", "RNN")  # which have pruned weights in layers of their own


@dataclass(frozen=True)
class Pruned(Storage):
    """Weights with masks of zeros and ones, a threshold for each, and the number of steps behind them.

    Attributes:
        masked: The roles of weights that have masks.
    """

    masked: tuple[str, ...] = ()

    def stored(self, roles: Iterable[str]) -> list[str]:
        """The roles, masks and thresholds in turn, and the steps; archives have the layer's last, pruned ones twice."""
        masks = [f"{what} of {role}" for role in self.masked for what in ("mask", "threshold")]
        if self.objects:
            return [*(f"copy of {role}" for role in self.masked), *masks, "pruning_step", *roles]
        return [*roles, *masks, "pruning_step"]

    def in_archive(self) -> Storage:
        """The wrapper's own arrays first, then the layer's."""
        return replace(self, objects=("layer",))

    @property
    def non_trainable(self) -> frozenset[str]:
        """All that is not the layer's."""
        return frozenset(self.stored(()))

    def weights(self, stored: Arrays, roles: Iterable[str]) -> dict[str, Weight]:
        """The weights by role, those with masks times these."""
        return {role: _product(stored, role) if role in self.masked else stored[role] for role in roles}


def _product(stored: Arrays, role: str) -> Weight:
    weight, mask = stored[role], stored[f"mask of {role}"]
    return DerivedWeight(f"{weight.path} pruned", weight.shape, weight.dtype, (weight, mask), _masked)


def _masked(weight: NDArray[Any], mask: NDArray[Any]) -> NDArray[Any]:
    left: NDArray[Any] = weight * mask
    return left


def unwrapped(layer: LayerDef) -> LayerDef:
    """The layer in a PruneLowMagnitude, by the wrapper's name; any other layer as it is."""
    inner = layer.inner.get("layer")
    if layer.class_name.removeprefix("Custom>") != "PruneLowMagnitude" or inner is None or inner.class_name in _UNLIKE:
        return layer
    return inner.in_place_of(layer, Pruned(masked=tuple(_ROLES.get(inner.class_name, ()))))
