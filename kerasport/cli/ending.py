"""Signals that end the work, so that it ends in order: what is not finished is removed on the way out."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import time
from types import FrameType

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGIO)
# Within so many seconds a second signal is the same wish: a group of processes got it, and one of them passed it on.
_ONE_WISH = 1.0


class Ending:
    """Raises in the main thread what unwinds everything that runs there."""

    def __init__(self) -> None:
        self._last = float("-inf")
        self._received = 0

    def __call__(self, received: int, frame: FrameType | None) -> None:
        """Raises what ends the work."""
        now = time.monotonic()
        if now - self._last < _ONE_WISH:
            return
        self._last, self._received = now, received
        if received == signal.SIGINT:
            raise KeyboardInterrupt
        raise SystemExit(128 + received)

    def exit_code(self, code: int) -> int:
        """The work's exit code: a signal's where it has failed after one, of which loading a library makes an error."""
        return 128 + self._received if self._received and code else code


def end_in_order(line: int) -> Ending:
    """Lets signals unwind the work, and the death of another process be one.

    Args:
        line: The end to read of a pipe that the other process holds the end to write of.
    """
    ending = Ending()
    for number in _ENDING:
        if signal.getsignal(number) != signal.SIG_IGN:  # as nohup has it for SIGHUP
            signal.signal(number, ending)
    fcntl.fcntl(line, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(line, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)  # SIGIO when it is closed
    if select.select([line], [], [], 0)[0]:
        raise SystemExit(128 + signal.SIGTERM)
    return ending
