"""``python -m tests.faults``: makes faults, asks validation, prints the table; exits with 1 below the bar."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Collection
from pathlib import Path

from tests.faults.fault import KINDS
from tests.faults.sampling import FAMILIES, chosen, drawn, listed, matching
from tests.faults.subject import opened
from tests.faults.table import bar_is_met, table
from tests.faults.trial import Outcome, tried
from tests.goldens import Golden


def parser() -> argparse.ArgumentParser:
    """The options."""
    options = argparse.ArgumentParser(prog="python -m tests.faults", description="Faults that validation must find.")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--count", type=int, default=1200, help="how many faults to make")
    options.add_argument("--kinds", nargs="+", choices=sorted(KINDS), default=sorted(KINDS))
    options.add_argument("--goldens", nargs="+", default=list(FAMILIES), help="patterns: family, or family/case")
    options.add_argument("--only", help="all faults whose names have this text in them, instead of a sample")
    options.add_argument("--report", type=Path, help="a JSON file for every outcome")
    return options


def run(
    seed: int, count: int, kinds: Collection[str], patterns: Collection[str] = FAMILIES, only: str | None = None
) -> list[Outcome]:
    """Tries a sample of faults, or those of a name."""
    subjects = chosen(seed, patterns)
    found: dict[str, list[tuple[str, int]]] = {}
    if only is None:
        places: dict[str, dict[str, int]] = {}
        for golden in subjects:
            for kind, n in _counted(golden, seed, kinds).items():
                places.setdefault(kind, {})[golden.name] = n
        found = drawn(places, count, seed)
    outcomes: list[Outcome] = []
    for golden in subjects:
        wanted = found.get(golden.name, [])
        if wanted or (only is not None and only.startswith(golden.name[: len(only)])):
            outcomes += _of_golden(golden, seed, kinds, wanted, only)
            print(f"{golden.name}: {len(outcomes)} faults so far", file=sys.stderr)
    return outcomes


def _counted(golden: Golden, seed: int, kinds: Collection[str]) -> dict[str, int]:
    with tempfile.TemporaryDirectory() as folder, opened(golden, Path(folder)) as subject:
        return {kind: len(listed(subject, seed, [kind])) for kind in kinds}


def _of_golden(
    golden: Golden, seed: int, kinds: Collection[str], wanted: list[tuple[str, int]], only: str | None
) -> list[Outcome]:
    with tempfile.TemporaryDirectory() as folder, opened(golden, Path(folder)) as subject:
        if only is not None:
            faults = matching(listed(subject, seed, kinds), only)
        else:
            by_kind = {kind: listed(subject, seed, [kind]) for kind in {kind for kind, _ in wanted}}
            faults = [by_kind[kind][index] for kind, index in wanted]
        return [tried(subject, fault, Path(folder)) for fault in faults]


def main() -> int:
    """Runs, prints, and says whether the bar is met."""
    arguments = parser().parse_args()
    outcomes = run(arguments.seed, arguments.count, arguments.kinds, arguments.goldens, arguments.only)
    print(table(outcomes))
    if arguments.report:
        arguments.report.write_text(json.dumps([outcome.to_json() for outcome in outcomes], indent=1) + "\n")
    return 0 if bar_is_met(outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
