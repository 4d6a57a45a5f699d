"""How long the layer-by-layer comparison with the reference takes."""

from __future__ import annotations

import numpy as np

from tests.bench.catalogue import MODELS
from tests.bench.context import KERASPORT, Context, progress
from tests.bench.measure import Task, in_turns


def measure(context: Context) -> None:
    """Fills ``results["validation"]``."""
    for entry in context.among([model for model in MODELS if model.name == "ResNet50"]):
        progress(f"validation: {entry.name}")
        one = context.work / "one.npy"
        np.save(one, context.shelf.inputs(entry, rows=1)[0])
        files = [str(context.shelf.path(entry)), str(context.converted(entry))]
        task = Task([*KERASPORT, "validate", *files, "--input", str(one)], runs=3)
        context.results["validation"][entry.name] = in_turns({"ours": task})["ours"]
