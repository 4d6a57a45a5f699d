"""Functions within a spec, translated where they are needed: in the graph, or within a loop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from kerasport.export.builder import Scope
from kerasport.export.layout import Tensor, identity_perm
from kerasport.export.registry import EXPORT
from kerasport.graph import Graph
from kerasport.layers.base import Value
from kerasport.layers.body import Body


def outputs(body: Body, b: Scope, names: Sequence[str]) -> list[str]:
    """What a function gives, in logical order.

    Args:
        body: The function.
        b: Where its nodes go.
        names: Its arguments, then what else it reads, in logical order.
    """
    given = (*body.inputs, *body.captured)
    builder = b.builder.within(Graph(b.call.name, given, body.outputs, (), body.calls, {}))
    for value, name in zip(given, names, strict=True):
        builder.hold(value.name, _logical(name, value))
    for call in body.calls:
        scope = Scope(builder, replace(call, name=f"{b.call.name}/{call.name}", layer=b.call.layer))
        made = EXPORT[type(call.spec)](call.spec, scope, *(builder.tensors[value.name] for value in call.inputs))
        for value, tensor in zip(call.outputs, made if isinstance(made, tuple) else (made,), strict=True):
            builder.hold(value.name, tensor)
    return [builder.arrange(builder.tensors[v.name], identity_perm(v.type.rank), b.call.name) for v in body.outputs]


def _logical(name: str, value: Value) -> Tensor:
    return Tensor(name, value.type, identity_perm(value.type.rank))
