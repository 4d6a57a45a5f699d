"""Functions applied to each row of tensors, one after another."""

from __future__ import annotations

import numpy as np

from kerasport.layers import rows
from kerasport.reference.bodies import outputs
from kerasport.reference.registry import REFERENCE, Array, Context


@REFERENCE.register(rows.OverRows)
def over_rows(spec: rows.OverRows, context: Context, *inputs: Array) -> tuple[Array, ...]:
    """The states go from row to row."""
    behind = len(spec.body.inputs)
    first = behind - spec.states
    states, found = list(inputs[first:behind]), []
    for row in zip(*inputs[:first], strict=True):
        *states, output = outputs(spec.body, context, [*row, *states, *inputs[behind:]])
        found.append(output)
    return *states, np.stack(found)
