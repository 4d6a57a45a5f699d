"""``python -m tests.faults.alarms``: looks for faultless models that do not pass; exits with 1 when there is one.

Each golden, and each model of a folder, is exported once and validated with many seeds. The table shows, for each class
of layers, how near the largest error came to what is allowed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from fnmatch import fnmatch
from functools import partial
from pathlib import Path

from kerasport.conversion import metadata
from kerasport.errors import KerasportError, UnsupportedModelError
from kerasport.export import translate
from kerasport.export.writer import write_file
from kerasport.loading import LoadedModel, load
from kerasport.validation import compare
from kerasport.validation.compare import Settings
from kerasport.validation.error import LayerError, Tolerance
from tests.goldens import FORMS, NEVER, Golden, goldens

_Opened = Callable[[Path, ExitStack], LoadedModel]
_TOLD = 50  # how many models are tried between two lines on how far it is


@dataclass
class Widest:
    """The error of a class of layers that came nearest to what is allowed.

    Attributes:
        layers: How many layers of the class were judged, in all trials.
        doubted: How many of them had more error than passes at once; only those come near to anything.
        roundings: The error.
        allowed: What is allowed.
        excused: How many layers passed for a reason that is no matter of numbers.
        where: The model, the layer and the seed.
    """

    layers: int = 0
    doubted: int = 0
    roundings: float = 0.0
    allowed: float = 0.0
    excused: int = 0
    where: str = ""

    @property
    def share(self) -> float:
        """The error as a part of what is allowed."""
        return self.roundings / self.allowed if self.allowed else 0.0

    def add(self, entry: LayerError, where: str) -> None:
        """Takes a layer's error in."""
        self.layers += 1
        self.excused += bool(entry.detail)
        allowed = entry.allowed or 0.0
        if entry.roundings <= Tolerance().roundings:
            return
        self.doubted += 1
        if allowed and entry.roundings / allowed > self.share:
            self.roundings, self.allowed, self.where = entry.roundings, allowed, f"{where}, {entry.name}"


@dataclass(frozen=True)
class Alarm:
    """A faultless model that does not pass, or that cannot be tried.

    Attributes:
        model: Its name.
        seed: Of its inputs.
        text: The verdict.
    """

    model: str
    seed: int
    text: str


def parser() -> argparse.ArgumentParser:
    """The options."""
    options = argparse.ArgumentParser(prog="python -m tests.faults.alarms", description="False alarms of validation.")
    options.add_argument("--seeds", type=int, default=20, help="how many")
    options.add_argument("--first-seed", type=int, default=0)
    options.add_argument(
        "--goldens", nargs="*", default=["*"], help="patterns: family, or family/case; none for no goldens"
    )
    options.add_argument(
        "--rotate",
        action="store_true",
        help="each seed with one era of every case, in turn; which one, the seed decides",
    )
    options.add_argument("--folder", type=Path, help="of .h5 and .keras models to be tried as well")
    options.add_argument("--models", nargs="+", default=["*"], help="patterns of names in that folder")
    options.add_argument("--report", type=Path, help="a JSON file for the alarms and the table")
    return options


def tried(name: str, opened: _Opened, seeds: Sequence[int], widest: dict[str, Widest]) -> Iterator[Alarm]:
    """Validates one model with all seeds, and gives the alarms.

    Args:
        name: The model's name.
        opened: Opens it, with a folder to unpack it into.
        seeds: The seeds.
        widest: Takes the largest errors in, by class of layers.
    """
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        model = opened(Path(folder), stack)
        try:
            exported = translate(model.graph)
        except UnsupportedModelError:
            return
        path = Path(folder) / "exported.onnx"
        write_file(exported, partial(metadata, model, exported), path)
        for seed in seeds:
            try:
                result = compare(model, path, settings=Settings(seed=seed))
            except KerasportError as error:
                yield Alarm(name, seed, f"{type(error).__name__}: {error}")
                continue
            for entry in result.layers:
                widest.setdefault(entry.class_name, Widest()).add(entry, f"{name}, seed {seed}")
            if not result.passed:
                yield Alarm(name, seed, result.verdict())


def of_golden(golden: Golden, folder: Path, stack: ExitStack) -> LoadedModel:
    """A golden, unpacked into a folder; closed with the stack."""
    model = golden.model(folder)
    return stack.enter_context(load(model, weights=golden.weights(folder), backend=golden.backend))


def _of_file(path: Path, _: Path, stack: ExitStack) -> LoadedModel:
    return stack.enter_context(load(path))


def _models(arguments: argparse.Namespace, seeds: range) -> Iterator[tuple[str, _Opened, Sequence[int]]]:
    """The models, with the seeds for each."""
    eras = Counter[tuple[str, str]]()
    found = _one_form_each(arguments.goldens)
    totals = Counter((golden.family, golden.case) for golden in found)
    for golden in found:
        case = golden.family, golden.case
        own = [seed for seed in seeds if not arguments.rotate or seed % totals[case] == eras[case]]
        eras[case] += 1
        if own:
            yield golden.name, partial(of_golden, golden), own
    if arguments.folder:
        for path in sorted(arguments.folder.iterdir()):
            if path.suffix in {".h5", ".keras"} and any(fnmatch(path.stem, pattern) for pattern in arguments.models):
                yield path.name, partial(_of_file, path), seeds


def _one_form_each(patterns: list[str]) -> list[Golden]:
    """Every golden in the first form that it is saved in: the others hold the same layers and weights."""
    found: dict[tuple[str, str, str], Golden] = {}
    for pattern in patterns:
        family, _, case = pattern.partition("/")
        for form in FORMS:
            for golden in goldens(family, case or "*", form=form):
                if golden.opset != NEVER:
                    found.setdefault((golden.family, golden.case, golden.era), golden)
    return list(found.values())


def table(widest: dict[str, Widest]) -> str:
    """The classes, those nearest to what is allowed first."""
    head = [
        "| class | layers judged | doubted | excused | roundings | allowed | share | where |",
        "|---|" + "--:|" * 6 + "---|",
    ]
    rows = (
        f"| {name} | {w.layers} | {w.doubted} | {w.excused} | {w.roundings:.3g} | {w.allowed:.3g} | {w.share:.0%} |"
        f" {w.where} |"
        for name, w in sorted(widest.items(), key=lambda item: -item[1].share)
    )
    return "\n".join([*head, *rows])


def main() -> int:
    """Tries all models, prints the table and the alarms."""
    arguments = parser().parse_args()
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    widest: dict[str, Widest] = {}
    alarms: list[Alarm] = []
    count = 0
    with suppress(KeyboardInterrupt):  # what was found until then is shown
        for name, opened, own in _models(arguments, seeds):
            count += 1
            for alarm in tried(name, opened, own, widest):
                alarms.append(alarm)
                print(f"{alarm.model}, seed {alarm.seed}: {alarm.text}", flush=True)
            if count % _TOLD == 0:
                print(f"{count} models so far, {len(alarms)} alarms: {name}", file=sys.stderr, flush=True)
    print(table(widest))
    shared = "in turn" if arguments.rotate else "each"
    print(f"\n{count} models, {len(seeds)} seeds {shared}: {len(alarms)} false alarms")
    if arguments.report:
        found = {"alarms": [asdict(alarm) for alarm in alarms], "widest": {k: asdict(w) for k, w in widest.items()}}
        arguments.report.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return 1 if alarms else 0


if __name__ == "__main__":
    sys.exit(main())
