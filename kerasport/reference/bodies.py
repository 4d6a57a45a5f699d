"""Function bodies inside a spec, evaluated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from kerasport.layers.body import Body
from kerasport.reference.registry import REFERENCE, Array, Context
from kerasport.reference.weights import cast


def outputs(body: Body, context: Context, arrays: Sequence[Array]) -> list[Array]:
    """What a function gives.

    Args:
        body: The function.
        context: Of the spec that has it.
        arrays: Its arguments, then what else it reads.
    """
    values, alone = (*body.inputs, *body.captured), replace(context, weights={}, masks=())
    known = {value.name: array for value, array in zip(values, arrays, strict=True)}
    for call in body.calls:
        made = REFERENCE[type(call.spec)](call.spec, alone, *(known[value.name] for value in call.inputs))
        given = made if isinstance(made, tuple) else (made,)
        known |= {value.name: cast(array, context.dtype) for value, array in zip(call.outputs, given, strict=True)}
    return [known[value.name] for value in body.outputs]
