"""Layers of other packages: all that are known are registered, and have golden cases of the real ones."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kerasport import load
from kerasport.custom.registry import CUSTOM
from kerasport.dialect.model import LayerDef, Node, TensorRef
from kerasport.ecosystem import MODULES, RESOLVED, packages, refused
from tests.conftest import Outcome
from tests.goldens import ARCHIVE, golden_classes, goldens
from tests.models import build, layer

NAMES = [name for names in MODULES.values() for name in names.split(", ")]


@pytest.mark.parametrize("name", NAMES)
def test_each_name_is_registered_where_it_is_listed(name: str) -> None:
    found = CUSTOM.find(name)
    assert found is not None
    assert name in MODULES[found.origin.file.rpartition("/")[2].removesuffix(".py")].split(", ")


def test_every_layer_has_a_golden_case_of_its_package() -> None:
    layers = {name if name.startswith("Addons") else name.rpartition(">")[2] for name in NAMES}
    layers = {name for name in layers if name.rpartition(">")[2][0].isupper()}
    assert layers - golden_classes() == {"Sampling"}  # which is random


def test_all_are_listed() -> None:
    listed = {name for names in packages().values() for name in names}
    assert listed == {*NAMES, *(name for names in RESOLVED.values() for name in names.split(", "))}


def test_layers_that_are_known_by_their_names_alone_are_told(kerasport: Callable[..., Outcome], tmp_path: Path) -> None:
    model = goldens("ecosystem", "contrib", "2.15*")[0].model(tmp_path)
    outcome = kerasport("convert", model, tmp_path / "model.onnx", "--no-validate")
    assert "assumed from their names to be layers of keras-contrib; if they are not, use --plugin: whole" in outcome.out
    assert "  sine: as keras-contrib has it" in kerasport("inspect", model).out
    model = goldens("ecosystem", "addons_layers", "2.15*")[0].model(tmp_path)
    assert "assumed from their names" not in kerasport("convert", model, tmp_path / "model.onnx", "--no-validate").out


def test_a_layer_that_gives_another_shape_than_the_file_notes_is_another_one() -> None:
    reader = LayerDef("z", "Flatten", {}, (Node((TensorRef("y", shape=[None, 3]),)),))
    what = "it gives ?x3, and so is not what keras-contrib has by its name, which gives ?x5x4"
    with pytest.raises(ValueError, match=re.escape(what)):
        build((5, 4), [layer("y", "SineReLU", ["x"], epsilon=0.1), reader], ["z"])


@pytest.mark.parametrize("name", ["InstanceNormalization", "Addons>WeightNormalization", "FixedDropout"])
def test_a_plugin_takes_the_place_of_a_layer_that_is_known(name: str, tmp_path: Path) -> None:
    plugin = tmp_path / "mine.py"
    code = f"@compose({name!r}, ignored='*')\ndef mine(layer, x):\n    raise refuse('mine is asked')"
    plugin.write_text(f"from kerasport.plugins import compose, refuse\n{code}")
    case = "addons_weight_normalization" if ">" in name else "contrib"
    with CUSTOM.apart(), load(goldens("ecosystem", case)[0].model(tmp_path), plugins=[plugin]) as model:
        assert {problem.what for problem in model.assembly.problems} == {"mine is asked"}


@pytest.mark.parametrize(
    ("class_name", "options", "what"),
    [
        ("ReflectionPadding2D", {"padding": [1, 2]}, "padding=[1, 2] is not supported; only one number"),
        ("L2Normalization", {"axis": 1}, "another axis than the last one is not supported"),
        (
            "PixelShuffler",
            {"size": [2, 2], "data_format": "channels_first"},
            "data_format=channels_first is not supported",
        ),
        (
            "QActivation",
            {"activation": "bernoulli(alpha=1)"},
            "the quantizer 'bernoulli' is not supported; only quantized_bits",
        ),
        (
            "QActivation",
            {"activation": "quantized_bits(open(1))"},
            "the quantizer 'quantized_bits(open(1))' cannot be read",
        ),
        (
            "QActivation",
            {"activation": "quantized_relu(3, most=2)"},
            "the argument 'most' of quantized_relu is not known",
        ),
        (
            "QActivation",
            {"activation": "ternary(alpha='auto', number_of_unrolls=1000000000)"},
            "number_of_unrolls=1000000000 is not supported; only up to 100",
        ),
        ("TCN", {"nb_filters": 3, "dilations": [1], "use_weight_norm": True}, "use_weight_norm=True is not supported"),
    ],
)
def test_an_option_that_is_not_supported_is_refused(class_name: str, options: dict[str, Any], what: str) -> None:
    with pytest.raises(ValueError, match=re.escape(what)):
        build((4, 4, 8), [layer("y", class_name, ["x"], **options)], ["y"])


def test_paths_that_are_equally_good_are_no_false_alarm(kerasport: Callable[..., Outcome], tmp_path: Path) -> None:
    (golden,) = goldens("ecosystem", "crf_of_addons", form=ARCHIVE)
    outcome = kerasport("convert", golden.model(tmp_path), tmp_path / "model.onnx")
    assert (outcome.code, "layers agree" in outcome.out) == (0, True), outcome.err


@pytest.mark.parametrize(
    ("class_name", "what", "way_on"),
    [
        ("TensorFlowHub>KerasLayer", "its graph is in a SavedModel elsewhere", "convert that SavedModel with tf2onnx"),
        ("DistributionLambda", "it gives a distribution", "what the layer before it gives"),
        ("Custom>DenseFlipout", "it draws its weights anew", "with Keras's layer in its place"),
        ("FilterDetections", "as keras-retinanet has it", "with --outputs first"),
        ("AnchorBoxes", "the file lacks the steps and offsets of its boxes", "make the boxes in the program"),
        ("DecodeDetections", "as ssd_keras has it", "with --outputs first"),
        ("QuantizeWrapperV2", "as tensorflow-model-optimization has it", "as it was before quantize_model"),
        ("PyramidROIAlign", "as Mask R-CNN has it", "Model(layer.output, model.output)"),
    ],
)
def test_what_is_known_and_cannot_be_converted_has_its_own_reason(class_name: str, what: str, way_on: str) -> None:
    with pytest.raises(ValueError, match=re.escape(what)) as error:
        build((4, 4), [layer("first", "Dense", ["x"], units=3), layer("y", class_name, ["first"])], ["y"])
    assert way_on in str(error.value)


def test_what_is_refused_is_not_registered() -> None:
    assert not refused.LAYERS.keys() & {name.rpartition(">")[2] for name in NAMES}
