"""``kerasport doctor``."""

from __future__ import annotations

import json
from itertools import groupby
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from kerasport.doctor import Diagnosis

UNWELL = 9


@click.command("doctor")
@click.option("--strict", is_flag=True, help="Exit with 9 for published vulnerabilities as well.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON (documented schema) instead of lines.")
def command(strict: bool, as_json: bool) -> int:
    """Check the installed versions and their known vulnerabilities.

    Exits with 9 if something is missing, broken or outdated.
    """
    from kerasport.doctor import diagnose

    found = diagnose()
    if as_json:
        click.echo(json.dumps(found.to_json(), indent=2))
    else:
        _show(found)
    return UNWELL if not found.works or (strict and found.vulnerabilities) else 0


def _show(found: Diagnosis) -> None:
    from kerasport.vulnerabilities import CHECKED

    for part in found.parts:
        told = click.style(part.problem, "red") if part.problem else ""
        click.echo(f"{part.name:13} {part.version:10} {told}".rstrip())
    for (package, meaning), faults in groupby(found.vulnerabilities, key=lambda fault: (fault.package, fault.meaning)):
        click.secho(f"\n{package} {found.version(package)} has published vulnerabilities: {meaning}.", fg="yellow")
        for fault in faults:
            click.echo(f"  fixed in {' or '.join(fault.fixed)}: {', '.join(fault.names)} ({fault.source})")
    click.echo(f"\nVulnerabilities published after {CHECKED} are not included.")
