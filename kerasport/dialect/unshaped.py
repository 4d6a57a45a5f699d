"""Infers the input shape of a Sequential model saved without one from its first layer's weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from kerasport.dialect.model import LayerDef, ModelDef

_Shape = tuple[int | None, ...]
# First layer -> the input's shape, from the shape of its first stored weight.
_SHAPES: dict[str, Callable[[_Shape], _Shape]] = {
    "Dense": lambda kernel: (None, kernel[0]),
    "Conv1D": lambda kernel: (None, None, kernel[-2]),
    "Conv2D": lambda kernel: (None, None, None, kernel[-2]),
    "Conv3D": lambda kernel: (None, None, None, None, kernel[-2]),
    "SeparableConv1D": lambda kernel: (None, None, kernel[-2]),
    "SeparableConv2D": lambda kernel: (None, None, None, kernel[-2]),
    "DepthwiseConv1D": lambda kernel: (None, None, kernel[-2]),
    "DepthwiseConv2D": lambda kernel: (None, None, None, kernel[-2]),
    "Embedding": lambda table: (None, None),
    "SimpleRNN": lambda kernel: (None, None, kernel[0]),
    "LSTM": lambda kernel: (None, None, kernel[0]),
    "GRU": lambda kernel: (None, None, kernel[0]),
    "Bidirectional": lambda kernel: (None, None, kernel[0]),
    "BatchNormalization": lambda gamma: (None, gamma[0]),
}


def with_input_shape(model: ModelDef, weights: Callable[[str], Sequence[tuple[int, ...]]]) -> ModelDef:
    """The model with its input's shape filled in, where the first layer with weights tells it.

    Keras 2 drops the InputLayer of ``Sequential([Input(...), ...])`` from the file; sizes that no weight
    tells stay unknown.

    Args:
        model: In canonical form.
        weights: The shapes of a top-level layer's stored weights, by layer name.
    """
    layers = list(model.layers)
    if len(model.inputs) != 1 or layers[0].class_name != "InputLayer" or layers[0].config.get("batch_shape"):
        return model
    first = next((layer for layer in layers[1:] if layer.class_name not in _SHAPELESS), layers[-1])
    shape = likely_input(first, weights(first.name))
    if shape is None:
        return model
    layers[0] = replace(layers[0], config={**layers[0].config, "batch_shape": list(shape)})
    return replace(model, layers=tuple(layers))


def likely_input(layer: LayerDef, weights: Sequence[tuple[int, ...]]) -> _Shape | None:
    """The shape of what a layer reads, as far as its weights' shapes tell it; None where they do not."""
    rule = _SHAPES.get(layer.class_name)
    if rule is None or not weights or layer.config.get("data_format") == "channels_first" or _grouped(layer):
        return None
    return rule(weights[0])


# Layers that leave the shape as it is, so that the next one still tells the input's.
_SHAPELESS = frozenset({"Dropout", "Activation", "GaussianNoise", "GaussianDropout", "AlphaDropout", "Masking"})


def _grouped(layer: LayerDef) -> bool:
    return bool(layer.config.get("groups", 1) != 1)
