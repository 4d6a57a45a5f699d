"""Generates inputs to try a model with: right shapes, dtypes and ranges."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count, islice
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasport.errors import LayerError, OptionError
from kerasport.graph import Graph
from kerasport.layers.base import Domain, Shape, TensorType, Value

Array = NDArray[Any]
# With neighbours, of which windows cut off other parts, and pad other sides.
_LARGER = (16, 24, 32, 48, 64, 96, 128, 224, 299, 331, 512)
_SIZES = (12, 7, 8, 13, *(size + more for size in _LARGER for more in (0, 1)), 1024)
# For models that crop or convolve thousands of steps away, as those of genomes and sounds do.
_LONG = tuple(size << doublings for doublings in range(6) for size in (1536, 2048))
# By how much further dimensions differ, in each trial of other sizes.
_STEPS = ((1, 2, 8, 32), (-2, -1, -8, -32))
# What shape inference raises where sizes do not go together.
_MISFITS = (LayerError, ValueError, IndexError, ZeroDivisionError)


@dataclass(frozen=True)
class Trial:
    """What is free in the inputs of a trial.

    Attributes:
        batch: How many rows.
        size: The size of unknown dimensions.
        integers: From which integers to draw where no layer says which are allowed.
        spread: The standard deviation of numbers that no layer bounds.
        sweeps: Whether ids are all that there are, one after another, none of them padding.
        step: By how much each further unknown dimension of an input is larger, or smaller, so that none is taken for
            another.
    """

    batch: int
    size: int
    integers: range
    spread: float = 1.0
    sweeps: bool = False
    step: int = 0

    def dims(self, shape: Shape) -> list[int]:
        """The dimensions behind the batch, with sizes for those that are unknown."""
        sizes = count(self.size, self.step)
        return [next(sizes) if dim is None else dim for dim in shape[1:]]


@dataclass(frozen=True)
class Other:
    """A further trial.

    Attributes:
        trial: What is drawn.
        due: Whether it is due whatever the trials before it have excited.
    """

    trial: Trial
    due: bool = False


def trials(graph: Graph, batch: int) -> Iterator[Trial]:
    """The likeliest first; some models divide by an input, or join it with a constant of a certain size.

    Raises:
        OptionError: No size of the unknown dimensions fits the model.
    """
    likeliest, *others = _unknown_sizes(graph)
    for rows in dict.fromkeys([batch, *range(3, 0, -1), *range(4, 9), 12, 16]):
        for integers in (range(10), range(1, 10), range(1, 3), range(2), range(1)):
            yield Trial(rows, likeliest, integers)
    for size in others:
        yield Trial(batch, size, range(10))


def others(graph: Graph, first: Trial, batch: int | None) -> Iterator[Other]:
    """Trials behind the first one: another batch and sizes where they are open, all ids, then wilder numbers.

    Args:
        graph: The model.
        first: The first trial.
        batch: How many rows there must be; None where that is open.
    """
    fixed = batch is not None or all(value.type.shape[0] is not None for value in graph.inputs if value.type.shape)
    sizes_open = any(None in value.type.shape[1:] for value in graph.inputs)
    other_sizes = [size for size in islice(_unknown_sizes(graph), len(_STEPS) + 1) if size != first.size]
    rows = batch or (1 if first.batch > 1 else 2)
    for size, steps in zip(other_sizes[: len(_STEPS)] or ([] if fixed else [first.size]), _STEPS, strict=False):
        step = next((step for step in steps if sizes_open and _fits(graph, size, step)), 0)
        yield Other(replace(first, batch=rows, size=size, step=step), due=True)
    enough = max((_rows_for_all_ids(graph, value, first) for value in graph.inputs), default=0)
    if batch is None and enough:
        yield Other(replace(first, batch=enough, sweeps=True), due=True)
    for spread in (3.0, 1.0, 10.0, 0.3):
        yield Other(replace(first, spread=spread))


def _rows_for_all_ids(graph: Graph, value: Value, trial: Trial) -> int:
    """How many rows of an input hold each of its ids once; 0 where it has none, or a number of rows of its own."""
    if value.type.dtype == "string" or not value.type.shape or value.type.shape[0] is not None:
        return 0
    tables = (domain for domain in _domains(graph, value) if domain is not None and domain.ids and domain.table)
    highest = max((domain.high for domain in tables), default=0.0)
    each = prod(trial.dims(value.type.shape))
    return -(-int(highest) // each) if each else 0


def generate(graph: Graph, trial: Trial, seed: int) -> list[Array]:
    """One batch of random inputs, in the model's order.

    Ids stay below the table that they look up; steps are padded where a mask asks for it; images that the
    model rescales itself are drawn from 0 to 255; everything else is normal.
    """
    rng = np.random.default_rng(seed)
    return [_draw(graph, value, trial, rng) for value in graph.inputs]


def _draw(graph: Graph, value: Value, trial: Trial, rng: np.random.Generator) -> Array:
    shape = [dim or trial.batch for dim in value.type.shape[:1]] + trial.dims(value.type.shape)
    if value.type.dtype == "bool":
        return np.asarray(rng.random(shape) < 0.7)
    domains = [domain for domain in _domains(graph, value) if domain is not None]
    if value.type.dtype == "string":
        return rng.choice(np.array(_examples(domains), "str"), shape)
    if any(domain.positive_definite for domain in domains):
        return _positive_definite(shape, rng).astype(value.type.dtype)
    array = _within(domains, value.type.dtype, shape, rng, trial)
    paddings = list(dict.fromkeys(domain.padding for domain in domains if domain.padding is not None))
    if paddings and len(shape) > 1 and not trial.sweeps:
        axes = array.ndim if any(domain.ids for domain in domains) else array.ndim - 1
        array = _pad(array, paddings, range(1, max(axes, 2)), rng)
    return array.astype(value.type.dtype)


def _positive_definite(shape: Sequence[int], rng: np.random.Generator) -> Array:
    factor = rng.normal(size=shape)
    return np.asarray(factor @ np.swapaxes(factor, -1, -2) + np.eye(shape[-1]))


def _examples(domains: Sequence[Domain]) -> list[str]:
    """The strings that all the domains have, or any of them, or just any."""
    common = set.intersection(*(set(domain.examples) for domain in domains)) if domains else set()
    every = dict.fromkeys(text for domain in domains for text in domain.examples)
    return [text for text in every if text in common] or list(every) or ["", "a", "Some words, and 1 number."]


def _within(
    domains: Sequence[Domain], dtype: str, shape: Sequence[int], rng: np.random.Generator, trial: Trial
) -> Array:
    """Values that lie in all the domains; normal ones where there are none."""
    bounded = [domain for domain in domains if domain != Domain(padding=domain.padding, examples=domain.examples)]
    low = max((domain.low for domain in bounded), default=trial.integers.start)
    high = min((domain.high for domain in bounded), default=trial.integers.stop)
    if not dtype.startswith("float") or any(domain.ids for domain in bounded):
        if trial.sweeps:
            return np.resize(np.arange(int(low), max(int(high), int(low) + 1)), shape)
        first = int(low) + any(domain.padding == low for domain in bounded)
        return rng.integers(min(first, max(int(high) - 1, 0)), max(int(high), 1), shape)
    return rng.uniform(low, high, shape) if bounded else rng.normal(scale=trial.spread, size=shape)


def _pad(array: Array, values: Sequence[float], axes: Sequence[int], rng: np.random.Generator) -> Array:
    """Masks steps at the end, at the start, in the middle, and nowhere, row by row; each row for another mask and axis.

    Args:
        array: Shape (batch, ...); changed.
        values: What marks a masked step.
        axes: Those that masks have, behind the batch.
        rng: Where the numbers of masked steps come from.
    """
    places: list[Callable[[int], slice]] = [
        lambda steps: slice(steps - int(rng.integers(0, steps)), steps),
        lambda steps: slice(0, int(rng.integers(0, steps))),
        lambda steps: slice(steps // 3, steps // 3 + int(rng.integers(0, max(steps // 2, 1)))),
    ]
    for row in range(len(array)):
        steps = np.moveaxis(array[row], axes[row % len(axes)] - 1, 0)
        steps[places[row % len(places)](len(steps))] = values[row % len(values)]
    return array


def _domains(graph: Graph, value: Value) -> Iterator[Domain | None]:
    """What the calls that read a value want it to be, also behind layers that only move values."""
    for call in graph.calls:
        for index, read in enumerate(call.inputs):
            if read.name == value.name:
                yield call.spec.domain_of(index, [entry.type for entry in call.inputs])
        if call.spec.moves_values and call.inputs[0].name == value.name:
            for output in call.outputs:
                yield from _domains(graph, output)


def _unknown_sizes(graph: Graph) -> Iterator[int]:
    """Sizes for unknown dimensions that every layer accepts, by trying shape inference."""
    if all(None not in value.type.shape[1:] for value in graph.inputs):
        yield 0
        return
    for tried in (_SIZES, _LONG):
        fitting = (size for size in tried if _fits(graph, size))
        if (first := next(fitting, None)) is not None:
            yield first
            yield from fitting
            return
    hint = "Give inputs of your own with --input of kerasport validate, or sizes with --input-shape."
    raise OptionError("No size was found that fits the model's unknown dimensions.", hint)


def sizes(graph: Graph, inputs: Sequence[Array]) -> dict[str, int]:
    """How many numbers each value of the graph has for these inputs, as far as shapes tell."""
    shapes = [[dim if axis else None for axis, dim in enumerate(array.shape)] for array in inputs]
    types = {value.name: value.type.with_shape(shape) for value, shape in zip(graph.inputs, shapes, strict=True)}
    try:
        types = _inferred(graph, types)
    except _MISFITS:  # as operations do that hold sizes of their own
        types = {value.name: value.type for call in graph.calls for value in call.outputs}
    rows = max((len(array) for array in inputs if array.ndim), default=1)
    return {name: prod(dim if dim is not None else rows for dim in type_.shape) for name, type_ in types.items()}


def _fits(graph: Graph, size: int, step: int = 0) -> bool:
    trial = Trial(1, size, range(1), step=step)
    given: dict[str, TensorType] = {}
    for value in graph.inputs:
        dims = trial.dims(value.type.shape)
        if min(dims, default=1) < 1:
            return False
        given[value.name] = value.type.with_shape((*value.type.shape[:1], *dims))
    try:
        types = _inferred(graph, given)
    except _MISFITS:
        return False
    if any(dim is not None and dim < 1 for call in graph.calls for v in call.outputs for dim in types[v.name].shape):
        return False
    return _weights_fit(graph, types)


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
