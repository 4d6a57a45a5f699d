"""How time and memory grow with the number of layers, and with the size of the weights."""

from __future__ import annotations

from tests.bench.catalogue import DEEP, WIDE, Entry
from tests.bench.context import Context, convert, progress
from tests.bench.measure import Task

_PEER_TRIES = {"deep_10", "deep_100", "wide_1", "wide_10", "wide_100"}  # beyond, a peer takes minutes or all memory


def measure(context: Context) -> None:
    """Fills ``results["growth"]``."""
    for entry in context.among(DEEP + WIDE):
        progress(f"growth: {entry.name}")
        _measure(context, entry)


def _measure(context: Context, entry: Entry) -> None:
    source, target = context.shelf.path(entry), context.work / "grown.onnx"
    peers = ["tf2onnx"] if entry.name in _PEER_TRIES else []
    costs = context.with_peers(entry, {"kerasport": Task(convert(source, target), patience=15)}, peers)
    for written in context.work.glob("grown*"):
        written.unlink()
    family, _, size = entry.name.partition("_")
    context.results["growth"][entry.name] = {
        "family": family,
        "size": int(size) if entry in DEEP else source.stat().st_size,
        "costs": costs,
    }
