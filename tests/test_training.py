"""Calls with ``training=True``; what they give is in the golden case topology/training_mode."""

from __future__ import annotations

from typing import Any

import pytest

from kerasport.assembly.assembler import assemble
from kerasport.assembly.training import Training
from kerasport.dialect.model import LayerDef, ModelDef, Node, TensorRef

IN_TRAINING = (Node((TensorRef("x"),), None, {"training": True}),)
INPUT = LayerDef("x", "InputLayer", {"batch_shape": [None, 4, 3], "dtype": "float32"}, ())


def model(*layers: LayerDef, of: str = "layer") -> ModelDef:
    ends = (TensorRef("x"),), (TensorRef(of),), ("x",), (of,)
    return ModelDef("model", (INPUT, *layers), *ends)


def cell(**config: Any) -> dict[str, Any]:
    return {"units": 2, "activation": "tanh", "recurrent_activation": "sigmoid", **config}


RANDOM = {
    "dropout": LayerDef("layer", "Dropout", {"rate": 0.3}, IN_TRAINING),
    "noise": LayerDef("layer", "GaussianNoise", {"stddev": 0.3}, IN_TRAINING),
    "augmentation": LayerDef("layer", "RandomFlip", {}, IN_TRAINING),
    "recurrent": LayerDef("layer", "LSTM", cell(recurrent_dropout=0.2), IN_TRAINING),
    "sampling": LayerDef("layer", "Sampling", {}, (Node((TensorRef("x"),) * 2),)),
    "attention": LayerDef(
        "layer", "Attention", {"dropout": 0.2}, (Node((TensorRef("x"),) * 2, None, {"training": True}),)
    ),
}


@pytest.mark.parametrize("name", RANDOM)
def test_what_is_random_is_refused_or_gives_its_mean(name: str) -> None:
    (problem,) = assemble(model(RANDOM[name]), training=Training(command="kerasport convert m.h5 m.onnx")).problems
    assert "random at inference" in problem.what
    assert problem.hint == "to use their mean instead: kerasport convert m.h5 m.onnx --sampling mean"
    assert not assemble(model(RANDOM[name]), training=Training(mean=True)).problems


@pytest.mark.parametrize(
    "layer",
    [
        LayerDef("layer", "Dropout", {"rate": 0}, IN_TRAINING),
        LayerDef("layer", "LSTM", cell(dropout=0.0), IN_TRAINING),
        LayerDef("layer", "Dense", {"units": 2}, IN_TRAINING),
    ],
    ids=lambda layer: layer.class_name,
)
def test_what_draws_nothing_is_converted(layer: LayerDef) -> None:
    assert not assemble(model(layer)).problems


def test_the_layers_of_a_model_are_called_as_it_is_unless_they_say_otherwise() -> None:
    def inner(**mode: bool) -> ModelDef:
        return model(LayerDef("drop", "Dropout", {"rate": 0.3}, (Node((TensorRef("x"),), None, mode),)), of="drop")

    def problems(part: ModelDef) -> list[str]:
        return [
            found.layer for found in assemble(model(LayerDef("layer", "Model", {}, IN_TRAINING, True, part))).problems
        ]

    assert problems(inner()) == ["layer/drop"]
    assert problems(inner(training=True)) == ["layer/drop"]
    assert problems(inner(training=False)) == []
