"""Function bodies inside a spec, translated where they are needed: into the graph, or into a loop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from kerasport.export.builder import Scope
from kerasport.export.layout import Tensor
from kerasport.export.registry import EXPORT
from kerasport.graph import Graph
from kerasport.layers.body import Body


def outputs(body: Body, b: Scope, tensors: Sequence[Tensor]) -> list[Tensor]:
    """What a function gives.

    Args:
        body: The function.
        b: Where its nodes go.
        tensors: Its arguments, then what else it reads.
    """
    given = (*body.inputs, *body.captured)
    builder = b.builder.within(Graph(b.call.name, given, body.outputs, (), body.calls, {}))
    for value, tensor in zip(given, tensors, strict=True):
        builder.hold(value.name, tensor)
    for call in body.calls:
        scope = Scope(builder, replace(call, name=f"{b.call.name}/{call.name}", layer=b.call.layer))
        made = EXPORT[type(call.spec)](call.spec, scope, *(builder.tensors[value.name] for value in call.inputs))
        for value, result in zip(call.outputs, made if isinstance(made, tuple) else (made,), strict=True):
            builder.hold(value.name, result)
    return [builder.tensors[value.name] for value in body.outputs]
