"""The process that the user started: it lets another do the work, and says what happened when that one dies.

Nothing is imported yet when it forks, so that a second process costs some milliseconds and megabytes. Where there is no
fork, the work is done at once.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections.abc import Callable

import click

from kerasport.limits import way_on
from kerasport.supervision import BEGIN, END, report_to

_DAMAGED = "It is damaged, or made to do this. Nothing was written."
_CRASHES = ("SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE", "SIGILL")


def supervised(work: Callable[[], int]) -> int:
    """Does some work in a process of its own.

    Args:
        work: Gives an exit code.

    Returns:
        The exit code: the work's; 3 where a file has crashed or stalled the process; 128 and more after a signal.
    """
    if not hasattr(os, "fork"):
        return work()
    from kerasport.cli.ending import end_in_order

    inner, outer = os.pipe()
    line, held = os.pipe()  # which closes when this process is gone, however it went
    child = os.fork()
    if not child:
        os.close(inner)
        os.close(held)
        report_to(outer)
        ending = end_in_order(line)
        code = ending.exit_code(work())
        return code or _left()  # what has failed may have left things that are tidied at the interpreter's end
    os.close(outer)
    os.close(line)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal sends it to both, and the other one has things to tidy
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, frame: os.kill(child, received))
    files = _Files(inner)
    stalled = files.wait(child)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU:
        stalled = files.current
    if stalled:
        return _tell(f"{stalled} cannot be read: no end was found in time.", f"{_DAMAGED} {way_on('seconds')}")
    if os.WIFEXITED(status):
        return os.WEXITSTATUS(status)
    received = signal.Signals(os.WTERMSIG(status))
    if received.name in _CRASHES:
        what = f"{files.last or 'The file'} cannot be read: a library crashed on it ({received.name})."
        return _tell(what, _DAMAGED)
    if received == signal.SIGKILL:
        click.echo("The work was killed, most often for want of memory.", err=True)
    return 128 + received


def _left() -> int:
    """Ends a process whose work is done at once: taking libraries down takes as long as loading a small model.

    Returns:
        0, where what was printed does not reach its reader, which the interpreter says at its end.
    """
    try:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    except (OSError, ValueError):  # full, or closed
        return 0
    os._exit(0)


def _tell(what: str, hint: str) -> int:
    click.echo(f"Error: {what}", err=True)
    click.echo(hint, err=True)
    return 3


class _Files:
    """What the other process says that it reads.

    Attributes:
        last: The file that it has read last.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._open: list[tuple[str, float]] = []
        self._rest = b""
        self.last = ""

    @property
    def current(self) -> str:
        """The file that it is reading, "" for none."""
        return self._open[-1][0] if self._open else ""

    def wait(self, child: int) -> str:
        """Waits until the other process ends; gives the file with which it had to be ended, "" for none."""
        while True:
            left = max(self._open[0][1] - time.monotonic(), 0.0) if self._open else None
            ready, _, _ = select.select([self._descriptor], [], [], left)
            if not ready:
                os.kill(child, signal.SIGKILL)
                return self.current
            data = os.read(self._descriptor, 4096)
            if not data:
                return ""
            self._take(data)

    def _take(self, data: bytes) -> None:
        *messages, self._rest = (self._rest + data).split(b"\0")
        for message in messages:
            if message[:1] == BEGIN:
                seconds, _, path = message[1:].partition(b" ")
                self.last = os.fsdecode(path)
                self._open.append((self.last, time.monotonic() + int(seconds)))
            elif message[:1] == END and self._open:
                self._open.pop()
