"""Parts of models, with what is before and behind them, against what Keras computes at their layers."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

import kerasport
from kerasport import Cut
from kerasport.errors import NotAModelError, OptionError
from kerasport.runtime.sessions import Session
from tests.goldens import Form, goldens

PARTS = Path(__file__).parent.parent / "fixtures" / "parts"


def keras_values(model: str) -> dict[str, NDArray[Any]]:
    with np.load(PARTS / f"{model}.npz") as arrays:
        return dict(arrays)


def converted(tmp_path: Path, model: str, part: Cut, **options: Any) -> Session:
    """The part's ONNX model, which also stands a trial of its own."""
    target = tmp_path / "part.onnx"
    kerasport.convert(PARTS / f"{model}.h5", target, part=part, **options)
    assert kerasport.validate(PARTS / f"{model}.h5", target).passed
    return Session(target)


def run(session: Session, **given: NDArray[Any]) -> dict[str, NDArray[Any]]:
    outputs = session.run([given[port.name] for port in session.inputs])
    return dict(zip((port.name for port in session.outputs), outputs, strict=True))


def agree(found: Mapping[str, NDArray[Any]], **expected: NDArray[Any]) -> None:
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_allclose(found[name], array, rtol=1e-4, atol=1e-5 * np.abs(array).max())


@pytest.mark.parametrize("layer", ["entry", "norm", "shortcut", "encoder", "pool", "logits"])
def test_a_layer_of_an_image_model_as_output(tmp_path: Path, layer: str) -> None:
    keras = keras_values("images")
    agree(run(converted(tmp_path, "images", Cut([layer])), image=keras["given_0"]), **{layer: keras[layer]})


@pytest.mark.parametrize("layer", ["embedding", "gru", "narrow", "states", "merged", "score"])
def test_a_layer_behind_masks_as_output(tmp_path: Path, layer: str) -> None:
    keras = keras_values("tokens")
    session = converted(tmp_path, "tokens", Cut([layer]))
    given = {"ids": keras["given_0"], "features": keras["given_1"]}
    agree(run(session, **{port.name: given[port.name] for port in session.inputs}), **{layer: keras[layer]})


def test_inputs_that_the_outputs_do_not_need_are_left_out(tmp_path: Path) -> None:
    keras = keras_values("tokens")
    session = converted(tmp_path, "tokens", Cut(["widen"]))
    assert [port.name for port in session.inputs] == ["features"]
    agree(run(session, features=keras["given_1"]), widen=keras["widen"])


def test_several_outputs_in_the_order_asked_for(tmp_path: Path) -> None:
    keras = keras_values("images")
    session = converted(tmp_path, "images", Cut(["logits", "entry", "pool"]))
    assert [port.name for port in session.outputs] == ["logits", "entry", "pool"]
    agree(run(session, image=keras["given_0"]), **{name: keras[name] for name in ("logits", "entry", "pool")})


def test_each_call_of_a_shared_layer_and_each_output_of_a_layer(tmp_path: Path) -> None:
    keras = keras_values("tokens")
    session = converted(tmp_path, "tokens", Cut(["shared@1", "lstm:2", "shared@0"]))
    found = run(session, ids=keras["given_0"], features=keras["given_1"])
    agree(found, **{"shared@1": keras["shared@1"], "lstm_2": keras["lstm:2"], "shared@0": keras["shared"]})


def test_all_outputs_of_a_layer(tmp_path: Path) -> None:
    keras = keras_values("tokens")
    found = run(converted(tmp_path, "tokens", Cut(["lstm"])), ids=keras["given_0"])
    agree(found, lstm=keras["lstm:0"], lstm_1=keras["lstm:1"], lstm_2=keras["lstm:2"])


def test_a_layer_within_a_model_within_the_model(tmp_path: Path) -> None:
    keras = keras_values("images")
    found = run(converted(tmp_path, "images", Cut(["encoder/squeeze"])), image=keras["given_0"])
    agree(found, **{"encoder/squeeze": keras["encoder"]})


@pytest.mark.parametrize(
    ("layer", "before"), [("shortcut", ("entry", "refine")), ("norm", ("entry",)), ("encoder", ("shortcut",))]
)
def test_a_layer_to_begin_with(tmp_path: Path, layer: str, before: tuple[str, ...]) -> None:
    """What it reads is given in place of all that comes before it, also where a shortcut reads it, too."""
    keras = keras_values("images")
    session = converted(tmp_path, "images", Cut(inputs=[layer]))
    names = [f"{layer}_input"] if len(before) == 1 else [f"{layer}_input_{index}" for index in range(len(before))]
    assert [port.name for port in session.inputs] == names
    found = run(session, **{name: keras[source] for name, source in zip(names, before, strict=True)})
    agree(found, logits=keras["logits"])


def test_between_two_layers(tmp_path: Path) -> None:
    keras = keras_values("images")
    session = converted(tmp_path, "images", Cut(["shortcut"], ["norm"]))
    agree(run(session, norm_input=keras["entry"]), shortcut=keras["shortcut"])


def test_a_mask_from_before_the_cut_needs_the_input_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="values or masks behind the cut also come from ids") as caught:
        converted(tmp_path, "tokens", Cut(["lstm:0"], ["gru"]))
    assert "Add ids" in caught.value.hint
    keras = keras_values("tokens")
    session = converted(tmp_path, "tokens", Cut(["lstm:0"], ["gru", "ids"]))
    agree(run(session, gru_input=keras["embedding"], ids=keras["given_0"]), lstm_0=keras["lstm:0"])


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (Cut(["entri"]), "no layer 'entri'"),
        (Cut(["shortcut"], ["pool"]), "also come from image"),
        (Cut(["entry"], ["image", "pool"]), "do not depend on pool_input"),
        (Cut(["entry", "entry"]), "asked for twice"),
        (Cut(softmax=["pool"]), "no output 'pool'"),
        (Cut(["pool"], preprocess="tf", inputs=["pool"]), "No input of the model is an image"),
        (Cut(preprocess="vgg"), "no preprocessing 'vgg'"),
        (Cut(rename={"imag": "x"}), "called 'imag'"),
        (Cut(rename={"image": "logits"}), "would be called 'logits'"),
        (Cut(rename={"image": "norm"}), "a layer is called so"),
    ],
)
def test_what_does_not_hang_together_is_refused(tmp_path: Path, part: Cut, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        converted(tmp_path, "images", part)
    assert not list(tmp_path.iterdir())


def test_a_typo_is_answered_with_names(tmp_path: Path, kerasport: Any) -> None:
    outcome = kerasport("convert", PARTS / "images.h5", tmp_path / "m.onnx", "--outputs", "shortcat")
    assert outcome.code == 2
    assert "Did you mean shortcut?" in outcome.err


def test_a_shared_layer_must_be_told_which_call(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="called 2 times") as caught:
        converted(tmp_path, "tokens", Cut(inputs=["shared"]))
    assert "shared@0, shared@1" in caught.value.hint


@pytest.mark.parametrize("mode", ["caffe", "tf", "torch", "0-1"])
@pytest.mark.parametrize("nchw", [False, True])
def test_raw_images_as_keras_applications_prepares_them(tmp_path: Path, mode: str, nchw: bool) -> None:
    keras = keras_values("images")
    session = converted(tmp_path, "images", Cut(preprocess=mode), inputs_as_nchw=nchw)
    assert [port.dtype for port in session.inputs] == ["uint8"]
    agree(run(session, image=keras["raw"]), logits=keras[f"raw_{mode}"])


def test_heads_and_names(tmp_path: Path) -> None:
    keras = keras_values("images")
    logits = keras["logits"]
    exponentials = np.exp(logits - logits.max(-1, keepdims=True))
    session = converted(tmp_path, "images", Cut(softmax=["logits"], rename={"logits": "classes", "image": "photo"}))
    agree(run(session, photo=keras["given_0"]), classes=exponentials / exponentials.sum(-1, keepdims=True))
    session = converted(tmp_path, "images", Cut(argmax=["logits"]))
    agree(run(session, image=keras["given_0"]), logits=logits.argmax(-1))


def test_on_the_command_line(tmp_path: Path, kerasport: Any) -> None:
    target = tmp_path / "m.onnx"
    options = ["--inputs", "norm", "--outputs", "shortcut,pool", "--rename", "norm_input=x,pool=y"]
    assert kerasport("convert", PARTS / "images.h5", target, *options).code == 0
    assert kerasport("validate", PARTS / "images.h5", target).code == 0
    graph = onnx.load(target).graph
    assert [value.name for value in (*graph.input, *graph.output)] == ["x", "shortcut", "y"]


def test_arrays_of_ones_own_are_those_of_the_part(tmp_path: Path, kerasport: Any) -> None:
    keras, target = keras_values("images"), tmp_path / "m.onnx"
    assert kerasport("convert", PARTS / "images.h5", target, "--inputs", "norm", "--outputs", "shortcut").code == 0
    for name in ("entry", "shortcut", "logits"):
        np.save(tmp_path / f"{name}.npy", keras[name])
    given = ["--input", tmp_path / "entry.npy"]
    expected = ["--expected", tmp_path / "shortcut.npy"]
    assert kerasport("validate", PARTS / "images.h5", target, *given, *expected).code == 0
    assert kerasport("validate", PARTS / "images.h5", target, "--input", tmp_path / "logits.npy").code == 6


# --- behind and before layers that are not supported


def unknown(source: Path, target: Path, layer: str) -> Path:
    """A copy of an HDF5 file in which a layer is of a class that nobody knows."""
    target.write_bytes(source.read_bytes())
    with h5py.File(target, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        (entry,) = (entry for entry in config["config"]["layers"] if entry["config"]["name"] == layer)
        entry |= {"class_name": "Mystery", "module": None, "registered_name": "Mystery"}
        file.attrs["model_config"] = json.dumps(config)
    return target


def way_on(path: Path, option: str) -> list[str]:
    """The options that a refusal tells, those of the part that begins with one of them."""
    (problem,) = kerasport.check(path).problems
    (told,) = (part for part in problem.hint.split("; or ") if option in part)
    options = shlex.split(told)
    return options[options.index(option) :]


def test_layers_that_cannot_be_converted_do_not_matter_outside_of_the_part(tmp_path: Path, seed_model: Path) -> None:
    broken = unknown(seed_model, tmp_path / "broken.h5", "dense_1")
    assert way_on(broken, "--outputs") == ["--outputs", "dense"]
    result = kerasport.convert(broken, tmp_path / "m.onnx", part=Cut(["dense"]))
    assert result.validation is not None
    assert result.validation.passed


def test_a_part_may_begin_behind_a_layer_that_is_not_supported(tmp_path: Path) -> None:
    keras, target = keras_values("images"), tmp_path / "m.onnx"
    broken = unknown(PARTS / "images.h5", tmp_path / "broken.h5", "entry")
    sizes = {"norm_input": (None, *keras["entry"].shape[1:])}
    with pytest.raises(OptionError, match="what 'norm' reads is not known, as 'entry' before it is not") as caught:
        kerasport.convert(broken, target, part=Cut(inputs=["norm"]))
    assert "--input-shape" in caught.value.hint
    kerasport.convert(broken, target, part=Cut(inputs=["norm"]), input_shape=sizes)
    assert kerasport.validate(broken, target).passed  # with the shape that the ONNX file notes
    agree(run(Session(target), norm_input=keras["entry"]), logits=keras["logits"])


@pytest.mark.parametrize(
    ("case", "layer"),
    [
        ("autoencoder_convolutional", "conv2d_3"),
        ("autoencoder_dense", "dense_2"),
        ("bigru_classifier", "bidirectional"),
    ],
)
def test_keras_3_notes_what_is_read_behind_a_layer_that_is_not_supported(
    case: str, layer: str, tmp_path: Path, kerasport: Any
) -> None:
    """The command that the refusal tells converts the rest, also where that needs inputs of the model besides."""
    (golden,) = goldens("models", case, "3.15.1-tensorflow")
    broken = unknown(golden.model(tmp_path), tmp_path / "broken.h5", layer)
    outcome = kerasport("convert", broken, tmp_path / "m.onnx", *way_on(broken, "--inputs"))
    assert (outcome.code, outcome.err) == (0, "")
    assert kerasport("validate", broken, tmp_path / "m.onnx").code == 0


@pytest.mark.parametrize(
    ("case", "layer", "expected"),
    [
        ("autoencoder_dense", "dense", ["--inputs", "code", "--input-shape", "code_input=?x16"]),
        ("lenet", "dropout", ["--inputs", "flatten", "--input-shape", "flatten_input=SHAPE,"]),
    ],
)
def test_before_keras_3_weights_tell_the_shape_or_the_user(
    case: str, layer: str, expected: list[str], tmp_path: Path
) -> None:
    (golden,) = goldens("models", case, "2.15.0-tensorflow")
    broken = unknown(golden.model(tmp_path), tmp_path / "broken.h5", layer)
    assert way_on(broken, "--inputs")[:4] == expected


def test_a_mask_that_may_come_from_a_layer_that_is_not_supported_is_not_left_out(tmp_path: Path) -> None:
    (golden,) = goldens("models", "bigru_classifier", "2.15.0-tensorflow")
    broken = unknown(golden.model(tmp_path), tmp_path / "broken.h5", "spatial_dropout1d")
    with pytest.raises(OptionError, match="'bidirectional' takes a mask from before the cut, and whether 'spatial_dr"):
        kerasport.convert(
            broken,
            tmp_path / "m.onnx",
            part=Cut(inputs=["bidirectional"]),
            input_shape={"bidirectional_input": (None, None, 8)},
        )


def test_a_part_beside_a_layer_that_is_not_supported_in_the_same_model_within(tmp_path: Path) -> None:
    """HDF5 files have the weights of both in one group."""
    source = PARTS.parent / "custom" / "turns.h5"
    with kerasport.load(source) as model:
        (dense,) = (key for key in model.assembly.layers if key.startswith("inner/dense"))
    sizes = {"both_input_0": (None, None, 6)}
    kerasport.convert(source, tmp_path / "m.onnx", part=Cut([dense], ["both"]), input_shape=sizes)
    assert kerasport.validate(source, tmp_path / "m.onnx", input_shape=sizes).passed


def test_all_that_is_not_supported_behind_such_a_layer_is_found_at_once(tmp_path: Path) -> None:
    (golden,) = goldens("models", "autoencoder_convolutional", "3.15.1-tensorflow")
    broken = unknown(golden.model(tmp_path), tmp_path / "broken.h5", "conv2d")
    with h5py.File(broken, "r+") as file:
        config = file.attrs["model_config"]
        assert config.count('"interpolation": "nearest"')
        file.attrs["model_config"] = config.replace('"interpolation": "nearest"', '"interpolation": "wavy"')
    layers = [problem.layer for problem in kerasport.check(broken).problems]
    assert layers == ["conv2d", "up_sampling2d", "up_sampling2d_1", "up_sampling2d_2"]


def test_metadata_that_kerasport_does_not_write_is_refused() -> None:
    for text in ("[]", "{", '{"outputs": 3}', '{"rename": {"a": 1}}', '{"more": []}', '{"preprocess": []}'):
        with pytest.raises(NotAModelError):
            Cut.of({"kerasport.cut": text})


def test_a_constant_is_not_told_as_what_is_before_a_layer(tmp_path: Path) -> None:
    (golden,) = goldens("constants", "states", "3.15.1-tensorflow", Form("model.h5"))
    broken = unknown(golden.model(tmp_path), tmp_path / "broken.h5", "lstm")
    assert "lstm/constant" not in str(kerasport.check(broken).problems)
