"""Every golden case: ONNX Runtime on our translation, and our reference, against real Keras."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray

from kerasport import reference
from kerasport.errors import UnsupportedModelError
from kerasport.export import translate
from kerasport.export.writer import to_bytes
from kerasport.loading import load
from tests.goldens import FORMS, NEVER, Golden, goldens


@pytest.mark.parametrize(
    "golden", [golden for form in FORMS for golden in goldens(form=form)], ids=lambda golden: golden.name
)
def test_onnx_runtime_and_reference_agree_with_keras(golden: Golden, tmp_path: Path) -> None:
    with load(golden.model(tmp_path), weights=golden.weights(tmp_path), backend=golden.backend) as model:
        graph = model.graph
        if golden.opset == NEVER:
            with pytest.raises(UnsupportedModelError):
                translate(graph)
        else:
            outputs = run_onnx(to_bytes(translate(graph), {"kerasport.version": "test"}), golden.inputs)
            for name, expected, actual in zip(graph.output_names, golden.outputs, outputs, strict=True):
                agree(actual, expected, golden, f"ONNX Runtime, output {name}")
        for name, expected, actual in zip(
            graph.output_names, golden.outputs, reference.run(graph, golden.inputs), strict=True
        ):
            agree(actual, expected, golden, f"reference, output {name}")


def run_onnx(model: bytes, inputs: list[NDArray[Any]]) -> list[NDArray[Any]]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    feeds = {
        info.name: array.astype({"tensor(float)": "float32", "tensor(int32)": "int32"}.get(info.type, array.dtype))
        for info, array in zip(session.get_inputs(), inputs, strict=True)
    }
    return list(session.run(None, feeds))


def agree(actual: NDArray[Any], expected: NDArray[Any], golden: Golden, where: str) -> None:
    assert actual.shape == expected.shape, where
    if expected.dtype.kind == "U":
        np.testing.assert_array_equal(actual.astype("str"), expected, err_msg=where)
        return
    np.testing.assert_allclose(
        actual.astype("float64"), expected.astype("float64"), *golden.tolerance, err_msg=where, equal_nan=True
    )
