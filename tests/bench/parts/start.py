"""How long it takes until something is seen: --help, --version, and inspect with what it reads of the file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.bench.catalogue import MODELS
from tests.bench.context import KERASPORT, Context, progress
from tests.bench.measure import Task, in_turns

_READ = """
import sys, kerasport
def counter():
    with open("/proc/self/io") as file:
        return int(file.readline().split()[1])
for path in sys.argv[1:]:  # the first time loads the modules
    kerasport.inspect(path)
    start = counter()
    kerasport.inspect(path)
    end = counter()
    print(end - start - (counter() - end))
"""


def measure(context: Context) -> None:
    """Fills ``results["start"]`` and ``results["inspect"]``."""
    progress("start")
    context.results["start"] = in_turns(
        {
            "import click": Task([sys.executable, "-c", "import click"], runs=15),
            "--help": Task([*KERASPORT, "--help"], runs=15),
            "--version": Task([*KERASPORT, "--version"], runs=15),
        }
    )
    for entry in context.among([model for model in MODELS if model.name == "VGG16"]):
        path = context.shelf.path(entry)
        context.results["inspect"][entry.name] = {
            "costs": in_turns({"ours": Task([*KERASPORT, "inspect", str(path)], runs=7)})["ours"],
            "bytes": path.stat().st_size,
            "bytes_read": bytes_read(path),
        }


def bytes_read(path: Path) -> int:
    """How many bytes ``inspect`` reads of a file, as Linux counts them: those of system calls, cached or not."""
    done = subprocess.run([sys.executable, "-c", _READ, str(path)], check=True, capture_output=True, text=True)
    return int(done.stdout)
