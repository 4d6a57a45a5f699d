"""How many processors a process may use: made-up systems."""

from __future__ import annotations

from pathlib import Path

import pytest

from kerasport.runtime import processors
from kerasport.runtime.processors import usable_cores

SYSTEMS: dict[str, tuple[set[int], dict[str, str], int]] = {
    "no limits": ({0, 1, 2, 3}, {}, 4),
    "affinity": ({2, 5}, {}, 2),
    "two threads a core": (
        {0, 1, 2, 3},
        {f"sys/devices/system/cpu/cpu{n}/topology/thread_siblings_list": f"{n % 2},{n % 2 + 2}\n" for n in range(4)},
        2,
    ),
    "v2": (set(range(8)), {"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/cpu.max": "150000 100000\n"}, 2),
    "v2 above": (
        set(range(8)),
        {
            "proc/self/cgroup": "0::/a/b\n",
            "sys/fs/cgroup/a/b/cpu.max": "max 100000\n",
            "sys/fs/cgroup/a/cpu.max": "300000 100000\n",
        },
        3,
    ),
    "v2 in a container": (
        set(range(8)),
        {"proc/self/cgroup": "0::/not/there\n", "sys/fs/cgroup/cpu.max": "50000 100000"},
        1,
    ),
    "v1": (
        set(range(8)),
        {
            "proc/self/cgroup": "4:memory:/m\n3:cpu,cpuacct:/jobs/7\n",
            "sys/fs/cgroup/cpu,cpuacct/jobs/7/cpu.cfs_quota_us": "400000\n",
            "sys/fs/cgroup/cpu,cpuacct/jobs/7/cpu.cfs_period_us": "100000\n",
        },
        4,
    ),
    "v1 without a quota": (
        {0, 1},
        {
            "proc/self/cgroup": "1:cpu:/\n",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
        },
        2,
    ),
}


@pytest.mark.parametrize("system", SYSTEMS)
def test_usable_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, system: str) -> None:
    allowed, files, expected = SYSTEMS[system]
    monkeypatch.setattr(processors, "_allowed", lambda: allowed)
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="ascii")
    assert usable_cores(tmp_path) == expected


def test_this_system_has_some() -> None:
    assert 1 <= usable_cores() <= 4096
