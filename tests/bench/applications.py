"""Converts the models that ``fixtures/make/applications.py`` made and compares them with Keras's predictions.

python -m tests.bench.applications FOLDER      prints a table; exits with 1 when a model does not agree
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx

import kerasport

RTOL, ATOL = 1e-3, 1e-5  # the latter of the output's largest value


def main(folder: Path) -> int:
    """Prints a line per model: nodes, Transposes, seconds, errors."""
    print("| model | nodes | Transposes | convert, s | validate, s | worst layer | difference to Keras | agrees |")
    print("|---|---|---|---|---|---|---|---|")
    bad = 0
    for path in sorted(p for p in folder.iterdir() if p.suffix in (".h5", ".keras")):
        bad += not trial(path)
    print(f"\npeak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB", file=sys.stderr)
    return 1 if bad else 0


def trial(path: Path) -> bool:
    """One model's line; whether it agrees with Keras."""
    arrays = np.load(path.with_suffix(".npz"))
    with tempfile.TemporaryDirectory() as name:
        target = Path(name) / "model.onnx"
        start = time.perf_counter()
        kerasport.convert(path, target, validate=False)
        converted = time.perf_counter()
        result = kerasport.validate(path, target)
        validated = time.perf_counter()
        onnx.checker.check_model(str(target), full_check=True)
        nodes = onnx.load(target, load_external_data=False).graph.node
        ours = np.asarray(kerasport.predict(target, arrays["input_0"]))
    keras = arrays["output_0"]
    agrees = bool((np.abs(ours - keras) <= RTOL * np.abs(keras) + ATOL * np.abs(keras).max()).all())
    print(
        f"| {path.stem} | {len(nodes)} | {sum(node.op_type == 'Transpose' for node in nodes)}"
        f" | {converted - start:.2f} | {validated - converted:.2f} | {result.worst.max_rel:.1e} {result.worst.name}"
        f" | {np.abs(ours - keras).max() / np.abs(keras).max():.1e} | {'yes' if agrees and result.passed else 'NO'} |",
        flush=True,
    )
    return agrees and result.passed


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
