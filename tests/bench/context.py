"""What all parts of the benchmark share."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.catalogue import Entry, Shelf
from tests.bench.measure import Task, in_turns
from tests.bench.peers import Peer
from tests.bench.results import Costs, Results

KERASPORT = (sys.executable, "-m", "kerasport")


@dataclass(frozen=True)
class Context:
    """One run of the benchmark.

    Attributes:
        shelf: Where the models are.
        entries: The models to measure, all of them there.
        peers: By name.
        work: An empty folder for what is written.
        earlier: Whether peers' costs of an earlier run are shown instead of measuring them again.
        results: Where the parts put what they measured.
    """

    shelf: Shelf
    entries: Sequence[Entry]
    peers: dict[str, Peer]
    work: Path
    earlier: bool
    results: Results

    def among(self, entries: Sequence[Entry]) -> list[Entry]:
        """Those of the given models that are to be measured."""
        return [entry for entry in entries if entry in self.entries]

    def converted(self, entry: Entry, *options: str) -> Path:
        """Our ONNX file of a model, written once."""
        target = self.work / f"{entry.name.replace('/', '-')}{''.join(options)}.onnx"
        if not target.exists():
            in_turns({"ours": Task(convert(self.shelf.path(entry), target, *options), runs=1)})
        return target

    def with_peers(self, entry: Entry, tasks: dict[str, Task], peers: Sequence[str]) -> dict[str, Costs]:
        """Measures tasks in turns with the peers that are there; earlier costs are taken where that is asked for."""
        path = self.shelf.path(entry)
        known = {name: self.peers[name].earlier(path) for name in peers}
        measured = [name for name in peers if self.peers[name].python and not (self.earlier and known[name])]
        costs = in_turns(
            {**tasks, **{name: Task(self.peers[name].command(path), runs=3, patience=15) for name in measured}}
        )
        for name in measured:
            self.peers[name].keep(path, costs[name])
        return costs | {name: c for name, c in known.items() if name not in measured and self.earlier and c is not None}


def convert(source: Path, target: Path, *options: str) -> Sequence[str]:
    """The command that converts without validation."""
    return [*KERASPORT, "convert", "--no-validate", *options, str(source), str(target)]


def progress(text: str) -> None:
    """Says what is being measured."""
    print(text, file=sys.stderr, flush=True)
