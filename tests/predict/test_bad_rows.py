"""Rows that cannot be used: told, left out, or without values; always listed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kerasport.errors import InputError
from kerasport.prediction.checks import usable
from kerasport.runtime.sessions import Port
from tests.conftest import Outcome

Run = Callable[..., Outcome]
BAD = [3, 40, 41, 999]


@pytest.fixture
def damaged(rows: Path) -> Path:
    """The rows, some of which hold NaN or infinity."""
    x = np.load(rows)
    x[BAD, 2] = [np.nan, np.inf, -np.inf, np.nan]
    np.save(rows, x)
    return rows


def listed(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_they_stop_the_run_with_number_and_reason(kerasport: Run, model: Path, damaged: Path, tmp_path: Path) -> None:
    outcome = kerasport("predict", model, "--input", damaged, "--output", tmp_path / "y.npy", "--batch-size", 8)
    assert outcome.code == 6
    assert "holds NaN or infinity, first in row 3." in outcome.err
    assert "--on-error skip" in outcome.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.npy"]


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("policy", ["skip", "null"])
def test_they_are_left_out_or_have_no_values(
    kerasport: Run, model: Path, damaged: Path, tmp_path: Path, policy: str
) -> None:
    good = np.delete(np.load(damaged), BAD, axis=0)
    np.save(tmp_path / "good.npy", good)
    assert kerasport("predict", model, "--input", tmp_path / "good.npy", "--output", tmp_path / "good_y.npy").code == 0
    outcome = kerasport(
        *("predict", model, "--input", damaged, "--output", tmp_path / "y.npy"),
        *("--batch-size", 8, "--on-error", policy),
    )
    assert outcome.code == 0, outcome.err
    y = np.load(tmp_path / "y.npy")
    if policy == "null":
        assert np.flatnonzero(np.isnan(y[:, 0])).tolist() == BAD
        y = np.delete(y, BAD, axis=0)
    np.testing.assert_allclose(y, np.load(tmp_path / "good_y.npy"), rtol=1e-5, atol=1e-6)
    found = listed(tmp_path / "y.npy.bad.jsonl")
    assert [entry["row"] for entry in found] == BAD
    assert all("NaN or infinity" in entry["reason"] for entry in found)
    assert "Rows that could not be used: 4" in outcome.err


def test_a_list_of_an_earlier_run_does_not_stay(kerasport: Run, model: Path, rows: Path, tmp_path: Path) -> None:
    (tmp_path / "y.npy.bad.jsonl").write_text("old")
    assert kerasport("predict", model, "--input", rows, "--output", tmp_path / "y.npy", "--on-error", "skip").code == 0
    assert not (tmp_path / "y.npy.bad.jsonl").exists()


def test_the_list_may_be_elsewhere(kerasport: Run, model: Path, damaged: Path, tmp_path: Path) -> None:
    named = ("--on-error", "skip", "--bad-rows", tmp_path / "bad")
    assert kerasport("predict", model, "--input", damaged, "--output", tmp_path / "y.npy", *named).code == 0
    assert len(listed(tmp_path / "bad")) == 4


FAULTS: dict[str, tuple[Port, Any, list[int], str]] = {
    "fractions": (Port("x", (None,), "int64"), [1.0, 2.5, 3.0], [1], "holds fractions"),
    "too large": (Port("x", (None,), "uint8"), [1, 256, -1], [1, 2], "holds numbers beyond uint8"),
    "huge": (Port("x", (None,), "int32"), [1e30, 2.0], [0], "holds numbers beyond int32"),
    "nan": (Port("x", (None, 2), "float32"), [[1, np.nan], [2, 3]], [0], "holds NaN or infinity"),
    "bytes": (Port("x", (None,), "str"), np.array([b"a", b"\xff", b"c"]), [1], "holds bytes that are not UTF-8"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_makes_a_row_bad(fault: str) -> None:
    port, values, rows, reason = FAULTS[fault]
    array, bad = usable(port, np.asarray(values), start=10)
    assert [row.row - 10 for row in bad] == rows
    assert all(reason in row.reason for row in bad)
    assert array.dtype.kind == np.dtype(port.dtype).kind
    good = np.delete(np.arange(len(array)), rows)
    np.testing.assert_array_equal(array[good], np.asarray(values)[good].astype(array.dtype))


def test_a_text_that_is_no_utf8_is_a_bad_row(tmp_path: Path) -> None:
    from kerasport.prediction.binding import open_inputs
    from kerasport.prediction.rows import Request

    (tmp_path / "x.txt").write_bytes(b"one\n\xff\r\nthree")
    source = open_inputs([str(tmp_path / "x.txt")], Request((Port("x", (None,), "str"),)))
    (chunk,) = source.batches(10)
    assert [(bad.row, "UTF-8" in bad.reason) for bad in chunk.bad] == [(1, True)]
    assert chunk.columns["x"].tolist() == ["one", "", "three"]
    with pytest.raises(InputError, match="row 1"):
        source.read()
