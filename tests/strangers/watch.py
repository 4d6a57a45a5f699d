"""Watches what the interpreter does while a command runs: what a file asks for is not run, opened or fetched."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[2]
_FOLDERS = map(str, (_ROOT, sys.base_prefix, sys.prefix, *sysconfig.get_paths().values()))
# Where code comes from that may run: the interpreter's and kerasport's, and what dataclasses and namedtuples generate.
_OWN = tuple({*_FOLDERS, "<frozen", "<string>"})
_SYSTEM = ("/proc/", "/sys/", "/dev/null", "/etc/os-release", "/usr/lib/os-release")
_NEVER = ("socket.", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "pickle.find_class", "urllib")
_seen: list[str] | None = None
_allowed: tuple[str, ...] = ()


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _seen is None:
        return
    if event == "exec" and not arguments[0].co_filename.startswith(_OWN):
        _seen.append(f"exec of {arguments[0].co_filename}")
    elif event == "import" and "canary" in str(arguments[0]):
        _seen.append(f"import of {arguments[0]}")
    elif event == "open" and isinstance(arguments[0], (str, bytes)):
        _opened(str(arguments[0]))
    elif event.startswith(_NEVER):
        _seen.append(f"{event} {arguments!r:.80}")


def _opened(path: str) -> None:
    if _seen is not None and not path.startswith((*_OWN, *_allowed, *_SYSTEM)):
        _seen.append(f"open of {path}")


sys.addaudithook(_hook)


@contextmanager
def watched(*folders: Path) -> Iterator[list[str]]:
    """Notes what is run, fetched, or opened elsewhere than in these folders.

    The hook stays for the life of the process; it does nothing outside of this.
    """
    global _seen, _allowed
    _seen, _allowed = found, _ = [], tuple(map(str, folders))
    try:
        yield found
    finally:
        _seen, _allowed = None, ()
