"""``kerasport predict``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kerasport.cli.options import reading_options, states_option
from kerasport.text import shape_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kerasport.loading import Reading
    from kerasport.prediction import Predictor, Source

    Batch = Sequence[NDArray[Any]]

_PREVIEW_ROWS = 10


@click.command("predict")
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "--input",
    "inputs",
    multiple=True,
    required=True,
    metavar="[NAME=]FILE",
    help="A .npy or .npz file, or a .txt of one text a line (repeatable).",
)
@click.option("--output", type=click.Path(path_type=Path), help="A .npy or .npz file; without, a preview is printed.")
@click.option("--batch-size", type=click.IntRange(min=1), default=32, show_default=True, help="Rows at a time.")
@click.option(
    "--engine",
    type=click.Choice(["onnxruntime", "reference"]),
    default="onnxruntime",
    show_default=True,
    help="The NumPy reference needs a Keras file, and no ONNX Runtime.",
)
@click.option("--threads", type=click.IntRange(min=0), default=0, help="Threads of ONNX Runtime; 0 lets it choose.")
@reading_options
@states_option
def command(
    model: Path,
    inputs: tuple[str, ...],
    output: Path | None,
    batch_size: int,
    engine: str,
    threads: int,
    reading: Reading,
    states: str,
) -> None:
    """Predict with MODEL, an ONNX file or a Keras file (converted in memory).

    Memory is bounded by the batch, whatever the size of the files.
    """
    from kerasport.prediction import Predictor, open_sources
    from kerasport.prediction.sinks import check_target, write_batches

    with Predictor(model, engine=engine, threads=threads, **reading, states=states) as predictor:
        names = [port.name for port in predictor.outputs]
        if output is not None:
            check_target(output, names)
        sources = open_sources(predictor.inputs, inputs)
        rows = sources[0].shape[0]
        if output is None:
            _preview(predictor, sources, min(rows, _PREVIEW_ROWS), rows)
            return
        write_batches(output, names, _progress(_predicted(predictor, sources, batch_size), rows), rows)
    click.echo(f"{output}: {rows} rows of {', '.join(names)}")


def _predicted(predictor: Predictor, sources: Sequence[Source], batch_size: int) -> Iterator[Batch]:
    batches = zip(*(source.batches(predictor.fixed_batch or batch_size) for source in sources), strict=True)
    yield from predictor.batches(batches)


def _progress(batches: Iterable[Batch], rows: int) -> Iterator[Batch]:
    """A bar on stderr, only on a terminal."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task("predicting", total=rows)
        for batch in batches:
            yield batch
            progress.advance(task, len(batch[0]))


def _preview(predictor: Predictor, sources: Sequence[Source], shown: int, rows: int) -> None:
    import numpy as np

    size = predictor.fixed_batch or max(shown, 1)
    (outputs,) = list(predictor.batches(zip(*([next(s.batches(size))] for s in sources), strict=True)))
    with np.printoptions(precision=6, suppress=True, threshold=60, edgeitems=3, linewidth=110):
        for port, array in zip(predictor.outputs, outputs, strict=True):
            click.echo(f"{port.name}: {array.dtype} {shape_text(array.shape[1:])} a row")
            for index, row in enumerate(array[:shown]):
                click.echo(f"{index:>5}  {np.array2string(row, prefix=' ' * 7)}")
    if rows > shown:
        click.echo(f"... {rows - shown} rows more; --output FILE.npy writes all.")
