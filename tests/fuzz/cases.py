"""One mutated file and the commands that are pointed at it."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

import kerasport as kp
from kerasport.cli.main import run
from tests.fuzz.mutations import WAYS
from tests.goldens import ARCHIVE, H5, NEVER, Golden, goldens

_SECONDS = 12  # the start of Python and its imports, too
CODES = frozenset({0, 3, 4, 5, 6, 7})


@dataclass(frozen=True)
class Case:
    """What is done to which file.

    Attributes:
        number: Its number, which with the seed makes the whole case.
        way: The mutation.
        source: The golden case that was mutated.
        fault: What went wrong; "" where nothing did.
        codes: The exit code of each command.
    """

    number: int
    way: str
    source: str
    fault: str
    codes: tuple[int, ...] = ()


@lru_cache(maxsize=1)
def sources() -> tuple[Golden, ...]:
    """Small golden models of all families, in both forms of whole models, evenly."""
    found: dict[str, list[Golden]] = {}
    for form in (H5, ARCHIVE):
        for golden in goldens(form=form):
            if golden.opset != NEVER:
                found.setdefault(f"{golden.family}{form.name}", []).append(golden)
    return tuple(golden for family in found.values() for golden in family[:: max(len(family) // 6, 1)])


@dataclass(frozen=True)
class Prepared:
    """A mutated file, and what is to be run.

    Attributes:
        way: The mutation.
        golden: What was mutated.
        target: The mutated file.
        commands: The command lines.
        before: What the ONNX file gave before; None for other files.
    """

    way: str
    golden: Golden
    target: Path
    commands: list[list[str]]
    before: list[Any] | None


def prepare(number: int, seed: int, folder: Path) -> Prepared:
    """Writes the files of a case; no commands where the mutation does not apply."""
    rng = np.random.default_rng((seed, number))
    golden = sources()[int(rng.integers(len(sources())))]
    kind = [".model", ".model", ".model", ".onnx", ".npy"][int(rng.integers(5))]
    model = golden.model(folder)
    if kind == ".model":
        target, commands = model, _on_model(model, folder)
    elif kind == ".onnx":
        target = folder / "m.onnx"
        kp.convert(model, target, validate=False)
        commands = _on_onnx(model, target, golden, folder)
    else:
        target = folder / "input_0.npy"
        _inputs(golden, folder)
        commands = [["predict", str(model), *_given(golden, model, folder), "--output", str(folder / "y.npz")]]
    before = _outputs(target, golden) if kind == ".onnx" else None
    ways = WAYS[target.suffix]
    way = ways[int(rng.integers(len(ways)))]
    try:
        target.write_bytes(way(target.read_bytes(), rng))
    except (KeyError, ValueError, OSError, TypeError, IndexError, RuntimeError):
        commands = []  # the file has nothing of the kind
    return Prepared(way.__name__, golden, target, commands, before)


def make(number: int, seed: int, folder: Path, run_one: Callable[[list[str]], tuple[int, str]]) -> Case:
    """Makes a case and runs its commands, each of which gives its exit code and what it told."""
    case = prepare(number, seed, folder)
    codes: list[int] = []
    for command in case.commands:
        code, told = run_one(command)
        codes.append(code)
        fault = ""
        if code not in CODES or "Traceback" in told or len(told) > 1 << 20:
            fault = f"{command[0]} exits with {code}: {told[-600:]}"
        elif command[0] == "validate" and code == 0 and case.before is not None:
            fault = _wrongly_fine(case.before, _outputs(case.target, case.golden))
        if fault:
            return Case(number, case.way, case.golden.name, fault, tuple(codes))
    return Case(number, case.way, case.golden.name, "", tuple(codes))


def _on_model(model: Path, folder: Path) -> list[list[str]]:
    return [
        ["inspect", str(model)],
        ["check", str(model)],
        ["convert", str(model), str(folder / "out.onnx"), "--report", str(folder / "r.html")],
    ]


def _on_onnx(model: Path, target: Path, golden: Golden, folder: Path) -> list[list[str]]:
    _inputs(golden, folder)
    given = _given(golden, model, folder)
    return [
        ["validate", str(model), str(target), "--report", str(folder / "r.json")],
        ["predict", str(target), *given, "--output", str(folder / "y.npz")],
    ]


def _inputs(golden: Golden, folder: Path) -> None:
    for index, array in enumerate(golden.inputs):
        np.save(folder / f"input_{index}.npy", array)


def _given(golden: Golden, model: Path, folder: Path) -> list[str]:
    names = [port["name"] for port in kp.inspect(model).inputs]
    pairs = [f"{name}={folder / f'input_{index}.npy'}" for index, name in enumerate(names)]
    return [part for pair in pairs for part in ("--input", pair)]


def run_within(command: list[str]) -> tuple[int, str]:
    """Runs a command in this process, which libraries may crash."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run(command, debug=False)
    return code, re.sub(r"\x1b\[[0-9;]*m", "", err.getvalue())


def run_alone(command: list[str]) -> tuple[int, str]:
    """Runs a command as a user does, in a process of its own."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "kerasport", *command], capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return -1, f"it takes more than {_SECONDS} s"
    return done.returncode, done.stderr


def _outputs(path: Path, golden: Golden) -> list[Any] | None:
    """What an ONNX file gives for the golden inputs; None where it gives nothing."""
    from kerasport.errors import KerasportError
    from kerasport.runtime.sessions import Session

    try:
        return list(Session(path, threads=1).run(golden.inputs))
    except (KerasportError, ValueError):
        return None


def _wrongly_fine(before: list[Any] | None, after: list[Any] | None) -> str:
    if before is None or after is None:
        return ""
    for old, new in zip(before, after, strict=False):
        if (
            old.dtype.kind in "fiub"
            and old.shape == new.shape
            and not np.allclose(old, new, 1e-2, 1e-3, equal_nan=True)
        ):
            return f"validate says fine, and outputs differ by {np.abs(old - new).max()}"
    return ""
