"""``kerasport predict``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kerasport.cli.options import reading_options, states_option
from kerasport.cli.predict_options import data_options, shard_option
from kerasport.cli.reporting import warn_of
from kerasport.text import shape_text

if TYPE_CHECKING:
    from kerasport.loading import Reading
    from kerasport.prediction import Predictor
    from kerasport.prediction.binding import Bound
    from kerasport.prediction.data_options import DataOptions
    from kerasport.prediction.pipeline import After
    from kerasport.prediction.preparing import Before
    from kerasport.prediction.summary import Summary

_PREVIEW_ROWS = 10


@click.command("predict")
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "--input",
    "inputs",
    multiple=True,
    required=True,
    metavar="[NAME=]FILE",
    help="A file (.npy, .npz, .txt, .csv, .jsonl, .parquet, .arrow, an image), a dataset as FILE.h5:/PATH, a folder of"
    " images, a pattern of files, or - for standard input (repeatable).",
)
@click.option(
    "--output", type=click.Path(path_type=Path), help="A file, or - for standard output; by default a preview is shown."
)
@data_options
@click.option(
    "--batch-size",
    type=click.IntRange(min=1),
    help="Rows per batch; by default, the fastest of several that are tried.",
)
@click.option(
    "--engine",
    type=click.Choice(["onnxruntime", "reference", "ray"]),
    default="onnxruntime",
    show_default=True,
    help="The reference (NumPy) needs a Keras file and no ONNX Runtime; ray runs the prediction on a cluster.",
)
@click.option(
    "--address",
    default="",
    metavar="HOST:PORT",
    help="A running Ray cluster, or auto; by default, --engine ray starts one on this machine.",
)
@click.option(
    "--threads",
    type=click.IntRange(min=0),
    default=0,
    help="Threads of ONNX Runtime; 0 for one per core that the process may use. With ray, threads per actor; 0 for"
    " one.",
)
@click.option(
    "--provider",
    type=click.Choice(["cpu", "cuda", "coreml", "openvino", "directml"]),
    default="cpu",
    show_default=True,
    help="The execution provider of ONNX Runtime, if the installed one has it.",
)
@click.option(
    "--on-error",
    type=click.Choice(["stop", "skip", "null"]),
    default="stop",
    show_default=True,
    help="What to do with unusable rows: stop the run, leave them out, or return NaN.",
)
@click.option(
    "--bad-rows",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The list of rows that were left out or became NaN; OUTPUT.bad.jsonl by default.",
)
@click.option(
    "--resume", is_flag=True, help="Continue a run that was killed; what it had written is in OUTPUT.partial."
)
@shard_option
@click.option(
    "--summary", type=click.Path(path_type=Path), metavar="FILE.json", help="Write the final statistics to a file."
)
@reading_options
@states_option
def command(
    model: Path,
    inputs: tuple[str, ...],
    output: Path | None,
    data: DataOptions,
    batch_size: int | None,
    engine: str,
    address: str,
    threads: int,
    provider: str,
    on_error: str,
    bad_rows: Path | None,
    resume: bool,
    shard: tuple[int, int],
    summary: Path | None,
    reading: Reading,
    states: str,
) -> None:
    """Predict with MODEL, an ONNX file or a Keras file (which is converted in memory).

    Memory use depends on the batch, not on the size of the files.
    """
    from kerasport.prediction import Predictor
    from kerasport.prediction.binding import open_inputs
    from kerasport.prediction.data_options import names_after
    from kerasport.prediction.output import check_target
    from kerasport.prediction.scoring import Job, cluster_of, score

    options: dict[str, Any] = {"engine": engine, "threads": threads, "provider": provider, "states": states, **reading}
    cluster = cluster_of(options, address, writes=output is not None)
    with Predictor(model, **options) as predictor:
        before, after = data.before(predictor.inputs), data.after(predictor.outputs)
        names = names_after(predictor.outputs, after)
        if output is not None:
            check_target(output, data.output_format, [*data.keep_columns, *names])
        source = open_inputs(inputs, data.request(predictor.inputs))
        if output is None:
            _preview(predictor, source, before, after)
            warn_of(predictor.not_finite)
            return
        job = Job(
            output,
            data.output_format,
            batch_size,
            on_error,
            bad_rows,
            resume,
            shard,
            before,
            after,
            data.settings(),
            cluster,
        )
        with _progress(source.rows) as watch:
            result = score(predictor, source, job, watch)
        warn_of(predictor.not_finite)
    if str(output) != "-":
        click.echo(f"{output}: {result.written} rows of {', '.join(names)}")
    _tell(result, summary)


@contextmanager
def _progress(rows: int | None) -> Iterator[Callable[[int], None]]:
    """A progress bar on stderr with the rate and the time left, on a terminal only."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    rate = TextColumn("{task.fields[rate]}")
    columns = (TextColumn("predicting"), BarColumn(), MofNCompleteColumn(), rate, TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task("", total=rows, rate="")

        def watch(count: int) -> None:
            progress.advance(task, count)
            speed = progress.tasks[0].speed
            progress.update(task, rate="" if speed is None else f"{speed:,.0f}/s")

        yield watch


def _tell(result: Summary, file: Path | None) -> None:
    """Prints the statistics on stderr, and writes them to a file if requested."""
    if result.bad:
        click.echo(f"Rows that could not be used: {result.bad:,}; {result.bad_rows} lists them.", err=True)
    click.echo(f"{result}.", err=True)
    if file is not None:
        from kerasport.files import whole

        with whole(file) as path:
            path.write_text(result.to_json(), encoding="utf-8")


def _preview(predictor: Predictor, source: Bound, before: Sequence[Before], after: Sequence[After]) -> None:
    import numpy as np

    from kerasport.prediction.pipeline import Plan

    size = predictor.fixed_batch or _PREVIEW_ROWS
    predicted = next(predictor.pipeline(source, Plan(size, stop=size, before=before, after=after)).run())
    shown = min(predicted.read, _PREVIEW_ROWS)
    with np.printoptions(precision=6, suppress=True, threshold=60, edgeitems=3, linewidth=110):
        for name, array in predicted.columns.items():
            click.echo(f"{name}: {array.dtype} {shape_text(array.shape[1:])} per row")
            for index, row in enumerate(array[:shown]):
                click.echo(f"{index:>5}  {np.array2string(row, prefix=' ' * 7)}")
    if source.rows is None:
        click.echo("Use --output FILE.npy to write all rows.")
    elif source.rows > shown:
        click.echo(f"... {source.rows - shown} more rows; use --output FILE.npy to write them all.")
