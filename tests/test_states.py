"""States that are carried from batch to batch, against a real Keras that was called twice."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

import kerasport as kp
from kerasport.errors import InputError, OptionError
from kerasport.prediction import Predictor
from tests.conftest import Outcome
from tests.goldens import ARCHIVE, Golden, goldens

Run = Callable[..., Outcome]
STATEFUL = [*goldens("stateful"), *goldens("stateful", form=ARCHIVE)]


def characters() -> Golden:
    return goldens("stateful", "characters", "3.15*")[0]


@pytest.mark.parametrize("golden", STATEFUL, ids=lambda golden: golden.name)
def test_the_second_batch_starts_where_the_first_one_ended(golden: Golden, tmp_path: Path) -> None:
    model = golden.model(tmp_path)
    conversion = kp.convert(model, tmp_path / "m.onnx", states="carry", backend=golden.backend)
    assert conversion.validation is not None
    assert conversion.validation.passed
    following, expected_next = golden.next_batch
    assert following
    for path, engine in ((tmp_path / "m.onnx", "onnxruntime"), (model, "onnxruntime"), (model, "reference")):
        with Predictor(path, engine=engine, states="carry", backend=golden.backend) as predictor:
            for inputs, outputs in ((golden.inputs, golden.outputs), (following, expected_next)):
                for actual, expected in zip(predictor.predict(inputs), outputs, strict=True):
                    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-5)
            predictor.reset_states()
            for actual, expected in zip(predictor.predict(golden.inputs), golden.outputs, strict=True):
                np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-5)


def test_one_prediction_carries_states_from_batch_to_batch(kerasport: Run, tmp_path: Path) -> None:
    golden = goldens("stateful", "layers", "3.15*")[0]
    following, expected = golden.next_batch
    model = golden.model(tmp_path)
    np.save(tmp_path / "x.npy", np.concatenate([golden.inputs[0], following[0]]))
    outcome = kerasport(
        "predict", model, "--states", "carry", "--input", tmp_path / "x.npy", "--output", tmp_path / "y.npz"
    )
    assert outcome.code == 0, outcome.err
    with np.load(tmp_path / "y.npz") as archive:
        for actual, first, second in zip(archive.values(), golden.outputs, expected, strict=True):
            np.testing.assert_allclose(actual, np.concatenate([first, second]), rtol=1e-4, atol=1e-5)


def test_states_are_named_after_their_layers(kerasport: Run, tmp_path: Path) -> None:
    outcome = kerasport("convert", characters().model(tmp_path), tmp_path / "m.onnx", "--states", "carry")
    assert outcome.code == 0, outcome.err
    model = onnx.load(tmp_path / "m.onnx")
    names = [f"lstm_{i}_state_{s}" for i in (1, 2) for s in "hc"]
    assert [value.name for value in model.graph.input][1:] == [f"{name}_in" for name in names]
    assert [value.name for value in model.graph.output][1:] == [f"{name}_out" for name in names]
    states = next(entry.value for entry in model.metadata_props if entry.key == "kerasport.states")
    assert json.loads(states) == {f"{name}_out": f"{name}_in" for name in names}
    assert "lstm_1_state_h_out to lstm_1_state_h_in" in outcome.out
    assert kerasport("validate", tmp_path / "model.h5", tmp_path / "m.onnx").code == 0


def test_own_inputs_are_validated_from_zero_states(tmp_path: Path) -> None:
    golden = characters()
    model = golden.model(tmp_path)
    kp.convert(model, tmp_path / "m.onnx", states="carry")
    assert kp.validate(model, tmp_path / "m.onnx", inputs=golden.inputs).passed


def test_a_model_without_states_has_none_to_carry(seed_model: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="no stateful layers"):
        kp.convert(seed_model, tmp_path / "m.onnx", states="carry")
    with pytest.raises(OptionError, match="no stateful layers"):
        kp.predict(seed_model, np.zeros((1, 10)), states="carry")
    with pytest.raises(OptionError, match="Choose one of"):
        kp.predict(seed_model, np.zeros((1, 10)), states="keep")


def test_a_stateful_model_takes_whole_batches(tmp_path: Path) -> None:
    golden = goldens("stateful", "nested", "3.15*")[0]
    with pytest.raises(InputError, match="2 rows at a time; from row 2 on there are 1"):
        kp.predict(golden.model(tmp_path), np.concatenate([golden.inputs[0], golden.inputs[0][:1]]))
