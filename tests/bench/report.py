"""Shows results: as tables on the terminal, and as Markdown for the README.

python -m tests.bench.report RESULTS                    prints Markdown
python -m tests.bench.report RESULTS --readme README    puts it between the markers there
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table as RichTable

from tests.bench.bars import NCHW, family, faster, to_limit
from tests.bench.measure import cpu, peak, seconds
from tests.bench.results import Bar, Costs, Latency, Results, Throughput, read

START, END = "<!-- bench -->", "<!-- /bench -->"
_NONE = "-"
_RUN = ("kerasport", "bare loop", "Keras")


@dataclass(frozen=True)
class Table:
    """A table with a title."""

    title: str
    headers: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        """As GitHub's Markdown."""
        lines = [self.headers, ["---", *["--:"] * (len(self.headers) - 1)], *self.rows]
        return f"{self.title}:\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines)

    def show(self, console: Console) -> None:
        """On a terminal."""
        table = RichTable(title=self.title, title_justify="left", box=None)
        for number, header in enumerate(self.headers):
            table.add_column(header, justify="right" if number else "left", no_wrap=True)
        for row in self.rows:
            table.add_row(*row)
        console.print(table, "")


def tables(results: Results) -> list[Table]:
    """Everything that was measured."""
    makers: list[Callable[[Results], Table]] = [_conversion, _graphs, _latency, _throughput, _rest, _growth]
    return [table for table in (maker(results) for maker in makers) if table.rows]


def _conversion(results: Results) -> Table:
    rows = [_converted(name, c["bytes"], c["costs"]) for name, c in results["conversion"].items()]
    headers = "model", "file, MB", "kerasport, s", "peer, s", "times faster", "to the limit", "peak, MB", "peer, MB"
    return Table("Conversion, as whole processes (CPU seconds in brackets)", headers, rows)


def _converted(name: str, size: int, costs: dict[str, Costs]) -> list[str]:
    ours, peer = costs["kerasport"], costs.get("tf2onnx") or costs.get("keras2onnx")
    faster = f"{seconds(peer) / seconds(ours):.0f}" if peer else _NONE
    limit = f"{to_limit(costs):.2f}"
    return [name, _mega(size), _seconds(ours), _seconds(peer), faster, limit, _peak(ours), _peak(peer)]


def _graphs(results: Results) -> Table:
    headers = "kerasport", NCHW, "tf2onnx", "tf2onnx, batch 2", "keras2onnx"
    rows = [
        [name, *(f"{counts[k]['nodes']} ({counts[k]['transposes']})" if k in counts else _NONE for k in headers)]
        for name, counts in results["graphs"].items()
    ]
    return Table("Nodes (Transposes)", ("model", *headers), rows)


def _latency(results: Results) -> Table:
    rows = [[name, *(cell for run in runs for cell in _run(run))] for name, runs in results["latency"].items()]
    headers = "model", "kerasport, ms", "tf2onnx, ms", "ratio", "all threads", "tf2onnx", "ratio"
    return Table("Latency in ONNX Runtime, one row, one thread (95 % interval of the ratio)", headers, rows)


def _run(run: Latency) -> tuple[str, str, str]:
    ours, peer = (f"{1000 * statistics.median(run[side]):.3g}" for side in ("ours", "peer"))
    return ours, peer, f"{run['ratio']:.2f} ({run['low']:.2f}-{run['high']:.2f})"


def _throughput(results: Results) -> Table:
    rows = [
        [
            f"{name} ({run['rows']:,} rows, {run['batch_size']} at a time)",
            *(_rate(run, who) for who in _RUN),
            *(f"{faster(run, who):.2f}" if who in run["seconds"] else _NONE for who in _RUN[1:]),
        ]
        for name, run in results["throughput"].items()
    ]
    return Table("Throughput of predict, rows a second", ("model", *_RUN, "times the loop", "times Keras"), rows)


def _rate(run: Throughput, who: str) -> str:
    return f"{run['rows'] / statistics.median(run['seconds'][who]):,.0f}" if who in run["seconds"] else _NONE


def _rest(results: Results) -> Table:
    rows = [[what, _seconds(costs), _peak(costs)] for what, costs in results["start"].items()]
    for name, inspection in results["inspect"].items():
        part = (
            f"inspect {name}, which reads {inspection['bytes_read'] / 1000:.0f} KB of {_mega(inspection['bytes'])} MB"
        )
        rows.append([part, _seconds(inspection["costs"]), _peak(inspection["costs"])])
    rows += [[f"validate {n}", _seconds(costs), _peak(costs)] for n, costs in results["validation"].items()]
    rows += [[f"predict {size}", _seconds(costs), _peak(costs)] for size, costs in results["scoring"].items()]
    return Table("Start, validation, and large files", ("command", "s", "peak, MB"), rows)


def _growth(results: Results) -> Table:
    rows = [
        [
            f"{point['size']} layers" if name == "deep" else f"{_mega(point['size'])} MB",
            *(f(point["costs"].get(who)) for who in ("kerasport", "tf2onnx") for f in (_seconds, _peak)),
        ]
        for name in ("deep", "wide")
        for point in family(results, name)
    ]
    return Table("Growth", ("model", "kerasport, s", "peak, MB", "tf2onnx, s", "peak, MB"), rows)


def _mega(size: float) -> str:
    return f"{size / 1e6:.{0 if size >= 1e6 else 2}f}"


def _seconds(costs: Costs | None) -> str:
    if costs is None:
        return _NONE
    mark = "*" if costs.get("earlier") else ""
    return f"{seconds(costs):.2f}{mark} ({cpu(costs):.2f})"


def _peak(costs: Costs | None) -> str:
    return _mega(peak(costs)) if costs else _NONE


def verdict(results: Results) -> Table:
    """The bars that are missed."""
    return Table("Missed bars", ("what", "value", "bar"), [_missed(bar) for bar in results["bars"] if not bar["met"]])


def _missed(bar: Bar) -> list[str]:
    return [f"{bar['bar']}. {bar['what']}", f"{bar['value']:.3g} {bar['unit']}", f"{bar['relation']} {bar['limit']:g}"]


def summary(results: Results) -> str:
    """How many bars are met, and on what machine."""
    met = sum(bar["met"] for bar in results["bars"])
    machine = results["environment"]
    text = (
        f"{met} of {len(results['bars'])} bars are met. Measured on {machine['cores']} cores of {machine['cpu']}"
        f" with {machine['memory']}, {machine['system']}, Python {machine['python']}: {machine['kerasport']}."
    )
    peers = [f"Peer: {machine[peer]}." for peer in ("tf2onnx", "keras2onnx") if peer in machine]
    measured = [*results["conversion"].values(), *results["growth"].values()]
    earlier = any(costs.get("earlier") for row in measured for costs in row["costs"].values())
    stars = ["Times with a star were measured in an earlier run."] if earlier else []
    return " ".join([text, *peers, *stars])


def markdown(results: Results) -> str:
    """All tables and the sentence about the machine."""
    return "\n\n".join([summary(results), *(table.markdown() for table in tables(results))])


def show(results: Results) -> None:
    """Prints all tables, and what is missed."""
    console = Console(width=140)
    for table in tables(results):
        table.show(console)
    missed = verdict(results)
    if missed.rows:
        missed.show(console)
    console.print(summary(results), highlight=False)


def insert(text: str, readme: Path) -> None:
    """Replaces what stands between the markers.

    Raises:
        ValueError: The markers are not there.
    """
    before, marker, rest = readme.read_text(encoding="utf-8").partition(START)
    _, end, after = rest.partition(END)
    if not marker or not end:
        raise ValueError(f"{readme} has no {START} and {END}")
    readme.write_text(f"{before}{START}\n{text}\n{END}{after}", encoding="utf-8")


def main() -> None:
    """Prints Markdown or puts it into a README."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("results", type=Path)
    parser.add_argument("--readme", type=Path)
    arguments = parser.parse_args()
    text = markdown(read(arguments.results))
    if arguments.readme:
        insert(text, arguments.readme)
    else:
        print(text)


if __name__ == "__main__":
    main()
