"""The reference functions, by spec, and the context they receive."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasport.layers.registry import BackendRegistry

Array = NDArray[Any]
Result = Array | tuple[Array, ...]


Watch = Callable[[str, Array], Array]


def unwatched(name: str, array: Array) -> Array:
    """Shows nobody anything."""
    return array


@dataclass(frozen=True)
class Context:
    """What a reference function knows besides its inputs.

    Attributes:
        weights: By role, in the compute dtype.
        masks: The inputs' masks (bool), aligned with them; empty unless the spec uses masks.
        dtype: The compute dtype of floating-point values: float64 for judging, float32 for predicting.
        watch: Is shown what is decided within a layer, a gate's values under the gate's name, and gives them back.
    """

    weights: Mapping[str, Array]
    masks: tuple[Array | None, ...] = ()
    dtype: type[np.floating[Any]] = np.float64
    watch: Watch = unwatched

    @property
    def mask(self) -> Array | None:
        """The mask of the first input."""
        return self.masks[0] if self.masks else None


# A function (spec, context, *inputs) -> output, or a tuple of outputs, in the logical (Keras) layout.
Reference = Callable[..., Result]
REFERENCE: BackendRegistry[Reference] = BackendRegistry("the reference", __package__)
