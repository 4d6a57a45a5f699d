"""``doctor`` tells what is here, what is missing or broken, and what is known to be wrong with it."""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Callable
from importlib import import_module
from typing import Any

import h5py
import numpy as np
import onnx
import onnxruntime
import pytest

from kerasport import __version__, doctor
from kerasport.vulnerabilities import CHECKED, VULNERABILITIES, Vulnerability
from tests.conftest import Outcome

Run = Callable[..., Outcome]
VERSIONS = {
    "Python": platform.python_version(),
    "kerasport": __version__,
    "h5py": h5py.__version__,
    "HDF5": h5py.version.hdf5_version,
    "onnx": onnx.__version__,
    "ONNX Runtime": onnxruntime.__version__,
    "NumPy": np.__version__,
}


@pytest.fixture
def flawless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is known of anything."""
    monkeypatch.setattr(doctor, "VULNERABILITIES", ())


def without(monkeypatch: pytest.MonkeyPatch, module: str, error: Exception) -> None:
    """Lets the import of a module fail."""

    def imported(name: str) -> Any:
        if name == module:
            raise error
        return import_module(name)

    monkeypatch.setattr(doctor, "import_module", imported)


def test_all_versions_are_told(kerasport: Run, flawless: None) -> None:
    outcome = kerasport("doctor", "--strict")
    assert outcome.code == 0
    found = dict(re.findall(r"^(\S.*?) {2,}(\S+)$", outcome.out, re.MULTILINE))
    assert found == VERSIONS
    assert CHECKED in outcome.out


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ModuleNotFoundError("No module named 'onnx'"), "it is not installed"),
        (ImportError("libprotobuf.so.32: cannot open shared object file"), "it is broken: ImportError: libprotobuf"),
        (AttributeError("_ARRAY_API not found"), "it is broken: AttributeError"),
    ],
)
def test_what_is_missing_or_broken_is_told(
    kerasport: Run, monkeypatch: pytest.MonkeyPatch, flawless: None, error: Exception, told: str
) -> None:
    without(monkeypatch, "onnx", error)
    outcome = kerasport("doctor")
    assert outcome.code == 9
    assert re.search(rf"^onnx +{told}", outcome.out, re.MULTILINE)
    assert f"NumPy         {np.__version__}" in outcome.out
    assert "Traceback" not in outcome.out + outcome.err
    assert json.loads(kerasport("doctor", "--json").out)["works"] is False


def test_what_is_older_than_kerasport_asks_for_is_told(
    kerasport: Run, monkeypatch: pytest.MonkeyPatch, flawless: None
) -> None:
    monkeypatch.setattr(doctor, "requires", lambda name: ["h5py>=3.10", "numpy>=99.1", "pyyaml>=6; extra == 'yaml'"])
    outcome = kerasport("doctor")
    assert outcome.code == 9
    assert "it is too old: kerasport needs 99.1" in outcome.out
    assert outcome.out.count("too old") == 1


def test_published_vulnerabilities_are_warnings_unless_strict(kerasport: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = Vulnerability("HDF5", ("CVE-1-2",), ("99.1.0",), "files can bite", "https://example.org")
    monkeypatch.setattr(doctor, "VULNERABILITIES", (bad,))
    outcome = kerasport("doctor")
    assert outcome.code == 0
    assert f"HDF5 {VERSIONS['HDF5']} has published vulnerabilities: files can bite." in outcome.out
    assert "fixed in 99.1.0: CVE-1-2 (https://example.org)" in outcome.out
    assert kerasport("doctor", "--strict").code == 9
    report = json.loads(kerasport("doctor", "--json").out)
    assert report["schema"] == 1
    assert report["works"] is True
    assert report["parts"][3] == {"name": "HDF5", "version": VERSIONS["HDF5"], "problem": ""}
    assert report["vulnerabilities"][0]["names"] == ["CVE-1-2"]


@pytest.mark.parametrize(
    ("version", "affected"),
    [("3.10.4", True), ("3.11.13", True), ("3.11.14", False), ("3.12.12", False), ("3.13.9", True), ("3.15.0", False)],
)
def test_each_line_of_releases_is_judged_by_its_own_mended_version(version: str, affected: bool) -> None:
    fault = Vulnerability("Python", ("x",), ("3.11.14", "3.12.12", "3.13.10", "3.14.1"), "", "")
    assert fault.affects(version) is affected


def test_every_row_says_what_it_means_and_where_it_is_told() -> None:
    names = [name for fault in VULNERABILITIES for name in fault.names]
    assert len(set(names)) == len(names)
    for fault in VULNERABILITIES:
        assert fault.package in VERSIONS
        assert all(re.fullmatch(r"CVE-\d+-\d+|GHSA(-\w{4}){3}|[\w-]+/[\w-]+#\d+", name) for name in fault.names)
        assert fault.source.startswith("https://")
        assert fault.meaning
