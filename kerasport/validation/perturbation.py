"""Inputs that are off by a rounding: no float32 arithmetic can be blamed for the effect of that on a layer."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasport.graph import Call, Graph
from kerasport.layers.base import Value

Array = NDArray[Any]
HALF_A_UNIT = 2.0**-24  # of float32's last place, for 1


class Perturbation:
    """Perturbs the values of a graph by half a unit in their last place, or in that of what made them, up or down.

    Args:
        graph: The graph.
    """

    def __init__(self, graph: Graph) -> None:
        self._readers: defaultdict[str, list[Call]] = defaultdict(list)
        for call in graph.calls:
            for name in {value.name for value in call.inputs}:
                self._readers[name].append(call)
        self._magnitudes = {value.name: call.spec.magnitude for call in graph.calls for value in call.outputs}
        self._rng = np.random.default_rng(0)

    def perturbed(self, value: Value, array: Array) -> Array:
        """A value's array, perturbed differently at each call; unchanged if it holds no rounded numbers."""
        sizes = _sizes(value, array, self._readers[value.name])
        if sizes is None:
            return array
        sizes = np.maximum(sizes, self._magnitudes.get(value.name, 0.0))
        return np.asarray(array + HALF_A_UNIT * sizes * self._rng.choice((-1.0, 1.0), array.shape))


def _sizes(value: Value, array: Array, readers: list[Call]) -> Array | None:
    """For each number, the magnitude whose rounding is equivalent to a change of that number; None if none is rounded.

    That is the number itself; if its readers perform an elimination, the largest number of its matrix (Higham, Accuracy
    and Stability of Numerical Algorithms, 2nd ed., theorem 9.4); if they sample it, the coordinate (at most the length
    of the axis) times the distance to its neighbours.
    """
    sizes = np.abs(array).astype(np.float64) if array.dtype.kind == "f" else None
    for call in readers:
        if sizes is not None and call.spec.eliminates and array.ndim > 1:
            sizes = np.broadcast_to(sizes.max(axis=(-2, -1), keepdims=True, initial=0.0), array.shape)
        for axis in call.spec.sampled_axes(array.ndim) if call.inputs[0].name == value.name else ():
            coordinates = array.shape[axis] * _steps(array, axis)
            sizes = coordinates if sizes is None else np.maximum(sizes, coordinates)
    return sizes


def _steps(array: Array, axis: int) -> Array:
    """The larger of the differences between each number and its two neighbours along an axis."""
    lines = np.moveaxis(array.astype(np.float64), axis, 0)
    nothing = np.zeros((1, *lines.shape[1:]))
    steps = np.concatenate([nothing, np.abs(np.diff(lines, axis=0)), nothing])
    return np.moveaxis(np.maximum(steps[1:], steps[:-1]), 0, axis)
