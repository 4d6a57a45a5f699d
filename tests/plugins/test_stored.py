"""The shapes of a layer's stored weights, which a plugin may read: they tell what the config leaves out."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from kerasport import load
from kerasport.custom.registry import CUSTOM
from kerasport.errors import UnsupportedModelError
from kerasport.testing import check_layer
from tests.goldens import ARCHIVE, H5, Form, goldens
from tests.models import build, layer

TELLS = """from kerasport.plugins import compose, refuse
@compose({name!r}, ignored="*")
def tells(layer, *inputs):
    raise refuse(f"it has {{dict(layer.stored)}}")
"""
X = np.linspace(-1, 1, 60, dtype=np.float32).reshape(3, 5, 4)


@pytest.mark.parametrize(
    ("case", "name", "form", "told"),
    [
        ("notebook_attention", "attention", H5, "it has {'att_weight': (4, 1), 'att_bias': (5, 1)}"),
        ("notebook_attention", "attention", ARCHIVE, "it has {'0': (4, 1), '1': (5, 1)}"),
        ("patch_encoders", "PatchEncoder", H5, "(12, 5)"),
        ("patch_encoders", "PatchEncoder", ARCHIVE, "'projection/0': (12, 5)"),
    ],
)
def test_a_plugin_reads_the_shapes_of_the_weights(case: str, name: str, form: Form, told: str, tmp_path: Path) -> None:
    plugin = tmp_path / "tells.py"
    plugin.write_text(TELLS.format(name=name))
    golden = goldens("ecosystem", case, form=form)[-1]
    with CUSTOM.apart(), load(golden.model(tmp_path), plugins=[plugin]) as model:
        assert any(told in problem.what for problem in model.assembly.problems), model.assembly.problems


def test_the_test_of_a_plugin_has_the_shapes_of_the_given_weights() -> None:
    weights = {"att_weight": np.ones((4, 1), np.float32), "att_bias": np.zeros((5, 1), np.float32)}
    check_layer("attention", {}, X, weights=weights)


def test_a_form_that_is_not_known_is_refused_with_its_weights() -> None:
    what = "the layer class 'attention' is not known in the form that has weights W (4, 2)"
    with pytest.raises(UnsupportedModelError, match=re.escape(what)):
        check_layer("attention", {}, X, weights={"W": np.ones((4, 2), np.float32)})


def test_masks_are_refused_where_copies_of_a_layer_differ_in_what_they_do() -> None:
    weights = [np.ones((4, 1), np.float32), np.zeros((5, 1), np.float32)]
    with pytest.raises(UnsupportedModelError, match="copies of the layer differ"):
        check_layer("attention", {}, X, weights=weights, mask=np.ones((3, 5), bool))


def test_without_weights_it_is_not_known_which_form_it_is() -> None:
    with pytest.raises(ValueError, match="is told by its weights, and there are none"):
        build((5, 4), [layer("y", "attention", ["x"])], ["y"])
