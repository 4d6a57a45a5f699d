"""States carried from batch to batch, as Keras does it for stateful layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from kerasport.runtime import Port

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
        """One batch: an array for each input to one for each output."""


def carrying(engine: Engine, states: Mapping[str, str]) -> Engine:
    """The engine; where it has states, one that carries them.

    Args:
        engine: With states as inputs and outputs.
        states: For each output that is a state: the input that takes it in the next batch.
    """
    return Carrying(engine, states) if states else engine


class Carrying:
    """An engine whose states are carried from each batch to the next, from zero on."""

    def __init__(self, engine: Engine, states: Mapping[str, str]) -> None:
        self._engine, self._sources = engine, {taker: giver for giver, taker in states.items()}
        self.inputs = tuple(port for port in engine.inputs if port.name not in self._sources)
        self.outputs = tuple(port for port in engine.outputs if port.name not in states)
        self._last: dict[str, Array] = {}

    def reset(self) -> None:
        """Forgets the states."""
        self._last = {}

    def run(self, inputs: Sequence[Array]) -> list[Array]:
        """One batch, from the states that the one before left."""
        given = dict(zip((port.name for port in self.inputs), inputs, strict=True))
        rows = len(inputs[0])
        arrays = [given[port.name] if port.name in given else self._state(port, rows) for port in self._engine.inputs]
        results = self._engine.run(arrays)
        self._last = dict(zip((port.name for port in self._engine.outputs), results, strict=True))
        return [self._last[port.name] for port in self.outputs]

    def _state(self, port: Port, rows: int) -> Array:
        """The state that an input takes."""
        zeros = np.zeros([rows if dim is None else dim for dim in port.shape], port.dtype)
        return self._last.get(self._sources[port.name], zeros)
