"""Messages from a process that reads a file to the process that supervises it.

The HDF5 library is C, and has crashed on hostile files, and searched for their ends without end. The command line
therefore works in a process of its own, and the one that the user started only waits for it (``cli/supervisor.py``).
Time is that of the processor, so that a busy machine makes no honest file a hostile one; the system ends the process
that takes more. By the clock there is some times as much, for a process that only waits.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kerasport.limits import limits

BEGIN, END = b"+", b"-"
_PATIENCE = 5  # times as long by the clock
_channel: list[int] = []


def report_to(descriptor: int) -> None:
    """From now on, tells there when reading begins and ends."""
    _channel[:] = [descriptor]


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Notes that a file's structure is being read, for which there are so many seconds."""
    if not _channel:
        yield
        return
    (descriptor,), seconds = _channel, limits().seconds
    os.write(descriptor, BEGIN + b"%d " % (_PATIENCE * seconds) + os.fsencode(path)[:1000] + b"\0")
    try:
        with _processor_time(seconds):
            yield
    finally:
        os.write(descriptor, END + b"\0")


@contextmanager
def _processor_time(seconds: int) -> Iterator[None]:
    """Lets the system end this process by SIGXCPU when it computes for longer."""
    import resource

    before, most = resource.getrlimit(resource.RLIMIT_CPU)
    wanted = math.ceil(time.process_time()) + seconds
    tighter = [limit for limit in (before, most, wanted) if limit != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_CPU, (min(tighter), most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_CPU, (before, most))
