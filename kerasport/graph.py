"""The graph that both back ends read: calls in topological order over typed values, with masks as edges."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING

from kerasport.layers.base import Shape, Spec, Value

if TYPE_CHECKING:
    from kerasport.reader.weights import Weight


@dataclass(frozen=True, slots=True)
class Call:
    """One application of a layer.

    Attributes:
        name: Unique; the layer's name, with ``@1``, ``@2`` ... for the later calls of a shared layer.
        layer: The key of its weights in ``Graph.layers``.
        spec: What it computes.
        inputs: Its tensors, in the order of the spec.
        masks: Their masks, None where there is none; empty unless ``spec.uses_mask``.
        outputs: What it gives.
    """

    name: str
    layer: str
    spec: Spec
    inputs: tuple[Value, ...]
    masks: tuple[Value | None, ...]
    outputs: tuple[Value, ...]


@dataclass(frozen=True)
class Layer:
    """A layer of the file, which may be called several times.

    Attributes:
        key: Its name with the names of the models around it: ``outer/inner``.
        class_name: Keras's class name.
        roles: Weight roles with shapes, in Keras's order.
        weights: The file's weights by role; lazy.
    """

    key: str
    class_name: str
    roles: Mapping[str, Shape] = field(default_factory=dict)
    weights: Mapping[str, Weight] = field(default_factory=dict)

    @property
    def parameters(self) -> int:
        """How many numbers its weights have."""
        return parameters(self.roles)


@dataclass(frozen=True, slots=True)
class Ends:
    """What a call of a layer, or of a model within the model, reads and gives.

    Attributes:
        inputs: Its tensors; fewer where some could not be worked out.
        outputs: What it gives; empty where that could not be worked out.
    """

    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class State:
    """What a caller carries from one batch to the next: the one's output is the other's input.

    Attributes:
        input: The name of an input; zeros in the first batch.
        output: The name of an output.
    """

    input: str
    output: str


@dataclass(frozen=True)
class Graph:
    """A whole model.

    Attributes:
        name: The model's name.
        inputs: In the model's own order, under Keras's names.
        outputs: In the model's own order.
        output_names: Keras's names of the outputs.
        calls: In topological order.
        layers: By key.
        states: Those inputs and outputs that are carried from batch to batch.
    """

    name: str
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    output_names: tuple[str, ...]
    calls: tuple[Call, ...]
    layers: Mapping[str, Layer]
    states: tuple[State, ...] = ()

    def weights_of(self, call: Call) -> Mapping[str, Weight]:
        """The weights of a call's layer, by role."""
        layer = self.layers.get(call.layer)
        return layer.weights if layer else {}

    @property
    def parameters(self) -> int:
        """How many numbers the weights of all layers that it calls have."""
        return sum(layer.parameters for layer in map(self.layers.get, {call.layer for call in self.calls}) if layer)


def parameters(roles: Mapping[str, Shape]) -> int:
    """How many numbers weights have, by the shapes of their roles; sizes that are not known count for none."""
    return sum(prod(dim or 0 for dim in shape) for shape in roles.values())


def reachable(calls: Sequence[Call], outputs: Sequence[Value], given: Collection[str] = ()) -> tuple[Call, ...]:
    """The calls that some outputs need, in their order.

    Args:
        calls: In topological order.
        outputs: What is needed.
        given: The names of values that need no call.
    """
    needed = {value.name for value in outputs}.difference(given)
    kept: list[Call] = []
    for call in reversed(calls):
        if any(value.name in needed for value in call.outputs):
            kept.append(call)
            needed |= {value.name for value in (*call.inputs, *call.masks) if value}.difference(given)
    return tuple(reversed(kept))
