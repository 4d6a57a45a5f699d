"""``kerasport inspect``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kerasport.cli.options import console, reading_options
from kerasport.cli.tables import show_table
from kerasport.text import shape_text, size_text

if TYPE_CHECKING:
    from kerasport.errors import WeightsOnlyError
    from kerasport.inspection import Inspection, LayerRow
    from kerasport.loading import Reading

_TITLES = ("layer", "class", "output", "parameters", "from", "")


@click.command("inspect")
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON (documented schema) instead of a table.")
@reading_options
def command(model: Path, as_json: bool, reading: Reading) -> int:
    """Show which Keras wrote MODEL, its layers, and whether it can be converted.

    Reads metadata only, never weight values. Exits with 4 if the model is not supported, and with 3 if its weights do
    not match its config.
    """
    from kerasport.errors import WeightsOnlyError
    from kerasport.inspection import inspect

    try:
        result = inspect(model, **reading)
    except WeightsOnlyError as error:
        _show_weights(error)
        raise
    if as_json:
        click.echo(json.dumps(result.to_json(), indent=2))
    else:
        _show(result)
    return 0 if result.convertible else 3 if result.damaged else 4


def _show(result: Inspection) -> None:
    from kerasport.errors import reasons

    terminal = console()
    backend = f" on {result.backend}" if result.backend else ""
    version = f"Keras {result.keras_version}{backend}" if result.keras_version else "a Keras that does not say"
    terminal.print(f"{result.path} ({size_text(result.size)}), model {result.name!r}, saved by {version}", markup=False)
    if result.weights is not None:
        terminal.print(f"  weights from {result.weights}", markup=False)
    for title, ports in (("input", result.inputs), ("output", result.outputs)):
        for port in ports:
            terminal.print(f"  {title:6} {port['name']}: {port['dtype']} {shape_text(port['shape'])}", markup=False)
    show_table(terminal, _TITLES, list(map(_row, result.layers)), numbers="parameters")
    for layer in result.layers:
        if layer.function:
            terminal.print(f"  {layer.name}: {layer.function}", markup=False)
        if layer.origin:
            terminal.print(f"  {layer.name}: as {layer.origin} has it", markup=False)
    terminal.print(f"{len(result.layers)} layers, {result.parameters:,} parameters")
    if result.convertible:
        once = ", once its weights are given" if result.missing_weights else ""
        terminal.print(f"This model can be converted{once}.", style="green")
        if result.missing_weights:
            terminal.print(result.missing_weights, markup=False)
        return
    terminal.print("This model cannot be converted:", style="red")
    for reason in reasons(result.problems):
        terminal.print(f"  - {reason}", markup=False)


def _show_weights(error: WeightsOnlyError) -> None:
    for name, shapes in error.layers:
        click.echo(f"{name:40} {', '.join(shape_text(shape) for shape in shapes)}")


def _row(layer: LayerRow) -> tuple[str, ...]:
    shapes = ", ".join(shape_text(shape) for shape in layer.output_shapes) or "-"
    mark = "✓" if layer.convertible else "✗"
    return layer.name, layer.class_name, shapes, f"{layer.parameters:,}", ", ".join(layer.inputs), mark
