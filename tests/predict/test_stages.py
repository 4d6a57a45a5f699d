"""Stages overlap, keep the order, and end together."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest

from kerasport.limits import limits, use
from kerasport.prediction.stages import stage


def numbers(count: int, ended: list[str]) -> Generator[int, None, None]:
    try:
        yield from range(count)
    finally:
        ended.append("numbers")


def threads() -> int:
    return sum(thread.is_alive() for thread in threading.enumerate())


def test_the_order_is_kept_through_several_stages() -> None:
    doubled = stage(lambda x: 2 * x, numbers(100, []), depth=3)
    assert list(stage(lambda x: x + 1, doubled, depth=1)) == [2 * x + 1 for x in range(100)]


def test_stages_run_beside_each_other() -> None:
    met = threading.Barrier(2, timeout=10)

    def first(number: int) -> int:
        if number > 0:
            met.wait()
        return number

    def second(number: int) -> int:
        if number < 4:
            met.wait()  # for the first stage to work on the next number
        return number

    assert list(stage(second, stage(first, numbers(5, []), depth=1), depth=1)) == list(range(5))


@pytest.mark.parametrize("depth", [1, 4])
def test_no_more_waits_than_is_said(depth: int) -> None:
    made: list[int] = []
    results = stage(made.append, numbers(50, []), depth)
    for taken, _ in enumerate(results, 1):
        assert len(made) <= taken + depth


@pytest.mark.parametrize("failing", [0, 1])
def test_an_error_of_any_stage_ends_all(failing: int) -> None:
    before, ended = threads(), list[str]()

    def fail(which: int, number: int) -> int:
        if which == failing and number == 7:
            raise ValueError("seven")
        return number

    first = stage(lambda x: fail(0, x), numbers(1000, ended), depth=1)
    second = stage(lambda x: fail(1, x), first, depth=1)
    with pytest.raises(ValueError, match="seven"):
        list(second)
    assert ended == ["numbers"]
    assert threads() == before


def test_who_stops_taking_stops_all() -> None:
    before, ended = threads(), list[str]()
    results = stage(abs, stage(abs, numbers(1000, ended), depth=2), depth=2)
    assert next(results) == 0
    results.close()
    assert ended == ["numbers"]
    assert threads() == before


def test_limits_hold_in_every_stage() -> None:
    before = limits().layers
    use(layers=12)
    try:
        assert set(stage(lambda _: limits().layers, numbers(3, []), depth=1)) == {12}
    finally:
        use(layers=before)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals to a group of processes")
def test_an_interrupt_ends_a_run_that_waits_for_a_pipe(seed_model: Path, tmp_path: Path) -> None:
    """It comes when rows were written already, so that all that is imported is imported."""
    rows = np.zeros((400_000, 10), "float32")
    whole = io.BytesIO()
    np.save(whole, rows)
    output = tmp_path / "y.npy"
    command = [sys.executable, "-m", "kerasport", "predict", str(seed_model), "--input", "-", "--output", str(output)]
    # Shells ignore SIGINT for what runs in the background.
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )
    with process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(whole.getvalue()[: rows.nbytes // 2])
        process.stdin.flush()
        until = time.monotonic() + 60
        while _written(output) < 100_000 and time.monotonic() < until:
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(30) == 130
        assert process.stderr.read().strip() == b"Interrupted."
    assert list(tmp_path.iterdir()) == []


def _written(output: Path) -> int:
    """Bytes of an output that is not complete."""
    parts = output.with_name(f"{output.name}.partial")
    return sum(path.stat().st_size for path in parts.glob("*")) if parts.is_dir() else 0
