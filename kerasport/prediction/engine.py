"""What runs a model batch by batch; states are carried from batch to batch, as Keras does for stateful layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from kerasport.runtime.sessions import Port

Array = NDArray[Any]


class Engine(Protocol):
    """What runs a model batch by batch."""

    @property
    def inputs(self) -> tuple[Port, ...]:
        """The inputs in order."""

    @property
    def outputs(self) -> tuple[Port, ...]:
        """The outputs in order."""

    def run(self, inputs: Sequence[Array]) -> list[Array]:
        """Runs one batch: takes an array for each input, returns one for each output."""


def carrying_states(engine: Engine, states: Mapping[str, str]) -> Engine:
    """The engine, made to carry its states if it has any.

    Args:
        engine: An engine with its states as inputs and outputs.
        states: For each output that is a state, the input that takes it in the next batch.
    """
    return StatefulEngine(engine, states) if states else engine


class StatefulEngine:
    """An engine that carries its states from each batch to the next, starting from zero."""

    def __init__(self, engine: Engine, states: Mapping[str, str]) -> None:
        self._engine, self._sources = engine, {taker: giver for giver, taker in states.items()}
        self.inputs = tuple(port for port in engine.inputs if port.name not in self._sources)
        self.outputs = tuple(port for port in engine.outputs if port.name not in states)
        self._last: dict[str, Array] = {}

    def reset(self) -> None:
        """Forgets the states."""
        self._last = {}

    def run(self, inputs: Sequence[Array]) -> list[Array]:
        """Runs one batch, from the states that the previous one left."""
        given = dict(zip((port.name for port in self.inputs), inputs, strict=True))
        rows = len(inputs[0])
        arrays = [given[port.name] if port.name in given else self._state(port, rows) for port in self._engine.inputs]
        results = self._engine.run(arrays)
        self._last = dict(zip((port.name for port in self._engine.outputs), results, strict=True))
        return [self._last[port.name] for port in self.outputs]

    def _state(self, port: Port, rows: int) -> Array:
        """The state for an input."""
        zeros = np.zeros([rows if dim is None else dim for dim in port.shape], port.dtype)
        return self._last.get(self._sources[port.name], zeros)
