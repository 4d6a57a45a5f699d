"""Draws how time and memory grow, as a small SVG file that a person can read the changes of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.bench.bars import family
from tests.bench.measure import peak, seconds
from tests.bench.results import Results

_FAMILIES = {"deep": "layers", "wide": "bytes of the model file"}


def draw(results: Results, path: Path) -> None:
    """Time and peak memory against size, both axes logarithmic, for each family."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "kerasport", "font.size": 8, "path.simplify": True})
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(2, 2, figsize=(7, 5), layout="constrained")
    for column, (name, unit) in enumerate(_FAMILIES.items()):
        _panel(axes[0][column], results, name, "seconds")
        _panel(axes[1][column], results, name, "peak memory, MB")
        axes[1][column].set_xlabel(unit)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None, "Creator": None})
    pyplot.close(figure)


def _panel(axis: Any, results: Results, name: str, what: str) -> None:
    points = family(results, name)
    for label, mark in (("kerasport", "o"), ("tf2onnx", "s")):
        costs = [(point["size"], point["costs"][label]) for point in points if label in point["costs"]]
        measured = [(size, seconds(c) if what == "seconds" else peak(c) / 1e6) for size, c in costs]
        if measured:
            axis.loglog(*zip(*measured, strict=True), marker=mark, label=label)
    axis.minorticks_off()
    axis.set_ylabel(what)
    axis.grid(visible=True, linewidth=0.3)
    axis.legend(frameon=False)
