"""What is expected of the results, and whether they are."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator

from tests.bench.catalogue import EVERYTHING, Entry
from tests.bench.measure import peak, seconds
from tests.bench.results import Bar, Costs, Count, Point, Results, Throughput

_ENTRIES = {entry.name: entry for entry in EVERYTHING}
_MEGA = 1e6
NCHW = "kerasport --inputs-as-nchw"


def bars(results: Results) -> list[Bar]:
    """All expectations of what was measured."""
    return [
        *_conversion(results),
        *_memory(results),
        *_graphs(results),
        *_latency(results),
        *_start(results),
        *_validation(results),
        *_throughput(results),
        *_growth(results),
    ]


def at_most(number: int, what: str, value: float, limit: float, unit: str = "") -> Bar:
    """Met by values up to the limit."""
    return _bar(number, what, value, "<=", limit, unit, value <= limit)


def at_least(number: int, what: str, value: float, limit: float, unit: str = "") -> Bar:
    """Met by values from the limit on."""
    return _bar(number, what, value, ">=", limit, unit, value >= limit)


def _bar(number: int, what: str, value: float, relation: str, limit: float, unit: str, met: bool) -> Bar:
    return {
        "bar": number,
        "what": what,
        "value": value,
        "relation": relation,
        "limit": limit,
        "unit": unit,
        "met": bool(met),
    }


def to_limit(costs: dict[str, Costs]) -> float:
    """How often the copying of all weights, the start with the same libraries included, fits into a conversion."""
    return seconds(costs["kerasport"]) / seconds(costs["copy"])


def exponent(points: list[Point], measured: list[float]) -> float:
    """The power of the size with which the largest model's cost grows from the one before.

    What the smallest model costs is taken off, as every process has to start.
    """
    base, *_, before, last = measured
    sizes = [point["size"] for point in points]
    return math.log((last - base) / (before - base)) / math.log((sizes[-1] - sizes[0]) / (sizes[-2] - sizes[0]))


def family(results: Results, name: str) -> list[Point]:
    """The points of a family that grows, by size."""
    return sorted((p for p in results["growth"].values() if p["family"] == name), key=lambda point: point["size"])


def _conversion(results: Results) -> Iterator[Bar]:
    for name, conversion in results["conversion"].items():
        costs = conversion["costs"]
        faster = _ENTRIES[name].faster
        if faster is not None and "tf2onnx" in costs:
            ratio = seconds(costs["tf2onnx"]) / seconds(costs["kerasport"])
            yield at_least(1, f"{name}: times faster than tf2onnx", ratio, faster, "x")
        yield at_most(2, f"{name}: times the copying of its weights", to_limit(costs), 2.0, "x")


def _memory(results: Results) -> Iterator[Bar]:
    measured = [*results["conversion"].items(), *results["growth"].items()]
    for name, conversion in measured:
        limit = _ENTRIES[name].peak_megabytes
        if limit is not None:
            yield at_most(
                3, f"{name}: peak memory of its conversion", peak(conversion["costs"]["kerasport"]) / _MEGA, limit, "MB"
            )


def _graphs(results: Results) -> Iterator[Bar]:
    for name, graph in results["graphs"].items():
        ours, peers = graph["kerasport"], peer_counts(results, name)
        if peers:
            yield at_most(4, f"{name}: nodes", ours["nodes"], min(count["nodes"] for count in peers))
            yield at_most(4, f"{name}: Transposes", ours["transposes"], min(count["transposes"] for count in peers))
        if NCHW in graph:
            yield at_most(4, f"{name}: Transposes with --inputs-as-nchw", graph[NCHW]["transposes"], 0)


def peer_counts(results: Results, name: str) -> list[Count]:
    """The counts of all the peers' graphs of a model, of the other peer's own model of that name too."""
    graph = results["graphs"][name]
    other = results["graphs"].get(_ENTRIES[name].same or "", graph)
    found = [graph.get("tf2onnx"), graph.get("tf2onnx, batch 2"), other.get("keras2onnx")]
    return [count for count in found if count is not None]


def _latency(results: Results) -> Iterator[Bar]:
    for name, runs in results["latency"].items():
        limit = _latency_limit(_ENTRIES[name])
        for run in runs:
            threads = "1 thread" if run["threads"] == 1 else "default threads"
            ratio = round(run["ratio"], 2)
            yield at_most(5, f"{name}: latency to that of tf2onnx's graph, {threads}", ratio, limit, "x")


def _latency_limit(entry: Entry) -> float:
    assert entry.latency is not None
    return entry.latency


def _start(results: Results) -> Iterator[Bar]:
    if results["start"]:
        click = seconds(results["start"]["import click"])
        for option in ("--help", "--version"):
            beyond = seconds(results["start"][option]) - click
            yield at_most(6, f"kerasport {option}: beyond import click", beyond, 0.1, "s")
    for name, inspection in results["inspect"].items():
        yield at_most(6, f"{name}: inspect", seconds(inspection["costs"]), 0.6, "s")
        part = 100 * inspection["bytes_read"] / inspection["bytes"]
        yield at_most(6, f"{name}: part of the file that inspect reads", part, 1.0, "%")


def _validation(results: Results) -> Iterator[Bar]:
    for name, costs in results["validation"].items():
        yield at_most(7, f"{name}: validate", seconds(costs), 6.0, "s")
        yield at_most(7, f"{name}: peak memory of validate", peak(costs) / _MEGA, 1500, "MB")


def _throughput(results: Results) -> Iterator[Bar]:
    for name, run in results["throughput"].items():
        yield at_least(9, f"{name}: throughput beside a bare loop", faster(run, "bare loop"), 0.97, "x")
        if "Keras" in run["seconds"]:
            bar = 3 if name == "seed" else 1
            yield at_least(9, f"{name}: throughput beside Keras's predict", faster(run, "Keras"), bar, "x")
    for size, costs in results["scoring"].items():
        yield at_most(9, f"peak memory of scoring {size}", peak(costs) / _MEGA, 400, "MB")


def faster(run: Throughput, peer: str) -> float:
    """How many times as long another takes: the median of neighbouring runs' ratios."""
    pairs = zip(run["seconds"][peer], run["seconds"]["kerasport"], strict=True)
    return statistics.median(theirs / ours for theirs, ours in pairs)


def _growth(results: Results) -> Iterator[Bar]:
    for name, size in (("deep", "layers"), ("wide", "bytes")):
        points = family(results, name)
        if len(points) > 2:
            times = [seconds(point["costs"]["kerasport"]) for point in points]
            yield at_most(8, f"time grows with the power of {size}", exponent(points, times), 1.15)
    deep, wide = family(results, "deep"), family(results, "wide")
    if len(deep) > 2:
        memory = [peak(point["costs"]["kerasport"]) for point in deep]
        yield at_most(8, "memory grows with the power of layers", exponent(deep, memory), 1.15)
    if wide:
        yield at_most(
            8,
            "peak memory of all sizes of weights",
            max(peak(p["costs"]["kerasport"]) for p in wide) / _MEGA,
            300,
            "MB",
        )
