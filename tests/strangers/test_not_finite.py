"""Weights that are NaN or infinite are named, and converted as they are."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import kerasport as kp
from kerasport import finite
from kerasport.export import writer
from tests.conftest import Outcome
from tests.strangers.files import dense, keras2, keras3, weights_file, write_archive, write_h5

Run = Callable[..., Outcome]
BAD = {"layer": "dense", "role": "kernel", "nan": 2, "infinite": 1, "size": 12}
TOLD = "the kernel of the layer 'dense' has 2 NaN and 1 infinite among its 12 values"


def spoiled(**how: Any) -> Callable[[h5py.File], None]:
    """Puts a kernel with values that are not finite into a file."""

    def edit(file: h5py.File) -> None:
        group = file["model_weights/dense/dense"]
        del group["kernel:0"]
        group.create_dataset("kernel:0", data=kernel(), **how)

    return edit


def kernel() -> np.ndarray[Any, np.dtype[np.float32]]:
    """Twelve numbers, of which three are none."""
    values = np.arange(12, dtype="float32")
    values[[1, 5, 11]] = np.nan, -np.inf, np.nan
    return values.reshape(4, 3)


FORMS: dict[str, Callable[[Path], Path]] = {
    "contiguous": lambda folder: write_h5(folder / "m.h5", keras2(dense()), spoiled()),
    "in chunks": lambda folder: write_h5(folder / "m.h5", keras2(dense()), spoiled(chunks=(2, 3))),
    "half": lambda folder: write_h5(folder / "m.h5", keras2(dense()), spoiled(dtype="float16")),
    "archive": lambda folder: write_archive(folder / "m.keras", keras3(dense()), weights=weights_file(kernel())),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("options", [(), ("--no-validate",)], ids=str)
def test_a_conversion_names_them_and_goes_on(kerasport: Run, tmp_path: Path, form: str, options: tuple[str]) -> None:
    model = FORMS[form](tmp_path)
    outcome = kerasport("convert", model, tmp_path / "m.onnx", *options, "--report", tmp_path / "r.json")
    assert outcome.code == 0
    assert outcome.err == f"Warning: {TOLD}.\n"
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["not_finite"] == [BAD]
    assert TOLD in report["verdict"]


def test_a_validation_names_them_too(kerasport: Run, tmp_path: Path) -> None:
    model = FORMS["contiguous"](tmp_path)
    kp.convert(model, tmp_path / "m.onnx")
    outcome = kerasport("validate", model, tmp_path / "m.onnx", "--json")
    assert outcome.code == 0
    assert outcome.err == f"Warning: {TOLD}.\n"
    assert json.loads(outcome.out)["not_finite"] == [BAD]
    assert TOLD in kerasport("validate", model, tmp_path / "m.onnx").out


@pytest.mark.parametrize("engine", ["onnxruntime", "reference"])
@pytest.mark.parametrize("written", [True, False])
def test_a_prediction_names_them_too(kerasport: Run, tmp_path: Path, engine: str, written: bool) -> None:
    model = FORMS["contiguous"](tmp_path)
    np.save(tmp_path / "x.npy", np.ones((2, 4), "float32"))
    target = ("--output", tmp_path / "y.npy") if written else ()
    outcome = kerasport("predict", model, "--input", tmp_path / "x.npy", "--engine", engine, *target)
    assert outcome.code == 0
    assert f"Warning: {TOLD}.\n" in outcome.err


def test_what_reads_no_weights_says_nothing(kerasport: Run, tmp_path: Path) -> None:
    model = FORMS["contiguous"](tmp_path)
    for command in ("inspect", "check"):
        outcome = kerasport(command, model)
        assert outcome.code == 0
        assert not outcome.err


def test_finite_weights_are_no_warning(kerasport: Run, tmp_path: Path) -> None:
    model = write_h5(tmp_path / "m.h5", keras2(dense()))
    outcome = kerasport("convert", model, tmp_path / "m.onnx", "--report", tmp_path / "r.json")
    assert not outcome.err
    assert json.loads((tmp_path / "r.json").read_text())["not_finite"] == []


def test_large_weights_are_looked_at_and_counted_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "_TILE", 16)
    monkeypatch.setattr(finite, "_BLOCK", 5)
    result = kp.convert(FORMS["contiguous"](tmp_path), tmp_path / "m.onnx", validate=False)
    assert list(map(str, result.not_finite)) == [TOLD]


def test_weights_that_are_folded_into_others_are_named_as_the_file_has_them(tmp_path: Path) -> None:
    norm = {"class_name": "BatchNormalization", "config": {"name": "norm", "axis": [1], "epsilon": 1e-3}}

    def edit(file: h5py.File) -> None:
        group = file["model_weights/norm"]
        names = ["gamma:0", "beta:0", "moving_mean:0", "moving_variance:0"]
        group.attrs["weight_names"] = np.array(names, "S20")
        for name in names:
            group[name] = np.array([1, np.inf, 1], "float32") if name == "beta:0" else np.ones(3, "float32")

    result = kp.convert(write_h5(tmp_path / "m.h5", keras2(dense(), norm), edit), tmp_path / "m.onnx")
    assert [(found.layer, found.role, found.infinite) for found in result.not_finite] == [("norm", "beta", 1)]


def test_where_infinity_lets_libraries_differ_the_weights_are_named(kerasport: Run, tmp_path: Path) -> None:
    model = write_h5(tmp_path / "m.h5", keras2(dense(activation="gelu")), spoiled())
    outcome = kerasport("convert", model, tmp_path / "m.onnx")
    assert outcome.code == 5
    assert f"--no-validate would write it anyway. That may be because {TOLD}." in outcome.err
    assert kerasport("convert", model, tmp_path / "m.onnx", "--no-validate").code == 0


def test_many_are_not_all_listed(kerasport: Run, tmp_path: Path) -> None:
    layers = [dense(f"d{index}", use_bias=False, units=4) for index in range(12)]

    def edit(file: h5py.File) -> None:
        for index in range(12):
            group = file[f"model_weights/d{index}"]
            group.attrs["weight_names"] = np.array([b"kernel:0"])
            group["kernel:0"] = np.full((4, 4), np.nan, "float32")

    outcome = kerasport("convert", write_h5(tmp_path / "m.h5", keras2(*layers), edit), tmp_path / "m.onnx")
    assert outcome.code == 0
    assert len(outcome.err.splitlines()) == 11
    assert outcome.err.endswith("Warning: 2 other weights have some too.\n")


def test_nan_on_both_sides_is_agreement_and_on_one_side_is_none(tmp_path: Path) -> None:
    good = write_h5(tmp_path / "good.h5", keras2(dense()))
    bad = write_h5(tmp_path / "bad.h5", keras2(dense()), spoiled())
    kp.convert(good, tmp_path / "good.onnx")
    kp.convert(bad, tmp_path / "bad.onnx")
    assert kp.validate(bad, tmp_path / "bad.onnx").passed
    for model, other in ((good, "bad.onnx"), (bad, "good.onnx")):
        result = kp.validate(model, tmp_path / other)
        assert not result.passed
        assert "NaN or infinity in one and not in the other" in result.verdict()
