"""``--report``: writes what a command found, or why it failed, to files."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kerasport.errors import FileError, MismatchError, OptionError

if TYPE_CHECKING:
    from kerasport.checking import Check
    from kerasport.finite import NotFinite
    from kerasport.report import Report
    from kerasport.validation import Validation

report_option = click.option(
    "--report",
    "reports",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write a report, of a failure too: .json, .md, .html, or .xml for JUnit (repeatable).",
)
_SHOWN = 10
_NO_OPTIONS = {"report", "json"}


@dataclass
class Draft:
    """A command's result, as far as it is known.

    Attributes:
        command: The command's name.
        sources: The model files.
        onnx: The ONNX file.
        weights: The file that was given for the weights.
        suspect: The file to blame for an error that names none; None for the model files.
        started: When the command started.
        checks: The obstacles to converting the model files, once they are known.
        validation: The comparison, once it has been made.
        conversion: Numbers that describe what was written.
        not_finite: Weights with values that are NaN or infinite.
    """

    command: str
    sources: Collection[Path]
    onnx: Path | None = None
    weights: str | Path | None = None
    suspect: Path | None = None
    started: float = field(default_factory=time.perf_counter)
    checks: Collection[Check] = ()
    validation: Validation | None = None
    conversion: Mapping[str, int] = field(default_factory=dict)
    not_finite: Collection[NotFinite] = ()

    def failed(self, error: Exception) -> None:
        """Records an error."""
        from kerasport.checking import Check

        if isinstance(error, MismatchError):
            self.validation, self.onnx = error.validation, None
        else:
            faulty = self.sources if self.suspect is None else (self.suspect,)
            self.checks = [Check.failed(path, error) for path in faulty]
            self.onnx = None if self.command == "convert" else self.onnx

    def report(self) -> Report:
        """What is known so far; a check does not read files just to compute their digests."""
        from kerasport.report import Report

        seconds = time.perf_counter() - self.started
        if self.command == "check":
            return Report(self.command, tuple(self.checks), options=_options(), seconds=seconds)
        return Report.of(
            *(self.checks or self.sources),
            files=self.sources,
            onnx=self.onnx,
            weights=self.weights,
            validation=self.validation,
            command=self.command,
            conversion=self.conversion,
            not_finite=self.not_finite,
            options=_options(),
            seconds=seconds,
        )

    def print_json(self) -> None:
        """Prints the report as JSON."""
        from kerasport.report import render

        click.echo(render(self.report(), ".json"), nl=False)


@contextmanager
def reporting(targets: Collection[Path], draft: Draft) -> Iterator[Draft]:
    """Writes reports of the work done in the context, and of its failure, but not of wrong usage or an interruption.

    Raises:
        OptionError: A report cannot be written to such a file; no work was done.
        FileError: The folder of a report is missing, or the report cannot be written.
    """
    if targets:
        from kerasport.report import check_targets

        own = (*draft.sources, draft.onnx, draft.weights)
        check_targets(list(targets), [Path(path) for path in own if path is not None])
    try:
        yield draft
    except (OptionError, click.ClickException, click.Abort, BrokenPipeError):
        raise
    except Exception as error:
        if targets:
            draft.failed(error)
            _write_of_failure(targets, draft)
        raise
    if targets:
        _write(targets, draft)


def warn_of(found: Collection[NotFinite]) -> None:
    """Warns of weights that are not finite."""
    for weight in list(found)[:_SHOWN]:
        click.secho(f"Warning: {weight}.", fg="yellow", err=True)
    if len(found) > _SHOWN:
        click.secho(f"Warning: {len(found) - _SHOWN:,} other weights have some too.", fg="yellow", err=True)


def _write(targets: Collection[Path], draft: Draft) -> None:
    from kerasport.report import write

    write(draft.report(), *targets)


def _write_of_failure(targets: Collection[Path], draft: Draft) -> None:
    """Writes the reports of a failure; the failure itself is what the user must see, whether or not that works."""
    try:
        _write(targets, draft)
    except FileError as error:
        click.echo(f"No report: {error}", err=True)


def _options() -> dict[str, Any]:
    """The options of the command that runs, by their long names."""
    context = click.get_current_context()
    named = {
        option.opts[0].lstrip("-"): context.params[option.name]
        for option in context.command.params
        if isinstance(option, click.Option) and option.name in context.params
    }
    return {name: _plain(value) for name, value in named.items() if name not in _NO_OPTIONS}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value
