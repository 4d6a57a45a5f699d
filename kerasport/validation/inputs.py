"""Generates inputs to try a model with: right shapes, dtypes and ranges."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasport.graph import Graph
from kerasport.layers.base import MASK, Domain, Shape, Value
from kerasport.validation import lengths

Array = NDArray[Any]
# How much of a drawn mask counts.
KEPT = 0.7
# By how much further dimensions differ, in each trial of other sizes.
_STEPS = ((1, 2, 8, 32), (-2, -1, -8, -32))
# How many lengths are looked through for one that shows more, and how many of them are tried.
_LOOKED_AT = 16
_FURTHER = 2


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
        return lengths.filled(shape[1:], self.size, self.step)


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
    likeliest, *others = lengths.fitting(graph)
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
    rows = batch or (1 if first.batch > 1 else 2)
    tried = [first]
    for other in _other_lengths(graph, first) or ([] if fixed else [first]):
        tried.append(replace(other, batch=rows))
        yield Other(tried[-1], due=True)
    for size in _telling_lengths(graph, tried):
        yield Other(replace(first, size=size, step=0), due=True)
    enough = max((_rows_for_all_ids(graph, value, first) for value in graph.inputs), default=0)
    if batch is None and enough:
        yield Other(replace(first, batch=enough, sweeps=True), due=True)
    for spread in (3.0, 1.0, 10.0, 0.3):
        yield Other(replace(first, spread=spread))


def _other_lengths(graph: Graph, first: Trial) -> list[Trial]:
    """The first trial with other lengths, each further dimension of which differs where that fits."""
    sizes = [size for size in islice(lengths.fitting(graph), len(_STEPS) + 1) if size != first.size][: len(_STEPS)]
    found = []
    for size, steps in zip(sizes, _STEPS, strict=False):
        step = next((step for step in steps if lengths.fit(graph, size, step)), 0)
        found.append(replace(first, size=size, step=step))
    return found


def _telling_lengths(graph: Graph, tried: Sequence[Trial]) -> Iterator[int]:
    """Lengths that bring about what those that have been tried did not, at least one thing each."""
    if not tried[0].size:
        return
    candidates = {size: lengths.brought_about(graph, size) for size in islice(lengths.fitting(graph), _LOOKED_AT)}
    known = {each for trial in tried for each in lengths.brought_about(graph, trial.size, trial.step)}
    for _ in range(_FURTHER):
        size = max(candidates, key=lambda size: len(candidates[size] - known))
        if candidates[size] <= known:
            return
        known |= candidates[size]
        yield size


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
    domains = [domain for domain in _domains(graph, value) if domain is not None]
    if value.type.dtype == "bool" or any(domain.mask for domain in domains):
        return (rng.random(shape) < KEPT).astype(value.type.dtype)
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
        if any(mask is not None and mask.name == value.name for mask in call.masks):
            yield MASK
        if call.spec.moves_values and call.inputs[0].name == value.name:
            for output in call.outputs:
                yield from _domains(graph, output)
