"""``python -m tests.strangers.kills``: commands that are ended at random moments, and what is then in their folder.

All libraries are imported once. Each case is a fork in which the command line runs as a user runs it, with its two
processes, which are both sent a signal after a random part of the time that the command takes.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import numpy as np

from kerasport.onnxfile.external import external_tensors
from tests.strangers.runner import fork, import_all

_SEED = Path(__file__).parents[2] / "fixtures" / "seed"
_MODEL = str(_SEED / "my_model_tf.h5")
_ROWS, _LIMIT = 20_000, (1 << 31) - 1
_SIGNALS = {"SIGKILL": 0.6, "SIGINT": 0.2, "SIGTERM": 0.2}
Files = Mapping[str, bytes]


@dataclass(frozen=True)
class Scene:
    """A command whose outputs are there already, from before.

    Attributes:
        name: For messages.
        arguments: The command line; files are named below the current folder.
        old: What is there before, by name.
        target: What decides whether the old outputs are there or the new ones.
        limit: The size over which a model has its weights in a file of their own.
    """

    name: str
    arguments: tuple[str, ...]
    old: Files
    target: str
    limit: int = _LIMIT


def scenes() -> Iterator[Scene]:
    """The commands that write."""
    convert = ("convert", _MODEL, "m.onnx")
    predict = ("predict", _MODEL, "--input", "../x.npy", "--batch-size", "512", "--output")
    for limit, where in ((_LIMIT, "in the model"), (1000, "beside it")):
        older = made(Scene("", (*convert, "--opset", "13"), {}, "m.onnx", limit))
        yield Scene(f"convert, weights {where}", convert, older, "m.onnx", limit)
    yield Scene("convert, nothing there", convert, {}, "m.onnx")
    reported = (*convert, "--report", "r.json", "--report", "r.html")
    yield Scene("convert, reports", reported, {"r.json": b"old"}, "r.json")
    yield Scene("predict to .npy", (*predict, "y.npy"), {"y.npy": b"old"}, "y.npy")
    yield Scene("predict to .npz", (*predict, "y.npz"), {"y.npz": b"old"}, "y.npz")


def made(scene: Scene) -> Files:
    """What is there when nobody ends the command."""
    with folder(scene.old) as place:
        _, status = os.waitpid(start(scene, place), 0)
        if status:
            raise SystemExit(f"{' '.join(scene.arguments)} fails: {os.waitstatus_to_exitcode(status)}")
        return read(place)


@contextmanager
def folder(files: Files) -> Iterator[Path]:
    """A folder with some files, in another that holds the input of predictions."""
    with tempfile.TemporaryDirectory() as outer:
        place = Path(outer) / "out"
        place.mkdir()
        np.save(place.with_name("x.npy"), np.linspace(0, 1, 10 * _ROWS, dtype="float32").reshape(_ROWS, 10))
        for name, content in files.items():
            (place / name).write_bytes(content)
        yield place


def read(place: Path) -> Files:
    """The files in a folder, in those below it too."""
    return {str(path.relative_to(place)): path.read_bytes() for path in sorted(place.rglob("*")) if path.is_file()}


def start(scene: Scene, place: Path) -> int:
    """Runs a command in a folder, in a group of processes of its own; the number of its first process."""
    ready, told = os.pipe()

    def first() -> None:
        os.setsid()
        os.chdir(place)
        import_module("kerasport.export.writer").PROTOBUF_LIMIT = scene.limit
        os.close(told)

    with Path(os.devnull).open("wb") as nothing:
        child = fork(scene.arguments, nothing.fileno(), nothing.fileno(), first)
    os.close(told)
    os.read(ready, 1)
    os.close(ready)
    return child


def cut_short(scene: Scene, new: Files, number: int, after: float) -> str:
    """Runs a scene and sends a signal; what is wrong then, or ""."""
    with folder(scene.old) as place:
        first = start(scene, place)
        time.sleep(after)
        os.killpg(first, number)
        _, status = os.waitpid(first, 0)
        if number == signal.SIGKILL:
            _wait_for_group(first)
        found = read(place)
        if not (_same(scene, found, scene.old) or _same(scene, found, new)):
            return f"{scene.target} is neither the old one nor the new one, among {sorted(found)}"
        names = {path.name for path in place.iterdir()}
        strange = sorted(names - {*scene.old, *new})
        if number != signal.SIGKILL:
            code = os.waitstatus_to_exitcode(status)
            if code not in (0, 128 + number, -number):
                return f"the exit code is {code}"
            steps = len(new) - len(scene.old) if scene.target.endswith(".json") else 1  # each report is an output
            done = names in ({*scene.old}, {*new}) or (steps > 1 and names < {*new})
            return "" if done else f"{sorted(names)} are left"
        if any(not _is_unfinished(name) for name in strange):
            return f"{strange} is left"
        if not strange:
            return ""
        os.waitpid(start(scene, place), 0)
        left = sorted(path.name for path in place.iterdir())
        return f"the next run leaves {left}" if any(map(_is_unfinished, left)) else ""


def _is_unfinished(name: str) -> bool:
    """What a killed run leaves, by its name."""
    return name.startswith(".kerasport-") or name.endswith(".partial")


def _wait_for_group(group: int) -> None:
    """The second process of those killed is not this one's child."""
    while True:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.001)


def _same(scene: Scene, found: Files, due: Files) -> bool:
    """Whether the target is one of two, with what belongs to it."""
    if scene.target not in due:
        return scene.target not in found
    plain = _PLAIN.get(Path(scene.target).suffix, bytes)
    if plain(found.get(scene.target, b"")) != plain(due[scene.target]):
        return False
    return all(found.get(name) == due[name] for name in _data_files(due, scene.target))


def _report(content: bytes) -> object:
    """A report without what is another in each run."""
    if content in (b"", b"old"):
        return content
    return {name: value for name, value in json.loads(content).items() if name not in ("created", "seconds")}


def _arrays(content: bytes) -> object:
    """The arrays of an archive, whose members have the time in them."""
    if content in (b"", b"old"):
        return content
    return {name: array.tobytes() for name, array in np.load(io.BytesIO(content)).items()}


_PLAIN: dict[str, Callable[[bytes], object]] = {".json": _report, ".npz": _arrays}


def _data_files(files: Files, target: str) -> set[str]:
    if not target.endswith(".onnx"):
        return set()
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / target
        path.write_bytes(files[target])
        return {external.entries["location"] for external in external_tensors(path)}


def main() -> int:
    """Prints what was wrong; exits with 1 where anything was."""
    options = argparse.ArgumentParser(prog="python -m tests.strangers.kills", description=__doc__)
    options.add_argument("--count", type=int, default=200, help="signals for each command")
    options.add_argument("--seed", type=int, default=0)
    arguments = options.parse_args()
    import_all()
    rng, wrong = random.Random(arguments.seed), 0
    for scene in scenes():
        started = time.perf_counter()
        new = made(scene)
        seconds, sent = time.perf_counter() - started, Counter[str]()
        for _ in range(arguments.count):
            (name,) = rng.choices(list(_SIGNALS), list(_SIGNALS.values()))
            after = rng.uniform(0, 1.05 * seconds)
            fault = cut_short(scene, new, signal.Signals[name], after)
            sent[name] += 1
            if fault:
                wrong += 1
                print(f"{scene.name}: {name} after {after:.4f} of {seconds:.4f} s: {fault}", flush=True)
        print(f"{scene.name}: {dict(sent)}, within {seconds * 1e3:.0f} ms", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
