"""The graph with tracked layouts equals the naive one, and has the structure that it should have."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from kerasport import reference
from kerasport.dialect.model import LayerDef
from kerasport.export import translate
from kerasport.export.writer import to_bytes
from kerasport.graph import Graph
from kerasport.loading import load
from tests.goldens import goldens
from tests.models import build, layer
from tests.test_goldens import run_onnx

SHAPE = (9, 8, 4)
# What a layer of the random models may be: class and config.
CHOICES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("Conv2D", {"filters": 3, "kernel_size": 3, "padding": "same", "activation": {"function": "relu"}}),
    ("Conv2D", {"filters": 4, "kernel_size": [2, 3], "strides": [2, 1], "data_format": "channels_first"}),
    ("DepthwiseConv2D", {"kernel_size": 3, "strides": 2, "padding": "same"}),
    ("Conv2DTranspose", {"filters": 2, "kernel_size": 3, "strides": 2, "padding": "same"}),
    ("MaxPooling2D", {"pool_size": 2, "padding": "same"}),
    ("AveragePooling2D", {"pool_size": 2, "strides": 1, "padding": "same"}),
    ("BatchNormalization", {"axis": -1, "epsilon": 0.01}),
    ("BatchNormalization", {"axis": 1, "epsilon": 0.01}),
    ("LayerNormalization", {"axis": -1, "epsilon": 0.01}),
    ("Activation", {"activation": {"function": "tanh"}}),
    ("Activation", {"activation": {"function": "softmax"}}),
    ("LeakyReLU", {"negative_slope": 0.2}),
    ("PReLU", {"shared_axes": [1, 2]}),
    ("ZeroPadding2D", {"padding": [[1, 0], [0, 2]]}),
    ("Cropping2D", {"cropping": [[1, 0], [0, 1]]}),
    ("UpSampling2D", {"size": 2}),
    ("Permute", {"dims": [3, 1, 2]}),
    ("Permute", {"dims": [2, 1, 3]}),
    ("Dense", {"units": 5}),
    ("Dropout", {"rate": 0.5}),
    ("Rescaling", {"scale": 0.5, "offset": 1.0}),
)
ENDS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("Flatten", {}),
    ("GlobalAveragePooling2D", {}),
    ("GlobalMaxPooling2D", {"keepdims": True}),
    ("Reshape", {"target_shape": [-1]}),
)
STEPS = st.one_of(
    st.sampled_from(CHOICES), st.tuples(st.just("Add"), st.just({})), st.just(("Concatenate", {"axis": -1}))
)


def chain(steps: list[tuple[str, dict[str, Any]]], end: tuple[str, dict[str, Any]]) -> list[LayerDef]:
    """Layers in a row; merges join a layer with the activation of itself, so that shapes agree."""
    layers: list[LayerDef] = []
    last = "x"
    for index, (name, config) in enumerate([*steps, end]):
        inputs = [last]
        if name in ("Add", "Concatenate"):
            layers.append(layer(f"side{index}", "Activation", [last], activation={"function": "sigmoid"}))
            inputs.append(f"side{index}")
            config = {**config, "mask_rule": "or"}  # noqa: PLW2901
        last = f"layer{index}"
        layers.append(layer(last, name, inputs, **config))
    return [*layers, layer("end", "Dense", [last], units=3)]


def onnx_outputs(graph: Graph, x: Any, **options: Any) -> list[Any]:
    return run_onnx(to_bytes(translate(graph, **options), {"kerasport.version": "test"}), [x])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(steps=st.lists(STEPS, min_size=1, max_size=6), end=st.sampled_from(ENDS), opset=st.sampled_from([13, 18, 20]))
def test_tracked_folded_and_naive_graphs_and_the_reference_agree(
    steps: list[tuple[str, dict[str, Any]]], end: tuple[str, dict[str, Any]], opset: int
) -> None:
    layers = chain(steps, end)
    try:
        graph = build(SHAPE, layers, ["end", f"layer{len(steps) // 2}"])
    except ValueError:
        assume(False)
    x = np.random.default_rng(1).normal(size=(2, *SHAPE)).astype("float32")
    naive = onnx_outputs(graph, x, opset=opset, track=False, fold=False)
    for options in ({"fold": False}, {"fold": True}):
        for a, b in zip(onnx_outputs(graph, x, opset=opset, **options), naive, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4 * np.abs(b).max(initial=1))
    for a, b in zip(reference.run(graph, [x], np.float64), naive, strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-3, atol=1e-4 * np.abs(a).max(initial=1))


def operators(graph: Graph, **options: Any) -> Counter[str]:
    return Counter(node.op for node in translate(graph, **options).nodes)


def test_a_convolutional_net_has_one_transpose() -> None:
    relu = {"function": "relu"}
    graph = build(
        (16, 16, 3),
        [
            layer("pad", "ZeroPadding2D", ["x"], padding=1),
            layer("conv", "Conv2D", ["pad"], filters=4, kernel_size=3, use_bias=False),
            layer("norm", "BatchNormalization", ["conv"], epsilon=0.001),
            layer("relu", "Activation", ["norm"], activation=relu),
            layer("conv2", "Conv2D", ["relu"], filters=4, kernel_size=3, padding="same"),
            layer("sum", "Add", ["relu", "conv2"], mask_rule="or"),
            layer("pool", "GlobalAveragePooling2D", ["sum"]),
            layer("dense", "Dense", ["pool"], units=2, activation={"function": "softmax"}),
        ],
        ["dense"],
    )
    count = operators(graph)
    assert count["Transpose"] == 1
    assert count["BatchNormalization"] == count["Pad"] == 0
    assert count["Conv"] == 2
    assert sum(count.values()) <= 9
    unfolded = operators(graph, fold=False)
    assert unfolded["Pad"] == 1


def test_flatten_before_dense_folds_the_order_into_the_kernel() -> None:
    graph = build(
        (6, 5, 3),
        [
            layer("conv", "Conv2D", ["x"], filters=4, kernel_size=3),
            layer("flat", "Flatten", ["conv"]),
            layer("dense", "Dense", ["flat"], units=2),
        ],
        ["dense"],
    )
    assert operators(graph)["Transpose"] == 1


@pytest.mark.parametrize("class_name", ["Dropout", "GaussianNoise", "ActivityRegularization"])
def test_identity_layers_vanish(class_name: str) -> None:
    graph = build((4,), [layer("drop", class_name, ["x"]), layer("dense", "Dense", ["drop"], units=2)], ["dense"])
    assert operators(graph) == {"Gemm": 1}


@pytest.mark.parametrize("class_name", ["LSTM", "GRU", "SimpleRNN"])
def test_flatten_behind_a_recurrent_layer_keeps_the_batch_in_front(class_name: str) -> None:
    recurrent = {"activation": {"function": "tanh"}, "recurrent_activation": {"function": "sigmoid"}}
    recurrent = recurrent if class_name != "SimpleRNN" else {"activation": {"function": "tanh"}}
    extra = {"reset_after": True} if class_name == "GRU" else {}
    graph = build(
        (5, 3),
        [
            layer("rnn", class_name, ["x"], units=4, return_sequences=True, **recurrent, **extra),
            layer("flat", "Flatten", ["rnn"]),
            layer("dense", "Dense", ["flat"], units=2),
        ],
        ["dense"],
    )
    x = np.random.default_rng(2).normal(size=(3, 5, 3)).astype("float32")
    np.testing.assert_allclose(
        onnx_outputs(graph, x)[0], reference.run(graph, [x], np.float64)[0], rtol=1e-4, atol=1e-5
    )


def test_a_squeeze_and_excite_block_keeps_the_channels_where_they_are() -> None:
    graph = build(
        (8, 8, 3),
        [
            layer("conv", "Conv2D", ["x"], filters=4, kernel_size=3),
            layer("pool", "GlobalAveragePooling2D", ["conv"]),
            layer("square", "Reshape", ["pool"], target_shape=[1, 1, 4]),
            layer("reduce", "Conv2D", ["square"], filters=2, kernel_size=1),
            layer("expand", "Conv2D", ["reduce"], filters=4, kernel_size=1, activation={"function": "sigmoid"}),
            layer("scale", "Multiply", ["conv", "expand"], mask_rule="or"),
            layer("end", "GlobalAveragePooling2D", ["scale"]),
        ],
        ["end"],
    )
    expected = {"Transpose": 1, "Conv": 3, "GlobalAveragePool": 2, "Sigmoid": 1, "Mul": 1, "Flatten": 1}
    assert operators(graph) == expected


def test_an_axis_of_length_one_moves_by_a_reshape() -> None:
    graph = build((8, 8, 3), [layer("conv", "Conv2D", ["x"], filters=1, kernel_size=3)], ["conv"])
    assert operators(graph) == {"Transpose": 1, "Conv": 1, "Reshape": 1}


def test_a_layer_normalization_between_convolutions_needs_no_transpose() -> None:
    graph = build(
        (8, 8, 3),
        [
            layer("conv", "Conv2D", ["x"], filters=4, kernel_size=3),
            layer("norm", "LayerNormalization", ["conv"], axis=-1, epsilon=0.001),
            layer("conv2", "Conv2D", ["norm"], filters=4, kernel_size=3),
            layer("pool", "GlobalAveragePooling2D", ["conv2"]),
        ],
        ["pool"],
    )
    assert operators(graph)["Transpose"] == 1
    x = np.random.default_rng(2).normal(size=(3, 8, 8, 3)).astype("float32")
    np.testing.assert_allclose(
        onnx_outputs(graph, x)[0], reference.run(graph, [x], np.float64)[0], rtol=1e-4, atol=1e-5
    )


def test_values_meet_in_the_order_that_the_layers_behind_want() -> None:
    graph = build(
        (6, 5),
        [
            layer("mixed", "Dense", ["x"], units=5),
            layer("turned", "Permute", ["mixed"], dims=[2, 1]),
            layer("along", "Dense", ["turned"], units=6),
            layer("back", "Permute", ["along"], dims=[2, 1]),
            layer("sum", "Add", ["mixed", "back"], mask_rule="or"),
            layer("end", "Dense", ["sum"], units=3),
        ],
        ["end"],
    )
    assert operators(graph)["Transpose"] == 2


def test_both_directions_are_joined_without_a_transpose(tmp_path: Path) -> None:
    golden = goldens("models", "bilstm_tagger", "2.15*")[0]
    with load(golden.model(tmp_path)) as model:
        count = operators(model.graph)
    assert count["LSTM"] == 1
    assert count["Transpose"] == 2, "one before the operator and one for the sequences that the model gives"
