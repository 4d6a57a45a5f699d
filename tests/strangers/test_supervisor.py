"""A library that crashes or stalls on a file does not take the user's process with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

CODE = """
import os, signal, sys, time
from pathlib import Path
from kerasport.cli.supervisor import supervised
from kerasport.limits import use
from kerasport.supervision import reading

def work():
    use(seconds=1)
    with reading(Path("stranger.h5")):
        {work}
    return 4

sys.exit(supervised(work))
"""


def outcome(work: str) -> tuple[int, str]:
    command = [sys.executable, "-c", CODE.format(work=work)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    return done.returncode, done.stderr


def test_exit_codes_come_through() -> None:
    assert outcome("pass") == (4, "")
    assert outcome("sys.exit(130)")[0] == 130


@pytest.mark.parametrize("name", ["SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE"])
def test_a_crash_is_a_sentence_about_the_file(name: str) -> None:
    code, told = outcome(f"os.kill(os.getpid(), signal.{name})")
    assert code == 3
    assert told.startswith(f"Error: stranger.h5 cannot be read: a library crashed on it ({name}).")


def test_reading_that_does_not_end_is_ended() -> None:
    started = time.monotonic()
    code, told = outcome("[0 for _ in iter(int, 1)]")
    assert code == 3
    assert "stranger.h5 cannot be read: no end was found in time" in told
    assert "--limit seconds=N" in told
    assert time.monotonic() - started < 10


def test_reading_on_a_busy_machine_is_not_ended() -> None:
    assert outcome("time.sleep(1.5)") == (4, "")  # a second of the processor's time is allowed


def test_reading_that_only_waits_is_ended_in_the_end() -> None:
    code = CODE.replace("def work():", "kerasport.supervision._PATIENCE = 1\ndef work():").replace(
        "import os,", "import kerasport.supervision, os,"
    )
    done = subprocess.run(
        [sys.executable, "-c", code.format(work="time.sleep(30)")],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 3
    assert "no end was found in time" in done.stderr


def test_what_comes_after_reading_may_take_its_time() -> None:
    code = CODE.replace("    return 4", "    time.sleep(1.5)\n    return 0")
    done = subprocess.run([sys.executable, "-c", code.format(work="pass")], timeout=20, check=False)
    assert done.returncode == 0


def test_a_signal_to_the_supervisor_reaches_the_worker(tmp_path: Path) -> None:
    work = f"Path({str(tmp_path / 'pid')!r}).write_text(str(os.getpid())); time.sleep(30)"
    code = CODE.format(work=work).replace("seconds=1", "seconds=60")
    process = subprocess.Popen([sys.executable, "-c", code])
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 128 + signal.SIGTERM
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
