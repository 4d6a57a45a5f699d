"""Weights of CuDNN's layers for plain LSTM and GRU layers, and the other way round, as Keras 2 loads them.

CuDNNLSTM and CuDNNGRU store the kernel of each gate as (units, in) in memory that Keras shows as (in, units), and
always have two biases: the shape of the bias tells which layer weights come from. Who trained on a GPU and predicts
without one builds the model from plain layers and loads such weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any

from kerasport.dialect.storage import mapped
from kerasport.layers.base import Shape
from kerasport.reader.weights import DerivedWeight, Weight

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LSTM, _GRU = 4, 3  # how many gates they have
_RESET_AFTER = (
    "A GRU with reset_after=True has two biases, as a CuDNNGRU has, and one with reset_after=False has one bias: give"
    " the layer reset_after={} where the model is defined, and save the architecture again."
)


def converted(roles: Mapping[str, Shape], weights: Mapping[str, Weight]) -> dict[str, Weight]:
    """The weights with those of each cell in the layout that its roles imply, where the file has the other one."""
    found = dict(weights)
    for name in roles:
        prefix = name.removesuffix("recurrent_kernel")
        cell = [prefix + role for role in ("kernel", "recurrent_kernel", "bias")]
        if prefix != name and all(role in roles for role in cell):
            found |= dict(zip(cell, _cell(roles[cell[2]], [weights[role] for role in cell]), strict=True))
    return found


def hint(roles: Mapping[str, Shape], role: str, found: tuple[int, ...]) -> str:
    """How the user gets a model whose GRU fits the weights, where the file has the bias of another kind of GRU.

    Args:
        roles: Those of the layer, with their shapes.
        role: That whose shape in the file is another.
        found: This shape.
    """
    units, width = roles.get(f"{role.removesuffix('bias')}recurrent_kernel", (0, 0))[-2:]
    if not units or not width or width != _GRU * units or role.rpartition("/")[2] != "bias":
        return ""
    one, two = [(width,)], [(2, width), (2 * width,)]
    if roles[role] in one and found in two:
        return _RESET_AFTER.format(True)
    return _RESET_AFTER.format(False) if roles[role] in two and found in one else ""


def _cell(bias: Shape, weights: list[Weight]) -> list[Weight]:
    kernel, inner, stored = weights
    if len(kernel.shape) != 2 or len(inner.shape) != 2:
        return weights
    units, width = inner.shape
    gates = width // max(units, 1)
    plain = {_LSTM: (width,), _GRU: (2, width)}.get(gates)
    if plain is None or {bias, stored.shape} != {plain, (2 * width,)}:
        return weights
    from_cudnn = bias == plain
    turn = partial(_from_cudnn if from_cudnn else _to_cudnn, gates)
    what = "out of CuDNN's layout" if from_cudnn else "in CuDNN's layout"
    shape = plain if from_cudnn else (2 * width,)
    biases = DerivedWeight(f"{stored.path} {what}", shape, stored.dtype, (stored,), partial(_bias, shape))
    return [mapped(kernel, what, turn), mapped(inner, what, turn), biases]


def _from_cudnn(gates: int, kernel: NDArray[Any]) -> NDArray[Any]:
    features, width = kernel.shape
    memory = kernel.reshape(features, gates, -1).transpose(1, 0, 2).reshape(gates, width // gates, features)
    return memory.transpose(2, 0, 1).reshape(features, width)


def _to_cudnn(gates: int, kernel: NDArray[Any]) -> NDArray[Any]:
    features, width = kernel.shape
    memory = kernel.reshape(features, gates, -1).transpose(1, 2, 0).reshape(gates, features, width // gates)
    return memory.transpose(1, 0, 2).reshape(features, width)


def _bias(shape: tuple[int, ...], bias: NDArray[Any]) -> NDArray[Any]:
    """An LSTM only ever adds its two biases up; a GRU needs both."""
    import numpy as np

    if prod(shape) == bias.size:
        return bias.reshape(shape)
    return bias.reshape(2, -1).sum(axis=0) if prod(shape) < bias.size else np.tile(bias * bias.dtype.type(0.5), 2)
