"""Arrays in, arrays out: what fits, what does not, and how it is said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import kerasport as kp
from kerasport.errors import InputError, OptionError
from kerasport.prediction import Predictor
from kerasport.prediction.binding import open_inputs
from kerasport.prediction.rows import Request
from kerasport.runtime.sessions import Port
from tests.conftest import Outcome
from tests.goldens import Golden, goldens

Run = Callable[..., Outcome]


@pytest.fixture
def data(seed: Path) -> NDArray[np.float32]:
    return np.load(seed / "new_data.npy")


@pytest.mark.parametrize("batch_size", [1, 6, 20, 100])
def test_the_batch_size_does_not_matter(seed: Path, data: NDArray[Any], batch_size: int) -> None:
    expected = np.load(seed / "new_data_predictions.npy")
    actual = kp.predict(seed / "my_model_tf.h5", data, batch_size=batch_size)
    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-5)


WRONG: dict[str, tuple[Callable[[NDArray[Any]], NDArray[Any]], str]] = {
    "features": (lambda x: x[:, :9], "takes arrays of shape (any, 10); given is (20, 9)"),
    "rank": (lambda x: x[0], "Add the batch axis"),
    "nan": (lambda x: np.where(np.arange(20)[:, None] == 7, np.nan, x), "NaN or infinity, first in row 7"),
    "infinity": (lambda x: np.where(np.arange(20)[:, None] == 3, np.inf, x), "first in row 3"),
    "dtype": (lambda x: x.astype("complex64"), "given is complex64"),
    "text": (lambda x: x.astype("U8"), "cannot be converted"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_arrays_that_do_not_fit_are_explained(seed_model: Path, data: NDArray[Any], wrong: str) -> None:
    change, message = WRONG[wrong]
    with pytest.raises(InputError) as caught:
        kp.predict(seed_model, change(data), batch_size=4)
    assert message in str(caught.value)


@pytest.mark.parametrize("wrong", WRONG)
def test_the_command_refuses_them_and_writes_nothing(
    kerasport: Run, seed_model: Path, data: NDArray[Any], tmp_path: Path, wrong: str
) -> None:
    change, message = WRONG[wrong]
    np.save(tmp_path / "x.npy", change(data))
    outcome = kerasport(
        "predict", seed_model, "--input", tmp_path / "x.npy", "--output", tmp_path / "y.npy", "--batch-size", 4
    )
    assert outcome.code == 6
    assert message in outcome.err
    assert [path.name for path in tmp_path.iterdir()] == ["x.npy"]


def test_integers_are_taken_as_floats(seed_model: Path) -> None:
    x = np.arange(30).reshape(3, 10)
    np.testing.assert_allclose(kp.predict(seed_model, x), kp.predict(seed_model, x.astype("float32")))


def test_no_rows_give_no_rows(seed_model: Path) -> None:
    result = kp.predict(seed_model, np.zeros((0, 10), np.float32))
    assert isinstance(result, np.ndarray)
    assert result.shape == (0, 1)


def several() -> Golden:
    return goldens("topology", "inputs_in_another_order")[0]


def test_several_inputs_by_name_and_in_one_archive(kerasport: Run, tmp_path: Path) -> None:
    golden = several()
    model = golden.model(tmp_path)
    with Predictor(model) as predictor:
        names = [port.name for port in predictor.inputs]
    given = dict(zip(names, golden.inputs, strict=True))
    for name, array in given.items():
        np.save(tmp_path / f"{name}.npy", array)
    np.savez_compressed(tmp_path / "all.npz", **given)
    one_by_one = [part for name in names for part in ("--input", f"{name}={tmp_path / name}.npy")]
    for arguments in (one_by_one, ["--input", tmp_path / "all.npz"]):
        outcome = kerasport("predict", model, *arguments, "--output", tmp_path / "y.npz")
        assert outcome.code == 0, outcome.err
        with np.load(tmp_path / "y.npz") as archive:
            for actual, expected in zip(archive.values(), golden.outputs, strict=True):
                np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-5)
    assert kerasport("predict", model, *one_by_one[:2]).code == 6
    assert "Did you mean" in kerasport("predict", model, "--input", f"{names[0]}x={tmp_path / 'all.npz'}").err + (
        kerasport("predict", model, "--input", f"{names[0]}x={tmp_path / names[0]}.npy").err
    )


def test_several_outputs_need_an_npz(kerasport: Run, tmp_path: Path) -> None:
    golden = goldens("core", "dense")[0]
    model = golden.model(tmp_path)
    np.save(tmp_path / "x.npy", golden.inputs[0])
    outcome = kerasport("predict", model, "--input", tmp_path / "x.npy", "--output", tmp_path / "y.npy")
    assert outcome.code == 2
    assert "*.npz" in outcome.err


def test_different_numbers_of_rows_are_refused(tmp_path: Path) -> None:
    ports = (Port("a", (None, 2), "float32"), Port("b", (None, 2), "float32"))
    np.savez(tmp_path / "x.npz", a=np.zeros((3, 2)), b=np.zeros((4, 2)))
    with pytest.raises(InputError, match="different numbers of rows"):
        open_inputs([str(tmp_path / "x.npz")], Request(ports))


def test_pickled_arrays_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([{"a": 1}]), allow_pickle=True)
    with pytest.raises(InputError):
        open_inputs([str(tmp_path / "x.npy")], Request((Port("x", (None,), "float32"),)))


def test_the_reference_does_not_run_onnx_files(seed_model: Path, tmp_path: Path) -> None:
    kp.convert(seed_model, tmp_path / "m.onnx")
    with pytest.raises(OptionError):
        kp.predict(tmp_path / "m.onnx", np.zeros((1, 10)), engine="reference")


def test_an_onnx_file_predicts_as_its_keras_file(seed: Path, data: NDArray[Any], tmp_path: Path) -> None:
    kp.convert(seed / "my_model_tf.h5", tmp_path / "m.onnx")
    np.testing.assert_array_equal(kp.predict(tmp_path / "m.onnx", data), kp.predict(seed / "my_model_tf.h5", data))


@pytest.mark.parametrize("golden", goldens("topology", "input_fixed_batch"), ids=lambda golden: golden.name)
def test_a_batch_size_in_the_file_binds_nobody(golden: Golden, tmp_path: Path) -> None:
    model = golden.model(tmp_path)
    whole = kp.predict(model, golden.inputs)
    first = kp.predict(model, [array[:1] for array in golden.inputs])
    for a, b in zip(_listed(first), _listed(whole), strict=True):
        np.testing.assert_allclose(a, b[:1], rtol=1e-5, atol=1e-6)


def _listed(outputs: Any) -> list[NDArray[Any]]:
    return outputs if isinstance(outputs, list) else [outputs]
