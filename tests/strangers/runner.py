"""Runs the command line as a user does, with its two processes, without the time that imports take.

One process has imported everything and waits for command lines, for each of which it forks.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerasport.cli.main import COMMANDS, main

if TYPE_CHECKING:
    from tests.conftest import Outcome

_LIBRARIES = (
    *("kerasport.conversion", "kerasport.export", "kerasport.validation", "kerasport.prediction", "kerasport.report"),
    *(f"kerasport.cli.{name}_command" for name in COMMANDS),
    *("kerasport.reader.h5", "kerasport.reader.archive", "onnx", "onnxruntime", "rich.progress"),
)


def import_all() -> None:
    """Imports what commands import when they run."""
    for name in _LIBRARIES:
        import_module(name)


def fork(arguments: Sequence[str], out: int, err: int, first: Callable[[], object] = lambda: None) -> int:
    """Runs a command in a fork, with other descriptors for what it prints; the number of its first process.

    Args:
        arguments: The command line.
        out: For standard output.
        err: For standard error.
        first: What the fork does first.
    """
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        os.dup2(out, 1)
        os.dup2(err, 2)
        first()
        main(list(arguments))
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    except KeyboardInterrupt:  # before the command line has begun: Python itself ends then with this code
        code = 130
    finally:
        os._exit(code)


@contextmanager
def runner() -> Iterator[Callable[..., Outcome]]:
    """A process that runs commands: ``run("inspect", path)``."""
    from tests.conftest import Outcome

    server = subprocess.Popen(
        [sys.executable, "-m", "tests.strangers.runner"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert server.stdin is not None
    assert server.stdout is not None
    asked, answered = server.stdin, server.stdout

    def run(*arguments: object) -> Outcome:
        print(json.dumps([str(argument) for argument in arguments]), file=asked, flush=True)
        return Outcome(**json.loads(answered.readline()))

    try:
        yield run
    finally:
        server.communicate()


def _answer(arguments: Sequence[str]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder) / "out", Path(folder) / "err"
        with out.open("wb") as printed, err.open("wb") as told:
            _, status = os.waitpid(fork(arguments, printed.fileno(), told.fileno()), 0)
        texts = {"out": out.read_text(errors="replace"), "err": err.read_text(errors="replace")}
        return {"code": os.waitstatus_to_exitcode(status), **texts}


if __name__ == "__main__":
    import_all()
    for line in sys.stdin:
        print(json.dumps(_answer(json.loads(line))), flush=True)
