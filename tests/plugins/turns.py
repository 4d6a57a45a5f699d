"""The plugin for ``turns``: subclasses of Keras's layers."""

from kerasport.plugins import CustomLayer, Tensor, compose, ops


@compose("ReversedLSTM", mask="carried")
def reversed_lstm(layer: CustomLayer, x: Tensor) -> Tensor:
    """LSTM, the steps of whose output are turned round."""
    return ops.flip(layer.base("LSTM")(x), axis=1)


@compose("ScaledDense", mask="carried")
def scaled_dense(layer: CustomLayer, x: Tensor) -> Tensor:
    """Dense, times a factor."""
    factor = layer.config.number("factor")
    return layer.base("Dense")(x) * factor
