"""Converts the models that ``fixtures/make/applications.py`` made and compares them with Keras's predictions.

python -m tests.bench.applications FOLDER [--no-validate]      prints a table; exits with 1 when a model does not agree
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

import kerasport
from kerasport.loading import load
from kerasport.reference.interpreter import run

RTOL, ATOL = 1e-4, 1e-5  # the latter of the output's largest value


def main() -> int:
    """Prints a line per model: nodes, Transposes, seconds, errors."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--no-validate", action="store_true", help="do not compare with the reference, layer by layer")
    arguments = parser.parse_args()
    print("| model | nodes | Transposes | convert, s | validate, s | worst layer | difference to Keras | agrees |")
    print("|---|---|---|---|---|---|---|---|")
    bad = 0
    for path in sorted(p for p in arguments.folder.iterdir() if p.suffix in (".h5", ".keras")):
        bad += not trial(path, validates=not arguments.no_validate)
    print(f"\npeak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB", file=sys.stderr)
    return 1 if bad else 0


def trial(path: Path, validates: bool) -> bool:
    """One model's line; whether it agrees with Keras."""
    arrays = np.load(path.with_suffix(".npz"))
    with tempfile.TemporaryDirectory() as name:
        target = Path(name) / "model.onnx"
        start = time.perf_counter()
        kerasport.convert(path, target, validate=False)
        converted = time.perf_counter()
        result = kerasport.validate(path, target) if validates else None
        validated = time.perf_counter()
        onnx.checker.check_model(str(target), full_check=True)
        nodes = onnx.load(target, load_external_data=False).graph.node
        ours = np.asarray(kerasport.predict(target, arrays["input_0"]))
        exact = None if within(ours, arrays["output_0"]) else exactly(path, arrays["input_0"])
    keras = arrays["output_0"]
    agrees = within(ours, keras) and (result is None or result.passed)
    judged = f"{validated - converted:.2f} | {result.worst.max_rel:.1e} {result.worst.name}" if result else "- | -"
    print(
        f"| {path.name} | {len(nodes)} | {sum(node.op_type == 'Transpose' for node in nodes)}"
        f" | {converted - start:.2f} | {judged}"
        f" | {np.abs(ours - keras).max() / np.abs(keras).max():.1e} | {'yes' if agrees else 'NO'} |",
        flush=True,
    )
    if exact is not None:  # rounding swells in some models: who is closer to the truth?
        far = [np.abs(one - exact).max() / np.abs(exact).max() for one in (keras, ours)]
        print(f"| | Keras is {far[0]:.1e} from float64, ONNX {far[1]:.1e} |", flush=True)
    return agrees


def within(ours: NDArray[Any], keras: NDArray[Any]) -> bool:
    """Whether the predictions agree."""
    return bool((np.abs(ours - keras) <= RTOL * np.abs(keras) + ATOL * np.abs(keras).max()).all())


def exactly(path: Path, images: NDArray[Any]) -> NDArray[Any]:
    """What the reference gives in float64."""
    with load(path) as model:
        return run(model.graph, [images], np.float64)[0]


if __name__ == "__main__":
    sys.exit(main())
