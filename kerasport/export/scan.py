"""One recurrent cell as a Scan over packed steps, for functions that ONNX's recurrent operators lack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasport.export.activation import apply
from kerasport.export.arrays import Lazy
from kerasport.export.builder import Scope
from kerasport.export.cells import Run, keras_kernel
from kerasport.export.layout import Tensor
from kerasport.export.loops import Loop
from kerasport.export.ops import unsqueeze
from kerasport.layers.base import TensorType
from kerasport.layers.cells import PEEPHOLES, Cell
from kerasport.layers.functions import Function


def run_scan(
    b: Scope,
    cell: Cell,
    weights: Mapping[str, Lazy],
    x: str,
    valid: str,
    initial: Sequence[str],
    backwards: bool,
    shown: int = 0,
) -> Run:
    """The input's part of all gates in one MatMul, then the steps one by one.

    Args:
        b: Where the nodes go.
        cell: The cell.
        weights: Its weights.
        x: (time, batch, features).
        valid: Which steps count, (time, batch, 1), bool, or "".
        initial: The initial states, (1, batch, units) each, or none.
        backwards: Whether the last step comes first.
        shown: Which state is the output.
    """
    step = _Step(b, cell, weights, shown)
    gates = b.op("MatMul", x, b.initializer(keras_kernel(cell, weights["kernel"]), "kernel"))
    if cell.use_bias:
        gates = b.op("Add", gates, step.input_bias())
    states = [b.op("Squeeze", state, b.constant([0], "axes")) for state in initial] or [_zeros(b, x, cell.units)]
    state, width = TensorType((None, cell.units)), TensorType((None, cell.gates * cell.units))
    loop = Loop(
        states=states * (cell.states // len(states)),
        sequences=[gates, valid] if valid else [gates],
        state_types=[state] * cell.states,
        step_types=[width, TensorType((None, 1), "bool")] if valid else [width],
        output_type=state,
    )
    finals, y = loop.run(b, step.add, backwards)
    stacked = tuple(unsqueeze(b, final, [0]) for final in finals)
    return Run(unsqueeze(b, y, [1]), stacked, stacked[shown])


def _zeros(b: Scope, x: str, units: int) -> str:
    """(batch, units) of zeros."""
    batch = b.once("Gather", b.once("Shape", x), b.constant([1], "axis"), axis=0)
    return b.op("Expand", b.constant(0.0, "zero"), b.op("Concat", batch, b.constant([units], "units"), axis=0))


class _Step:
    """The body of the Scan: (states, the input's part of the gates, whether it counts) to (states, output)."""

    def __init__(self, b: Scope, cell: Cell, weights: Mapping[str, Lazy], shown: int) -> None:
        self.b, self.cell, self.weights, self.shown = b, cell, weights, shown

    def input_bias(self) -> str:
        """The bias that is added before the loop: all of it, but for the recurrent one of a GRU."""
        bias, width = self.weights["bias"], self.cell.gates * self.cell.units
        if bias.size == width:
            return self.b.initializer(bias, "bias")
        after = self.cell.reset_after

        def first(array: NDArray[Any]) -> NDArray[Any]:
            pair = array.reshape(2, width)
            return np.asarray(pair[0] if after else pair.sum(axis=0))

        return self.b.initializer(bias.map(("input", after), first, (width,)), "bias")

    def add(self, states: list[str], reads: list[str]) -> tuple[list[str], str]:
        """The nodes of one step; the kernels are read from the graph around it."""
        b, (gates, *valid) = self.b, reads
        new = {"LSTM": self._lstm, "GRU": self._gru, "SimpleRNN": self._simple}[self.cell.kind](gates, states)
        if not valid:
            return new, b.op("Identity", new[self.shown])
        kept = [b.op("Where", valid[0], *pair) for pair in zip(new, states, strict=True)]
        return kept, b.op("Where", valid[0], new[self.shown], b.constant(0.0, "zero"))

    def _kernel(self, first: int = 0, last: int | None = None) -> str:
        """The recurrent kernel's columns of some gates."""
        kernel = keras_kernel(self.cell, self.weights["recurrent_kernel"])
        if (first, last) == (0, None):
            return self.b.initializer(kernel, "recurrent_kernel")
        start, stop = first * self.cell.units, (last or self.cell.gates) * self.cell.units
        part = kernel.map(("gates", start, stop), lambda array: array[:, start:stop], (self.cell.units, stop - start))
        return self.b.initializer(part, f"recurrent_kernel_{first}")

    def _act(self, f: Function, value: str) -> str:
        return apply(self.b, f, Tensor(value, TensorType((None, self.cell.units)), (0, 1))).name

    def _split(self, value: str, parts: int) -> list[str]:
        sizes = self.b.constant([self.cell.units] * parts, "split")
        return self.b.op_n("Split", parts, value, sizes, axis=1)

    def _simple(self, gates: str, states: Sequence[str]) -> list[str]:
        b = self.b
        return [self._act(self.cell.activation, b.op("Add", gates, b.op("MatMul", states[0], self._kernel())))]

    def _lstm(self, gates: str, states: Sequence[str]) -> list[str]:
        b, (h, c) = self.b, states
        total = b.op("Add", gates, b.op("MatMul", h, self._kernel()))
        i, f, g, o = self._split(total, 4)
        i, f = (self._gate(gate, c, role) for gate, role in zip((i, f), PEEPHOLES, strict=False))
        c = b.op("Add", b.op("Mul", f, c), b.op("Mul", i, self._act(self.cell.activation, g)))
        return [b.op("Mul", self._gate(o, c, PEEPHOLES[-1]), self._act(self.cell.activation, c)), c]

    def _gate(self, total: str, c: str, role: str) -> str:
        """A gate of an LSTM, which sees the cell state where there are peepholes."""
        if self.cell.peepholes:
            seen = self.b.op("Mul", c, self.b.initializer(self.weights[role], role))
            total = self.b.op("Add", total, seen)
        return self._act(self.cell.recurrent_activation, total)

    def _gru(self, gates: str, states: Sequence[str]) -> list[str]:
        b, (h,) = self.b, states
        xz, xr, xh = self._split(gates, 3)
        gate = self.cell.recurrent_activation
        if self.cell.reset_after:
            inner = b.op("MatMul", h, self._kernel())
            hz, hr, hh = self._split(self._plus_bias(inner), 3)
            z, r = self._act(gate, b.op("Add", xz, hz)), self._act(gate, b.op("Add", xr, hr))
            part = b.op("Mul", r, hh)
        else:
            hz, hr = self._split(b.op("MatMul", h, self._kernel(0, 2)), 2)
            z, r = self._act(gate, b.op("Add", xz, hz)), self._act(gate, b.op("Add", xr, hr))
            part = b.op("MatMul", b.op("Mul", r, h), self._kernel(2))
        new = self._act(self.cell.activation, b.op("Add", xh, part))
        kept = b.op("Mul", z, b.op("Sub", h, new))
        return [b.op("Add", new, kept)]

    def _plus_bias(self, value: str) -> str:
        if not self.cell.use_bias:
            return value
        width = self.cell.gates * self.cell.units
        second = self.weights["bias"].map("recurrent", lambda array: array.reshape(2, width)[1], (width,))
        return self.b.op("Add", value, self.b.initializer(second, "recurrent_bias"))
