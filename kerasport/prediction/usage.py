"""The memory use of this process."""

from __future__ import annotations

import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")


def resident_bytes() -> int:
    """The resident set now; 0 where the system does not tell."""
    return _status("VmRSS") if _STATUS.exists() else 0


def peak_bytes() -> int | None:
    """The largest resident set so far; None where the system does not tell."""
    if _STATUS.exists():
        return _status("VmHWM")
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _status(name: str) -> int:
    lines = dict(line.split(":", 1) for line in _STATUS.read_text(encoding="utf-8").splitlines())
    return int(lines[name].split()[0]) * 1024
