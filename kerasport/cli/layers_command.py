"""``kerasport layers``."""

from __future__ import annotations

import json
from dataclasses import asdict

import click


@click.command("layers")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--markdown", "as_markdown", is_flag=True, help="Print the README's table.")
def command(as_json: bool, as_markdown: bool) -> None:
    """List the layers and activation functions that are supported."""
    from kerasport.supported import functions, markdown, supported

    if as_json:
        click.echo(json.dumps({"layers": [asdict(row) for row in supported()], "functions": functions()}, indent=2))
    elif as_markdown:
        click.echo(markdown(), nl=False)
    else:
        for row in supported():
            click.echo(f"{row.name:26} {row.family:30} {row.limits}".rstrip())
        click.echo(f"activation functions: {', '.join(functions())}")
