"""``kerasport check``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kerasport.cli.options import reading_options
from kerasport.cli.reporting import Draft, report_option, reporting

if TYPE_CHECKING:
    from kerasport.checking import Check
    from kerasport.loading import Reading


@click.command("check")
@click.argument("models", metavar="MODEL...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--opset", type=int, help="The target ONNX opset, 13 or later.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON (documented schema) instead of lines.")
@report_option
@reading_options
def command(
    models: tuple[Path, ...],
    opset: int | None,
    as_json: bool,
    reports: tuple[Path, ...],
    reading: Reading,
) -> int:
    """Say whether each MODEL can be converted, with every reason why not; nothing is written.

    Reads metadata only, never weight values. Exits with 4 if a model is not supported, and with 3 if a file cannot be
    read.
    """
    from kerasport.checking import check
    from kerasport.errors import OptionError

    weights = reading.get("weights")
    if weights is not None and len(models) > 1:
        raise OptionError("--weights applies to one model only.", "Check the models one by one.")
    with reporting(reports, Draft("check", models, weights=weights)) as draft:
        checks = []
        for model in models:
            checks.append(check(model, opset=opset, **reading))
            if not as_json:
                _show(checks[-1])
        draft.checks = checks
        if as_json:
            draft.print_json()
    return min((found.exit_code for found in checks if found.exit_code), default=0)


def _show(found: Check) -> None:
    from kerasport.errors import reasons

    mark = click.style("✓", "green") if found.convertible else click.style("✗", "red")
    verdict, path = found.verdict(), str(found.path)
    click.echo(f"{mark} {verdict if verdict.startswith(path) else f'{path}: {verdict}'}")
    if found.outcome == "unsupported":
        for reason in reasons(found.problems):
            click.echo(f"    {reason}")
    elif found.problems and found.problems[0].hint:
        click.echo(f"    {found.problems[0].hint}")
    elif found.missing_weights:
        click.echo(f"    {found.missing_weights}")
