"""On what machine and with what software something was measured."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

_OURS = ("kerasport", "click", "h5py", "numpy", "onnx", "onnxruntime")
_THEIRS = """
import sys
try:
    from importlib.metadata import version
except ImportError:  # Python 3.7
    from pkg_resources import get_distribution
    version = lambda name: get_distribution(name).version
for name in sys.argv[1:]:
    print(name, version(name))
"""
_PEERS = {
    "tf2onnx": ("tf2onnx", "keras", "tensorflow-cpu", "onnx"),
    "keras2onnx": ("keras2onnx", "keras", "tensorflow", "onnx"),
}


def environment(peers: Mapping[str, str | None]) -> dict[str, str]:
    """The machine and the versions, in words.

    Args:
        peers: By name, the peer's interpreter, or None.
    """
    return {
        "cpu": _cpu(),
        "cores": str(os.cpu_count()),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9:.0f} GB",
        "system": f"{platform.system()} {platform.release().split('-')[0]} {platform.machine()}",
        "python": platform.python_version(),
        "kerasport": ", ".join(f"{name} {version(name)}" for name in _OURS),
        **{name: _versions(python, _PEERS[name]) for name, python in peers.items() if python is not None},
    }


def _cpu() -> str:
    information = Path("/proc/cpuinfo")
    lines = information.read_text(encoding="utf-8").splitlines() if information.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _versions(python: str, names: tuple[str, ...]) -> str:
    done = subprocess.run(
        [python, "-E", "-W", "ignore", "-c", _THEIRS, *names], check=True, capture_output=True, text=True
    )
    return ", ".join(done.stdout.splitlines())
