"""Where layers' outputs stand in ONNX models: in another order, with a further axis, packed by a mask."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest

import kerasport as kp
from kerasport.errors import NotAModelError
from kerasport.validation.place import Place
from tests.goldens import goldens
from tests.test_alone import altered, weights_of

# Recurrent layers that hand their packed steps, or their states, straight to the next one.
_STACKS = [("models", "bigru_classifier"), ("models", "seq2seq")]


def test_a_further_axis_is_one_that_keras_has_not() -> None:
    array = np.arange(6.0).reshape(2, 3)
    place = Place("h", (-1, 1, 0))
    np.testing.assert_array_equal(place.stored(array, {}), array.T[None])
    np.testing.assert_array_equal(place.logical(place.stored(array, {}), {}), array)
    assert place.logical(np.zeros((2, 3, 2)), {}).shape == (2, 3, 2)  # for the comparison to tell


@pytest.mark.parametrize("perm", [(1, 0, 2), (0, 1, 2)])
def test_packed_steps_are_those_that_count_and_then_zeros(perm: tuple[int, ...]) -> None:
    mask = np.array([[False, True, True, False], [True, False, False, True], [False] * 4])
    array = np.arange(1.0, 25.0).reshape(3, 4, 2)
    if perm == (0, 1, 2):  # time-major
        mask, array = mask.T, array.swapaxes(0, 1)
    place = Place("y", perm, mask="mask")
    stored = place.stored(array, {"mask": mask})
    assert stored.shape == (4, 3, 2)
    assert stored[:, :, 0].T.tolist() == [[3, 5, 0, 0], [9, 15, 0, 0], [0, 0, 0, 0]]
    shown = np.where(mask[..., None], array, 0)
    np.testing.assert_array_equal(place.logical(stored, {"mask": mask}), shown)
    np.testing.assert_array_equal(place.shown(array, {"mask": mask}), shown)


@pytest.mark.parametrize(("family", "case"), _STACKS)
def test_each_recurrent_layer_of_a_stack_is_judged_on_its_own(family: str, case: str, tmp_path: Path) -> None:
    golden = goldens(family, case)[-1]
    source = golden.model(tmp_path)
    kp.convert(source, tmp_path / "m.onnx", validate=False)
    assert not kp.validate(source, tmp_path / "m.onnx").missing
    for name in weights_of(golden, tmp_path)[:4]:
        layer = name.split("/")[0]
        result = altered(golden, tmp_path, name)
        assert not result.passed, name
        assert result.first_divergence is not None
        assert result.first_divergence.name.split(":")[0] == layer, name


@pytest.mark.parametrize("place", [["y", [0, 1]], ["y", [1, 0, 2], "nowhere"], ["y", [1, 0, -1, 2, 3]], ["y", [0], 3]])
def test_a_note_that_does_not_fit_the_model_is_refused(place: list[object], tmp_path: Path) -> None:
    source = goldens("models", "bigru_classifier")[-1].model(tmp_path)
    kp.convert(source, tmp_path / "m.onnx", validate=False)
    model = onnx.load(tmp_path / "m.onnx")
    (note,) = (entry for entry in model.metadata_props if entry.key == "kerasport.layers")
    layers = json.loads(note.value)
    name = next(name for name, known in layers.items() if len(known) > 2)
    note.value = json.dumps({**layers, name: [layers[name][0], *place[1:]]})
    onnx.save(model, tmp_path / "m.onnx")
    with pytest.raises(NotAModelError, match="note"):
        kp.validate(source, tmp_path / "m.onnx")
