"""Golden cases of one old and one new Keras at the oldest and the newest opset, with and without folding."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest

from kerasport.errors import UnsupportedModelError
from kerasport.export import translate
from kerasport.export.opsets import OLDEST, newest
from kerasport.export.writer import to_bytes
from kerasport.loading import load
from tests.goldens import Golden, goldens
from tests.test_goldens import agree, run_onnx

CASES = [*goldens(era="2.2.4-tensorflow"), *goldens(era="3.15.1-tensorflow")]


@pytest.mark.parametrize("opset", [OLDEST, newest()])
@pytest.mark.parametrize("golden", CASES, ids=lambda golden: golden.name)
def test_every_opset_computes_what_keras_computed(golden: Golden, opset: int, tmp_path: Path) -> None:
    with load(golden.model(tmp_path)) as model:
        if golden.opset > opset:
            with pytest.raises(UnsupportedModelError):
                translate(model.graph, opset)
            return
        data = to_bytes(translate(model.graph, opset, fold=opset == OLDEST), {"kerasport.version": "test"})
    onnx.checker.check_model(data, full_check=True)
    for actual, expected in zip(run_onnx(data, golden.inputs), golden.outputs, strict=True):
        agree(actual, expected, golden, f"opset {opset}")
