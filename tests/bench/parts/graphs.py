"""How many nodes, and how many Transposes among them, each converter writes."""

from __future__ import annotations

from pathlib import Path

import onnx

from tests.bench.bars import NCHW
from tests.bench.catalogue import KERAS2, MODELS, OLD
from tests.bench.context import Context, progress
from tests.bench.measure import Task, in_turns
from tests.bench.peers import Peer
from tests.bench.results import Count


def measure(context: Context) -> None:
    """Fills ``results["graphs"]``."""
    for entry in context.among(MODELS + OLD):
        progress(f"graphs: {entry.name}")
        counts = context.results["graphs"][entry.name] = {"kerasport": count(context.converted(entry))}
        if context.shelf.takes_images(entry):
            counts[NCHW] = count(context.converted(entry, "--inputs-as-nchw"))
        path = context.shelf.path(entry)
        for name in ("keras2onnx",) if entry.maker == KERAS2 else ("tf2onnx", "tf2onnx, batch 2"):
            written = peer_file(context.peers[name], path)
            if written is not None:
                counts[name] = count(written)


def peer_file(peer: Peer, model: Path) -> Path | None:
    """What the peer makes of the model; converted now if that has not been done."""
    if peer.written(model) is None and peer.python is not None:
        progress(f"  {peer.name} converts {model.stem}")
        peer.keep(model, in_turns({"peer": Task(peer.command(model), runs=1)})["peer"])
    return peer.written(model)


def count(path: Path) -> Count:
    """The nodes of a graph; bodies of loops are not opened."""
    nodes = onnx.load(str(path), load_external_data=False).graph.node
    return {"nodes": len(nodes), "transposes": sum(node.op_type == "Transpose" for node in nodes)}
