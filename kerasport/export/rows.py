"""Functions applied to each row of tensors, in ONNX: a Scan whose body is the function."""

from __future__ import annotations

from kerasport.export import bodies
from kerasport.export.builder import Scope
from kerasport.export.layout import Tensor
from kerasport.export.loops import Loop
from kerasport.export.registry import EXPORT
from kerasport.layers import rows


@EXPORT.register(rows.OverRows)
def over_rows(spec: rows.OverRows, b: Scope, *inputs: Tensor) -> tuple[Tensor, ...]:
    """Scan over the tensors' first axes; each result is given by a node of its own, as a Scan wants it."""
    body, behind = spec.body, len(spec.body.inputs)
    first = behind - spec.states
    names = [b.logical(x) for x in inputs]
    captured = [b.tensor(name, x.type) for name, x in zip(names[behind:], inputs[behind:], strict=True)]
    types = [value.type for value in body.inputs]
    loop = Loop(
        states=names[first:behind],
        sequences=names[:first],
        state_types=types[first:],
        step_types=types[:first],
        output_type=body.outputs[-1].type,
    )

    def step(states: list[str], reads: list[str]) -> tuple[list[str], str]:
        given = [b.tensor(name, value.type) for name, value in zip((*reads, *states), body.inputs, strict=True)]
        *new, output = (b.op("Identity", b.logical(y)) for y in bodies.outputs(body, b, [*given, *captured]))
        return new, output

    finals, output = loop.run(b, step, backwards=False)
    return tuple(b.tensor(name, value.type) for name, value in zip((*finals, output), b.call.outputs, strict=True))
