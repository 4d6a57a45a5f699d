"""Where an ONNX model holds a layer's output, and in which layout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasport.errors import NotAModelError
from kerasport.graph import Graph
from kerasport.onnxfile import notes
from kerasport.validation.skeleton import Skeleton

Array = NDArray[Any]


@dataclass(frozen=True)
class Place:
    """Where a layer's output stands.

    Attributes:
        name: The ONNX value.
        perm: The order in which its axes are stored there, with -1 for one of size 1 that is not Keras's; None for
            Keras's own.
        dtype: Its NumPy dtype there, "" for Keras's own.
        mask: The value of a mask over the first two of Keras's axes: stored are, along the first axis, the steps that
            count, and then anything. "" where all steps are stored as they are.
    """

    name: str
    perm: tuple[int, ...] | None = None
    dtype: str = ""
    mask: str = ""

    def logical(self, array: Array, masks: Mapping[str, Array]) -> Array:
        """A stored array in Keras's axis order, zero for steps that do not count; as it is where it cannot be that.

        What stands behind the steps that count is read by nobody.
        """
        if self.perm is None:
            return array
        if array.ndim != len(self.perm) or any(array.shape[axis] != 1 for axis in self._added):
            return array
        if self.mask:
            steps = self._steps(masks)
            if array.shape[:2] != steps.shape:
                return array
            array = np.where(steps[..., None], _along_time(array, np.argsort(_packed(steps), axis=0)), 0)
        return array.squeeze(self._added).transpose(np.argsort(self._own))

    def stored(self, array: Array, masks: Mapping[str, Array]) -> Array:
        """A logical array as it is stored."""
        if self.perm is None:
            return array
        array = np.expand_dims(array.transpose(self._own), self._added)
        if not self.mask:
            return array
        steps = self._steps(masks)
        return _along_time(array * steps[..., None].astype(array.dtype), _packed(steps))

    def shown(self, array: Array, masks: Mapping[str, Array]) -> Array:
        """What is stored of a logical array: that with zeros for steps that do not count."""
        return self.logical(self.stored(array, masks), masks) if self.mask else array

    @property
    def _own(self) -> list[int]:
        return [axis for axis in self.perm or () if axis >= 0]

    @property
    def _added(self) -> tuple[int, ...]:
        return tuple(place for place, axis in enumerate(self.perm or ()) if axis < 0)

    def _steps(self, masks: Mapping[str, Array]) -> Array:
        """The mask, (time, batch)."""
        return masks[self.mask].astype(bool).transpose(self._own[:2])


def _packed(steps: Array) -> Array:
    """Which steps stand where, (time, batch): those that count at the front."""
    return np.argsort(~steps, axis=0, kind="stable")


def _along_time(array: Array, order: Array) -> Array:
    return np.take_along_axis(array, order[..., None], axis=0)


def places(graph: Graph, skeleton: Skeleton) -> dict[str, Place]:
    """Where each layer's output stands in a model that kerasport made; nothing for other models.

    Raises:
        NotAModelError: What is noted in the model does not fit the graph.
    """
    produced = {name for node in skeleton.proto.graph.node for name in node.output}
    ranks = {value.name: value.type.rank for value in graph.inputs}
    ranks |= {value.name: value.type.rank for call in graph.calls for value in call.outputs}
    found = {
        layer: Place(name, perm, mask=mask)
        for layer, (name, perm, mask) in notes.layers(skeleton.properties).items()
        if name in produced and layer in ranks
    }
    for layer, place in found.items():
        misfits = place.perm is not None and sum(axis >= 0 for axis in place.perm) != ranks[layer]
        if misfits or (place.mask and (ranks[layer], ranks.get(place.mask)) != (3, 2)):
            raise NotAModelError(
                f"The ONNX model's note on the layer {layer!r} does not fit the Keras model.",
                "Convert the Keras model again.",
            )
    return found
