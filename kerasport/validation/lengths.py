"""Lengths for the dimensions that a model leaves open: which ones fit, and what they bring about in its layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from math import prod
from typing import Any

from numpy.typing import NDArray

from kerasport.errors import LayerError, OptionError
from kerasport.graph import Call, Graph
from kerasport.layers.base import Dim, TensorType
from kerasport.layers.conv import Convolution
from kerasport.layers.pooling import Pooling

Array = NDArray[Any]
Circumstance = tuple[str, int, str]
# With neighbours, of which windows cut off other parts, and pad other sides.
_LARGER = (16, 24, 32, 48, 64, 96, 128, 224, 299, 331, 512)
_SIZES = (12, 7, 8, 13, *(size + more for size in _LARGER for more in (0, 1)), 1024)
# For models that crop or convolve thousands of steps away, as those of genomes and sounds do.
_LONG = tuple(size << doublings for doublings in range(6) for size in (1536, 2048))
# What shape inference raises where lengths do not go together.
_MISFITS = (LayerError, ValueError, IndexError, ZeroDivisionError)


def fitting(graph: Graph) -> Iterator[int]:
    """Lengths for unknown dimensions that every layer accepts, by trying shape inference; 0 where all are known.

    Raises:
        OptionError: None of those that are tried fits the model.
    """
    if all(None not in value.type.shape[1:] for value in graph.inputs):
        yield 0
        return
    for tried in (_SIZES, _LONG):
        fitting = (length for length in tried if fit(graph, length))
        if (first := next(fitting, None)) is not None:
            yield first
            yield from fitting
            return
    hint = "Give inputs of your own with --input of kerasport validate, or sizes with --input-shape."
    raise OptionError("No size was found that fits the model's unknown dimensions.", hint)


def numbers(graph: Graph, inputs: Sequence[Array]) -> dict[str, int]:
    """How many numbers each value of the graph has for these inputs, as far as shapes tell."""
    shapes = [[dim if axis else None for axis, dim in enumerate(array.shape)] for array in inputs]
    types = {value.name: value.type.with_shape(shape) for value, shape in zip(graph.inputs, shapes, strict=True)}
    try:
        types = _inferred(graph, types)
    except _MISFITS:  # as operations do that hold sizes of their own
        types = {value.name: value.type for call in graph.calls for value in call.outputs}
    rows = max((len(array) for array in inputs if array.ndim), default=1)
    return {name: prod(dim if dim is not None else rows for dim in type_.shape) for name, type_ in types.items()}


def fit(graph: Graph, first: int, step: int = 0) -> bool:
    """Whether every layer accepts a length for the unknown dimensions, of which each further one differs by a step."""
    types = _types(graph, first, step)
    return types is not None and _weights_fit(graph, types)


def filled(shape: Sequence[Dim], first: int, step: int) -> list[int]:
    """The dimensions, with lengths for those that are unknown."""
    lengths = count(first, step)
    return [next(lengths) if dim is None else dim for dim in shape]


def brought_about(graph: Graph, first: int, step: int = 0) -> frozenset[Circumstance]:
    """What lengths show of layers that read axes of unknown length: more than one position, padding, and none.

    Where an axis is left with one position, its mean is its maximum; where no window reaches into padding, it does not
    matter what is padded with.
    """
    types = _types(graph, first, step) or {}
    return frozenset(found for call in graph.calls if types for found in _circumstances(call, types))


def _circumstances(call: Call, types: Mapping[str, TensorType]) -> Iterator[Circumstance]:
    for value in call.inputs:
        for axis, (dim, length) in enumerate(zip(value.type.shape, types[value.name].shape, strict=True)):
            if dim is None and length is not None and length > 1:
                yield call.name, axis, f"more than one position of {value.name}"
    if isinstance(call.spec, (Convolution, Pooling)):
        x = call.inputs[0]
        axes = zip(call.spec.windows, call.spec.lengths(x.type), call.spec.lengths(types[x.name]), strict=True)
        for axis, (window, dim, length) in enumerate(axes):
            if dim is None:
                padded = any(window.pads(length, call.spec.padding) or ())
                yield call.name, axis, "padding" if padded else "no padding"


def _types(graph: Graph, first: int, step: int) -> dict[str, TensorType] | None:
    """The types of all values with these lengths; None where they do not go together."""
    given: dict[str, TensorType] = {}
    for value in graph.inputs:
        dims = filled(value.type.shape[1:], first, step)
        if min(dims, default=1) < 1:
            return None
        given[value.name] = value.type.with_shape((*value.type.shape[:1], *dims))
    try:
        types = _inferred(graph, given)
    except _MISFITS:
        return None
    made = (types[value.name].shape for call in graph.calls for value in call.outputs)
    return None if any(dim is not None and dim < 1 for shape in made for dim in shape) else types


def _inferred(graph: Graph, given: Mapping[str, TensorType]) -> dict[str, TensorType]:
    """The types of all values, from those of the inputs."""
    types = dict(given)
    for call in graph.calls:
        inferred = call.spec.infer(*(types[value.name] for value in call.inputs))
        outputs: Sequence[TensorType] = inferred if isinstance(inferred, tuple) else (inferred,)
        types.update((value.name, type_) for value, type_ in zip(call.outputs, outputs, strict=True))
    return types


def _weights_fit(graph: Graph, types: dict[str, TensorType]) -> bool:
    """A size also decides how wide a Dense behind a Flatten is."""
    for call in graph.calls:
        roles = call.spec.weights(*(types[value.name] for value in call.inputs))
        stored = graph.weights_of(call)
        for role, shape in roles.items():
            if any(want not in (None, have) for want, have in zip(shape, stored[role].shape, strict=True)):
                return False
    return True
