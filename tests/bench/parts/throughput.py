"""Rows a second of ``predict``, beside a bare loop over ONNX Runtime, and Keras's own ``predict``, in turns."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from kerasport.prediction import Predictor
from kerasport.prediction.binding import open_inputs
from kerasport.prediction.rows import Request
from kerasport.prediction.scoring import Job, score
from tests.bench.catalogue import MODELS, Entry
from tests.bench.context import KERASPORT, Context, progress
from tests.bench.measure import Task, in_turns
from tests.bench.parts.latency import session
from tests.bench.results import Costs, Throughput

# Predicts the same rows each time that a line comes, and says how many seconds it took.
_KERAS = """
import os, sys, time
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np, tensorflow as tf
model_file, rows, batch, threads = sys.argv[1:]
tf.config.threading.set_intra_op_parallelism_threads(int(threads))
model = tf.keras.models.load_model(model_file, compile=False)
x = np.load(rows, mmap_mode="r")
model.predict(x[:int(batch)], batch_size=int(batch), verbose=0)
for _ in sys.stdin:
    start = time.perf_counter()
    model.predict(x, batch_size=int(batch), verbose=0)
    print("seconds", time.perf_counter() - start, flush=True)
"""
_SPARSE = 20_000_000_000  # bytes of the file for which memory is measured


@dataclass(frozen=True)
class Load:
    """What is predicted.

    Attributes:
        name: Of the model.
        rows: How many: enough for some seconds, of which the few hundredths that it takes to bring a finished output to
            the disk are no part worth the name.
        runs: Of each, in turns.
    """

    name: str
    rows: int
    runs: int = 5


LOADS = (Load("seed", 10_000_000, 7), Load("rnn_masked", 20_000), Load("MobileNetV2", 128, 9))


def measure(context: Context) -> None:
    """Fills ``results["throughput"]`` and ``results["scoring"]``."""
    for load in LOADS:
        for entry in context.among([model for model in MODELS if model.name == load.name]):
            progress(f"throughput: {entry.name}")
            context.results["throughput"][entry.name] = _measure(context, entry, load)
    for entry in context.among([model for model in MODELS if model.name == "seed"]):
        progress("throughput: memory")
        context.results["scoring"][f"{_SPARSE / 1e9:.0f} GB"] = scoring(context, entry, _SPARSE)


def _measure(context: Context, entry: Entry, load: Load) -> Throughput:
    model, rows = context.converted(entry), context.work / f"{entry.name}.npy"
    _write_rows(rows, context.shelf.inputs(entry)[0], load.rows)
    with Predictor(model) as predictor, ExitStack() as processes:
        source = open_inputs([str(rows)], Request(predictor.inputs))
        size, threads = predictor.batch_size(source), predictor.threads
        runs: dict[str, Callable[[], float]] = {
            "kerasport": lambda: score(predictor, source, Job(context.work / "ours.npy", batch_size=size)).seconds,
            "bare loop": bare_loop(model, rows, context.work / "bare.npy", size, threads),
        }
        python = context.peers["tf2onnx"].python
        if python:
            keras = [python, "-E", "-c", _KERAS, str(context.shelf.path(entry)), str(rows), str(size), str(threads)]
            runs["Keras"] = processes.enter_context(_asked(keras))
        seconds: dict[str, list[float]] = {name: [] for name in runs}
        for number in range(-1, load.runs):
            for name, run in sorted(runs.items(), reverse=bool(number % 2)):
                seconds[name].append(run())
    rows.unlink()
    seconds = {name: times[1:] for name, times in seconds.items()}  # the first ones are for warming up
    return {"rows": load.rows, "batch_size": size, "threads": threads, "seconds": seconds}


def _write_rows(path: Path, some: np.ndarray, count: int) -> None:
    """A file of many rows: the same ones again and again."""
    target = npy.open_memmap(path, "w+", some.dtype, (count, *some.shape[1:]))
    for start in range(0, count, len(some)):
        target[start : start + len(some)] = some[: count - start]


def bare_loop(model: Path, rows: Path, target: Path, size: int, threads: int) -> Callable[[], float]:
    """The loop that a user would write by hand: read, run and write, batch by batch."""
    found = session(model, threads)
    (name,) = (port.name for port in found.get_inputs())

    def run() -> float:
        start = time.perf_counter()
        x = np.load(rows, mmap_mode="r")
        (first,) = found.run(None, {name: x[:1]})
        y = npy.open_memmap(target, "w+", first.dtype, (len(x), *first.shape[1:]))
        for at in range(0, len(x), size):
            (y[at : at + size],) = found.run(None, {name: x[at : at + size]})
        y.flush()
        return time.perf_counter() - start

    return run


@contextmanager
def _asked(command: Sequence[str]) -> Iterator[Callable[[], float]]:
    """A process that runs when it is asked to, and says how many seconds it took."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        ask, answers = process.stdin, process.stdout

        def run() -> float:
            print(file=ask, flush=True)
            return float(next(line for line in answers if line.startswith("seconds ")).split()[1])

        yield run
        ask.close()


def scoring(context: Context, entry: Entry, size: int) -> Costs:
    """What it costs to score a file of so many bytes, which takes no space as it holds nothing but zeros."""
    path = context.work / "sparse.npy"
    x = context.shelf.inputs(entry, rows=1)[0]
    with path.open("wb") as file:
        header = {
            "descr": npy.dtype_to_descr(x.dtype),
            "fortran_order": False,
            "shape": (size // x.nbytes, *x.shape[1:]),
        }
        npy.write_array_header_2_0(file, header)
        file.truncate(file.tell() + size // x.nbytes * x.nbytes)
    command = [*KERASPORT, "predict", str(context.converted(entry)), "--input", str(path)]
    task = Task([*command, "--output", str(context.work / "scores.npy")], runs=1)
    return in_turns({"ours": task})["ours"]
