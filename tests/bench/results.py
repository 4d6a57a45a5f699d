"""What the benchmark keeps: the schema of ``results.json``.

The file is one ``Results`` object. Seconds are wall-clock, sizes bytes, lists hold one entry a run in the order of
the runs, and what was not measured is missing. A schema number tells the form.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NotRequired, TypedDict

SCHEMA = 1


class Costs(TypedDict):
    """What the runs of one command cost, as whole processes.

    Attributes:
        seconds: Wall-clock.
        cpu: User and system time; less than ``seconds`` where the machine was busy with something else.
        peak_bytes: The largest resident set.
        earlier: Whether these figures are of an earlier run of the benchmark.
    """

    seconds: list[float]
    cpu: list[float]
    peak_bytes: list[int]
    earlier: NotRequired[bool]


class Conversion(TypedDict):
    """One model file's conversion.

    Attributes:
        bytes: The size of the model file.
        costs: By what was run: "kerasport" is ``kerasport convert --no-validate``; "tf2onnx" and "keras2onnx" load the
            model, convert and save it; "copy" starts the interpreter, imports the libraries that kerasport imports,
            reads each weight by h5py and writes it to a file; "start" is the same without the weights.
    """

    bytes: int
    costs: dict[str, Costs]


class Count(TypedDict):
    """How many nodes a graph has, and how many of them are Transposes."""

    nodes: int
    transposes: int


class Latency(TypedDict):
    """ONNX Runtime on our graph and on tf2onnx's, one row at a time, in turns.

    Attributes:
        threads: Of ONNX Runtime; 0 is its own default.
        ours: Seconds of each run.
        peer: Seconds of each run of tf2onnx's graph.
        ratio: Of the medians.
        low: The lower end of the ratio's 95 % interval, by resampling.
        high: The upper end.
        ours_error: The largest difference to Keras's output, relative to its largest value.
        peer_error: The same of tf2onnx's graph.
    """

    threads: int
    ours: list[float]
    peer: list[float]
    ratio: float
    low: float
    high: float
    ours_error: float
    peer_error: float


class Inspection(TypedDict):
    """``kerasport inspect``: its cost, the size of the file, and how much of it was read."""

    costs: Costs
    bytes: int
    bytes_read: int


class Point(TypedDict):
    """One model of a family that grows.

    Attributes:
        family: "deep" or "wide".
        size: Layers, or bytes of the file.
        costs: Of its conversion, by converter; a peer's where it was tried.
    """

    family: str
    size: int
    costs: dict[str, Costs]


class Throughput(TypedDict):
    """``kerasport predict`` of many rows, from a file into a file.

    Attributes:
        rows: How many.
        batch_size: Rows at a time, in all that was run.
        threads: Of ONNX Runtime, and of Keras.
        seconds: Of each run, by what was run, in turns: "kerasport"; "bare loop", which reads, runs and writes by hand;
            "Keras", whose ``predict`` gives an array.
    """

    rows: int
    batch_size: int
    threads: int
    seconds: dict[str, list[float]]


class Bar(TypedDict):
    """One expectation.

    Attributes:
        bar: Its number in the list of bars.
        what: What was measured.
        value: What it came to.
        relation: "<=" or ">=".
        limit: What it may be at most, or at least.
        unit: Of both: "x", "s", "MB", "" ...
        met: Whether it is.
    """

    bar: int
    what: str
    value: float
    relation: str
    limit: float
    unit: str
    met: bool


class Results(TypedDict):
    """One run of the benchmark.

    Attributes:
        schema: Of this file.
        environment: The machine and the versions of software, in words.
        conversion: By model.
        graphs: By model and converter: "kerasport" and "kerasport --inputs-as-nchw", "tf2onnx" for batches of any size,
            "tf2onnx, batch 2", where it can simplify more, and "keras2onnx" of a file of its own Keras.
        latency: By model, one entry a number of threads.
        start: By command: "import click", "--help", "--version".
        inspect: By model.
        validation: By model: ``kerasport validate`` on one row.
        throughput: By model.
        scoring: The peak memory of scoring a file, by its size.
        growth: The models of the families that grow.
        bars: What was expected, and whether it was met.
    """

    schema: int
    environment: dict[str, str]
    conversion: dict[str, Conversion]
    graphs: dict[str, dict[str, Count]]
    latency: dict[str, list[Latency]]
    start: dict[str, Costs]
    inspect: dict[str, Inspection]
    validation: dict[str, Costs]
    throughput: dict[str, Throughput]
    scoring: dict[str, Costs]
    growth: dict[str, Point]
    bars: list[Bar]


def empty(environment: dict[str, str]) -> Results:
    """Results of nothing yet."""
    return {
        "schema": SCHEMA,
        "environment": environment,
        "conversion": {},
        "graphs": {},
        "latency": {},
        "start": {},
        "inspect": {},
        "validation": {},
        "throughput": {},
        "scoring": {},
        "growth": {},
        "bars": [],
    }


def save(results: Results, path: Path) -> None:
    """Writes the results as JSON, with seconds rounded to a tenth of a millisecond."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rounded = json.loads(json.dumps(results), parse_float=lambda text: float(f"{float(text):.4g}"))
    path.write_text(json.dumps(rounded, indent=1) + "\n", encoding="utf-8")


def read(path: Path) -> Results:
    """Reads results; parts that came later than they are empty.

    Raises:
        ValueError: They are of another schema.
    """
    results: Results = json.loads(path.read_text(encoding="utf-8"))
    if results["schema"] != SCHEMA:
        raise ValueError(f"{path} has schema {results['schema']}, not {SCHEMA}")
    return {**empty({}), **results}
