"""``kerasport layers``."""

from __future__ import annotations

import json
from dataclasses import asdict
from itertools import chain
from types import ModuleType

import click


@click.command("layers")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--markdown", "as_markdown", is_flag=True, help="Print the README's tables.")
def command(as_json: bool, as_markdown: bool) -> None:
    """List the supported layers, operations and activation functions, and what is refused and why."""
    from kerasport import supported as known

    if as_json:
        report = {
            "layers": [asdict(row) for row in known.supported()],
            "operations": [asdict(row) for row in known.operations()],
            "functions": known.functions(),
            "ecosystem": known.ecosystem(),
            "refused": [asdict(row) for row in known.refused()],
        }
        click.echo(json.dumps(report, indent=2))
    elif as_markdown:
        click.echo(known.markdown(), nl=False)
    else:
        _print(known)


def _print(known: ModuleType) -> None:
    click.echo(f"{'name':34} {'since Keras':13} {'opset':6} {'family':30} refused options")
    for row in chain(known.supported(), known.operations()):
        click.echo(f"{row.name:34} {row.since:13} {row.opset:<6} {row.family:30} {row.limits}".rstrip())
    click.echo(f"activation functions: {', '.join(known.functions())}")
    for package, names in known.ecosystem().items():
        click.echo(f"of {package}: {', '.join(names)}")
    for row in known.refused():
        click.echo(f"{row.name} is refused: {row.reason}; {row.way_on}.")
