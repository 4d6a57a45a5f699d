"""A function applied to each row of tensors, as ``map_fn``, ``scan`` and ``foldl`` do."""

from __future__ import annotations

from typing import ClassVar

from kerasport.layers.base import TensorType
from kerasport.layers.body import Body
from kerasport.layers.frozen import frozen
from kerasport.layers.ops import Op


@frozen
class OverRows(Op):
    """Gives the final states, then what a function gives for each row, stacked.

    The inputs are the tensors whose rows are taken, the first states, and what else the function reads.

    Attributes:
        body: The function: of a row of each tensor and of the states; it gives the new states and an output.
        states: The number of states.
    """

    contracts: ClassVar[bool] = True

    body: Body
    states: int = 0

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        """The states' types, and the output's with an axis more."""
        *states, output = (value.type for value in self.body.outputs)
        return *(state.with_shape(state.shape) for state in states), output.with_shape(
            (inputs[0].shape[0], *output.shape)
        )
