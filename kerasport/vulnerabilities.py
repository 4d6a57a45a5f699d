"""Published vulnerabilities of kerasport's dependencies, as far as they concern its users.

Each row names its source. What is not here is not thereby safe: the table is as old as ``CHECKED`` says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

CHECKED = "2026-11-28"


@dataclass(frozen=True)
class Vulnerability:
    """A fault, or several that one release has mended.

    Attributes:
        package: What has it, as ``kerasport doctor`` calls it.
        names: Their published names.
        fixed: The first versions without it, one for each line of releases that was mended.
        meaning: What it means to those who use kerasport.
        source: Where it is told.
    """

    package: str
    names: tuple[str, ...]
    fixed: tuple[str, ...]
    meaning: str
    source: str

    def affects(self, version: str) -> bool:
        """Whether a version has it: one that is older than the mended one of its line, or than all of them."""
        found, mended = numbers(version), [numbers(fix) for fix in self.fixed]
        line = [fix for fix in mended if fix[:2] == found[:2]]
        return found < min(line or mended)


def numbers(version: str) -> tuple[int, ...]:
    """The numbers of a version, to compare it by."""
    return tuple(map(int, re.findall(r"\d+", version)[:3]))


_HDF5 = (
    "a crafted .h5 or .keras file can corrupt the memory of the process that reads it: the command line reads in a"
    " process of its own and tells of its crash, but what runs in it has your rights, and the Python API reads in yours"
)
_DATA_FILES = (
    "an ONNX model could make onnx read or write files outside of its folder: kerasport itself checks where a model"
    " keeps its data before anything opens them, other software may not"
)

VULNERABILITIES = (
    Vulnerability(
        "Python",
        ("CVE-2024-0450",),
        ("3.11.8", "3.12.2"),
        "overlapping members of an archive unpack to far more than it has: kerasport reads few of them, within limits",
        "https://github.com/python/cpython/issues/109858",
    ),
    Vulnerability(
        "Python",
        ("CVE-2025-8291",),
        ("3.11.14", "3.12.12", "3.13.10", "3.14.1"),
        "a .keras archive can be made so that other software, a scanner for one, sees other members than are read here",
        "https://github.com/python/cpython/issues/139700",
    ),
    Vulnerability(
        "HDF5",
        (
            *("CVE-2025-2153", "CVE-2025-2915", "CVE-2025-2923", "CVE-2025-2925", "CVE-2025-6269", "CVE-2025-6516"),
            *("CVE-2025-6750", "CVE-2025-6816", "CVE-2025-6818", "CVE-2025-6856", "CVE-2025-6857", "CVE-2025-7067"),
            *("CVE-2025-7068", "CVE-2025-7069", "CVE-2025-44905"),
        ),
        ("2.0.0",),
        _HDF5,
        "https://github.com/HDFGroup/hdf5/blob/develop/release_docs/HISTORY-2.X.md",
    ),
    Vulnerability(
        "HDF5",
        ("CVE-2025-2308", "CVE-2025-2309", "CVE-2025-44904", "CVE-2026-26197", "CVE-2026-26199"),
        ("2.1.0",),
        _HDF5,
        "https://github.com/h5py/h5py/pull/2947",
    ),
    Vulnerability(
        "HDF5",
        ("CVE-2025-9274", "CVE-2026-17572", "CVE-2026-17573", "CVE-2026-17574"),
        ("2.2.0",),
        _HDF5,
        "https://github.com/h5py/h5py/pull/2947",
    ),
    Vulnerability(
        "onnx",
        ("CVE-2024-27318", "CVE-2024-27319"),
        ("1.16.0",),
        _DATA_FILES,
        "https://github.com/onnx/onnx/releases/tag/v1.16.0",
    ),
    Vulnerability(
        "onnx",
        ("CVE-2026-27489", "CVE-2026-34445", "CVE-2026-34446", "CVE-2026-34447", "GHSA-q56x-g2fj-4rj6"),
        ("1.21.0",),
        _DATA_FILES,
        "https://github.com/microsoft/onnxruntime/pull/29606",
    ),
    Vulnerability(
        "ONNX Runtime",
        ("microsoft/onnxruntime#28408",),
        ("1.27.0",),
        "sparse tensors of an ONNX model could read files outside of its folder: kerasport itself checks these as well,"
        " other software may not",
        "https://github.com/microsoft/onnxruntime/pull/28408",
    ),
)
