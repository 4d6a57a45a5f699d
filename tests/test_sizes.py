"""Sizes of inputs that a file leaves open, as the user gives them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import onnx
import pytest

import kerasport
from kerasport.assembly.sizes import PROPERTY, Sizes, noted, parse_sizes, properties
from kerasport.dialect.model import LayerDef, Node
from kerasport.errors import NotAModelError, OptionError
from tests.goldens import goldens
from tests.models import build, layer

PARTS = Path(__file__).parent.parent / "fixtures" / "parts"


def shapes(path: Path) -> list[list[int | str]]:
    graph = onnx.load(path).graph
    return [[dim.dim_value or dim.dim_param for dim in v.type.tensor_type.shape.dim] for v in graph.input]


@pytest.mark.parametrize(
    ("model", "text", "expected"),
    [
        ("images", "batch=1", [[1, "image_dim1", "image_dim2", 3]]),
        ("images", "height=8,width=10", [["batch", 8, 10, 3]]),
        ("images", "image_dim2=10", [["batch", "image_dim1", 10, 3]]),
        ("images", "image=?x8x10x3", [["batch", 8, 10, 3]]),
        ("tokens", "batch=2,time=5", [[2, 5], [2, 3]]),
        ("tokens", "ids=2x5", [[2, 5], ["features_dim0", 3]]),
    ],
)
def test_open_sizes_are_fixed(tmp_path: Path, model: str, text: str, expected: list[list[int | str]]) -> None:
    target = tmp_path / "m.onnx"
    kerasport.convert(PARTS / f"{model}.h5", target, input_shape=parse_sizes(text))
    assert shapes(target) == expected
    assert kerasport.validate(PARTS / f"{model}.h5", target).passed


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"time": 5}, "no open size|No input of the model has an open size 'time'"),
        ({"image": 5}, "is not one number"),
        ({"batch": (1, 2)}, "is one number"),
        ({"image_dim3": 4}, "has the size 3 there"),
        ({"image": (None, 8, 10)}, "asked for is"),
        ({"image": (None, 8, 10, 4)}, "asked for is"),
    ],
)
def test_what_the_file_contradicts_is_refused(asked: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        kerasport.load(PARTS / "images.h5", input_shape=asked)


@pytest.mark.parametrize(
    "text", ["", "batch", "batch=", "batch=0", "batch=-1", "batch=1.5", "=3", "x=1xx2", "a=9999999999999"]
)
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(OptionError):
        parse_sizes(text)


def test_images_with_channels_first_have_their_height_and_width_behind_them() -> None:
    assert Sizes({"height": 5, "width": 6}).shape("x", (None, 3, None, None)) == (None, 3, 5, 6)
    assert Sizes({"time": 4, "height": 5}).shape("x", (None, None, None, None, 3)) == (None, 4, 5, None, 3)


def test_a_model_without_an_input_shape_is_given_one(tmp_path: Path, seed_model: Path) -> None:
    """Nothing tells the height and width that a Flatten before a Dense has seen."""
    path = tmp_path / "shapeless.h5"
    path.write_bytes(seed_model.read_bytes())
    with h5py.File(path, "r+") as file:
        config = file.attrs["model_config"]
        changed = config.replace('"batch_input_shape": [null, 10], ', "").replace('"units": 128', '"units": 128', 1)
        for shape in ('"batch_input_shape": [null, 10]', '"batch_shape": [null, 10]'):
            changed = changed.replace(f"{shape}, ", "").replace(shape, '"batch_input_shape": null')
        file.attrs["model_config"] = changed
    assert '"batch_input_shape": [' not in changed
    with kerasport.load(path, input_shape={"batch": 3}) as model:
        assert model.graph.inputs[0].type.shape == (3, 10)


def test_the_way_on_is_told_where_a_shape_is_missing() -> None:
    from kerasport.assembly.assembler import assemble
    from kerasport.dialect.model import LayerDef, ModelDef, TensorRef

    layer = LayerDef("image", "InputLayer", {"batch_shape": None}, ())
    ends = (TensorRef("image"),)
    model = ModelDef("m", (layer,), ends, ends, ("image",), ("image",))
    (problem,) = assemble(model).problems
    assert "--input-shape 'image=?x28x28x1'" in problem.hint
    assert not assemble(model, sizes=Sizes({"image": (None, 28, 28, 1)})).problems


def test_a_constant_state_asks_for_the_size_of_its_batch() -> None:
    state = LayerDef("state", "ConvertToTensor", {}, (Node((), args=([[0.5, 1.0], [2.0, 0.0]],)),), operation=True)
    recurrent = layer("rnn", "SimpleRNN", ["x", "state"], units=2)
    with pytest.raises(ValueError, match=r"constant of 2 rows.*--input-shape batch=2"):
        build((4, 3), [state, recurrent], ["rnn"])


def test_constant_weights_of_categories_ask_for_the_size_of_their_batch() -> None:
    weights = LayerDef("weights", "ConvertToTensor", {}, (Node((), args=([[0.5, 1.0], [2.0, 0.0]],)),), operation=True)
    encoding = layer("encoding", "CategoryEncoding", ["x", "weights"], num_tokens=5, output_mode="count")
    with pytest.raises(ValueError, match=r"count_weights are a constant of 2 rows.*--input-shape batch=2"):
        build((2,), [weights, encoding], ["encoding"])


@pytest.mark.parametrize("sizes", ["[]", '{"x": [1.5]}', '{"x": "abc"}', "{"])
def test_sizes_that_a_file_notes_are_none_of_ours(sizes: str) -> None:
    with pytest.raises(NotAModelError, match="was not written by kerasport"):
        noted({PROPERTY: sizes})


def test_sizes_are_noted_as_they_were_asked_for() -> None:
    sizes = {"batch": 3, "x": (None, 4)}
    assert noted(properties(sizes)) == sizes
    assert properties({}) == noted({}) == {}


def test_steps_that_a_dense_layer_behind_a_flatten_needs_are_known(tmp_path: Path) -> None:
    (golden,) = goldens("topology", "sequential_pinned_steps", "2.2.4-tensorflow")
    source = golden.model(tmp_path)
    kerasport.convert(source, tmp_path / "m.onnx", validate=True)
    assert shapes(tmp_path / "m.onnx") == [["batch", 9]]
