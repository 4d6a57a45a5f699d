"""Files, several files, shares of them, pipes: which rows are read."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from kerasport.errors import InputError
from kerasport.prediction.binding import open_inputs
from kerasport.prediction.rows import Request
from kerasport.prediction.scoring import share
from kerasport.runtime.sessions import Port
from tests.conftest import Outcome

Run = Callable[..., Outcome]
PORT = Port("x", (None, 2), "float32")


def opened(*given: object, port: Port = PORT) -> Any:
    return open_inputs([str(item) for item in given], Request((port,)))


def save(path: Path, x: NDArray[Any], suffix: str, order: str = "C") -> Path:
    path = path.with_suffix(suffix)
    x = np.asarray(x, order=order)  # type: ignore[call-overload]
    if suffix == ".npy":
        np.save(path, x)
    else:
        np.savez_compressed(path, x=x)
    return path


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("suffix", [".npy", ".npz"])
@pytest.mark.parametrize(("start", "stop"), [(0, None), (7, None), (7, 20), (22, 23), (0, 0)])
def test_any_rows_are_read_in_chunks(tmp_path: Path, suffix: str, order: str, start: int, stop: int | None) -> None:
    x = np.arange(46.0).reshape(23, 2)
    source = opened(save(tmp_path / "x", x, suffix, order))
    chunks = list(source.batches(5, start, stop))
    assert [chunk.start for chunk in chunks] == list(range(start, 23 if stop is None else stop, 5))
    whole = np.concatenate([x[:0], *(chunk.columns["x"] for chunk in chunks)])
    np.testing.assert_array_equal(whole, x[start:stop])


@pytest.mark.parametrize(("start", "stop"), [(0, None), (4, None), (9, 17), (11, 12)])
def test_files_of_a_pattern_are_read_as_one(tmp_path: Path, start: int, stop: int | None) -> None:
    x = np.arange(46.0).reshape(23, 2)
    for name, part in (("a", x[:4]), ("b", x[4:4]), ("c", x[4:12]), ("d", x[12:])):
        np.save(tmp_path / f"part-{name}.npy", part)
    source = opened(tmp_path / "part-*.npy")
    assert source.rows == source.count() == 23
    chunks = list(source.batches(5, start, stop))
    assert {len(chunk) for chunk in chunks[:-1]} <= {5}
    np.testing.assert_array_equal(np.concatenate([chunk.columns["x"] for chunk in chunks]), x[start:stop])


def test_bad_rows_of_a_pattern_are_numbered_over_all_files(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.txt").write_bytes(b"one\n\xff\nthree\n")
    source = opened(tmp_path / "?.txt", port=Port("x", (None,), "str"))
    bad = [bad for chunk in source.batches(2) for bad in chunk.bad]
    assert [row.row for row in bad] == [1, 4]
    assert "b, row 1" in bad[1].reason
    assert source.count() == 6


def test_files_of_different_shapes_are_not_one(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((2, 2)))
    np.save(tmp_path / "b.npy", np.zeros((2, 3)))
    with pytest.raises(InputError, match="different columns"):
        opened(tmp_path / "*.npy")
    with pytest.raises(InputError, match="No file matches"):
        opened(tmp_path / "*.npz")


@pytest.mark.parametrize("count", [0, 1, 10, 11])
@pytest.mark.parametrize("of", [1, 3, 4])
def test_shares_are_all_rows_once(tmp_path: Path, count: int, of: int) -> None:
    np.save(tmp_path / "x.npy", np.zeros((count, 2)))
    source = opened(tmp_path / "x.npy")
    shares = [share(source, (index, of)) for index in range(1, of + 1)]
    rows = [row for start, stop in shares for row in range(start, count if stop is None else stop)]
    assert rows == list(range(count))
    assert len({len(range(start, stop)) for start, stop in shares if stop is not None}) <= 2


def test_shards_together_are_the_whole(kerasport: Run, model: Path, rows: Path, tmp_path: Path) -> None:
    assert kerasport("predict", model, "--input", rows, "--output", tmp_path / "y.npy").code == 0
    for index in (1, 2, 3):
        target = tmp_path / f"y{index}.npy"
        assert kerasport("predict", model, "--input", rows, "--output", target, "--shard", f"{index}/3").code == 0
    parts = [np.load(tmp_path / f"y{index}.npy") for index in (1, 2, 3)]
    assert [len(part) for part in parts] == [333, 333, 334]
    np.testing.assert_allclose(np.concatenate(parts), np.load(tmp_path / "y.npy"), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("wrong", ["0/3", "4/3", "1", "a/b", "-1/2", "1/0"])
def test_wrong_shards_are_refused(kerasport: Run, model: Path, rows: Path, wrong: str) -> None:
    assert kerasport("predict", model, "--input", rows, "--output", "y.npy", "--shard", wrong).code == 2


def test_standard_input_and_standard_output(
    kerasport: Run, model: Path, rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Standard:
        buffer: Any = io.BytesIO()

        def flush(self) -> None:
            pass

    assert kerasport("predict", model, "--input", rows, "--output", tmp_path / "y.npy").code == 0
    source, target = Standard(), Standard()
    with rows.open("rb") as source.buffer:
        monkeypatch.setattr(sys, "stdin", source)
        monkeypatch.setattr(sys, "stdout", target)
        outcome = kerasport("predict", model, "--input", "-", "--output", "-", "--output-format", "npy")
        monkeypatch.undo()
    assert outcome.code == 0, outcome.err
    assert target.buffer.getvalue() == (tmp_path / "y.npy").read_bytes()


def test_a_file_that_is_cut_off_is_told(kerasport: Run, model: Path, rows: Path, tmp_path: Path) -> None:
    rows.write_bytes(rows.read_bytes()[:-1000])
    outcome = kerasport("predict", model, "--input", rows, "--output", tmp_path / "y.npy")
    assert outcome.code == 6
    assert "is cut off" in outcome.err


def test_the_summary_is_written_as_json(kerasport: Run, model: Path, rows: Path, tmp_path: Path) -> None:
    named = ("--batch-size", 100, "--threads", 1, "--summary", tmp_path / "s.json")
    outcome = kerasport("predict", model, "--input", rows, "--output", tmp_path / "y.npy", *named)
    assert "1,000 rows in " in outcome.err
    summary = json.loads((tmp_path / "s.json").read_text(encoding="utf-8"))
    assert {name: summary[name] for name in ("rows", "written", "bad", "batch_size", "threads", "batches")} == {
        "rows": 1000,
        "written": 1000,
        "bad": 0,
        "batch_size": 100,
        "threads": 1,
        "batches": 10,
    }
    assert 0 < summary["p50_seconds"] <= summary["p99_seconds"] < summary["seconds"]


@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_no_rows_give_an_empty_file(kerasport: Run, model: Path, tmp_path: Path, suffix: str) -> None:
    np.save(tmp_path / "x.npy", np.zeros((0, 10), "float32"))
    target = tmp_path / f"y.{suffix}"
    assert kerasport("predict", model, "--input", tmp_path / "x.npy", "--output", target).code == 0
    y = np.load(target)
    assert (y if suffix == "npy" else y["dense_1"]).shape == (0, 1)
