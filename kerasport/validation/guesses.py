"""Layers that were found by their names in another converter's model: which of these guesses hold.

Where the model's outputs are right, a place is right whose value is, in the unchanged graph. Where they are wrong, a
layer that fails is acquitted if the next one, computed from the layer's inputs, has the right value all the same.
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

EXCUSED = "more than rounding explains, but the outputs of this other converter's model agree"
_ROUNDS = 3
# How far a value of the unchanged graph may be from the reference's, relative to the largest one.
_SAME = 1e-3


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


def without_wrong_guesses(
    plan: Plan, judge: Callable[[Plan], Findings], agree: Callable[[Findings], bool]
) -> tuple[Plan, Findings]:
    """Judges the layers, and once more without the guesses that prove wrong.

    Args:
        plan: The model.
        judge: What tries it.
        agree: Whether the model's outputs are right.

    Returns:
        The model with the guesses that hold, and what the trial finds.
    """
    found = judge(plan)
    if not plan.guessed:
        return plan, found
    for _ in range(_ROUNDS):
        wrong = _elsewhere(plan, found) if agree(found) else _acquitted(plan, found, judge)
        if not wrong:
            break
        plan = plan.without(wrong)
        found = judge(plan)
    return plan, found


def _elsewhere(plan: Plan, found: Findings) -> set[str]:
    """The guesses that are not what the layers give, as the unchanged graph shows."""
    entries = {name: found.entries[name] for name in plan.guessed if name in found.entries}
    return {name for name, entry in entries.items() if entry.chained is None or entry.chained > _SAME}


def _acquitted(plan: Plan, found: Findings, judge: Callable[[Plan], Findings]) -> set[str]:
    """The guesses that fail, while the layers behind them are right without them."""
    doubted = {name for name in plan.guessed if name in found.entries and not found.entries[name].passed}
    if not doubted:
        return set()
    fewer = plan.without(doubted)
    hosts = {name: host for host, names in fewer.folded.items() for name in names}
    again = judge(fewer).entries
    return {name for name in doubted if name not in hosts or again[hosts[name]].passed}


def excused(layers: Mapping[str, LayerError]) -> dict[str, LayerError]:
    """The layers' entries where all outputs of another converter's model agree: that is all it has promised."""
    return {
        name: entry if entry.passed else replace(entry, passed=True, detail=EXCUSED) for name, entry in layers.items()
    }
