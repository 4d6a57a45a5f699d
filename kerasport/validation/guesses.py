"""Layers that were found by their names in another converter's model: which of these guesses hold.

A place that was guessed wrongly fails, and so may the layers that read it. A layer that fails is acquitted where the
next one, computed from the layer's inputs, has the right value all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from kerasport.graph import Graph
from kerasport.validation.adapter import Adapter
from kerasport.validation.error import LayerError
from kerasport.validation.plan import Place, Plan
from kerasport.validation.scopes import places_by_name
from kerasport.validation.skeleton import Skeleton
from kerasport.validation.trial import Findings

UNSURE = "it was found by its name only, and the outputs agree"
_ROUNDS = 3


def guessed_places(graph: Graph, skeleton: Skeleton, session: Adapter) -> tuple[dict[str, Place], frozenset[str]]:
    """Where layers' outputs stand in a model of another converter, and which of them are guesses.

    Args:
        graph: The Keras model.
        skeleton: The ONNX model.
        session: Its inputs and outputs.
    """
    nodes = skeleton.proto.graph.node
    made = {name for node in nodes for name in node.output}
    ends = {
        value.name: Place(end.port.name, end.perm)
        for value, end in zip(graph.outputs, session.outputs, strict=True)
        if end.port.name in made
    }
    orders = {end.port.name: end.perm for end in session.inputs}
    found = places_by_name(graph, nodes, skeleton.ports(), orders)
    return found | ends, frozenset(found.keys() - ends.keys())


def without_wrong_guesses(plan: Plan, judge: Callable[[Plan], Findings]) -> tuple[Plan, Findings]:
    """Judges the layers, and once more without the guesses that prove wrong.

    Args:
        plan: The model.
        judge: What tries it.

    Returns:
        The model with the guesses that hold, and what the trial finds.
    """
    found = judge(plan)
    for _ in range(_ROUNDS):
        doubted = {name for name in plan.guessed if name in found.entries and not found.entries[name].passed}
        if not doubted:
            break
        fewer = plan.without(doubted)
        hosts = {name: host for host, names in fewer.folded.items() for name in names}
        again = judge(fewer).entries
        wrong = {name for name in doubted if name not in hosts or again[hosts[name]].passed}
        if not wrong:
            break
        plan = plan.without(wrong)
        found = judge(plan)
    return plan, found


def excused(plan: Plan, layers: Mapping[str, LayerError]) -> dict[str, LayerError]:
    """The layers' entries where all outputs agree: then a guess is no fault of the model's."""
    return {
        name: replace(entry, passed=True, detail=UNSURE) if name in plan.guessed and not entry.passed else entry
        for name, entry in layers.items()
    }
