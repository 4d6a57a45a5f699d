"""A user's class is not taken for Keras's class of the same name."""

from __future__ import annotations

from typing import Any

import pytest

from kerasport.assembly.assembler import assemble
from kerasport.dialect import readings, writer

KERAS3 = writer("3.15.1", "tensorflow")
OWN = {"module": None, "registered_name": "Dropout"}
REGISTERED = {"module": "my.layers", "registered_name": "pkg>Dropout"}
KERAS = {"module": "keras.layers", "registered_name": None}


def sequential(*layers: dict[str, Any], **outer: Any) -> dict[str, Any]:
    source = {"class_name": "InputLayer", "config": {"name": "x", "batch_shape": [None, 3, 4], "dtype": "float32"}}
    return {"class_name": "Sequential", "config": {"name": "m", "layers": [source | KERAS, *layers]}} | outer


def problems(config: dict[str, Any]) -> list[str]:
    model = next(iter(readings(config, KERAS3)))
    return [problem.what for problem in assemble(model).problems]


@pytest.mark.parametrize(("origin", "named"), [(OWN, "Custom>Dropout"), (REGISTERED, "pkg>Dropout")])
def test_a_layer_of_the_users_own_is_unknown(origin: dict[str, Any], named: str) -> None:
    entry = {"class_name": "Dropout", "config": {"name": "d", "rate": 0.5}}
    assert problems(sequential(entry | KERAS)) == []
    assert problems(sequential(entry | origin)) == [f"the layer class {named!r} is not supported"]


def test_a_cell_of_the_users_own_is_unknown_in_a_file_that_says_nothing_of_layers() -> None:
    cell = {"class_name": "LSTMCell", "config": {"name": "c", "units": 2}}
    layer = {"class_name": "RNN", "config": {"name": "r", "cell": cell}}
    assert problems(sequential(layer)) == []
    layer["config"] = {"name": "r", "cell": cell | {"module": None, "registered_name": "cells>LSTMCell"}}
    assert problems(sequential(layer)) == ["the layer class 'cells>LSTMCell' is not supported"]


def test_a_registered_activation_is_not_kerass() -> None:
    function = {"class_name": "function", "config": "relu", "module": "builtins", "registered_name": "function"}
    dense = {"class_name": "Dense", "config": {"name": "d", "units": 2, "activation": function}}
    assert problems(sequential(dense)) == []
    dense["config"] = {"name": "d", "units": 2, "activation": function | {"module": None, "registered_name": "my>relu"}}
    assert problems(sequential(dense)) == ["activation 'my>relu' is not supported"]


def test_a_subclass_of_sequential_is_read_as_one() -> None:
    own = {"class_name": "Trained", "module": None, "registered_name": "Trained"}
    assert problems(sequential({"class_name": "Dense", "config": {"name": "d", "units": 2}}, **own)) == []
