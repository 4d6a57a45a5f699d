"""Prediction on a Ray cluster with Ray Data, which schedules the work and replaces failed workers.

    portions (a Ray dataset) -> actors, each with a model of its own -> this process, in order -> output

Portions are whole batches, the same ones as on one machine. Where rows in the middle of the files can be read without
those before, a portion is a number, and the actor that gets it reads these rows itself; otherwise one task reads, and
portions are its rows. What is predicted comes back to this process, which writes it: all that holds of outputs,
``--resume`` among it, holds here as well.
"""

from __future__ import annotations

import logging
import math
import os
import platform
import signal
import socket
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from kerasport.errors import FileError, KerasportError, MissingExtraError, OptionError
from kerasport.limits import Limits, limits, use
from kerasport.prediction.binding import Bound
from kerasport.prediction.durations import Durations
from kerasport.prediction.journal import Made, first_difference, made_of
from kerasport.prediction.memory import Arrays
from kerasport.prediction.pipeline import Plan, Predicted, chunks, whole_batches
from kerasport.prediction.predictor import Predictor
from kerasport.prediction.rows import Rows, Table
from kerasport.runtime.processors import usable_cores

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # by itself Ray reports over the network how it is used
os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
try:
    import ray
    from ray.data import ActorPoolStrategy, DataContext, Dataset
except ImportError as error:
    raise MissingExtraError("--engine ray runs on Ray.", "ray") from error

_PORTION = 16 << 20  # bytes of inputs, or of outputs, that an actor is given at a time
_STORE = 1 << 30  # bytes of memory, at most, in which the machine's own cluster hands on objects
_PATIENCE = 10.0  # seconds for a cluster to answer
_SHARED = "All machines of the cluster need the same packages, and shared folders with the model and inputs."


@dataclass(frozen=True)
class Cluster:
    """Where rows are predicted.

    Attributes:
        address: Of a cluster that runs, as Ray takes it; "" for the one that this Python process is connected to, or
            else for one on this machine that ends with the job.
    """

    address: str = ""

    def pipeline(self, predictor: Predictor, source: Table, plan: Plan, made: Made) -> ClusterPass:
        """A pass of rows through the model.

        Args:
            predictor: The model, which each actor opens for itself.
            source: The rows of files.
            plan: How they go through the model.
            made: What the output is made of, which must be the same on all machines.
        """
        assert isinstance(source, Bound)  # what comes of files
        size = whole_batches(_PORTION, plan.batch_size, source.columns, predictor.outputs)
        if source.direct:
            plan = replace(plan, stop=source.count() if plan.stop is None else plan.stop)
        task = Task(Path.cwd(), limits(), predictor.opening, source.opening, plan, made, size)
        return ClusterPass(self, task, source.direct, predictor.threads)

    @contextmanager
    def connected(self) -> Iterator[None]:
        """The connection to the cluster.

        Raises:
            OptionError: There is none at the address.
        """
        if ray.is_initialized() and not self.address:
            yield
            return
        handler = signal.getsignal(signal.SIGTERM)
        own = {} if self.address else {"num_cpus": usable_cores(), "object_store_memory": _STORE}
        try:
            _require_listener(self.address)
            ray.init(self.address or "local", log_to_driver=False, logging_level=logging.ERROR, **own)
        except (OSError, ValueError, RuntimeError) as error:
            what = f"There is no Ray cluster at {self.address}" if self.address else "Ray cannot be started"
            raise OptionError(f"{what}: {_first_line(error)}") from error
        try:
            if signal.getsignal(signal.SIGTERM) is not handler:  # Ray puts its own there, where this is the main thread
                signal.signal(signal.SIGTERM, handler)
            yield
        finally:
            ray.shutdown()


class ClusterPass:
    """One pass of rows through a model on a cluster.

    Args:
        cluster: Where.
        task: What.
        direct: Whether each actor reads the rows of its portions.
        threads: Of each actor.

    Attributes:
        durations: How long each batch took.
    """

    def __init__(self, cluster: Cluster, task: Task, direct: bool, threads: int) -> None:
        self._cluster, self._task, self._direct, self._threads = cluster, task, direct, threads
        self.durations = Durations()

    def run(self) -> Generator[Predicted, None, None]:
        """All rows, in order; an empty chunk if there are none.

        Raises:
            InputError: A row cannot be used, or outputs depend on the batch.
            FileError: An actor cannot open the model or the files.
            KerasportError: The cluster fails.
        """
        with self._cluster.connected(), closing(self._answers()) as answers:
            for answer in answers:
                if answer.error is not None:
                    raise answer.error
                self.durations.update(answer.durations)
                yield from answer.predicted

    def _answers(self) -> Generator[Answer, None, None]:
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        with DataContext.current(_context()):
            answers = self._portions().map(
                Worker, fn_constructor_args=(self._task,), num_cpus=self._threads, compute=ActorPoolStrategy()
            )
        try:
            yield from (row["answer"] for row in answers.iter_rows())
        except ray.exceptions.RayError as error:
            raise KerasportError(f"The Ray cluster failed: {_first_line(error)}") from error

    def _portions(self) -> Dataset:
        """A row for each portion: its number, or its rows."""
        if not self._direct:
            return ray.data.range(1).flat_map(partial(_read, self._task), num_cpus=0)
        count = self._task.portions
        return ray.data.range(count, override_num_blocks=count)


@dataclass(frozen=True)
class Task:
    """What a process on another machine has to know.

    Attributes:
        folder: Where the names of files begin.
        limits: What no honest file reaches.
        open_model: Opens the model.
        open_source: Opens the files.
        plan: How all rows go through the model.
        made: What the output is made of.
        size: Rows of a portion.
    """

    folder: Path
    limits: Limits
    open_model: Callable[[], Predictor]
    open_source: Callable[[], Bound]
    plan: Plan
    made: Made
    size: int

    @property
    def portions(self) -> int:
        """How many there are, where the rows can be counted."""
        assert self.plan.stop is not None
        return max(1, math.ceil((self.plan.stop - self.plan.start) / self.size))

    def part(self, number: int) -> Plan:
        """How the rows of a portion go through the model."""
        assert self.plan.stop is not None
        start = self.plan.start + number * self.size
        return replace(self.plan, start=start, stop=min(start + self.size, self.plan.stop))

    def begin(self) -> None:
        """Lets names and limits mean the same here as where the job was started."""
        os.chdir(self.folder)
        use(**vars(self.limits))


@dataclass(frozen=True)
class Answer:
    """What an actor makes of a portion.

    Attributes:
        predicted: What came of the rows.
        durations: How long each batch took.
        error: Why they could not be predicted, if so; of all portions, the first one's counts.
    """

    predicted: tuple[Predicted, ...] = ()
    durations: Durations = field(default_factory=Durations)
    error: KerasportError | None = None


class Worker:
    """What an actor does with one portion after another."""

    def __init__(self, task: Task) -> None:
        self._task = task

    def __call__(self, row: Mapping[str, Any]) -> dict[str, Answer]:
        """The answer to a row of ``ClusterPass._portions``."""
        try:
            return {"answer": self._answer(row)}
        except KerasportError as error:
            return {"answer": Answer(error=error)}

    def _answer(self, row: Mapping[str, Any]) -> Answer:
        predictor, source = self._opened
        rows: Rows | KerasportError | None = row.get("rows")
        if isinstance(rows, KerasportError):
            raise rows
        if rows is None:
            pipeline = predictor.pipeline(source, self._task.part(row["id"]))
        else:
            plan = replace(self._task.plan, start=rows.start, stop=rows.start + len(rows))
            pipeline = predictor.pipeline(Arrays(rows.columns, rows.start, rows.bad), plan)
        return Answer(tuple(pipeline.run()), pipeline.durations)

    @cached_property
    def _opened(self) -> tuple[Predictor, Bound]:
        """The model and the files.

        Raises:
            FileError: They are not there, or not the same.
        """
        task = self._task
        try:
            task.begin()
            predictor, source = task.open_model(), task.open_source()
            here = made_of(predictor.files, source.files, {**task.made["options"], **predictor.settings})
        except (KerasportError, OSError) as error:
            raise FileError(f"A worker on {platform.node()} cannot start: {error}", _SHARED) from error
        found = first_difference(task.made, here)
        if found is not None:
            name, wanted, has = found
            what = "is another file there" if name in task.made["files"] else f"is {has} there, not {wanted}"
            raise FileError(f"A worker on {platform.node()} cannot start: {name} {what}.", _SHARED)
        return predictor, source


def _read(task: Task, row: Mapping[str, Any]) -> Iterator[Mapping[str, Rows | KerasportError]]:
    """The rows of all portions, one after another; what is read of files that are read from their beginning only."""
    try:
        task.begin()
        yield from ({"rows": rows} for rows in chunks(task.open_source(), task.size, task.plan))
    except KerasportError as error:
        yield {"rows": error}


def _context() -> DataContext:
    """How Ray Data is to work: in order, in little memory, and without a word."""
    context = DataContext.get_current().copy()
    context.execution_options.preserve_order = True
    context.target_max_block_size = _PORTION
    context.enable_progress_bars = context.print_on_execution_start = False
    return context


def _require_listener(address: str) -> None:
    """Raises OSError where nobody answers at HOST:PORT, for whom Ray would wait for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=_PATIENCE).close()


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
