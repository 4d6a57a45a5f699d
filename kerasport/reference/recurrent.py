"""Recurrent layers in NumPy: one product for the inputs of all steps, then a plain loop over them, gates by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from kerasport.layers import recurrent
from kerasport.layers.cells import PEEPHOLES, Cell
from kerasport.reference.activation import apply
from kerasport.reference.registry import REFERENCE, Array, Context, Watch

_Weights = Mapping[str, Array]


@REFERENCE.register(recurrent.Recurrent)
def recurrent_layer(spec: recurrent.Recurrent, context: Context, x: Array, *initial: Array) -> tuple[Array, ...]:
    """The output, or all outputs in the order in which they were computed; and the final states."""
    mask = context.mask if spec.masked else None
    x = x[:, None] if spec.single_step else x
    if spec.time_major:
        x, mask = x.swapaxes(0, 1), None if mask is None else mask.T
    weights = [canonical(cell, w) for cell, w in zip(spec.cells, _by_cell(spec, context.weights), strict=True)]
    states = _nested(spec, initial) if initial else _zeros(spec, x)
    output, outputs = np.zeros((len(x), spec.cells[-1].units), x.dtype), []
    projected = x @ weights[0]["kernel"] + weights[0]["bias"]
    for t in range(x.shape[1])[:: -1 if spec.go_backwards else 1]:
        new, value = [], x[:, t]
        for i, (cell, w, state) in enumerate(zip(spec.cells, weights, states, strict=True)):
            new.append(step(cell, w, value @ w["kernel"] + w["bias"] if i else projected[:, t], state, context.watch))
            value = value + new[-1][0] if cell.residual else new[-1][0]
        if mask is not None:
            kept = mask[:, t, None]
            zeroed = spec.zero_masked and not spec.zeroes_crosswise
            other = states[-1][0] if spec.state_masked else np.zeros_like(value) if zeroed else output
            value = np.where(kept, value, other)
            new = [
                tuple(np.where(kept, a, b) for a, b in zip(after, before, strict=True))
                for after, before in zip(new, states, strict=True)
            ]
        states, output = new, new[-1][-1] if spec.gives_last_state else value
        outputs.append(output)
    if spec.zeroes_crosswise and mask is not None:
        outputs = [np.where(kept[:, None], y, 0) for kept, y in zip(mask.T, outputs, strict=True)]
    y = np.stack(outputs, axis=0 if spec.time_major else 1) if spec.return_sequences else output
    ordered = states[::-1] if spec.reversed_states else states
    return (y, *(part for state in ordered for part in state)) if spec.return_state else (y,)


@REFERENCE.register(recurrent.Bidirectional)
def bidirectional(spec: recurrent.Bidirectional, context: Context, x: Array, *initial: Array) -> tuple[Array, ...]:
    """Both layers, the second one's outputs reversed in time, merged."""
    results = []
    for side, layer, states in zip(
        ("forward/", "backward/"), (spec.forward, spec.backward), spec.split_states(initial), strict=True
    ):
        own = {role.removeprefix(side): w for role, w in context.weights.items() if role.startswith(side)}
        watch = partial(_watched_in, side, context.watch)
        results.append(REFERENCE[type(layer)](layer, replace(context, weights=own, watch=watch), x, *states))
    (ahead, *states_ahead), (back, *states_back) = results
    if spec.forward.return_sequences:
        back = np.flip(back, axis=0 if getattr(spec.forward, "time_major", False) else 1)
    return (*_merge(spec.merge_mode, ahead, back), *states_ahead, *states_back)


def _watched_in(side: str, watch: Watch, name: str, array: Array) -> Array:
    return watch(side + name, array)


def step(cell: Cell, weights: _Weights, x: Array, states: tuple[Array, ...], watch: Watch) -> tuple[Array, ...]:
    """One step of one cell, from the projected input: its new states, the first of which is its output."""
    if cell.kind == "LSTM":
        return _lstm_step(cell, weights, watch, x, *states)
    if cell.kind == "GRU":
        return _gru_step(cell, weights, watch, x, *states)
    return _simple_step(cell, weights, x, *states)


def _simple_step(cell: Cell, w: _Weights, x: Array, h: Array) -> tuple[Array, ...]:
    return (apply(cell.activation, x + h @ w["recurrent_kernel"]),)


def _lstm_step(cell: Cell, w: _Weights, watch: Watch, x: Array, h: Array, c: Array) -> tuple[Array, ...]:
    gate, act = cell.recurrent_activation, cell.activation
    i, f, g, o = np.split(x + h @ w["recurrent_kernel"], 4, axis=-1)
    see_i, see_f, see_o = (w[role] if cell.peepholes else 0 for role in PEEPHOLES)
    i, f = watch("input gate", apply(gate, i + see_i * c)), watch("forget gate", apply(gate, f + see_f * c))
    c = f * c + i * apply(act, g)
    return watch("output gate", apply(gate, o + see_o * c)) * apply(act, c), c


def _gru_step(cell: Cell, w: _Weights, watch: Watch, x: Array, h: Array) -> tuple[Array, ...]:
    xz, xr, xh = np.split(x, 3, axis=-1)
    uz, ur, uh = np.split(w["recurrent_kernel"], 3, axis=-1)
    bz, br, bh = np.split(w["recurrent_bias"], 3)
    z = watch("update gate", apply(cell.recurrent_activation, xz + h @ uz + bz))
    r = watch("reset gate", apply(cell.recurrent_activation, xr + h @ ur + br))
    recurrent_part = r * (h @ uh + bh) if cell.reset_after else (r * h) @ uh + bh
    return (z * h + (1 - z) * apply(cell.activation, xh + recurrent_part),)


def canonical(cell: Cell, weights: _Weights) -> dict[str, Array]:
    """Kernels in Keras's own layout, and both biases, zero where there are none."""
    kernel, inner = weights["kernel"], weights["recurrent_kernel"]
    if cell.cudnn:
        kernel, inner = (_from_cudnn(cell, array) for array in (kernel, inner))
    zeros = np.zeros(cell.gates * cell.units, kernel.dtype)
    bias = weights.get("bias", zeros)
    first, second = bias.reshape(2, -1) if bias.size > zeros.size else (bias, zeros)
    if cell.kind != "GRU":
        first, second = first + second, zeros
    seen = {role: weights[role] for role in PEEPHOLES if cell.peepholes}
    return {"kernel": kernel, "recurrent_kernel": inner, "bias": first, "recurrent_bias": second, **seen}


def _from_cudnn(cell: Cell, kernel: Array) -> Array:
    """CuDNN stores each gate's kernel as (units, in); Keras shows that memory as (in, units)."""
    gates = [np.ascontiguousarray(gate).reshape(cell.units, -1).T for gate in np.split(kernel, cell.gates, axis=1)]
    return np.concatenate(gates, axis=1)


def _by_cell(spec: recurrent.Recurrent, weights: _Weights) -> list[_Weights]:
    return [
        {role.removeprefix(prefix): array for role, array in weights.items() if role.startswith(prefix)}
        for prefix in spec.prefixes
    ]


def _zeros(spec: recurrent.Recurrent, x: Array) -> list[tuple[Array, ...]]:
    return [(np.zeros((len(x), cell.units), x.dtype),) * cell.states for cell in spec.cells]


def _nested(spec: recurrent.Recurrent, states: Sequence[Array]) -> list[tuple[Array, ...]]:
    """Flat states, in Keras's order, by cell."""
    left = iter(states)
    cells = spec.cells[::-1] if spec.reversed_states else spec.cells
    nested = [tuple(next(left) for _ in range(cell.states)) for cell in cells]
    return nested[::-1] if spec.reversed_states else nested


def _merge(mode: str, ahead: Array, back: Array) -> tuple[Array, ...]:
    if mode == "none":
        return ahead, back
    if mode == "concat":
        return (np.concatenate([ahead, back], axis=-1),)
    return ({"sum": ahead + back, "mul": ahead * back, "ave": (ahead + back) / 2}[mode],)
