"""``python -m tests.bench``: measures, prints tables, writes results.json, table.md and growth.svg."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.bench import plot, report
from tests.bench.bars import bars
from tests.bench.catalogue import APPLICATIONS, BENCHMARKS, EVERYTHING, KERAS2, Entry, Shelf
from tests.bench.context import Context, progress
from tests.bench.environment import environment
from tests.bench.parts import PARTS
from tests.bench.peers import Peer
from tests.bench.results import empty, save


def parser() -> argparse.ArgumentParser:
    """The options."""
    options = argparse.ArgumentParser(prog="python -m tests.bench", description="Measures kerasport and its peers.")
    options.add_argument(
        "--folder", type=Path, default=Path("build/bench/models"), help="of the models; missing ones are made"
    )
    options.add_argument("--out", type=Path, default=Path("build/bench"), help="folder for what is written")
    options.add_argument("--peer", help="a Python with tf.keras 2.15 and tf2onnx")
    options.add_argument("--peer-keras2", help="a Python with Keras 2.2.4 and keras2onnx")
    options.add_argument(
        "--earlier", action="store_true", help="take peers' times of an earlier run where there are any"
    )
    options.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), help="parts to run")
    options.add_argument("--models", nargs="+", choices=[e.name for e in EVERYTHING], help="models to measure")
    options.add_argument("--check", action="store_true", help="exit with 1 when a bar is missed")
    return options


def main() -> int:
    """Runs the parts."""
    arguments = parser().parse_args()
    entries = _entries(arguments.folder, arguments.models, arguments.peer, arguments.peer_keras2)
    pythons = {"tf2onnx": arguments.peer, "tf2onnx, batch 2": arguments.peer, "keras2onnx": arguments.peer_keras2}
    if not arguments.peer:
        progress("No peer is named: kerasport is measured alone.")
    results = empty(environment({"tf2onnx": arguments.peer, "keras2onnx": arguments.peer_keras2}))
    peers = {name: Peer(name, python, arguments.folder / "peers") for name, python in pythons.items()}
    arguments.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=arguments.out) as work:
        context = Context(Shelf(arguments.folder), entries, peers, Path(work), arguments.earlier, results)
        for name in arguments.only:
            PARTS[name](context)
            results["bars"] = bars(results)
            save(results, arguments.out / "results.json")
    (arguments.out / "table.md").write_text(report.markdown(results) + "\n", encoding="utf-8")
    if results["growth"]:
        plot.draw(results, arguments.out / "growth.svg")
    report.show(results)
    return 1 if arguments.check and not all(bar["met"] for bar in results["bars"]) else 0


def _entries(folder: Path, names: list[str] | None, peer: str | None, peer_keras2: str | None) -> list[Entry]:
    """The models that are wanted and there; the missing ones are made where there is a Keras."""
    wanted = [entry for entry in EVERYTHING if names is None or entry.name in names]
    found = Shelf(folder).make(wanted, {APPLICATIONS: peer, BENCHMARKS: peer, KERAS2: peer_keras2})
    missing = [entry.name for entry in wanted if entry not in found]
    if missing:
        progress(f"Left out, as there is no Keras to make them: {', '.join(missing)}.")
    return found


if __name__ == "__main__":
    sys.exit(main())
