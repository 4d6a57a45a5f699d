"""The number of processors this process may use: containers and schedulers may allow fewer than there are."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path


def usable_cores(root: Path = Path("/")) -> int:
    """The cores that the process may run on, at most as many as its control groups pay for.

    Two threads of one core count once, as they share what computes.

    Args:
        root: Where the system's files are.
    """
    allowed = _allowed()
    cores = {_core(root, number) for number in allowed}
    return max(1, min([len(cores), *(math.ceil(quota) for quota in _quotas(root))]))


def _allowed() -> set[int]:
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))


def _core(root: Path, number: int) -> str:
    """What is the same for all processors of one core."""
    path = root / f"sys/devices/system/cpu/cpu{number}/topology/thread_siblings_list"
    return path.read_text(encoding="ascii").strip() if path.exists() else str(number)


def _quotas(root: Path) -> Iterator[float]:
    """How many processors each control group above the process may use, where it is limited."""
    listed = root / "proc/self/cgroup"
    if not listed.exists():
        return
    for line in listed.read_text(encoding="utf-8").splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:
            for group in _upwards(root / "sys/fs/cgroup", path):
                yield from _quota(*_words(group / "cpu.max"))
        elif "cpu" in controllers.split(","):
            for group in _upwards(root / "sys/fs/cgroup" / controllers, path):
                yield from _quota(*_words(group / "cpu.cfs_quota_us"), *_words(group / "cpu.cfs_period_us"))


def _upwards(mount: Path, path: str) -> list[Path]:
    """A control group and those above it; in a container, its own may be where the topmost is."""
    group = mount / path.strip("/")
    return [folder for folder in (group, *group.parents) if folder.is_relative_to(mount)]


def _words(path: Path) -> list[str]:
    return path.read_text(encoding="ascii").split() if path.exists() else []


def _quota(time: str = "max", period: str = "100000") -> Iterator[float]:
    """Microseconds of all processors together in each period; "max" and -1 are no limit."""
    if time.isdecimal() and int(period) > 0:
        yield int(time) / int(period)
