"""``kerasport validate``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kerasport.cli.options import console, paired, reading_options
from kerasport.cli.reporting import Draft, report_option, reporting, warn_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kerasport.graph import Graph
    from kerasport.layers.base import Value
    from kerasport.loading import LoadedModel, Reading
    from kerasport.validation import LayerError, Validation

_SHOWN = 12


@click.command("validate")
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("onnx", type=click.Path(path_type=Path))
@click.option(
    "--input", "inputs", multiple=True, metavar="[NAME=]FILE", help="Your own inputs, .npy or .npz (repeatable)."
)
@click.option(
    "--preprocess",
    type=click.Choice(["caffe", "tf", "torch", "0-1", "none"]),
    help="How to scale your images, with pixels from 0 to 255, as in predict.",
)
@click.option(
    "--expected",
    multiple=True,
    metavar="[NAME=]FILE",
    help="What Keras predicted for your own inputs, .npy or .npz, to compare with as well (repeatable).",
)
@click.option("--rtol", type=float, help="Tolerance relative to each value; replaces the default tolerance.")
@click.option("--atol", type=float, help="Tolerance relative to a layer's largest value; replaces the default.")
@click.option("--seed", type=int, default=0, show_default=True, help="The seed of generated inputs.")
@click.option("--batch", type=click.IntRange(1), help="Rows of generated inputs; 3 to 16 by default, and 2 for images.")
@click.option(
    "--precision",
    type=click.Choice(["float64", "float32"]),
    default="float64",
    show_default=True,
    help="The precision of the reference.",
)
@click.option(
    "--memory",
    type=click.IntRange(1),
    default=128,
    show_default=True,
    metavar="MB",
    help="Memory for the weights and intermediate values of the ONNX model at a time; a larger layer still runs.",
)
@click.option(
    "--map-input",
    "map_inputs",
    multiple=True,
    metavar="KERAS=ONNX",
    help="Which ONNX input is which input of MODEL, if neither names nor shapes show it (repeatable).",
)
@click.option(
    "--map-output", "map_outputs", multiple=True, metavar="KERAS=ONNX", help="The same for outputs (repeatable)."
)
@click.option(
    "--nchw",
    multiple=True,
    metavar="NAME",
    help="An input or output that is channels-first in ONNX, if its shape does not show it (repeatable).",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON (documented schema) instead of a table.")
@report_option
@reading_options
def command(
    model: Path,
    onnx: Path,
    inputs: tuple[str, ...],
    preprocess: str | None,
    expected: tuple[str, ...],
    rtol: float | None,
    atol: float | None,
    seed: int,
    batch: int | None,
    precision: str,
    memory: int,
    map_inputs: tuple[str, ...],
    map_outputs: tuple[str, ...],
    nchw: tuple[str, ...],
    as_json: bool,
    reports: tuple[Path, ...],
    reading: Reading,
) -> int:
    """Compare the ONNX file ONNX with the Keras file MODEL, from which it was converted.

    ONNX Runtime runs the one and the NumPy reference the other on the same inputs, and the output of every layer is
    compared. Exits with 5 if they disagree.
    """
    from kerasport.loading import load
    from kerasport.validation import Ends, Settings, Tolerance, compare
    from kerasport.validation.noted import as_converted

    ends = Ends(
        paired(map_inputs, "--map-input", "KERAS=ONNX"), paired(map_outputs, "--map-output", "KERAS=ONNX"), nchw
    )
    settings = Settings(seed, batch, precision, memory << 20, ends=ends)
    with reporting(reports, Draft("validate", (model,), onnx, reading.get("weights"))) as draft:
        with load(model, **as_converted(onnx, reading)) as loaded:
            graph = _part(loaded, onnx) if inputs or expected else None
            arrays = _read(graph.inputs, inputs, preprocess) if graph and inputs else None
            predictions = _predictions(graph, expected) if graph and expected else None
            draft.suspect = onnx
            result = compare(loaded, onnx, arrays, Tolerance(rtol, atol), settings, predictions)
        draft.validation = result
        if as_json:
            draft.print_json()
        else:
            _show(result)
        warn_of(result.not_finite)
    return 0 if result.passed else 5


def _part(model: LoadedModel, onnx: Path) -> Graph:
    """What the ONNX file is of the model, by what it says itself."""
    from kerasport.parts.cutting import Cut, cut
    from kerasport.validation.skeleton import read_skeleton

    return cut(model, Cut.of(read_skeleton(onnx).properties))


def _read(values: Sequence[Value], inputs: tuple[str, ...], preprocess: str | None) -> list[NDArray[Any]]:
    from kerasport.prediction.binding import open_inputs
    from kerasport.prediction.checks import check_rows
    from kerasport.prediction.data_options import DataOptions
    from kerasport.prediction.rows import Rows
    from kerasport.runtime.sessions import port_of

    ports = tuple(port_of(value.name, value.type) for value in values)
    data = DataOptions(preprocess=preprocess or "")
    rows = Rows(0, open_inputs(inputs, data.request(ports)).read())
    for step in data.before(ports):
        rows = step(rows)
    return [check_rows(port, rows.columns[port.name], 0) for port in ports]


def _predictions(graph: Graph, expected: tuple[str, ...]) -> dict[str, NDArray[Any]]:
    from kerasport.prediction.binding import named_sources
    from kerasport.prediction.rows import Request
    from kerasport.runtime.sessions import port_of

    pairs = zip(graph.output_names, graph.outputs, strict=True)
    ports = tuple(port_of(name, value.type) for name, value in pairs)
    return {name: source.read() for name, source in named_sources(expected, Request(ports)).items()}


def _show(result: Validation) -> None:
    from kerasport.cli.tables import show_table

    terminal = console()
    titles = ("layer", "class", "shape", "max abs error", "relative to its largest", "roundings", "in the chain", "")
    show_table(terminal, titles, [_row(entry) for entry in result.entries])
    if result.missing:
        terminal.print(_shortened("folded into a neighbour, judged there: ", result.missing), markup=False)
    if result.dead:
        dead = [f"{entry.name} ({entry.asleep})" for entry in result.dead]
        terminal.print(_shortened("no input has changed or reached: ", dead), markup=False)
    for note in result.notes:
        terminal.print(_sentence(note), markup=False)
    for witness in result.witnesses:
        terminal.print(f"{witness.layer}: {witness.text}.", markup=False)
    terminal.print(_sentence(result.verdict()), style="green" if result.passed else "red", markup=False)


def _row(entry: LayerError) -> list[str]:
    errors = f"{entry.max_abs:.2e}", f"{entry.max_rel:.2e}"
    roundings = "-" if entry.allowed is None else f"{entry.roundings:.1f} of {entry.allowed:g}"
    chained = "-" if entry.chained is None else f"{entry.chained:.1e}"
    shape = "×".join(map(str, entry.shape))
    return [entry.name, entry.class_name, shape, *errors, roundings, chained, "✓" if entry.passed else "✗"]


def _shortened(title: str, names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return title + ", ".join(names[:_SHOWN]) + more


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "."
