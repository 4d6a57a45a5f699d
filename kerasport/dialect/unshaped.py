"""Infers the input shape of a Sequential model saved without one from its first layer's weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from kerasport.dialect.model import LayerDef, ModelDef, TensorRef

_Shape = tuple[int | None, ...]
_Weights = Callable[[str], Sequence[tuple[int, ...]]]
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


def with_input_shape(model: ModelDef, weights: _Weights) -> ModelDef:
    """The model with its input's shape filled in, where its weights tell it: one layer behind the other only.

    Keras 2 drops the InputLayer of ``Sequential([Input(...), ...])`` from the file, or leaves the steps open that the
    Embedding behind it reads; sizes that no weight tells stay unknown.

    Args:
        model: In canonical form.
        weights: The shapes of a top-level layer's stored weights, by layer name.
    """
    layers = list(model.layers)
    if len(model.inputs) != 1 or layers[0].class_name != "InputLayer" or not _is_chain(layers):
        return model
    first = next((layer for layer in layers[1:] if layer.class_name not in _SHAPELESS), layers[-1])
    given = layers[0].config.get("batch_shape")
    shape = given or likely_input(first, weights(first.name))
    if first.class_name in _STEPS and isinstance(shape, list | tuple) and list(shape[1:2]) == [None]:
        shape = (shape[0], _steps(layers[1:], weights), *shape[2:])
    if shape is None or shape is given:
        return model
    layers[0] = replace(layers[0], config={**layers[0].config, "batch_shape": list(shape)})
    return replace(model, layers=tuple(layers))


def _is_chain(layers: Sequence[LayerDef]) -> bool:
    """Whether each layer is called once, on what the one before it gives."""
    return all(
        [node.inputs for node in after.nodes] == [(TensorRef(before.name),)] for before, after in pairwise(layers)
    )


def likely_input(layer: LayerDef, weights: Sequence[tuple[int, ...]]) -> _Shape | None:
    """The shape of what a layer reads, as far as its weights' shapes tell it; None where they do not."""
    rule = _SHAPES.get(layer.class_name)
    if rule is None or not weights or layer.config.get("data_format") == "channels_first" or _grouped(layer):
        return None
    return rule(weights[0])


def _steps(layers: Sequence[LayerDef], weights: _Weights) -> int | None:
    """How many steps the input has, where a Dense behind a Flatten tells it; None where that leaves any choice."""
    lost, features, is_flat = 0, 0, False
    for layer in layers:
        kernel = next(iter(weights(layer.name)), ())
        if layer.class_name in _SHAPELESS:
            continue
        if is_flat:
            rows = kernel[0] if layer.class_name == "Dense" and kernel else 0
            return rows // features + lost if rows and not rows % features else None
        is_flat = layer.class_name == "Flatten"
        if not is_flat:
            rule = _STEPS.get(layer.class_name)
            taken = rule(layer.config, kernel) if rule and kernel else None
            if taken is None:
                return None
            features, lost = kernel[-1] // _GATES.get(layer.class_name, 1), lost + taken
        elif not features:
            return None
    return None


def _taken_by_convolution(config: Mapping[str, Any], kernel: Sequence[int]) -> int | None:
    strides, dilation = (_number(config.get(key, 1)) for key in ("strides", "dilation_rate"))
    if strides != 1 or not dilation or config.get("data_format") == "channels_first":
        return None
    padding = config.get("padding", "valid")
    return (kernel[0] - 1) * dilation if padding == "valid" else 0 if padding in ("same", "causal") else None


def _number(raw: object) -> int:
    """A number of one axis, alone or in a list; 0 for what the layer's spec will refuse."""
    number = raw[0] if isinstance(raw, list | tuple) and len(raw) == 1 else raw
    return number if type(number) is int and number > 0 else 0


def _taken_by_recurrence(config: Mapping[str, Any], kernel: Sequence[int]) -> int | None:
    return 0 if config.get("return_sequences") else None


# Layers over steps: how many steps fewer they give than they take, by their config and kernel; None where that depends.
_STEPS: dict[str, Callable[[Mapping[str, Any], Sequence[int]], int | None]] = {
    "Embedding": lambda config, table: 0,
    "Conv1D": _taken_by_convolution,
    "SimpleRNN": _taken_by_recurrence,
    "LSTM": _taken_by_recurrence,
    "GRU": _taken_by_recurrence,
}
_GATES = {"LSTM": 4, "GRU": 3}
# Layers that leave the shape as it is, so that the next one still tells the input's.
_SHAPELESS = frozenset(
    {"Dropout", "Activation", "GaussianNoise", "GaussianDropout", "AlphaDropout", "Masking", "SpatialDropout1D"}
)


def _grouped(layer: LayerDef) -> bool:
    return bool(layer.config.get("groups", 1) != 1)
