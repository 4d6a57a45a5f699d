"""The formats of reports, by file suffix."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from kerasport.errors import FileError, OptionError
from kerasport.files import whole

if TYPE_CHECKING:
    from kerasport.report.content import Report

FORMATS = {".json": "document", ".md": "markdown", ".html": "page", ".xml": "junit"}
"""The module that renders each, by suffix."""


def check_targets(targets: Sequence[Path], others: Collection[Path] = ()) -> None:
    """Refuses files that reports cannot be written to, before any work is done.

    Args:
        targets: The files of the reports.
        others: The files that a command reads or writes itself.

    Raises:
        OptionError: A suffix names no format, or the file has another use.
        FileError: The folder is missing.
    """
    taken = {path.resolve() for path in others}
    for target in targets:
        if target.suffix.lower() not in FORMATS:
            raise OptionError(f"{target}: a report is written as {', '.join(FORMATS)}.", "Name the file so.")
        if target.resolve() in taken:
            raise OptionError(f"{target}, given for a report, has another use.", "Name another file.")
        if not target.absolute().parent.is_dir():
            raise FileError(f"{target} cannot be written: its folder does not exist.", "Make the folder first.")
        taken.add(target.resolve())


def render(report: Report, suffix: str) -> str:
    """The text of a report.

    Args:
        report: What it says.
        suffix: ".json", ".md", ".html" or ".xml".
    """
    text: str = import_module(f"kerasport.report.{FORMATS[suffix]}").render(report)
    return text


def write(report: Report, *targets: str | Path) -> None:
    """Writes a report to files, each in the format of its suffix; each appears whole or not at all.

    Args:
        report: What it says.
        targets: Files that end in .json, .md, .html or .xml.

    Raises:
        OptionError: A suffix names no format; nothing was written.
        FileError: A file cannot be written.
    """
    paths = [Path(target) for target in targets]
    check_targets(paths)
    for path in paths:
        with whole(path) as place:
            place.write_text(render(report, path.suffix.lower()), encoding="utf-8")
