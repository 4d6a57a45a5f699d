"""Whole processes in turns: seconds, CPU seconds and peak memory."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.results import Costs

_LAUNCHER = Path(__file__).with_name("launcher.py")


class CommandError(Exception):
    """A measured command failed; holds the end of what it printed."""


@dataclass(frozen=True)
class Task:
    """A command to measure.

    Attributes:
        command: The program and its arguments.
        runs: At most so often.
        patience: No further run once its runs took so many seconds.
    """

    command: Sequence[str]
    runs: int = 5
    patience: float = 60.0


def in_turns(tasks: Mapping[str, Task]) -> dict[str, Costs]:
    """Measures commands in turns, so that a slow minute of the machine is everybody's."""
    costs: dict[str, Costs] = {name: {"seconds": [], "cpu": [], "peak_bytes": []} for name in tasks}
    for number in range(max(task.runs for task in tasks.values())):
        order = list(tasks.items())
        for name, task in order if number % 2 == 0 else reversed(order):
            if number < task.runs and sum(costs[name]["seconds"]) <= task.patience:
                _run(task.command, costs[name])
    return costs


def _run(command: Sequence[str], costs: Costs) -> None:
    with tempfile.NamedTemporaryFile() as log:
        launcher = [sys.executable, "-I", "-S", str(_LAUNCHER), log.name, *command]
        done = subprocess.run(launcher, check=True, capture_output=True, text=True, env=_environment())
        usage = json.loads(done.stdout)
        if usage["status"]:
            tail = Path(log.name).read_text(encoding="utf-8", errors="replace")[-2000:]
            raise CommandError(f"{' '.join(command)[:300]} exited with {usage['status']}:\n{tail}")
    costs["seconds"].append(usage["seconds"])
    costs["cpu"].append(usage["cpu"])
    costs["peak_bytes"].append(usage["peak_bytes"])


def _environment() -> dict[str, str]:
    """This process's, but that bytecode is kept, as it is of an installed package: no run but the first compiles."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def seconds(costs: Costs) -> float:
    """The median of the wall-clock seconds."""
    return statistics.median(costs["seconds"])


def cpu(costs: Costs) -> float:
    """The median of the CPU seconds."""
    return statistics.median(costs["cpu"])


def peak(costs: Costs) -> float:
    """The median of the peak memory, in bytes."""
    return statistics.median(costs["peak_bytes"])
