"""Activation functions as layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from kerasport.layers.base import Spec, TensorType
from kerasport.layers.config import Config
from kerasport.layers.functions import Function
from kerasport.layers.registry import LAYERS


@LAYERS.register("Activation")
@dataclass(frozen=True, kw_only=True)
class Activation(Spec):
    """One elementwise (or last-axis) function."""

    activation: Function

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's key: activation."""
        return cls(activation=config.activation())

    def infer(self, *inputs: TensorType) -> TensorType:
        """The input's type; ``glu`` halves the last axis."""
        return function_type(self.activation, inputs[0])


def function_type(function: Function, x: TensorType) -> TensorType:
    """The type of ``function(x)``."""
    if function.name != "glu":
        return x
    shape = list(x.shape)
    axis = int(function["axis"])
    size = shape[axis]
    shape[axis] = None if size is None else size // 2
    return x.with_shape(shape)
