"""One trial: the ONNX model and the reference on one batch of inputs, every layer judged in isolation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasport.errors import KerasportError
from kerasport.graph import Call
from kerasport.layers.base import Value
from kerasport.reference import run_layers
from kerasport.reference.registry import Watch
from kerasport.validation.error import LayerError, Limit, Tolerance, failed, measure, unit
from kerasport.validation.plan import Plan
from kerasport.validation.rounding import Suspect, settled
from kerasport.validation.segments import Part

Array = NDArray[Any]


@dataclass
class Findings:
    """What a trial finds.

    Attributes:
        entries: The error of each layer's value that stands in the ONNX model.
        ends: What the reference gives for the values that are the model's outputs.
        ranges: The smallest and the largest number in each channel of each layer's value, or of all in one of bools.
        gates: The same of the gates within a layer, by the layer's value and the gate's name.
        cut: What the ONNX model gives for values that are cut to whole numbers, where that is not what the reference
            gives.
    """

    entries: dict[str, LayerError] = field(default_factory=dict)
    ends: dict[str, Array] = field(default_factory=dict)
    ranges: dict[str, tuple[Array, Array]] = field(default_factory=dict)
    gates: dict[str, dict[str, tuple[float, float]]] = field(default_factory=dict)
    cut: dict[str, Array] = field(default_factory=dict)


def judge_layers(
    plan: Plan, inputs: Sequence[Array], feeds: Mapping[str, Array], tolerance: Tolerance, memory: int, chained: bool
) -> Findings:
    """Judges every layer on what the reference gives to it.

    Args:
        plan: The model.
        inputs: One array per graph input, in Keras's order.
        feeds: The same as the ONNX model takes them, by name.
        tolerance: What is allowed.
        memory: About how many bytes the weights and layers' outputs of a part may take together.
        chained: Whether the graph is also run as it is, each layer on what the ONNX model's layers before it give.
    """
    parts = plan.parts(inputs, memory)
    found = Findings()
    expected = _Expected(plan, inputs, found)
    judge = _Judge(plan, tolerance, plan.sizes(inputs), expected, found)
    alone, chain = dict(feeds), dict(feeds)
    for part in parts:
        for name in part.layers_read:
            for value, array in expected.until(name):
                judge.expect(value, array)
        results = _chained(part, chain) if chained else None
        chained = results is not None
        plan.types.update((name, array.dtype) for name, array in (results or {}).items() if name in plan.aliases)
        read = {name: plan.typed(name, expected.stands[name]) for name in part.layers_read}
        own, reasons = _alone(part, alone | read)
        for name in part.layers:
            judge.take(name, reasons.get(name) or own[name], (results or {}).get(name))
        alone = _read_later(part, alone | own, layers=plan.aliases)
        chain = _read_later(part, chain | (results or {}))
        expected.keep(part.later)
    for value, array in expected.rest():
        judge.expect(value, array)
    if found.cut:
        found.ends |= _ends_behind(plan, inputs, found.cut)
    return found


def _read_later(part: Part, values: Mapping[str, Array], layers: Collection[str] = ()) -> dict[str, Array]:
    """The values that are read behind a part, those of layers left out."""
    return {name: array for name, array in values.items() if name in part.later and name not in layers}


def _alone(part: Part, values: Mapping[str, Array]) -> tuple[dict[str, Array], dict[str, str]]:
    """What a part gives, and why it does not: then the layers are found that are to blame."""
    try:
        return part.run_alone(values), {}
    except KerasportError:
        found: dict[str, Array] = {}
        reasons: dict[str, str] = {}
    for name in part.layers:
        try:
            found |= part.layer(name).run_alone(values)
        except KerasportError as error:
            reasons[name] = error.message
    return found, reasons


def _chained(part: Part, values: Mapping[str, Array]) -> dict[str, Array] | None:
    """The same where each layer reads what the one before gives; None where ONNX Runtime cannot run it."""
    try:
        return part.run_chained(values)
    except KerasportError:
        return None


def _ends_behind(plan: Plan, inputs: Sequence[Array], cut: Mapping[str, Array]) -> dict[str, Array]:
    """The model's outputs where the whole numbers that were cut from real ones are those of the ONNX model."""
    wanted = {value.name for value in plan.graph.outputs}
    ends: dict[str, Array] = {}

    def passed_on(value: Value, array: Array) -> Array:
        result = cut.get(value.name)
        result = plan.rounded(value, array) if result is None else result
        if value.name in wanted:
            ends[value.name] = result
        return result

    for _ in run_layers(plan.graph, inputs, plan.dtype, passed_on):
        pass
    return ends


class _Expected:
    """The reference, run as far as someone asks, and what it gave that is still asked for.

    Attributes:
        stands: By ONNX value: what layers that read it are given, in its stored order.
        masks: The masks that places depend on, as far as they are known.
        values: What layers read that are not judged yet, in Keras's own order.
    """

    def __init__(self, plan: Plan, inputs: Sequence[Array], found: Findings) -> None:
        self._plan, self._found = plan, found
        self._crossing: dict[str, Array] = {}
        self._steps = run_layers(plan.graph, inputs, plan.dtype, self._passed_on, self._watch)
        self._ends = {value.name for value in plan.graph.outputs}
        self._gone: set[str] = set()
        self.stands: dict[str, Array] = {}
        given = {value.name: array for value, array in zip(plan.graph.inputs, inputs, strict=True)}
        self.masks = {name: given[name] for name in given.keys() & plan.masks}
        self._unjudged = Counter(name for value in plan.calls if value in plan.places for name in plan.reads[value])
        self.values = {name: np.asarray(given[name]) for name in given.keys() & self._unjudged.keys()}
        found.ends |= {name: given[name] for name in given.keys() & self._ends}

    def _passed_on(self, value: Value, array: Array) -> Array:
        crossing = self._crossing[value.name] = self._plan.rounded(value, array)
        if value.name in self._plan.masks:
            self.masks[value.name] = crossing
        if self._unjudged[value.name]:
            self.values[value.name] = crossing
        return crossing

    def judged(self, value: str) -> None:
        """Forgets what only layers read that are judged."""
        self._unjudged.subtract(self._plan.reads[value])
        for name in self._plan.reads[value]:
            if not self._unjudged[name]:
                self.values.pop(name, None)

    def _watch(self, call: Call) -> Watch:
        gates = self._found.gates.setdefault(call.outputs[0].name, {})

        def watch(name: str, gate: Array) -> Array:
            low, high = gates.get(name, (inf, -inf))
            gates[name] = min(low, float(gate.min(initial=inf))), max(high, float(gate.max(initial=-inf)))
            return gate

        return watch

    def until(self, name: str) -> Iterator[tuple[str, Array]]:
        """Runs the reference until it is known what an ONNX value should be; yields what layers give on the way."""
        while name not in self.stands and self._step():
            yield from self._given()

    def rest(self) -> Iterator[tuple[str, Array]]:
        """Runs the reference to the end."""
        self.keep(())
        while self._step():
            yield from self._given()

    def keep(self, names: Collection[str]) -> None:
        """Forgets what is read by none of the parts behind."""
        self._gone |= self._plan.aliases.keys() - names
        self.stands = {name: array for name, array in self.stands.items() if name in names}

    def _step(self) -> bool:
        return next(self._steps, None) is not None

    def _given(self) -> Iterator[tuple[str, Array]]:
        crossed, self._crossing = self._crossing, {}
        for value, array in crossed.items():
            if value in self._ends:
                self._found.ends[value] = array
            if value in self._plan.places:
                self._stand(value, array)
                yield value, array

    def _stand(self, value: str, array: Array) -> None:
        if array.dtype.kind == "f" and array.ndim > 1:
            axes = tuple(range(array.ndim - 1))
            self._found.ranges[value] = array.min(axes, initial=np.inf), array.max(axes, initial=-np.inf)
        elif array.dtype.kind == "b":
            self._found.ranges[value] = np.asarray(array.all()), np.asarray(array.any())
        place = self._plan.places[value]
        if place.name not in self.stands and place.name not in self._gone:
            self.stands[place.name] = place.stored(array, self.masks)


class _Judge:
    """Compares each layer's value as soon as both sides are there, and lets go of them."""

    def __init__(
        self,
        plan: Plan,
        tolerance: Tolerance,
        known: Mapping[str, int],
        reference: _Expected,
        found: Findings,
    ) -> None:
        self._plan, self._tolerance, self._known, self._found = plan, tolerance, known, found
        self._reference, self._masks = reference, reference.masks
        self._expected: dict[str, dict[str, Array]] = {}
        self._actual: dict[str, tuple[Array | str, Array | None]] = {}
        self._made: dict[str, Array] = {}
        self._left = Counter(plan.aliases)

    def expect(self, value: str, array: Array) -> None:
        """Takes what a layer should give."""
        place = self._plan.places[value]
        name = place.name
        if self._plan.makers[name] == value:
            self._made[name] = place.stored(array, self._masks)
        if name in self._actual:
            self._compare(value, array)
        else:
            self._expected.setdefault(name, {})[value] = array

    def take(self, name: str, alone: Array | str, chained: Array | None) -> None:
        """Takes what an ONNX value is, for a layer on its own, or why it is not; and in the chain of all."""
        self._actual[name] = alone, chained
        for value, array in self._expected.pop(name, {}).items():
            self._compare(value, array)

    def _compare(self, value: str, expected: Array) -> None:
        place, call = self._plan.places[value], self._plan.calls[value]
        alone, chained = self._actual[place.name]
        if self._plan.makers[place.name] != value:  # a layer that changes nothing, and reads what the maker should give
            alone = self._made[place.name]
        self._left[place.name] -= 1
        if not self._left[place.name]:
            del self._actual[place.name], self._made[place.name]
        if isinstance(alone, str) and self._plan.judges(value):
            wrong = failed(value, type(call.spec).__name__, expected.shape, alone)
            self._found.entries[value] = replace(wrong, folded=self._plan.folded.get(value, ()))
        elif not isinstance(alone, str) and self._plan.judges(value):
            self._measure(value, alone, chained, expected)
        self._reference.judged(value)

    def _measure(self, value: str, alone: Array, chained: Array | None, expected: Array) -> None:
        place, class_name = self._plan.places[value], type(self._plan.calls[value].spec).__name__
        alone, expected = place.logical(alone, self._masks), place.shown(expected, self._masks)
        limit = layer_limit(self._plan, self._tolerance, self._known, value, expected)
        measured = measure(value, class_name, alone, expected, limit)
        entry = replace(measured.entry, folded=self._plan.folded.get(value, ()))
        if chained is not None:
            chained = place.logical(chained, self._masks)
            entry = replace(entry, chained=measure(value, class_name, chained, expected, limit).entry.max_rel)
        if limit.roundings and not entry.passed:
            graph, suspect = self._plan.graph_of(value), Suspect(entry, limit, measured.errors)
            given = [self._reference.values[read.name] for read in graph.inputs]
            entry = settled(graph, given, suspect, self._tolerance.noises)
        self._found.entries[value] = entry
        if limit.slack and entry.passed and entry.max_abs:
            self._found.cut[value] = alone


def layer_limit(plan: Plan, tolerance: Tolerance, known: Mapping[str, int], value: str, expected: Array) -> Limit:
    """What error a layer's value may have.

    Args:
        plan: The model.
        tolerance: What is allowed.
        known: How many numbers each value of the graph has.
        value: The layer's value.
        expected: What it should be.
    """
    call = plan.calls[value]
    slack = float(call.spec.cuts_to_whole_numbers and value == call.outputs[0].name)
    if tolerance.by_numbers:
        return replace(tolerance.limit(), slack=slack)
    exact = not (call.spec.rounds or plan.folded.get(value))
    if expected.dtype.kind != "f" or exact:
        return Limit(slack=slack)
    return Limit(roundings=tolerance.roundings, unit=unit(expected, plan.length(value, known)), slack=slack)
