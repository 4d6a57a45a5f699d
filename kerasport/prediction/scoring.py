"""A whole prediction job, from input files to an output file."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerasport.errors import OptionError
from kerasport.prediction.data_options import names_after
from kerasport.prediction.journal import made_of
from kerasport.prediction.output import STANDARD_OUTPUT, Target, check_target, output
from kerasport.prediction.pipeline import After, Plan
from kerasport.prediction.predictor import Predictor
from kerasport.prediction.preparing import Before
from kerasport.prediction.rows import Table
from kerasport.prediction.summary import Summary
from kerasport.prediction.usage import peak_bytes

if TYPE_CHECKING:
    from kerasport.prediction.cluster import Cluster

Watch = Callable[[int], None]


@dataclass(frozen=True)
class Job:
    """What is to be done.

    Attributes:
        target: The file to write.
        format: Its format, where its suffix does not tell.
        batch_size: Rows at a time; None lets kerasport choose.
        on_error: What becomes of rows that cannot be used: "stop", "skip" or "null".
        bad_rows: The file that lists them; None names it after the target.
        resume: Whether to continue what another run left.
        shard: (i, n) for the i-th of n equal shares of the rows, from 1.
        before: Steps between reading and inference.
        after: Steps between inference and writing.
        options: What else changes the output, as JSON values.
        cluster: Where the rows are predicted; None for this process.
    """

    target: Path
    format: str = ""
    batch_size: int | None = None
    on_error: str = "stop"
    bad_rows: Path | None = None
    resume: bool = False
    shard: tuple[int, int] = (1, 1)
    before: Sequence[Before] = ()
    after: Sequence[After] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    cluster: Cluster | None = None


def score(predictor: Predictor, source: Table, job: Job, watch: Watch = lambda rows: None) -> Summary:
    """Predicts all rows into a file.

    Args:
        predictor: The model.
        source: The rows.
        job: What is to be done.
        watch: Is told of rows that were read, as they are written.

    Raises:
        InputError: A row cannot be used.
        OptionError: The options contradict each other, the model, or the run that is to be continued.
        FileError: The output cannot be written.
    """
    began = time.perf_counter()
    ports = [port.name for port in predictor.inputs]
    kept = [column.name for column in source.columns if column.name not in ports]
    format = check_target(job.target, job.format, [*kept, *names_after(predictor.outputs, job.after)])
    _check(predictor, source, job)
    start, stop = share(source, job.shard)
    rows = source.rows if stop is None else stop - start
    bad_rows = job.bad_rows or job.target.with_name(f"{job.target.name}.bad.jsonl")
    made = _made(predictor, source, job)
    with output(Target(job.target, format, bad_rows, rows, made, job.resume)) as out:
        size = out.settings.setdefault("batch_size", predictor.batch_size(source, job.batch_size, job.before))
        plan = Plan(size, max(start, out.start), stop, job.before, job.after, job.on_error)
        cluster = job.cluster
        pipeline = cluster.pipeline(predictor, source, plan, made) if cluster else predictor.pipeline(source, plan)
        watch(plan.start - start)
        read = 0
        with closing(pipeline.run()) as chunks:
            for predicted in chunks:
                out.write(predicted)
                read += predicted.read
                watch(predicted.read)
    seconds = time.perf_counter() - began
    durations = pipeline.durations
    return Summary(
        output=str(job.target),
        rows=read,
        written=out.written,
        bad=out.bad,
        bad_rows=str(bad_rows) if out.bad else None,
        batch_size=size,
        threads=predictor.threads,
        seconds=seconds,
        rows_per_second=read / seconds,
        batches=len(durations),
        p50_seconds=durations.quantile(0.5),
        p99_seconds=durations.quantile(0.99),
        peak_bytes=peak_bytes(),
    )


def cluster_of(options: dict[str, Any], address: str, writes: bool) -> Cluster | None:
    """The cluster that the options of a Predictor ask for; they become what each of its actors opens the model with.

    Args:
        options: Of a Predictor, but the engine may be "ray".
        address: Of a cluster, "" for none.
        writes: Whether there is an output file.

    Raises:
        OptionError: The options contradict each other.
        MissingExtraError: Ray is not installed.
    """
    if options.get("engine") != "ray":
        if address:
            raise OptionError("--address needs --engine ray.", "Add --engine ray.")
        return None
    if not writes:
        raise OptionError("--engine ray needs an output file.", "Name it: --output FILE.")
    if options.get("provider", "cpu") != "cpu":
        raise OptionError(f"--engine ray computes with CPUs, not with --provider {options['provider']}.")
    options |= {"engine": "onnxruntime", "threads": options.get("threads") or 1}
    from kerasport.prediction.cluster import Cluster

    return Cluster(address)


def share(source: Table, shard: tuple[int, int]) -> tuple[int, int | None]:
    """The rows of a shard: its first one, and the one after its last, None for the end.

    The shares are contiguous, in order, and differ by one row at most.
    """
    index, of = shard
    if of == 1:
        return 0, None
    count = source.count()
    return count * (index - 1) // of, count * index // of


def _check(predictor: Predictor, source: Table, job: Job) -> None:
    """Raises OptionError where rows cannot be taken from the middle."""
    if job.target == STANDARD_OUTPUT and (job.resume or (job.on_error != "stop" and job.bad_rows is None)):
        option, hint = "--resume", "Write a file."
        if not job.resume:
            option, hint = f"--on-error {job.on_error}", "Name the file that lists such rows: --bad-rows FILE."
        raise OptionError(f"{option} needs an output file, not standard output.", hint)
    options = {"--engine ray": job.cluster is not None, "--resume": job.resume, "--shard": job.shard != (1, 1)}
    option = next((option for option, given in options.items() if given), "")
    if option and not source.files:
        raise OptionError(f"{option} needs files to read from, not {source.name}.", "Give a file.")
    if option and predictor.stateful:
        what = f"{option} cannot be used, because the model carries states from batch to batch"
        raise OptionError(f"{what}: each row needs those before it.", "Convert it with --states reset.")


def _made(predictor: Predictor, source: Table, job: Job) -> dict[str, Any]:
    """What the output is made of."""
    options = {
        "--batch-size": job.batch_size,
        "--on-error": job.on_error,
        "--shard": list(job.shard),
        "--output-format": job.format,
        "--input": source.name,
        **predictor.settings,
        **job.options,
    }
    return made_of(predictor.files, source.files, options)
