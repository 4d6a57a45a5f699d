"""Functions as real Pythons compiled them: ``fixtures/make/bytecode.py``."""

from __future__ import annotations

import base64
import json
import lzma
from functools import cache
from pathlib import Path
from typing import Any

_PATH = Path(__file__).parents[2] / "fixtures" / "bytecode.json.xz"


@cache
def _content() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(lzma.decompress(_PATH.read_bytes()))
    return found


def functions() -> list[str]:
    """The source of each function."""
    return list(_content()["functions"])


def codes(text: str) -> dict[str, bytes]:
    """A function's marshalled code by the version of Python."""
    place = functions().index(text)
    found = {version: rows[place] for version, rows in _content()["codes"].items()}
    return {version: base64.b64decode(code) for version, code in found.items() if code}
