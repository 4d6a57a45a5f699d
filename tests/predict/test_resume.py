"""Whatever kills a run, the next one continues it, to the same bytes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from kerasport.prediction.journal import Journal
from tests.conftest import Outcome

Run = Callable[..., Outcome]
# Predicts in small chunks, brings each to the disk, and is killed at the given call of a function.
KILLED = """
import os, signal, sys
from kerasport.cli.main import run
from kerasport.prediction import output, pipeline
from kerasport.prediction.formats.npy import NpyWriter
what, left, *arguments = sys.argv[1:]
pipeline._CHUNK, output._SECONDS, left = 1, -1, int(left)

def killing(function):
    def counted(*given, **named):
        global left
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*given, **named)
    return counted

owner, name = {"write": (NpyWriter, "write"), "sync": (os, "fsync"), "publish": (output, "_publish")}[what]
setattr(owner, name, killing(getattr(owner, name)))
sys.exit(run(arguments, False))
"""
KILLS = [("write", 1), ("write", 2), ("write", 60), ("sync", 1), ("sync", 5), ("sync", 6), ("publish", 1)]


@pytest.fixture
def arguments(model: Path, rows: Path, tmp_path: Path) -> list[str]:
    """A command whose rows do not fill their batches, some of them bad."""
    x = np.load(rows)
    x[[5, 700]] = np.nan
    np.save(rows, x)
    return ["predict", str(model), "--input", str(rows), "--on-error", "skip", "--threads", "1", "--output"]


def killed(what: str, number: int, arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED, what, str(number), *arguments], capture_output=True, check=False
    )
    assert done.returncode == -9, done.stderr


@pytest.mark.parametrize(("what", "number"), KILLS)
@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_a_killed_run_is_continued_to_the_same_bytes(
    kerasport: Run, arguments: list[str], tmp_path: Path, what: str, number: int, suffix: str
) -> None:
    if suffix == "npz" and number != 60:
        pytest.skip("one kill is enough for the other format")
    whole, parts = tmp_path / f"whole.{suffix}", tmp_path / f"parts.{suffix}"
    batches = ("--batch-size", "16")
    assert kerasport(*arguments, whole, *batches).code == 0
    killed(what, number, [*arguments, str(parts), *batches])
    assert not parts.exists()
    outcome = kerasport(*arguments, parts, *batches, "--resume")
    assert outcome.code == 0, outcome.err
    assert parts.read_bytes() == whole.read_bytes()
    assert Path(f"{parts}.bad.jsonl").read_bytes() == Path(f"{whole}.bad.jsonl").read_bytes()
    assert not Path(f"{parts}.partial").exists()


def test_what_is_there_is_not_done_again(kerasport: Run, arguments: list[str], tmp_path: Path) -> None:
    killed("write", 60, [*arguments, str(tmp_path / "y.npy"), "--batch-size", "16"])
    outcome = kerasport(
        *arguments, tmp_path / "y.npy", "--batch-size", 16, "--resume", "--summary", tmp_path / "s.json"
    )
    assert outcome.code == 0, outcome.err
    summary = json.loads((tmp_path / "s.json").read_text())
    assert summary["rows"] == 1000 - 59 * 16
    assert (summary["written"], summary["bad"]) == (998, 2)


def test_the_batch_size_that_was_found_is_kept(kerasport: Run, arguments: list[str], tmp_path: Path) -> None:
    killed("write", 9, [*arguments, str(tmp_path / "y.npy")])
    folder = tmp_path / "y.npy.partial"
    noted = json.loads(json.loads((folder / "journal.json").read_text())["noted"])
    noted["settings"]["batch_size"] = 24
    Journal(folder, None).note(noted.pop("made_of"), noted)
    outcome = kerasport(*arguments, tmp_path / "y.npy", "--resume")
    assert "batches of 24" in outcome.err, outcome.err


CHANGES: dict[str, tuple[list[str], str]] = {
    "batch size": (["--batch-size", "8"], "started with --batch-size 16, not 8"),
    "policy": (["--on-error", "null"], "started with --on-error skip, not null"),
    "threads": (["--threads", "2"], "started with --threads 1, not 2"),
}


@pytest.mark.parametrize("change", [*CHANGES, "input", "model"])
def test_a_run_of_something_else_is_not_continued(
    kerasport: Run, arguments: list[str], model: Path, rows: Path, tmp_path: Path, change: str
) -> None:
    arguments = [*arguments, str(tmp_path / "y.npy"), "--batch-size", "16"]
    killed("write", 9, arguments)
    if change in CHANGES:
        options, message = CHANGES[change]
    else:
        changed = rows if change == "input" else model
        os.utime(changed)
        options, message = [], f"{changed} has changed"
    outcome = kerasport(*arguments, "--resume", *options)
    assert outcome.code == 2
    assert message in outcome.err
    assert (tmp_path / "y.npy.partial").exists()


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"noted": 1}', "cut", "changed", "no text"])
def test_a_damaged_journal_is_not_continued(kerasport: Run, arguments: list[str], tmp_path: Path, damage: str) -> None:
    killed("write", 9, [*arguments, str(tmp_path / "y.npy")])
    journal = tmp_path / "y.npy.partial" / "journal.json"
    data = journal.read_bytes()
    damaged = {"cut": data[:-20], "changed": data.replace(b"1", b"2"), "no text": b"\xff\xfe"}
    journal.write_bytes(damaged.get(damage, damage.encode()))
    outcome = kerasport(*arguments, tmp_path / "y.npy", "--resume")
    assert outcome.code == 3
    assert outcome.err == (
        f"Error: {tmp_path / 'y.npy'} cannot be continued: its journal {journal} is damaged.\n"
        "Start over without --resume.\n"
    )
    assert kerasport(*arguments, tmp_path / "y.npy").code == 0


def test_without_resume_a_run_begins_anew(kerasport: Run, arguments: list[str], tmp_path: Path) -> None:
    killed("write", 9, [*arguments, str(tmp_path / "y.npy"), "--batch-size", "16"])
    assert kerasport(*arguments, tmp_path / "y.npy", "--batch-size", "5").code == 0
    assert not (tmp_path / "y.npy.partial").exists()


def test_two_runs_do_not_write_the_same_output(kerasport: Run, arguments: list[str], tmp_path: Path) -> None:
    from kerasport.prediction.journal import opened

    with opened(tmp_path / "y.npy", {}, resume=False):
        outcome = kerasport(*arguments, tmp_path / "y.npy")
    assert outcome.code == 3
    assert "is being written by another process" in outcome.err


def test_standard_input_cannot_be_continued(kerasport: Run, model: Path, rows: Path, tmp_path: Path) -> None:
    with rows.open("rb") as file, pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", type("Stdin", (), {"buffer": file}))
        outcome = kerasport("predict", model, "--input", "-", "--output", tmp_path / "y.npy", "--resume")
    assert outcome.code == 2
    assert "--resume needs files" in outcome.err


def test_a_signal_while_the_journal_is_removed_leaves_nothing_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kerasport.prediction import journal

    whole, times = journal.shutil.rmtree, iter([True])

    def interrupted(folder: Path, **options: bool) -> None:
        if next(times, False):
            raise SystemExit(143)
        whole(folder, **options)

    monkeypatch.setattr(journal.shutil, "rmtree", interrupted)
    with pytest.raises(SystemExit), journal.opened(tmp_path / "y.npy", {}, resume=False):
        pass
    assert not list(tmp_path.iterdir())
