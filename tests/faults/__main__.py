"""``python -m tests.faults``: makes faults, asks validation, prints the table; exits with 1 below the bar."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.faults.fault import KINDS, Fault
from tests.faults.sampling import FAMILIES, chosen, drawn, listed
from tests.faults.subject import Subject, opened
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
    options.add_argument("--witness", action="store_true", help="ask the third witness, too")
    options.add_argument("--only", help="all faults whose names have this text in them, instead of a sample")
    options.add_argument("--report", type=Path, help="a JSON file for every outcome")
    return options


def run(
    seed: int,
    count: int,
    kinds: Collection[str],
    patterns: Collection[str] = FAMILIES,
    only: str | None = None,
    witness: bool = False,
) -> list[Outcome]:
    """Tries a sample of faults, or all those with a text in their name.

    Args:
        seed: Of the sample, and of random details of the faults.
        count: How many faults the sample has.
        kinds: Of which kinds.
        patterns: In which goldens.
        only: The text.
        witness: As in ``tried``.
    """
    subjects = chosen(seed, patterns)
    places: dict[str, dict[str, int]] = {}
    for golden in subjects if only is None else []:
        with _opened(golden) as (subject, _):
            for kind in kinds:
                places.setdefault(kind, {})[golden.name] = len(listed(subject, seed, [kind]))
    wanted = drawn(places, count, seed)
    outcomes: list[Outcome] = []
    for golden in subjects:
        if only is None and golden.name not in wanted:
            continue
        with _opened(golden) as (subject, folder):
            faults = _of_sample(subject, seed, wanted[golden.name]) if only is None else _named(subject, seed, only)
            outcomes += [tried(subject, fault, folder, witness) for fault in faults]
        print(f"{golden.name}: {len(outcomes)} faults so far", file=sys.stderr)
    return outcomes


@contextmanager
def _opened(golden: Golden) -> Iterator[tuple[Subject, Path]]:
    with tempfile.TemporaryDirectory() as folder, opened(golden, Path(folder)) as subject:
        yield subject, Path(folder)


def _of_sample(subject: Subject, seed: int, wanted: Sequence[tuple[str, int]]) -> list[Fault]:
    by_kind = {kind: listed(subject, seed, [kind]) for kind in {kind for kind, _ in wanted}}
    return [by_kind[kind][index] for kind, index in wanted]


def _named(subject: Subject, seed: int, text: str) -> list[Fault]:
    whole = text.startswith(subject.name) or "|" not in text
    return [fault for fault in listed(subject, seed, sorted(KINDS)) if text in fault.name] if whole else []


def main() -> int:
    """Runs, prints, and says whether the bar is met."""
    arguments = parser().parse_args()
    outcomes = run(
        arguments.seed, arguments.count, arguments.kinds, arguments.goldens, arguments.only, arguments.witness
    )
    print(table(outcomes))
    if arguments.report:
        arguments.report.write_text(json.dumps([outcome.to_json() for outcome in outcomes], indent=1) + "\n")
    return 0 if bar_is_met(outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
