"""``kerasport scaffold``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kerasport.cli.options import reading_options

if TYPE_CHECKING:
    from kerasport.loading import Reading


@click.command("scaffold")
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "--output", type=click.Path(path_type=Path), metavar="FILE", help="The plugin to write; without, it is printed."
)
@click.option(
    "--layer", "layers", multiple=True, metavar="NAME", help="A layer that is known, to be replaced (repeatable)."
)
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@reading_options
def command(model: Path, output: Path | None, layers: tuple[str, ...], force: bool, reading: Reading) -> None:
    """Write the skeleton of a plugin for the layers of MODEL that kerasport does not know.

    What the file tells of them is filled in: options, weights and shapes. What they compute is still to be written.
    """
    from kerasport.errors import OptionError
    from kerasport.files import whole
    from kerasport.scaffold import scaffold

    if output is not None and output.exists() and not force:
        raise OptionError(f"{output} is there already.", "Name another file, or write over it with --force.")
    found = scaffold(model, layers=layers, output=output or "my_layers.py", **reading)
    if output is None:
        click.echo(found.text, nl=False)
        return
    with whole(output) as path:
        path.write_text(found.text, encoding="utf-8")
    what = ", ".join([*found.classes, *found.functions])
    click.echo(f"{output}: the skeleton of a plugin for {what}; complete it, and give it with --plugin {output}.")
