"""Inputs and outputs that are channels-first in the ONNX file, while arrays stay in Keras's axis order."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import kerasport as kp
from kerasport.errors import OptionError
from kerasport.export import translate
from kerasport.export.images import image_inputs
from kerasport.graph import Graph
from tests.conftest import Outcome
from tests.goldens import Golden, goldens
from tests.models import build, layer

Run = Callable[..., Outcome]


def golden() -> Golden:
    """Convolutions of an image, whose outputs are those of the model."""
    return goldens("conv", "conv2d_valid", "2.15*")[0]


def test_arrays_stay_in_keras_order(kerasport: Run, tmp_path: Path) -> None:
    case = golden()
    model = case.model(tmp_path)
    outcome = kerasport("convert", model, tmp_path / "m.onnx", "--inputs-as-nchw", "--outputs-as-nchw")
    assert outcome.code == 0, outcome.err
    assert "agree" in outcome.out
    written = onnx.load(tmp_path / "m.onnx")
    onnx.checker.check_model(written, full_check=True)
    assert "Transpose" not in {node.op_type for node in written.graph.node}
    (entry,) = written.graph.input
    dims = [dim.dim_value for dim in entry.type.tensor_type.shape.dim][1:]
    *space, channels = case.inputs[0].shape[1:]
    assert dims == [channels, *space]
    orders = json.loads({p.key: p.value for p in written.metadata_props}["kerasport.orders"])
    assert orders[entry.name] == [0, 3, 1, 2]
    predictions = kp.predict(tmp_path / "m.onnx", case.inputs)
    for actual, expected in zip(predictions if len(case.outputs) > 1 else [predictions], case.outputs, strict=True):
        np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-5)
    assert kerasport("validate", model, tmp_path / "m.onnx").code == 0


def test_a_model_without_images_says_so(kerasport: Run, seed_model: Path, tmp_path: Path) -> None:
    outcome = kerasport("convert", seed_model, tmp_path / "m.onnx", "--inputs-as-nchw")
    assert outcome.code == 2
    assert "image" in outcome.err
    assert not list(tmp_path.iterdir())


def conv_net(*before: tuple[str, dict[str, Any]]) -> Graph:
    layers = [layer(f"l{i}", name, [f"l{i - 1}" if i else "x"], **config) for i, (name, config) in enumerate(before)]
    last = f"l{len(before) - 1}" if before else "x"
    return build((8, 8, 3), [*layers, layer("conv", "Conv2D", [last], filters=3, kernel_size=2)], ["conv"])


def test_layers_on_an_image_compute_channels_first() -> None:
    graph = conv_net(
        ("Rescaling", {"scale": 0.5, "offset": [1.0, 2.0, 3.0]}),
        ("ZeroPadding2D", {"padding": 1}),
        ("Dropout", {"rate": 0.1}),
    )
    assert image_inputs(graph) == ["x"]
    assert [node.op for node in translate(graph).nodes] == ["Transpose", "Mul", "Add", "Conv", "Transpose"]
    channels_first = translate(graph, inputs_as_nchw=["x"], outputs_as_nchw=True)
    assert [node.op for node in channels_first.nodes] == ["Mul", "Add", "Conv"]
    assert channels_first.orders == {"x": (0, 3, 1, 2), "conv": (0, 3, 1, 2)}
    assert channels_first.outputs[0].type.shape == (None, 3, 9, 9)


@pytest.mark.parametrize("name", ["Dense", "Permute", "Reshape"])
def test_what_mixes_axes_hides_an_image(name: str) -> None:
    config = {"Dense": {"units": 3}, "Permute": {"dims": [2, 1, 3]}, "Reshape": {"target_shape": [8, 8, 3]}}[name]
    assert image_inputs(conv_net((name, config))) == []


def test_only_inputs_with_channels_can_be_channels_first() -> None:
    graph = build((4,), [layer("dense", "Dense", ["x"], units=2)], ["dense"])
    for names, said in ((["x"], "no spatial axes"), (["y"], "is no input"), (True, "No input")):
        with pytest.raises(OptionError, match=said):
            translate(graph, inputs_as_nchw=names)
