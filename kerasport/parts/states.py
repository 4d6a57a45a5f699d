"""The states of stateful recurrent layers as inputs and outputs of the graph, so that a caller can carry them.

Keras keeps the states of a layer with ``stateful=True`` from one batch to the next, until ``reset_states()``. A graph
keeps nothing: it either starts every batch from zero states, or is given the states that the batch before left.
"""

from __future__ import annotations

from dataclasses import replace

from kerasport.errors import OptionError, Problem, UnsupportedModelError
from kerasport.graph import Call, Graph, State
from kerasport.layers.base import Value

STATES = ("reset", "carry")


def with_states(graph: Graph, states: str) -> Graph:
    """The graph itself for "reset"; for "carry", with each stateful layer's states as inputs and outputs.

    They follow the model's own inputs and outputs, as ``<layer>_<state>_in`` and ``<layer>_<state>_out``.

    Raises:
        OptionError: There is no such choice, or the model has no stateful layers.
        UnsupportedModelError: A stateful layer is also given its first states.
    """
    if states not in STATES:
        raise OptionError(f"States cannot be {states!r}.", f"Choose one of {', '.join(STATES)}.")
    return _carrying(graph) if states == "carry" else graph


def _carrying(graph: Graph) -> Graph:
    calls, inputs, outputs, names = list(graph.calls), list(graph.inputs), list(graph.outputs), list(graph.output_names)
    carried: list[State] = []
    for index, call in enumerate(graph.calls):
        labels = call.spec.state_names if call.spec.stateful else ()
        if not labels:
            continue
        calls[index] = opened = _opened(call, labels)
        inputs += opened.inputs[-len(labels) :]
        outputs += opened.outputs[-len(labels) :]
        names += [f"{call.name}_{label}_out" for label in labels]
        carried += [State(f"{call.name}_{label}_in", f"{call.name}_{label}_out") for label in labels]
    if not carried:
        raise OptionError("The model has no stateful layers, so that there are no states to carry.")
    return replace(
        graph,
        inputs=tuple(inputs),
        outputs=tuple(outputs),
        output_names=tuple(names),
        calls=tuple(calls),
        states=tuple(carried),
    )


def _opened(call: Call, labels: tuple[str, ...]) -> Call:
    """The call with its first states as further inputs and its final states as its last outputs."""
    if len(call.inputs) > 1:
        what = (
            "it is stateful and also given initial states,"
            " and versions of Keras disagree on which of them the second batch takes"
        )
        raise UnsupportedModelError([Problem(call.layer, what, "convert it with --states reset")])
    spec = call.spec.returning_states()
    inferred = spec.infer(*(value.type for value in call.inputs))
    types = inferred if isinstance(inferred, tuple) else (inferred,)
    known = call.outputs
    outputs = known + tuple(Value(f"{call.name}:{i}", types[i]) for i in range(len(known), len(types)))
    first = [
        Value(f"{call.name}_{label}_in", type_) for label, type_ in zip(labels, types[-len(labels) :], strict=True)
    ]
    return replace(call, spec=spec, inputs=(*call.inputs, *first), outputs=outputs)
