"""How fast ONNX Runtime is on our graph, and on tf2onnx's of the same model."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi.onnxruntime_pybind11_state import Fail, InvalidGraph, NotImplemented

from tests.bench.catalogue import MODELS, Entry
from tests.bench.context import Context, progress
from tests.bench.parts.graphs import peer_file
from tests.bench.results import Latency

_THREADS = (1, 0)
_LEAST, _MOST, _SECONDS = 60, 180, 8.0  # pairs of runs, and after how long no further one
_SESSIONS = 6  # of each graph, as where things lie in memory differs; every other time the peer's is made first
_SHORTEST = 0.002  # seconds of a run; shorter ones are repeated
_PAUSE = 0.02  # seconds before a run with several threads: those of the other graph's session still spin for a while
_NOT_LOADED = (Fail, InvalidGraph, NotImplemented)
_Run = Callable[[], float]


def measure(context: Context) -> None:
    """Fills ``results["latency"]``."""
    onnxruntime.set_default_logger_severity(3)
    for entry in context.among([entry for entry in MODELS if entry.latency is not None]):
        path = context.shelf.path(entry)
        theirs = peer_file(context.peers["tf2onnx"], path)
        if theirs is not None:
            progress(f"latency: {entry.name}")
            _measure(context, entry, theirs)


def _measure(context: Context, entry: Entry, theirs: Path) -> None:
    ours = context.converted(entry)
    session(ours, 1)
    try:
        session(theirs, 1)
    except _NOT_LOADED as error:
        progress(f"  left out, as tf2onnx's graph cannot be loaded: {error}")
        return
    compared = [compare(context, entry, ours, theirs, threads) for threads in _THREADS]
    context.results["latency"][entry.name] = compared
    progress("  " + ", ".join(f"{run['ratio']:.2f} ({run['low']:.2f}-{run['high']:.2f})" for run in compared))


def compare(context: Context, entry: Entry, ours: Path, theirs: Path, threads: int) -> Latency:
    """Runs both graphs in turns on one row; their order changes from pair to pair."""
    arrays = context.shelf.inputs(entry)
    row = [array[:1] for array in arrays]
    pairs: list[tuple[float, float]] = []
    for number in range(1, _SESSIONS + 1):
        made = {path: timer(session(path, threads), row) for path in _in_order(ours, theirs, number)}
        runs = [made[ours], made[theirs]]
        started = time.perf_counter()
        while len(pairs) < _LEAST * number / _SESSIONS or (
            len(pairs) < _MOST * number / _SESSIONS and time.perf_counter() - started < _SECONDS / _SESSIONS
        ):
            pairs.append(_pair(runs, len(pairs), 0 if threads == 1 else _PAUSE))
        del made, runs
    mine, peer = np.array(pairs).T
    low, high = interval(mine, peer)
    expected = context.shelf.output(entry)
    return {
        "threads": threads,
        "ours": mine.tolist(),
        "peer": peer.tolist(),
        "ratio": float(np.median(mine) / np.median(peer)),
        "low": low,
        "high": high,
        "ours_error": error(ours, arrays, expected),
        "peer_error": error(theirs, arrays, expected),
    }


def _in_order(ours: Path, theirs: Path, number: int) -> tuple[Path, Path]:
    """Which session is made first: the second one was up to 7 % faster on the same operators."""
    return (ours, theirs) if number % 2 else (theirs, ours)


def _pair(runs: list[_Run], number: int, pause: float) -> tuple[float, float]:
    seconds = [0.0, 0.0]
    for place in (1, 0) if number % 2 else (0, 1):
        time.sleep(pause)
        seconds[place] = runs[place]()
    return seconds[0], seconds[1]


def session(path: Path, threads: int) -> onnxruntime.InferenceSession:
    """A session with ONNX Runtime's own settings but for the number of threads."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def timer(model: onnxruntime.InferenceSession, arrays: list[NDArray[Any]]) -> _Run:
    """A function that runs the model and gives the seconds of a run; it has been warmed up."""
    inputs = feed(model, arrays)

    def once(repeats: int) -> float:
        start = time.perf_counter()
        for _ in range(repeats):
            model.run(None, inputs)
        return (time.perf_counter() - start) / repeats

    warm = min(once(1) for _ in range(4))
    repeats = max(1, round(_SHORTEST / warm))
    return lambda: once(repeats)


def feed(model: onnxruntime.InferenceSession, arrays: list[NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The arrays by the names of the model's inputs, which have the model's order."""
    names = [value.name for value in model.get_inputs()]
    assert len(names) == len(arrays), names
    return dict(zip(names, arrays, strict=True))


def error(path: Path, arrays: list[NDArray[Any]], expected: NDArray[Any]) -> float:
    """The largest difference to Keras's output, relative to the largest value of that."""
    model = session(path, 0)
    (output,) = model.run(None, feed(model, arrays))
    return float(np.abs(output - expected).max() / np.abs(expected).max())


def interval(ours: NDArray[Any], peer: NDArray[Any]) -> tuple[float, float]:
    """95 % of the ratios of medians that come of drawing the pairs anew, again and again."""
    rng = np.random.default_rng(0)
    drawn = rng.integers(0, len(ours), (1000, len(ours)))
    ratios = np.median(ours[drawn], axis=1) / np.median(peer[drawn], axis=1)
    low, high = np.quantile(ratios, [0.025, 0.975])
    return float(low), float(high)
