"""Runs a graph call by call and frees each value after its last use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from kerasport.errors import InputError
from kerasport.graph import Call, Graph
from kerasport.layers.base import Value
from kerasport.reference.registry import REFERENCE, Array, Context, Watch, unwatched
from kerasport.reference.weights import Weights, cast

_FloatType = type[np.floating[Any]]


def run(graph: Graph, inputs: Sequence[Array], dtype: _FloatType = np.float32) -> list[Array]:
    """The model's outputs, in the model's order, for a batch of inputs in the model's order."""
    wanted = {value.name for value in graph.outputs}
    kept = {value.name: array for value, array in zip(graph.inputs, _cast_inputs(graph, inputs, dtype), strict=True)}
    outputs = {name: kept[name] for name in wanted & set(kept)}
    for call, arrays in run_layers(graph, inputs, dtype):
        outputs |= {v.name: a for v, a in zip(call.outputs, arrays, strict=True) if v.name in wanted}
    return [outputs[value.name] for value in graph.outputs]


def run_layers(
    graph: Graph,
    inputs: Sequence[Array],
    dtype: _FloatType = np.float64,
    passed_on: Callable[[Value, Array], Array] = lambda value, array: array,
    watch: Callable[[Call], Watch] = lambda call: unwatched,
) -> Iterator[tuple[Call, tuple[Array, ...]]]:
    """Yields every call with its outputs, in the graph's order.

    Args:
        graph: A graph with bound weights.
        inputs: One array per graph input, batch first.
        dtype: What floating-point values are computed in.
        passed_on: What later calls read of a computed value.
        watch: Who sees what is decided within a call.
    """
    uses = Counter(value.name for call in graph.calls for value in (*call.inputs, *call.masks) if value)
    values = {value.name: array for value, array in zip(graph.inputs, _cast_inputs(graph, inputs, dtype), strict=True)}
    for call in graph.calls:
        arrays = _evaluate(graph, call, values, dtype, watch(call))
        for value, array in zip(call.outputs, arrays, strict=True):
            values[value.name] = cast(passed_on(value, array), dtype)
        yield call, arrays
        _release(call, values, uses)


def _evaluate(
    graph: Graph, call: Call, values: Mapping[str, Array], dtype: _FloatType, watch: Watch
) -> tuple[Array, ...]:
    weights = Weights(graph.weights_of(call), dtype)
    masks = tuple(values[mask.name] if mask else None for mask in call.masks)
    inputs = [values[value.name] for value in call.inputs]
    try:
        result = REFERENCE[type(call.spec)](call.spec, Context(weights, masks, dtype, watch), *inputs)
    except (ValueError, IndexError) as error:
        shapes = " and ".join(str(array.shape) for array in inputs)
        raise InputError(f"The layer {call.name!r} cannot compute with the shapes {shapes}: {error}") from error
    return result if isinstance(result, tuple) else (result,)


def _release(call: Call, values: dict[str, Array], uses: Counter[str]) -> None:
    for value in (*call.inputs, *call.masks):
        if value:
            uses[value.name] -= 1
    for name in {value.name for value in (*call.inputs, *call.masks, *call.outputs) if value}:
        if uses[name] <= 0:
            values.pop(name, None)


def _cast_inputs(graph: Graph, inputs: Sequence[Array], dtype: _FloatType) -> list[Array]:
    return [
        cast(np.asarray(array), dtype) if value.type.dtype.startswith("float") else np.asarray(array)
        for value, array in zip(graph.inputs, inputs, strict=True)
    ]
