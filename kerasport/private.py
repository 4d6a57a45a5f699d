"""Private folders for unfinished files, named ``.kerasport-<machine>-...``.

One is gone when its run ends in order. A run that is killed leaves its own behind, and the next one removes it: that it
is abandoned is known by its lock, which the system gives up with the process.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows, where what is left of killed runs stays
    fcntl = None  # type: ignore[assignment]


@contextmanager
def private_folder(parent: Path) -> Iterator[Path]:
    """A new folder in another one, gone at the end; those of runs that were killed are removed first.

    Raises:
        OSError: There can be none.
    """
    _remove_abandoned(parent)
    while True:
        with tempfile.TemporaryDirectory(dir=parent, prefix=_prefix()) as name, _locked(Path(name)):
            if Path(name).exists():  # another run may have taken it for abandoned before it was locked
                yield Path(name)
                return


def _prefix() -> str:
    """How private folders of this machine begin; locks may tell nothing of the processes of another one."""
    machine = re.sub(r"[^\w.]", "", os.uname().nodename) if hasattr(os, "uname") else ""
    return f".kerasport-{machine}-"


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keeps a folder from being taken for abandoned, where the file system has locks."""
    if fcntl is None:
        yield
        return
    with _opened(folder) as descriptor:
        with suppress(OSError):  # without locks nothing is taken for abandoned
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield


def _remove_abandoned(parent: Path) -> None:
    """Removes the folders of this machine whose processes are gone."""
    if fcntl is None:
        return
    for folder in parent.glob(f"{_prefix()}*"):
        with suppress(OSError), _opened(folder) as descriptor:  # it may be in use, another user's, or gone by now
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder)


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
