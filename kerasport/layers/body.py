"""Functions of tensors inside a spec: traced with symbolic arguments, evaluated by the back ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kerasport.graph import Call
from kerasport.layers.base import Spec, Value


@dataclass(frozen=True)
class Body:
    """A function.

    Attributes:
        calls: What it does, in topological order.
        inputs: What stands for its arguments.
        captured: What else it reads, under the names that it has in the graph.
        outputs: What it gives.
    """

    calls: tuple[Call, ...]
    inputs: tuple[Value, ...]
    captured: tuple[Value, ...]
    outputs: tuple[Value, ...]


class Tracer:
    """Notes what a function does.

    Args:
        inputs: What stands for its arguments.
        label: Tells its values from those of functions around it.
    """

    def __init__(self, inputs: Sequence[Value], label: str = "") -> None:
        self._inputs, self._label = tuple(inputs), label
        self._calls: list[Call] = []
        self._captured: dict[str, Value] = {}
        self._known = {value.name for value in inputs}

    def emit(self, spec: Spec, inputs: Sequence[Value]) -> tuple[Value, ...]:
        """The outputs of a spec on tensors."""
        inferred = spec.infer(*(value.type for value in inputs))
        types = inferred if isinstance(inferred, tuple) else (inferred,)
        self._captured |= {value.name: value for value in inputs if value.name not in self._known}
        name = f"{type(spec).__name__}_{len(self._calls)}"
        outputs = tuple(Value(f"<{self._label}>{name}:{place}", type_) for place, type_ in enumerate(types))
        self._known |= {value.name for value in outputs}
        self._calls.append(Call(name, name, spec, tuple(inputs), (), outputs))
        return outputs

    def body(self, outputs: Sequence[Value]) -> Body:
        """The function, which gives these."""
        captured = self._captured | {value.name: value for value in outputs if value.name not in self._known}
        return Body(tuple(self._calls), self._inputs, tuple(captured.values()), tuple(outputs))
