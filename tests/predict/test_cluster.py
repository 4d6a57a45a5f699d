"""``--engine ray`` gives the bytes of one machine, whatever dies; ``make test-ray`` makes a Python with Ray for it."""

from __future__ import annotations

import io
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Outcome
from tests.goldens import goldens

Run = Callable[..., Outcome]
# Predicts in small portions, so that small files make many.
SMALL = """
import sys
from kerasport.cli.main import run
from kerasport.prediction import cluster
cluster._PORTION = 1 << 16
sys.exit(run(sys.argv[1:], False))
"""
PATIENCE = 300  # seconds for a cluster to do what it should


@dataclass(frozen=True)
class Nodes:
    """A cluster of two nodes on this machine, with one processor each."""

    address: str
    head: int
    worker: int
    environment: dict[str, str]

    def run(self, *arguments: object) -> subprocess.Popen[str]:
        """A command line, at work on the cluster."""
        command = [sys.executable, "-c", SMALL, *map(str, arguments), "--engine", "ray", "--address", self.address]
        return subprocess.Popen(command, env=self.environment, stderr=subprocess.PIPE, text=True)


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    """Head and worker, none of whose processes outlives the tests."""
    pytest.importorskip("ray", reason="the engine ray needs Ray: make test-ray")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"127.0.0.1:{port}"
    environment = {**os.environ, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    environment |= {"RAY_USAGE_STATS_ENABLED": "0", "OMP_NUM_THREADS": "1"}
    folder = tmp_path_factory.mktemp("ray")
    head = ["--head", f"--port={port}", "--node-ip-address=127.0.0.1", "--include-dashboard=false"]
    worker = [f"--address={address}", "--node-ip-address=127.0.0.2"]
    with (
        node(head, environment, folder / "head.log") as first,
        node(worker, environment, folder / "worker.log") as second,
    ):
        wait(lambda: "raylet" in names(first) and "raylet" in names(second), folder)
        yield Nodes(address, first, second, environment)


@contextmanager
def node(options: Sequence[str], environment: dict[str, str], log: Path) -> Iterator[int]:
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--num-cpus=1", *options]
    with log.open("w") as file:
        process = subprocess.Popen(
            [*command, f"--object-store-memory={100 << 20}"], env=environment, stdout=file, stderr=file
        )
    try:
        yield process.pid
    finally:
        kill(process.pid)
        process.wait()


def family(pid: int) -> list[int]:
    """A process and those that it started, directly or not."""
    found = [pid]
    for parent in found:
        children = Path(f"/proc/{parent}/task/{parent}/children")
        found += map(int, children.read_text().split()) if children.exists() else []
    return found


def names(pid: int) -> str:
    """The command lines of a family."""
    paths = [Path(f"/proc/{member}/cmdline") for member in family(pid)]
    return "\n".join(path.read_text().replace("\0", " ") for path in paths if path.exists())


def kill(pid: int) -> None:
    """Kills a family at once, as a power failure does."""
    for member in family(pid):
        try:
            os.kill(member, signal.SIGKILL)
        except ProcessLookupError:
            continue


def wait(until: Callable[[], bool], logs: Path | None = None) -> None:
    deadline = time.monotonic() + PATIENCE
    while not until():
        told = "".join(path.read_text() for path in logs.glob("*.log")) if logs else ""
        assert time.monotonic() < deadline, told
        time.sleep(0.1)


def test_a_cluster_gives_the_bytes_of_one_machine_in_every_form(
    kerasport: Run, nodes: Nodes, model: Path, tmp_path: Path
) -> None:
    x = np.random.default_rng(1).normal(size=(20_000, 10)).astype("float32")
    x[[70, 4_000, 19_999]] = np.nan
    table = tmp_path / "x.csv"
    lines = [",".join(["" if np.isnan(v) else str(v) for v in row] + [f"k{index}"]) for index, row in enumerate(x)]
    table.write_text("\n".join([",".join([*(f"f{index}" for index in range(10)), "key"]), *lines]) + "\n")
    here, there = tmp_path / "here.csv", tmp_path / "there.csv"
    arguments = ["predict", model, "--input", table, "--columns", "f0:f9", "--keep-columns", "key", "--threads", 1]
    arguments += ["--batch-size", 32, "--on-error", "skip", "--output"]
    assert kerasport(*arguments, here).code == 0
    process = nodes.run(*arguments, there)
    _, told = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, told
    assert there.read_bytes() == here.read_bytes()
    assert Path(f"{there}.bad.jsonl").read_bytes() == Path(f"{here}.bad.jsonl").read_bytes()


def test_a_row_that_cannot_be_used_stops_a_cluster_with_the_same_words(
    kerasport: Run, nodes: Nodes, model: Path, tmp_path: Path
) -> None:
    x = np.zeros((20_000, 10), "float32")
    x[[9_000, 15_000]] = np.nan
    np.save(tmp_path / "x.npy", x)
    arguments = ["predict", model, "--input", tmp_path / "x.npy", "--batch-size", 32, "--output", tmp_path / "y.npy"]
    process = nodes.run(*arguments)
    _, told = process.communicate(timeout=PATIENCE)
    assert process.returncode == 6
    assert kerasport(*arguments).err in told
    assert list(tmp_path.glob("y*")) == []


def test_a_worker_that_dies_loses_and_repeats_nothing(
    kerasport: Run, nodes: Nodes, model: Path, tmp_path: Path
) -> None:
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(400_000, 10)).astype("float32"))
    here, there = tmp_path / "here.npy", tmp_path / "there.npy"
    arguments = ["predict", model, "--input", tmp_path / "x.npy", "--batch-size", 1, "--threads", 1, "--output"]
    process = nodes.run(*arguments, there)
    growing = Path(f"{there}.partial") / there.name

    def in_the_middle() -> bool:
        assert process.poll() is None, process.stderr and process.stderr.read()
        return growing.exists() and growing.stat().st_size > 100_000 and "ray::MapWorker" in names(nodes.worker)

    try:
        wait(in_the_middle)
        kill(nodes.worker)
        assert growing.stat().st_size < 1_500_000
        _, told = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    assert process.returncode == 0, told
    assert kerasport(*arguments, here).code == 0
    assert there.read_bytes() == here.read_bytes()


@pytest.mark.parametrize("states", ["reset", "carry"])
def test_what_a_cluster_cannot_do_is_refused_before_it_starts(
    kerasport: Run, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, states: str
) -> None:
    pytest.importorskip("ray", reason="the engine ray needs Ray: make test-ray")
    arguments = ["predict", model, "--input", "-", "--input-format", "csv"]
    table = ",".join(f"f{index}" for index in range(10)) + "\n" + ",".join("0" * 10) + "\n"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(table.encode())))
    said = "--engine ray needs files to read from, not"
    if states == "carry":
        golden = next(golden for golden in goldens() if "stateful" in golden.case)
        for index, array in enumerate(golden.inputs):
            np.save(tmp_path / f"{index}.npy", array)
        arguments = ["predict", golden.model(tmp_path), "--states", "carry"]
        arguments += ["--backend", golden.backend] if golden.backend else []
        arguments += [word for index in range(len(golden.inputs)) for word in ("--input", tmp_path / f"{index}.npy")]
        said = "--engine ray cannot be used, because the model carries states from batch to batch"
    outcome = kerasport(*arguments, "--engine", "ray", "--output", tmp_path / "y.npz")
    assert outcome.code == 2
    assert said in outcome.err


def test_an_address_at_which_nobody_answers_is_named(kerasport: Run, model: Path, rows: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="the engine ray needs Ray: make test-ray")
    arguments = ["predict", model, "--input", rows, "--engine", "ray", "--address", "127.0.0.1:1"]
    outcome = kerasport(*arguments, "--output", tmp_path / "y.npy")
    assert outcome.code == 2
    assert "There is no Ray cluster at 127.0.0.1:1: " in outcome.err
    assert list(tmp_path.glob("y*")) == []


def test_without_ray_the_package_is_named(
    kerasport: Run, model: Path, rows: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delitem(sys.modules, "kerasport.prediction.cluster", raising=False)
    monkeypatch.setitem(sys.modules, "ray", None)
    outcome = kerasport("predict", model, "--input", rows, "--output", tmp_path / "y.npy", "--engine", "ray")
    assert outcome.code == 3
    assert outcome.err == "Error: --engine ray runs on Ray.\nInstall it: pip install 'kerasport[ray]'.\n"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--address", "auto"], "--address needs --engine ray. Add --engine ray."),
        (["--engine", "ray"], "--engine ray needs an output file. Name it: --output FILE."),
        (
            ["--engine", "ray", "--output", "y.npy", "--provider", "cuda"],
            "--engine ray computes with CPUs, not with --provider cuda.",
        ),
    ],
)
def test_options_that_contradict_each_other_are_refused(
    kerasport: Run, model: Path, rows: Path, options: list[str], said: str
) -> None:
    outcome = kerasport("predict", model, "--input", rows, *options)
    assert outcome.code == 2
    assert outcome.err.replace("\n", " ") == f"Error: {said} "
