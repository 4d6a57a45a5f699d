"""Pads batches to one size, for providers that recompile for each shape."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kerasport.prediction.engine import Engine
from kerasport.prediction.rows import Array


class Padded:
    """An engine that is always given batches of one size: short ones are filled up with their last row.

    Args:
        engine: Gives a row for each row.
        size: Of a batch.
    """

    def __init__(self, engine: Engine, size: int) -> None:
        self._engine, self._size = engine, size
        self.inputs, self.outputs = engine.inputs, engine.outputs

    def run(self, inputs: Sequence[Array]) -> list[Array]:
        """One batch, short or not."""
        rows = len(inputs[0])
        if not 0 < rows < self._size:
            return self._engine.run(inputs)
        filled = [np.concatenate([array, array[-1:].repeat(self._size - rows, axis=0)]) for array in inputs]
        return [output[:rows] if len(output) == self._size else output for output in self._engine.run(filled)]
