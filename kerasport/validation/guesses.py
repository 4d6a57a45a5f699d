"""Layers located by name in another converter's model: verifies which of these guesses hold.

A guess is doubted where the layer fails. It is wrong, and the layer acquitted, if the next layer has the right value
once it is computed from the doubted one's inputs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from kerasport.graph import Graph
from kerasport.validation.adapter import Adapter
from kerasport.validation.error import LayerError
from kerasport.validation.place import Place
from kerasport.validation.plan import Plan
from kerasport.validation.result import EXCUSED
from kerasport.validation.scopes import places_by_name
from kerasport.validation.skeleton import Skeleton
from kerasport.validation.trial import Findings

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
        value.name: Place(end.port.name, end.perm, end.port.dtype)
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
        doubted = _doubted(plan, found, agree)
        wrong = _acquitted(plan, doubted, judge) if doubted else set()
        if not wrong:
            break
        plan = plan.without(wrong)
        found = judge(plan)
    return plan, found


def _doubted(plan: Plan, found: Findings, agree: Callable[[Findings], bool]) -> set[str]:
    """The guesses that fail; all that the unchanged graph belies, where right outputs become wrong by guesses."""
    entries = {name: entry for name, entry in found.entries.items() if name in plan.guessed}
    failing = {name for name, entry in entries.items() if not entry.passed}
    certain = [entry for name, entry in found.entries.items() if name not in plan.guessed]
    if all(entry.passed for entry in certain) or not agree(found):
        return failing
    return failing | {name for name, entry in entries.items() if entry.chained is not None and entry.chained > _SAME}


def _acquitted(plan: Plan, doubted: set[str], judge: Callable[[Plan], Findings]) -> set[str]:
    """The doubted guesses behind which the next layer is right once they are left to it."""
    fewer = plan.without(doubted)
    hosts = {name: host for host, names in fewer.folded.items() for name in names}
    again = judge(fewer).entries
    return {name for name in doubted if name not in hosts or again[hosts[name]].passed}


def excused(layers: Mapping[str, LayerError]) -> dict[str, LayerError]:
    """The layers' entries where all outputs of another converter's model agree: that is all it has promised."""
    return {
        name: entry if entry.passed else replace(entry, passed=True, detail=EXCUSED) for name, entry in layers.items()
    }
