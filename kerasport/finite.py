"""NaN and infinite weights: noticed when weights are read, and counted only then."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

from kerasport.reader.weights import Weight

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from kerasport.graph import Graph
    from kerasport.tiles import Index

_BLOCK = 1 << 22  # numbers


@dataclass(frozen=True)
class NotFinite:
    """A weight with values that are not finite.

    Attributes:
        layer: The layer's name, with those of the models around it.
        role: What the weight is to it.
        nan: How many of its values are NaN.
        infinite: How many are infinite.
        size: How many values it has.
    """

    layer: str
    role: str
    nan: int
    infinite: int
    size: int

    def __str__(self) -> str:
        counts = ((self.nan, "NaN"), (self.infinite, "infinite"))
        told = " and ".join(f"{count:,} {what}" for count, what in counts if count)
        return f"the {self.role} of the layer {self.layer!r} has {told} among its {self.size:,} values"


def told_briefly(found: Sequence[NotFinite]) -> str:
    """A clause that names the first weight."""
    others = f", and {len(found) - 1:,} other weights have some, too" if len(found) > 1 else ""
    return f"{found[0]}{others}"


def has_finite_weights(graph: Graph) -> bool:
    """Whether all weights of a graph's calls are finite; reads them."""
    layers = {call.layer: graph.layers[call.layer] for call in graph.calls if call.layer in graph.layers}
    weights = [weight for layer in layers.values() for weight in layer.weights.values() if _may_be(weight)]
    return all(finite.all() for weight in weights for part in _blocks(weight) for finite in _finite(part))


class Watch:
    """Notices, of all weights that are read, those that are not finite."""

    def __init__(self) -> None:
        self._met: dict[tuple[str, str], Weight] = {}

    def over(self, layer: str, weights: Mapping[str, Weight]) -> dict[str, Weight]:
        """A layer's weights, watched."""
        return {role: self._watched(layer, role, weight) for role, weight in weights.items()}

    def _watched(self, layer: str, role: str, weight: Weight) -> Weight:
        if not _may_be(weight):
            return weight
        return _Watched(weight.path, weight.shape, weight.dtype, weight, lambda: self._note(layer, role, weight))

    def _note(self, layer: str, role: str, weight: Weight) -> None:
        self._met[layer, role] = weight

    def found(self) -> tuple[NotFinite, ...]:
        """What was noticed until now; only these weights are read once more, to count."""
        return tuple(_counted(layer, role, weight) for (layer, role), weight in self._met.items())


@dataclass(frozen=True, eq=False)
class _Watched(Weight):
    """A weight of which it is noted when what is read of it is not finite."""

    weight: Weight
    note: Callable[[], None]

    @property
    def in_parts(self) -> bool:
        return self.weight.in_parts

    def read(self) -> NDArray[Any]:
        return self._looked_at(self.weight.read())

    def read_part(self, shape: tuple[int, ...], index: Index) -> NDArray[Any]:
        return self._looked_at(self.weight.read_part(shape, index))

    def _looked_at(self, array: NDArray[Any]) -> NDArray[Any]:
        if not all(block.all() for block in _finite(array)):
            self.note()
        return array


def _may_be(weight: Weight) -> bool:
    """Whether a weight can have other values than finite ones; two bytes of no kind are a bfloat16."""
    return weight.dtype.kind in "fV"


def _finite(array: NDArray[Any]) -> Iterator[NDArray[np.bool_]]:
    """Where an array is finite, some of its values at a time."""
    import numpy as np

    flat = array.reshape(-1)
    return (np.isfinite(flat[start : start + _BLOCK]) for start in range(0, flat.size, _BLOCK))


def _counted(layer: str, role: str, weight: Weight) -> NotFinite:
    import numpy as np

    nan = infinite = 0
    for values in _blocks(weight):
        nan += int(np.isnan(values).sum())
        infinite += int(np.isinf(values).sum())
    return NotFinite(layer, role, nan, infinite, prod(weight.shape))


def _blocks(weight: Weight) -> Iterator[NDArray[Any]]:
    size = prod(weight.shape)
    if not weight.in_parts:
        yield weight.read()
        return
    for start in range(0, size, _BLOCK):
        yield weight.read_part((size,), (slice(start, min(start + _BLOCK, size)),))
