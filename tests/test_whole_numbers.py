"""Inputs of whole numbers: what layers make of them, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kerasport as kp
from kerasport.runtime.sessions import Session
from tests.goldens import Form, Golden, goldens
from tests.strangers.files import keras3

CASES = [
    *goldens("dtypes", "whole_numbers", "*", Form("model.h5")),
    *goldens("dtypes", "whole_numbers", "3.0*", Form("model.keras")),
    *goldens("ops_corners", "whole_*"),
]


@pytest.mark.parametrize("golden", CASES, ids=str)
def test_outputs_have_the_dtypes_of_keras(golden: Golden, tmp_path: Path) -> None:
    target = tmp_path / "m.onnx"
    kp.convert(golden.model(tmp_path), target, validate=False)
    expected = [array.dtype for array in golden.outputs]
    assert [np.dtype(port.dtype) for port in Session(target).outputs] == expected


def refusal(tmp_path: Path, dtype: str, class_name: str, version: str = "3.15.1", **config: Any) -> str:
    """Why a layer is not supported behind an input of a dtype; "" if it is."""
    model = keras3({"class_name": class_name, "config": {"name": "layer", **config}})
    first = model["config"]["layers"][0]["config"]
    shape = [None, 4, 4, 2] if "2D" in class_name else [None, 5, 4]
    first.update(dtype=dtype, batch_shape=shape)
    path = tmp_path / "model.json"
    path.write_text(json.dumps({**model, "keras_version": version, "backend": "tensorflow"}))
    return "; ".join(problem.what for problem in kp.check(path).problems)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int32", "int64"])
@pytest.mark.parametrize(
    ("class_name", "config", "earlier"),
    [
        ("LayerNormalization", {"epsilon": 1e-3}, "3.10.0"),
        ("GroupNormalization", {"epsilon": 1e-3, "groups": 2}, "3.3.3"),
        ("RMSNormalization", {"epsilon": 1e-3}, ""),
        ("UpSampling2D", {"size": [2, 2], "interpolation": "bilinear"}, "2.15.0"),
    ],
)
def test_results_that_keras_cuts_to_whole_numbers_are_refused(
    tmp_path: Path, class_name: str, config: dict[str, Any], earlier: str, dtype: str
) -> None:
    assert f"its input is of {dtype}, to which Keras would cut off" in refusal(tmp_path, dtype, class_name, **config)
    assert not refusal(tmp_path, "float32", class_name, **config)
    assert not earlier or not refusal(tmp_path, dtype, class_name, earlier, **config)


def test_hashes_of_truths_are_refused(tmp_path: Path) -> None:
    assert "an input of bool is not supported" in refusal(tmp_path, "bool", "Hashing", num_bins=3)
