"""The documents say what the code says."""

from __future__ import annotations

from pathlib import Path

from kerasport.cli.main import COMMANDS, EPILOG
from kerasport.supported import markdown

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
