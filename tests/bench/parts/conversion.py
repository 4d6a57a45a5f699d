"""How long a conversion takes, and how much memory: ours, the peers', and the least that it could be."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.bench import limit
from tests.bench.catalogue import KERAS2, MODELS, OLD, Entry
from tests.bench.context import Context, convert, progress
from tests.bench.measure import Task

_DEPENDENCIES = {"click", "h5py", "numpy", "onnx", "onnxruntime", "rich"}


def measure(context: Context) -> None:
    """Fills ``results["conversion"]``."""
    entries = context.among(MODELS + OLD)
    libraries = _imported(context, entries[0]) if entries else ""
    for entry in entries:
        progress(f"conversion: {entry.name}")
        _measure(context, entry, libraries)


def _measure(context: Context, entry: Entry, libraries: str) -> None:
    source = context.shelf.path(entry)
    bare = [sys.executable, str(Path(limit.__file__)), "--import", libraries]
    tasks = {
        "kerasport": Task(convert(source, context.work / "timed.onnx"), runs=9),
        "start": Task(bare, runs=9),
        "copy": Task([*bare, str(source), str(context.work / "copied")], runs=9),
    }
    peers = ["keras2onnx"] if entry.maker == KERAS2 else ["tf2onnx"]
    costs = context.with_peers(entry, tasks, peers)
    context.results["conversion"][entry.name] = {"bytes": source.stat().st_size, "costs": costs}


def _imported(context: Context, entry: Entry) -> str:
    """The libraries that a conversion imports, separated by commas."""
    arguments = convert(context.shelf.path(entry), context.work / "imports.onnx")[3:]
    code = (
        "import sys\nfrom kerasport.cli.main import run\n"
        f"assert run({arguments!r}, False) == 0\n"
        f"print(','.join(sorted({_DEPENDENCIES!r} & sys.modules.keys())))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return done.stdout.splitlines()[-1]
