"""ONNX models of other converters: which inputs, outputs and inner values are those of the Keras model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from onnx import helper

from kerasport.dialect.model import Node, TensorRef
from kerasport.errors import InputError, OptionError
from kerasport.layers.base import Dim, TensorType, Value
from kerasport.runtime.sessions import Port
from kerasport.validation.axes import best_perm, certain_perm
from kerasport.validation.foreign import matched
from kerasport.validation.scopes import layer_of, places_by_name
from tests.models import build, layer

IMAGE, NCHW = (None, 32, 32, 3), (None, 3, 32, 32)


def value(name: str, *shape: Dim, dtype: str = "float32") -> Value:
    return Value(name, TensorType((None, *shape), dtype))


def port(name: str, *shape: Dim, dtype: str = "float32") -> Port:
    return Port(name, (None, *shape), dtype)


def found(
    values: Sequence[Value], ports: Sequence[Port], given: Mapping[str, str] | None = None, nchw: Sequence[str] = ()
) -> dict[str, str]:
    """The ONNX model's names by Keras's."""
    return {end.name: end.port.name for end in matched("input", values, ports, given or {}, nchw)}


@pytest.mark.parametrize(
    ("keras", "onnx"),
    [
        ("input_1", "input_1"),
        ("input_1", "input_1:0"),
        ("x", "serving_default_x:0"),
        ("dense_1", "dense_1/BiasAdd:0"),
        ("dense_1", "model/dense_1/Softmax:0"),
        ("keras_tensor", "args_0"),
        ("dense", "Identity:0"),
    ],
)
def test_one_is_found_whatever_it_is_called(keras: str, onnx: str) -> None:
    assert found([value(keras, 4)], [port(onnx, 4)]) == {keras: onnx}


def test_names_count_more_than_order() -> None:
    names = found([value("a", 4), value("b", 4)], [port("b:0", 4), port("a:0", 4)])
    assert names == {"a": "a:0", "b": "b:0"}


def test_shapes_and_dtypes_count_more_than_order() -> None:
    values = [value("image", 32, 32, 3), value("age", 1), value("words", 7, dtype="int32")]
    ports = [port("args_0", 7, dtype="int64"), port("args_1", 1), port("args_2", 32, 32, 3)]
    assert found(values, ports) == {"image": "args_2", "age": "args_1", "words": "args_0"}


def test_old_exporters_take_ids_as_real_numbers() -> None:
    assert found([value("ids", 7)], [port("x", 7, dtype="int32")]) == {"ids": "x"}
    assert found([value("ids", 7, dtype="int64"), value("y", 7)], [port("b", 7), port("c", 7)]) == {
        "ids": "b",
        "y": "c",
    }


def test_what_numpy_has_not_is_no_input() -> None:
    for dtype in ("tensor(bfloat16)", "seq(tensor(float))"):
        with pytest.raises(InputError, match="could be 'a'"):
            found([value("a", 4)], [port("x", 4, dtype=dtype)])


def test_order_decides_where_nothing_else_does_and_is_noted() -> None:
    values, ports = [value("a", 4), value("b", 4)], [port("p", 4), port("q", 4)]
    assert found(values, ports) == {"a": "p", "b": "q"}
    assert all(end.by_order for end in matched("input", values, ports, {}))


def test_numbered_names_are_in_the_order_of_their_numbers() -> None:
    names = found([value("a", 4), value("b", 4), value("c", 4)], [port("y_2", 4), port("y", 4), port("y_1", 4)])
    assert names == {"a": "y", "b": "y_1", "c": "y_2"}


def test_an_option_says_which() -> None:
    values, ports = [value("a", 4), value("b", 4)], [port("p", 4), port("q", 4)]
    assert found(values, ports, {"a": "q"}) == {"a": "q", "b": "p"}
    with pytest.raises(OptionError, match=r"'c' is not in the Keras model \(--map-input\), which has a, b"):
        found(values, ports, {"c": "q"})
    with pytest.raises(OptionError, match="Did you mean 'args_0'"):
        found([value("a", 4)], [port("args_0", 4)], {"a": "arg_0"})
    with pytest.raises(InputError, match="cannot be"):
        found(values, [port("p", 4), port("q", 5)], {"a": "q"})


def test_what_cannot_be_told_is_an_error_that_names_the_choices_and_the_option() -> None:
    outputs = [port("p", 5), port("q", 4), port("r", 4)]
    with pytest.raises(InputError, match=r"'q' \(float32 \?×4\), 'r'") as raised:
        matched("output", [value("a", 4)], outputs, {})
    assert "--map-output a=" in raised.value.hint


def test_another_model_is_refused() -> None:
    with pytest.raises(
        InputError, match=r"has no inputs that could be 'a' \(float32 \?×4\) of the Keras model"
    ) as raised:
        found([value("a", 4)], [port("x", 5)])
    assert "--map-input" in raised.value.hint
    with pytest.raises(InputError, match="has inputs that the Keras model has not: 'y'"):
        found([value("a", 4)], [port("x", 4), port("y", 4)], {"a": "x"})


def test_layout_is_told_by_the_shape_or_by_an_option() -> None:
    (end,) = matched("input", [value("x", 32, 32, 3)], [port("x", 3, 32, 32)], {})
    assert end.perm == (0, 3, 1, 2)
    (end,) = matched("input", [value("x", 3, 3, 3)], [port("x", 3, 3, 3)], {})
    assert end.perm is None
    for name in ("x", "p"):
        (end,) = matched("input", [value("x", 3, 3, 3)], [port("p", 3, 3, 3)], {}, [name])
        assert end.perm == (0, 3, 1, 2)


def test_the_order_of_axes_is_the_one_with_more_sizes_in_common() -> None:
    assert best_perm(IMAGE, IMAGE) == (0, 1, 2, 3)
    assert best_perm(IMAGE, NCHW) == (0, 3, 1, 2)
    assert best_perm((None, None, None, 3), (None, 3, None, None)) == (0, 3, 1, 2)
    assert best_perm((None, 4), (None, 5)) is None
    assert best_perm((None, 4), (None, 4, 1)) is None
    assert best_perm(IMAGE, ()) == (0, 1, 2, 3)
    assert best_perm(IMAGE, (), channels_first=True) == (0, 3, 1, 2)
    assert certain_perm((None, 8, 8, 8), (None, 8, 8, 8)) is None
    assert certain_perm((None, 8, 8, 8), (None, None, None, None)) is None
    assert certain_perm((None, 5, 4), (None, 4, 5)) == (0, 2, 1)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("model/conv/Relu:0", "conv"),
        ("StatefulPartitionedCall/model/conv/BiasAdd:0", "conv"),
        ("conv/Relu:0", "conv"),
        ("model/outer/inner/Relu:0", "outer/inner"),
        ("model/outer/other/Relu:0", None),
        ("model/conv/inner/Relu:0", "conv"),
        ("conv/Relu:0_pooling0", None),
        ("conv", None),
        ("model/conv_1/Relu:0", None),
    ],
)
def test_a_value_belongs_to_the_layer_in_whose_scope_it_is(name: str, expected: str | None) -> None:
    assert layer_of(name, {("conv",): "conv", ("outer", "inner"): "outer/inner"}) == expected


def test_the_last_value_of_a_scope_stands_for_the_layer() -> None:
    graph = build((8, 8, 3), [layer("c", "Conv2D", ["x"], filters=8, kernel_size=[1, 1], activation="relu")], ["c"])
    nodes = [
        helper.make_node("Transpose", ["x"], ["m/c/Conv2D__6:0"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["m/c/Conv2D__6:0", "w"], ["m/c/BiasAdd:0"]),
        helper.make_node("Relu", ["m/c/BiasAdd:0"], ["m/c/Relu:0"]),
    ]
    ports = {name: port(name, 8, 8, 8) for name in ("m/c/Conv2D__6:0", "m/c/BiasAdd:0", "m/c/Relu:0")}
    place = places_by_name(graph, nodes, ports, {"x": None})["c"]
    assert (place.name, place.perm) == ("m/c/Relu:0", (0, 3, 1, 2))
    assert not places_by_name(graph, nodes[:1], ports, {"x": None})
    assert not places_by_name(graph, nodes, {}, {"x": None})
    other = {name: port(name, 8, 8, 8, dtype="bool") for name in ports}
    assert not places_by_name(graph, nodes, other, {"x": None})


def test_the_scopes_of_shared_layers_are_not_trusted() -> None:
    once = layer("d", "Dense", ["x"], units=4)
    shared = replace(once, nodes=once.nodes * 2)
    layers = [layer("d_1", "Dense", ["x"], units=4), layer("e", "Dense", ["d_1"], units=4)]
    second = replace(layer("f", "ReLU", []), nodes=(Node((TensorRef("d", 1),)),))
    nodes = [helper.make_node("Add", ["a", "b"], [f"m/{name}/BiasAdd:0"]) for name in ("d", "d_1", "e")]
    ports = {node.output[0]: port(node.output[0], 4) for node in nodes}
    graph = build((4,), [once, *layers], ["d", "e"])
    assert set(places_by_name(graph, nodes, ports, {"x": None})) == {"d", "d_1", "e"}
    graph = build((4,), [shared, *layers, second], ["d", "e", "f"])
    assert set(places_by_name(graph, nodes, ports, {"x": None})) == {"e"}
