"""From Python: arrays, iterators, files, and functions for other engines."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kerasport as kp
from kerasport.errors import InputError, OptionError
from kerasport.prediction.batch_size import default, fastest
from kerasport.prediction.padding import Padded
from kerasport.prediction.rows import Column
from kerasport.prediction.summary import Summary
from kerasport.runtime.sessions import Port
from tests.goldens import goldens


@pytest.fixture
def expected(model: Path, rows: Path) -> Any:
    return kp.predict(model, np.load(rows), batch_size=32)


def test_files_give_arrays(model: Path, rows: Path, expected: Any) -> None:
    np.testing.assert_array_equal(kp.predict(model, rows, batch_size=32), expected)
    np.testing.assert_array_equal(kp.predict(model, {"dense_input": str(rows)}, batch_size=32), expected)
    np.testing.assert_array_equal(kp.predict(model, [rows], batch_size=32), expected)


def test_files_and_arrays_are_written_to_files(model: Path, rows: Path, tmp_path: Path, expected: Any) -> None:
    for name, data in (("a", rows), ("b", np.load(rows))):
        summary = kp.predict(model, data, output=tmp_path / f"{name}.npy", batch_size=32)
        assert isinstance(summary, Summary)
        assert (summary.rows, summary.batches) == (1000, 32)
        np.testing.assert_array_equal(np.load(tmp_path / f"{name}.npy"), expected)


def test_an_iterator_of_batches_gives_one_of_outputs(model: Path, rows: Path, expected: Any) -> None:
    x = np.load(rows)
    taken: list[int] = []

    def batches() -> Any:
        for start in range(0, 1000, 32):
            taken.append(start)
            yield x[start : start + 32]

    outputs = kp.predict(model, batches())
    first = next(outputs)
    assert taken == [0]
    np.testing.assert_array_equal(np.concatenate([first, *outputs]), expected)


def test_a_predictor_stays_open(model: Path, rows: Path, expected: Any) -> None:
    with kp.Predictor(model, threads=1) as predictor:
        for _ in range(2):
            (output,) = predictor.predict(np.load(rows), batch_size=32)
            np.testing.assert_array_equal(output, expected)


def test_one_batch_may_give_one_number(tmp_path: Path) -> None:
    """Outputs that are not row by row are given for a single batch, and never put together."""
    golden = goldens("core", "dense")[0]
    with kp.Predictor(golden.model(tmp_path)) as predictor:
        size = len(golden.inputs[0])
        pipeline = predictor.pipeline(predictor.table(golden.inputs), _plan(size))
        with pytest.raises(InputError, match="for a batch of"):
            pipeline._check([np.float32(1)] * len(predictor.outputs), size, 0)  # type: ignore[list-item]  # noqa: SLF001


def _plan(size: int) -> Any:
    from kerasport.prediction.pipeline import Plan

    return Plan(size)


def test_resuming_needs_files(model: Path, rows: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="needs files"):
        kp.predict(model, np.load(rows), output=tmp_path / "y.npy", resume=True)


def test_states_are_not_taken_up_in_the_middle(tmp_path: Path) -> None:
    golden = next(golden for golden in goldens() if "stateful" in golden.case)
    model = golden.model(tmp_path)
    names = [f"{index}.npy" for index in range(len(golden.inputs))]
    for name, array in zip(names, golden.inputs, strict=True):
        np.save(tmp_path / name, array)
    files = [tmp_path / name for name in names]
    with pytest.raises(OptionError, match="states"):
        kp.predict(model, files, output=tmp_path / "y.npz", states="carry", shard=(1, 2), backend=golden.backend)


class Slow:
    """An engine whose time for a batch is a part for each call and a part for each row."""

    inputs = (Port("x", (None, 2), "float32"),)
    outputs = (Port("y", (None, 2), "float32"),)

    def __init__(self, monkeypatch: pytest.MonkeyPatch, call: float, row: float) -> None:
        self._call, self._row, self._now = call, row, 0.0
        self.sizes: list[int] = []
        monkeypatch.setattr("kerasport.prediction.batch_size.time.perf_counter", lambda: self._now)

    def run(self, inputs: Any) -> Any:
        self.sizes.append(len(inputs[0]))
        self._now += self._call + self._row * len(inputs[0])
        return list(inputs)


@pytest.mark.parametrize(
    ("call", "row", "size"), [(1e-4, 1e-6, 2048), (2e-4, 1e-4, 32), (0.0, 1e-2, 8), (0.5, 1e-6, 8), (1e-3, 0.0, 8192)]
)
def test_the_batch_size_is_the_smallest_that_is_fast(
    monkeypatch: pytest.MonkeyPatch, call: float, row: float, size: int
) -> None:
    engine = Slow(monkeypatch, call, row)
    assert fastest(engine, [np.zeros((3, 2), "float32")]) == size


def test_large_rows_make_small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    assert fastest(Slow(monkeypatch, 1e-3, 0.0), [np.zeros((2, 1 << 20), "float32")]) == 8
    assert default([Column("x", (1 << 20,), np.dtype("float32"))]) == 8
    assert default([Column("x", (10,), np.dtype("float32"))]) == 32


def test_short_batches_are_filled_up_for_providers_that_prepare_for_a_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Slow(monkeypatch, 0, 0)
    x = np.arange(6, dtype="float32").reshape(3, 2)
    (y,) = Padded(engine, 5).run([x])
    np.testing.assert_array_equal(y, x)
    assert engine.sizes == [5]


@pytest.mark.parametrize("provider", ["cuda", "coreml", "openvino", "directml", "tpu"])
def test_providers_that_are_not_there_are_told(model: Path, provider: str) -> None:
    with pytest.raises(OptionError, match=provider):
        kp.Predictor(model, provider=provider)


def test_the_function_for_spark(model: Path, rows: Path, expected: Any) -> None:
    """Spark pickles what makes the function, and gives it a column of arrays, or a column for each feature."""
    x = np.load(rows)
    predict = pickle.loads(pickle.dumps(kp.batch_function(model, batch_size=32, threads=1)))()
    np.testing.assert_array_equal(predict(x), expected[:, 0])
    np.testing.assert_array_equal(predict(*x.T), expected[:, 0])
    with pytest.raises(InputError):
        predict(*x.T[:9])


def test_the_function_for_spark_gives_several_outputs_by_name(tmp_path: Path) -> None:
    golden = goldens("topology", "inputs_in_another_order")[0]
    make = kp.batch_function(golden.model(tmp_path), batch_size=32)
    outputs = make()(*golden.inputs)
    arrays = list(outputs.values()) if isinstance(outputs, dict) else [outputs]
    for actual, wanted in zip(arrays, golden.outputs, strict=True):
        np.testing.assert_allclose(actual.reshape(wanted.shape), wanted, rtol=1e-4, atol=1e-5)


def test_the_function_for_data_frames_takes_columns_by_name_or_all(model: Path, rows: Path, expected: Any) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(np.load(rows), columns=[f"c{index}" for index in range(10)])
    frame.index += 5
    scored = pickle.loads(pickle.dumps(kp.frame_function(model, batch_size=32)))(frame)
    assert scored.index.equals(frame.index)
    np.testing.assert_array_equal(scored["dense_1"], expected[:, 0])
    chosen = kp.frame_function(model, columns={"dense_input": list(frame.columns)}, batch_size=32)
    np.testing.assert_array_equal(chosen(frame.iloc[:, ::-1])["dense_1"], expected[:, 0])
    with pytest.raises(InputError, match="no column 'd'"):
        kp.frame_function(model, columns={"dense_input": ["d"]})(frame)
