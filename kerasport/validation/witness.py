"""The third opinion: if ONNX Runtime and the reference disagree on a layer, which side stands alone.

onnx's reference evaluator runs the same part of the graph on the same inputs. Where it agrees with the reference, ONNX
Runtime stands alone. Where it agrees with ONNX Runtime, the graph says something else than the reference, and the same
layer is translated afresh: if that agrees with the reference, the file stands alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasport.errors import KerasportError
from kerasport.graph import Graph
from kerasport.layers.base import Value
from kerasport.reference import run_layers
from kerasport.validation.adapter import Adapter
from kerasport.validation.ends import judge_ends
from kerasport.validation.error import LayerError, Limit, Tolerance, measure
from kerasport.validation.evaluator import Answer, evaluate
from kerasport.validation.plan import Plan
from kerasport.validation.result import Witness
from kerasport.validation.rounding import rounding
from kerasport.validation.trial import layer_limit

Array = NDArray[Any]
_HEARINGS = 3
# An array that is so much nearer to one than to the other sides with it.
_NEARER = 1 / 16
RUNTIME, REFERENCE = "ONNX Runtime", "the reference"


@dataclass(frozen=True)
class Dispute:
    """A layer on which ONNX Runtime and the reference disagree.

    Attributes:
        layer: The layer's value.
        expected: The reference's array.
        actual: ONNX Runtime's; None where it cannot run the layer.
        limit: How far arrays may be apart that agree.
        maker: What wrote the file, if not kerasport.
    """

    layer: str
    expected: Array
    actual: Array | None
    limit: Limit
    maker: str = ""

    def side(self, answer: Answer) -> str:
        """With whom a witness agrees: ``RUNTIME``, ``REFERENCE``, or "" for neither."""
        if answer.array is None:
            return ""
        to_reference = measure(self.layer, "", answer.array, self.expected, self.limit).entry
        if to_reference.passed:
            return REFERENCE
        if self.actual is None:
            return ""
        alike = self.actual.shape == self.expected.shape
        limit = self.limit if alike else replace(self.limit, unit=np.asarray(self.limit.unit.max(initial=0.0)))
        to_runtime = measure(self.layer, "", answer.array, self.actual, limit).entry
        if to_runtime.passed or to_runtime.max_abs < _NEARER * to_reference.max_abs:
            return RUNTIME
        return REFERENCE if to_reference.max_abs < _NEARER * to_runtime.max_abs else ""


def settle(dispute: Dispute, evaluator: Answer, fresh: Answer) -> Witness:
    """Who stands alone.

    Args:
        dispute: The layer.
        evaluator: What onnx's reference evaluator makes of the file's part.
        fresh: What ONNX Runtime makes of the layer, translated afresh.
    """
    side, again = dispute.side(evaluator), dispute.side(fresh)
    said = _said(evaluator, side)
    if side == REFERENCE:
        return Witness(dispute.layer, "runtime", f"{said}: ONNX Runtime stands alone")
    if again == REFERENCE:
        origin = "" if dispute.maker else "; it was altered, or made by another version or with other options"
        alone = f"what {dispute.maker} wrote stands alone" if dispute.maker else "the file stands alone"
        text = f"{said}, and a fresh translation of the layer with the reference: {alone}{origin}"
        return Witness(dispute.layer, "translation", text)
    if again == RUNTIME and dispute.maker:
        text = f"{said}, and so does kerasport's own translation of the layer: the reference stands alone"
        return Witness(dispute.layer, "reference", text)
    if again == RUNTIME:
        text = (
            f"{said}; a fresh translation of the layer gives the same as the file: kerasport's translation and its"
            " reference contradict each other (predictions of Keras's, with --expected, tell which is wrong)"
        )
        return Witness(dispute.layer, "", text)
    doubt = fresh.reason or "a fresh translation of the layer agrees with neither"
    return Witness(dispute.layer, "", f"{said}; {doubt}")


def _said(evaluator: Answer, side: str) -> str:
    if evaluator.array is None:
        return f"onnx's reference evaluator was not asked ({evaluator.reason})"
    return f"onnx's reference evaluator agrees with {side or 'neither'}"


def hear(
    plan: Plan, inputs: Sequence[Array], feeds: Mapping[str, Array], layers: Sequence[str], tolerance: Tolerance
) -> tuple[Witness, ...]:
    """Asks the witnesses about the first layers of those that fail.

    Args:
        plan: The model.
        inputs: One array per graph input, with which the layers fail.
        feeds: The same as the ONNX model takes them.
        layers: The values of the layers.
        tolerance: What is allowed.
    """
    hearing = _Hearing(plan, inputs, feeds, layers[:_HEARINGS], tolerance)
    return tuple(hearing.of(name) for name in layers[:_HEARINGS])


def without_optimizer(
    plan: Plan, inputs: Sequence[Array], session: Adapter, ends: Sequence[LayerError], tolerance: Tolerance
) -> tuple[Witness, ...]:
    """Where every layer is right and an output is not: whether it is without ONNX Runtime's optimisations.

    Args:
        plan: The model.
        inputs: One array per graph input, with which outputs fail.
        session: The ONNX model.
        ends: The errors of the outputs.
        tolerance: What is allowed.
    """
    wanted = {value.name for value in plan.graph.outputs}
    expected = _recalled(plan, inputs, wanted)
    try:
        final = session.without_optimizer().run(inputs)
    except KerasportError:
        return ()
    entries = judge_ends(plan, inputs, final, expected, tolerance)
    text = "with its optimisations off, ONNX Runtime agrees with the reference: its optimiser stands alone"
    pairs = zip(ends, entries, strict=True)
    return tuple(Witness(end.name, "runtime", text) for end, entry in pairs if not end.passed and entry.passed)


class _Hearing:
    """What witnesses are shown: the inputs of the layers in question, and what the reference makes of them."""

    def __init__(
        self,
        plan: Plan,
        inputs: Sequence[Array],
        feeds: Mapping[str, Array],
        layers: Sequence[str],
        tolerance: Tolerance,
    ) -> None:
        self._plan, self._feeds, self._tolerance = plan, feeds, tolerance
        self._parts = {name: plan.layer(name) for name in layers}
        self._graphs = {name: plan.graph_of(name) for name in layers}
        self._known = plan.sizes(inputs)
        makers = plan.makers
        read = {makers[name] for part in self._parts.values() for name in part.layers_read}
        given = {value.name for graph in self._graphs.values() for value in graph.inputs}
        self._values = _recalled(plan, inputs, {*layers, *read, *given, *plan.masks})

    def of(self, layer: str) -> Witness:
        """What the witnesses say of a layer."""
        plan, part, expected = self._plan, self._parts[layer], self._values[layer]
        place = plan.places[layer]
        values = {**self._feeds, **{name: plan.stored(plan.makers[name], self._values) for name in part.layers_read}}
        try:
            actual = place.logical(part.run_alone(values)[place.name], self._values)
        except KerasportError:
            actual = None
        evaluated = evaluate(part, place.name, values)
        array = None if evaluated.array is None else place.logical(evaluated.array, self._values)
        fresh = self._translated(self._graphs[layer])
        dispute = Dispute(layer, expected, actual, self._limit(layer, expected), plan.skeleton.maker)
        return settle(dispute, replace(evaluated, array=array), fresh)

    def _limit(self, layer: str, expected: Array) -> Limit:
        limit = layer_limit(self._plan, self._tolerance, self._known, layer, expected)
        graph = self._graphs[layer]
        noise, _ = rounding(graph, [self._values[value.name] for value in graph.inputs])
        return limit.with_noise(noise, self._tolerance.noises)

    def _translated(self, graph: Graph) -> Answer:
        """What ONNX Runtime makes of a layer that is translated afresh."""
        from kerasport.export import translate
        from kerasport.export.writer import to_bytes
        from kerasport.runtime.sessions import Session

        try:
            session = Session(to_bytes(translate(graph, fold=False), {}), optimize=False, once=True)
            (array,) = session.run([self._values[value.name] for value in graph.inputs])
        except KerasportError as error:
            return Answer(reason=f"a fresh translation of the layer cannot be run: {error.message}")
        return Answer(array)


def _recalled(plan: Plan, inputs: Sequence[Array], names: set[str]) -> dict[str, Array]:
    """Some values of the reference, as they cross from layer to layer; it is run as far as it takes."""
    found = {value.name: array for value, array in zip(plan.graph.inputs, inputs, strict=True) if value.name in names}

    def passed_on(value: Value, array: Array) -> Array:
        rounded = plan.rounded(value, array)
        if value.name in names:
            found[value.name] = rounded
        return rounded

    steps = run_layers(plan.graph, inputs, plan.dtype, passed_on)
    while len(found) < len(names):
        next(steps)
    return found
