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
    "--output", type=click.Path(path_type=Path), metavar="FILE", help="The plugin to write; it is printed by default."
)
@click.option("--layer", "layers", multiple=True, metavar="NAME", help="A known layer to replace as well (repeatable).")
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
@reading_options
def command(model: Path, output: Path | None, layers: tuple[str, ...], force: bool, reading: Reading) -> None:
    """Write a plugin skeleton for the layers of MODEL that kerasport does not know.

    The options, weights and shapes in the file are filled in. What the layers compute is left to be written.
    """
    from kerasport.custom.scaffold import scaffold
    from kerasport.errors import OptionError
    from kerasport.files import whole

    if output is not None and output.exists() and not force:
        raise OptionError(f"{output} already exists.", "Name another file, or overwrite it with --force.")
    found = scaffold(model, layers=layers, output=output or "my_layers.py", **reading)
    if output is None:
        click.echo(found.text, nl=False)
        return
    with whole(output) as path:
        path.write_text(found.text, encoding="utf-8")
    what = ", ".join([*found.classes, *found.functions])
    click.echo(f"{output}: a plugin skeleton for {what}; complete it, then use it with --plugin {output}.")
