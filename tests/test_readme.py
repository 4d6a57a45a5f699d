"""The documents say what the code says."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from kerasport.cli.main import COMMANDS, EPILOG
from kerasport.supported import markdown
from tests.conftest import Outcome

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_table_of_layers_is_the_registrys() -> None:
    begin, end = "<!-- layers: kerasport layers --markdown -->\n", "<!-- /layers -->"
    assert README.split(begin)[1].split(end)[0].strip() == markdown().strip()


def test_every_command_is_named() -> None:
    for name in COMMANDS:
        assert f"kerasport {name}" in README


def test_every_exit_code_is_documented() -> None:
    for line in EPILOG.splitlines():
        code, _, meaning = line.strip().partition("  ")
        if code.isdigit():
            assert f"| {code} | {meaning.strip()} |" in README


def transcript() -> list[tuple[str, list[str]]]:
    """The README's commands and what they print there."""
    block = README.split("<!-- transcript -->\n```console\n")[1].split("```\n<!-- /transcript -->")[0]
    parts = [part.splitlines() for part in block.split("$ kerasport ") if part.strip()]
    return [(lines[0], [line for line in lines[1:] if line.strip()]) for lines in parts]


def comparable(line: str) -> str:
    """Rounding errors differ from machine to machine, and so does the layer, and the batch, that has the largest."""
    line = re.sub(r"\d\.\d+e[-+]\d\d(, at [\w/@]+)?|\d+\.\d+(?= of )|\b\d+(?=×\d+ )", "#", line)
    return " ".join(line.split())


def test_the_transcript_is_real(
    kerasport: Callable[..., Outcome], seed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(seed, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    for command, expected in transcript():
        outcome = kerasport(*command.split())
        assert outcome.code == 0
        printed = [line for line in outcome.out.splitlines() if line.strip()]
        assert [comparable(line) for line in printed] == [comparable(line) for line in expected]
