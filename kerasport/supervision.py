"""What a process that reads a file tells the one that watches over it.

The HDF5 library is C, and has crashed on hostile files, and searched for their ends without end. The command line
therefore works in a process of its own, and the one that the user started only waits for it (``cli/supervisor.py``).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kerasport.limits import limits

BEGIN, END = b"+", b"-"
_channel: list[int] = []


def report_to(descriptor: int) -> None:
    """From now on, tells there when reading begins and ends."""
    _channel[:] = [descriptor]


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Notes that a file's structure is being read, for which there are so many seconds."""
    for descriptor in _channel:
        os.write(descriptor, BEGIN + b"%d " % limits().seconds + os.fsencode(path)[:1000] + b"\0")
    try:
        yield
    finally:
        for descriptor in _channel:
            os.write(descriptor, END + b"\0")
