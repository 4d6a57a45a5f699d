"""One recurrent cell over packed steps in ONNX: as RNN, LSTM or GRU, or as a Scan if these lack a function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasport.export.arrays import Lazy, combine, stack
from kerasport.export.builder import Scope
from kerasport.layers.cells import PEEPHOLES, Cell
from kerasport.layers.functions import Function, function

# Keras's gates i, f, c, o in ONNX's order i, o, f, c; those of GRU are z, r, h in both.
_ORDER = {"SimpleRNN": (0,), "LSTM": (0, 3, 1, 2), "GRU": (0, 1, 2)}
_OPERATORS = {"SimpleRNN": "RNN", "LSTM": "LSTM", "GRU": "GRU"}
_DEFAULTS = {"SimpleRNN": ["Tanh"], "LSTM": ["Sigmoid", "Tanh", "Tanh"], "GRU": ["Sigmoid", "Tanh"]}
# https://onnx.ai/onnx/operators/onnx__LSTM.html; Softplus is left out, as ONNX Runtime's overflows.
_ACTIVATIONS = {
    "tanh": ("Tanh", None, None),
    "sigmoid": ("Sigmoid", None, None),
    "softsign": ("Softsign", None, None),
    "hard_sigmoid": ("HardSigmoid", "slope", "offset"),
    "elu": ("Elu", "alpha", None),
    "leaky_relu": ("LeakyRelu", "negative_slope", None),
    "thresholded_relu": ("ThresholdedRelu", "theta", None),
}
_PLAIN_RELU = function("relu")


@dataclass(frozen=True)
class Run:
    """What cells made of the packed steps.

    Attributes:
        y: All outputs, (time, directions, batch, units).
        finals: The final states, each (directions, batch, units); of no meaning in rows without any step.
        last: The last step's output, in the same form.
    """

    y: str
    finals: tuple[str, ...]
    last: str


@dataclass(frozen=True)
class Operator:
    """An activation as ONNX's recurrent operators name it."""

    name: str
    alpha: float | None = None
    beta: float | None = None


def operator(f: Function) -> Operator | None:
    """The activation's name and numbers; None where those operators have none for it."""
    if f.is_linear:
        return Operator("Affine", 1.0, 0.0)
    if f == _PLAIN_RELU:
        return Operator("Relu")
    if f.name == "celu" and f["alpha"] == 1:
        return Operator("Elu", 1.0)
    if f.name not in _ACTIVATIONS:
        return None
    name, alpha, beta = _ACTIVATIONS[f.name]
    return Operator(name, f[alpha] if alpha else None, f[beta] if beta else None)


def functions(cell: Cell) -> list[Function]:
    """The cell's functions in the order of the operator's ``activations``."""
    gate, act = cell.recurrent_activation, cell.activation
    return {"SimpleRNN": [act], "LSTM": [gate, act, act], "GRU": [gate, act]}[cell.kind]


def has_operator(cell: Cell) -> bool:
    """Whether ONNX's operators can do all its functions."""
    return all(operator(f) is not None for f in functions(cell))


def run_operator(
    b: Scope,
    cells: Sequence[Cell],
    weights: Sequence[Mapping[str, Lazy]],
    x: str,
    lengths: str,
    initial: Sequence[str],
    direction: str,
) -> Run:
    """The operator over one cell, or over two cells that run in opposite directions.

    Args:
        b: Where the node goes.
        cells: One per direction, alike but for their functions.
        weights: Theirs.
        x: (time, batch, features).
        lengths: How many steps of each row count, or "".
        initial: The initial states, (directions, batch, units) each, or none.
        direction: forward, reverse or bidirectional.
    """
    cell, pairs = cells[0], list(zip(cells, weights, strict=True))
    kernels = [_initializer(b, role, [_rows(c, w[role]) for c, w in pairs]) for role in ("kernel", "recurrent_kernel")]
    bias = _initializer(b, "bias", [_both_biases(c, w["bias"]) for c, w in pairs]) if cell.use_bias else ""
    none = [""] * (cell.states - len(initial))
    peepholes = [*none, _initializer(b, "peepholes", [_peepholes(w) for w in weights])] if cell.peepholes else []
    y, *finals = b.op_n(
        _OPERATORS[cell.kind],
        1 + cell.states,
        *(x, *kernels, bias, lengths, *initial, *peepholes),
        hidden_size=cell.units,
        direction=direction if direction != "forward" else None,
        linear_before_reset=1 if cell.reset_after else None,
        **_activations(cells),
    )
    return Run(y, tuple(finals), finals[0])


def _activations(cells: Sequence[Cell]) -> dict[str, Any]:
    """The attributes; alphas and betas stand one behind the other for those functions that have them."""
    found = [operator(f) for cell in cells for f in functions(cell)]
    names = [op.name for op in found if op]
    if names == _DEFAULTS[cells[0].kind] * len(cells):
        return {}
    alphas = [op.alpha for op in found if op and op.alpha is not None]
    betas = [op.beta for op in found if op and op.beta is not None]
    return {"activations": names, "activation_alpha": alphas or None, "activation_beta": betas or None}


def _initializer(b: Scope, role: str, parts: Sequence[Lazy]) -> str:
    """Equal-shaped arrays stacked along a new first axis, one per direction."""
    return b.initializer(stack(parts), role)


def _peepholes(weights: Mapping[str, Lazy]) -> Lazy:
    """ONNX's (3 * units,), for the gates i, o and f."""
    i, f, o = (weights[role] for role in PEEPHOLES)
    return combine("peepholes", lambda *parts: np.concatenate(parts), [i, o, f], (3 * i.size,))


def _rows(cell: Cell, kernel: Lazy) -> Lazy:
    """(in, gates * units) in Keras's order of gates as (gates * units, in) in ONNX's."""
    features, width = kernel.shape
    gates = kernel.reshape(features, cell.gates, cell.units).take(_ORDER[cell.kind], axis=1)
    return gates.transpose(*((1, 0, 2) if cell.cudnn else (1, 2, 0))).reshape(width, features)


def keras_kernel(cell: Cell, kernel: Lazy) -> Lazy:
    """The kernel in Keras's own layout."""
    if not cell.cudnn:
        return kernel
    features, width = kernel.shape

    def columns(array: NDArray[Any]) -> NDArray[Any]:
        gates = array.reshape(features, cell.gates, cell.units).transpose(1, 0, 2)
        return gates.reshape(cell.gates, cell.units, features).transpose(2, 0, 1).reshape(features, width)

    return kernel.map(("columns", cell.kind), columns, kernel.shape)


def _both_biases(cell: Cell, bias: Lazy) -> Lazy:
    """ONNX's (2 * gates * units,): the bias of the input and that of the recurrence, zero if Keras has one only."""
    width = cell.gates * cell.units

    def both(array: NDArray[Any]) -> NDArray[Any]:
        pair = array.reshape(-1, cell.gates, cell.units)[:, list(_ORDER[cell.kind])].reshape(-1, width)
        second = pair[1] if len(pair) == 2 else np.zeros_like(pair[0])
        return np.concatenate([pair[0], second])

    return bias.map(("both", cell.kind), both, (2 * width,))
