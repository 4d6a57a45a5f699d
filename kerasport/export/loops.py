"""Scan: a subgraph that runs over the steps of sequences and carries states from step to step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kerasport.export.builder import Scope, Subgraph
from kerasport.layers.base import TensorType


@dataclass(frozen=True)
class Loop:
    """One Scan.

    Attributes:
        states: The initial states.
        sequences: What is read step by step along the first axis.
        state_types: The states' types.
        step_types: The types of one step of each sequence.
        output_type: The type of one step's output.
    """

    states: Sequence[str]
    sequences: Sequence[str]
    state_types: Sequence[TensorType]
    step_types: Sequence[TensorType]
    output_type: TensorType

    def run(
        self,
        b: Scope,
        step: Callable[[list[str], list[str]], tuple[list[str], str]],
        backwards: bool,
        flip: bool = False,
    ) -> tuple[list[str], str]:
        """The final states and the outputs of all steps.

        Args:
            b: Where the node goes.
            step: Adds one step's nodes: (states, what is read) to (new states, output); it may read initializers.
            backwards: Whether the last step comes first.
            flip: Whether the outputs are wanted from the last step to the first.
        """
        states = [b.builder.unique(f"{b.call.name}/state") for _ in self.states]
        reads = [b.builder.unique(f"{b.call.name}/step") for _ in self.sequences]
        with b.builder.body() as nodes:
            new, y = step(states, reads)
        produced = {name for node in nodes for name in node.outputs} | {*states, *reads}
        captured = sorted({name for node in nodes for name in node.inputs if name and name not in produced})
        inputs = list(zip((*states, *reads), (*self.state_types, *self.step_types), strict=True))
        outputs = list(zip((*new, y), (*self.state_types, self.output_type), strict=True))
        *finals, ys = b.op_n(
            "Scan",
            len(states) + 1,
            *self.states,
            *self.sequences,
            body=Subgraph(nodes, inputs, outputs, captured),
            num_scan_inputs=len(reads),
            scan_input_directions=[1] * len(reads) if backwards else None,
            scan_output_directions=[1] if backwards != flip else None,
        )
        return finals, ys
