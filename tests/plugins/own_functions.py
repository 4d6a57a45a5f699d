"""The functions and the layer of ``fixtures/make/own_functions.py``."""

from kerasport.plugins import CustomLayer, Tensor, activation, compose, ops


@activation("squashed")
def squashed(x: Tensor) -> Tensor:
    return x / (1.0 + abs(x))


@activation("half_softmax")
def half_softmax(x: Tensor) -> Tensor:
    return ops.softmax(x, axis=-1) * 0.5


@compose("Gate")
def gate(layer: CustomLayer, x: Tensor) -> Tensor:
    return x * ops.sigmoid(x @ layer.weight("kernel", (x.shape[-1], x.shape[-1])))
