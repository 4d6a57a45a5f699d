"""``kerasport check``: yes or no, all reasons, no output; and the exit codes of all commands."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

import kerasport as kp
from kerasport.errors import OptionError, Problem
from tests.conftest import Outcome
from tests.goldens import goldens
from tests.strangers.files import keras2, write_h5

Run = Callable[..., Outcome]


@pytest.fixture
def unsupported(tmp_path: Path) -> Path:
    """A model with two layers that cannot be converted."""
    layers = [
        {"class_name": "InputLayer", "config": {"batch_input_shape": [None, 4], "name": "x"}},
        {"class_name": "Lambda", "config": {"name": "first"}},
        {"class_name": "OfMyOwn", "config": {"name": "second"}},
    ]
    path = tmp_path / "unsupported.h5"
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(
            {"class_name": "Sequential", "config": {"name": "model", "layers": layers}}
        )
        file.attrs["keras_version"], file.attrs["backend"] = "2.15.0", "tensorflow"
        file.create_group("model_weights").attrs["layer_names"] = np.array([], "S1")
    return path


@pytest.fixture
def unreadable(tmp_path: Path) -> Path:
    """No model."""
    path = tmp_path / "unreadable.h5"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    return path


@pytest.fixture
def damaged(seed_model: Path, tmp_path: Path) -> Path:
    """A model with weights that are not those that its config implies."""
    path = tmp_path / "damaged.h5"
    path.write_bytes(seed_model.read_bytes())
    with h5py.File(path, "r+") as file:
        del file["model_weights/dense/dense/kernel:0"]
        file["model_weights/dense/dense/kernel:0"] = np.zeros((3, 3), "float32")
    return path


@pytest.fixture
def for_opset_20(tmp_path: Path) -> Path:
    """A model that needs opset 20."""
    return goldens("hashing", "category_crossing")[0].model(tmp_path)


def test_a_model_that_can_be_converted_is_told_in_a_line(kerasport: Run, seed_model: Path, tmp_path: Path) -> None:
    outcome = kerasport("check", seed_model)
    assert outcome.code == 0
    assert outcome.out == f"✓ {seed_model}: it can be converted\n"
    assert not list(tmp_path.iterdir())


def test_all_reasons_are_told(kerasport: Run, unsupported: Path) -> None:
    outcome = kerasport("check", unsupported)
    assert outcome.code == 4
    first, *reasons = outcome.out.splitlines()
    assert first == f"✗ {unsupported}: it cannot be converted, for 2 reasons"
    assert [reason.split(":")[0].strip() for reason in reasons] == ["first", "second"]


def test_a_reason_that_layers_share_is_told_once_with_their_names(kerasport: Run, unsupported: Path) -> None:
    with h5py.File(unsupported, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        config["config"]["layers"][1:] = [
            {"class_name": "Dense", "config": {"name": name, "units": 4, "activation": "<lambda>"}} for name in "abc"
        ]
        file.attrs["model_config"] = json.dumps(config)
    first, *told = kerasport("check", unsupported).out.splitlines()
    assert first.endswith("for 1 reason")
    assert [reason.split(":")[0].strip() for reason in told] == ["a, b, c"]
    assert told[0].strip() in kerasport("convert", unsupported, unsupported.with_name("m.onnx")).err
    assert told[0].strip() in " ".join(kerasport("inspect", unsupported).out.split())
    assert len(json.loads(kerasport("check", unsupported, "--json").out)["models"][0]["problems"]) == 3


def test_the_path_of_an_unreadable_file_is_told_once(kerasport: Run, unreadable: Path, damaged: Path) -> None:
    for path in (unreadable, damaged):
        assert kerasport("check", path).out.splitlines()[0].count(str(path)) == 1


def test_several_files_have_a_line_each_and_the_hardest_code(
    kerasport: Run, seed_model: Path, unsupported: Path, unreadable: Path
) -> None:
    outcome = kerasport("check", seed_model, unsupported, seed_model)
    assert outcome.code == 4
    assert [line[0] for line in outcome.out.splitlines() if line[0] != " "] == ["✓", "✗", "✓"]
    assert kerasport("check", seed_model, unsupported, unreadable).code == 3


def test_what_only_translation_can_tell_is_told(kerasport: Run, for_opset_20: Path) -> None:
    assert kerasport("check", for_opset_20).code == 0
    outcome = kerasport("check", for_opset_20, "--opset", 13)
    assert outcome.code == 4
    assert "opset 20" in outcome.out
    assert kerasport("convert", for_opset_20, for_opset_20.with_name("m.onnx"), "--opset", 13).code == 4


def test_reasons_of_reading_and_of_translation_are_told_together(kerasport: Run, for_opset_20: Path) -> None:
    with h5py.File(for_opset_20, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        last = config["config"]["layers"][-1]
        last["class_name"] = "OfMyOwn"
        file.attrs["model_config"] = json.dumps(config)
    outcome = kerasport("check", for_opset_20, "--opset", 13)
    first, *reasons = outcome.out.splitlines()
    assert outcome.code == 4
    assert f"for {len(reasons)} reasons" in first
    assert "OfMyOwn" in reasons[0]
    assert all("opset 20" in reason for reason in reasons[1:])
    assert len(reasons) > 1
    wrong = kerasport("convert", for_opset_20, for_opset_20.with_name("m.onnx"), "--opset", 13)
    assert [line.strip(" -") for line in wrong.err.splitlines()][1:-1] == [reason.strip() for reason in reasons]


def test_the_check_and_the_conversion_agree(
    kerasport: Run, seed_model: Path, unsupported: Path, unreadable: Path, damaged: Path, tmp_path: Path
) -> None:
    for path in (seed_model, unsupported, unreadable, damaged, tmp_path / "none.h5"):
        converted = kerasport("convert", path, tmp_path / "m.onnx", "--no-validate").code
        assert kerasport("check", path).code == kerasport("inspect", path).code == converted, path


def test_json_has_all_models_and_reasons(kerasport: Run, seed_model: Path, unsupported: Path, tmp_path: Path) -> None:
    target = tmp_path / "r.xml"
    outcome = kerasport("check", seed_model, unsupported, "--json", "--report", target)
    found = json.loads(outcome.out)
    assert (found["schema"], found["command"], found["outcome"]) == (2, "check", "unsupported")
    assert found["verdict"] == "1 of 2 models cannot be converted."
    assert [model["convertible"] for model in found["models"]] == [True, False]
    assert [problem["layer"] for problem in found["models"][1]["problems"]] == ["first", "second"]
    assert target.read_text(encoding="utf-8").count("<testcase") == 3


def test_it_reads_no_weight_values(
    kerasport: Run, seed_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kerasport.reader.weights.Weight.read", lambda *_: pytest.fail("a weight is read"))
    monkeypatch.setattr("kerasport.report.facts.digest", lambda *_: pytest.fail("the whole file is read"))
    assert kp.check(seed_model).convertible
    outcome = kerasport("check", seed_model, "--json", "--report", tmp_path / "r.html")
    assert json.loads(outcome.out)["files"] == []


@pytest.mark.parametrize("last", ["CTCLayer", "Dense"])
def test_what_is_before_a_layer_at_the_end_can_be_converted(tmp_path: Path, last: str) -> None:
    kinds = {"dense": "Dense", "loss": "CTCLayer"} if last == "CTCLayer" else {"loss": "CTCLayer", "dense": "Dense"}
    layers = [{"class_name": kind, "config": {"name": name, "units": 3}} for name, kind in kinds.items()]
    problems = kp.check(write_h5(tmp_path / "ocr.h5", keras2(*layers))).problems
    around = [problem.layer for problem in problems if "with --outputs dense" in problem.hint]
    assert around == (["loss"] if last == "CTCLayer" else [])


def test_it_loads_no_back_end(seed_model: Path) -> None:
    code = (
        f"import sys, kerasport\nkerasport.check({str(seed_model)!r})\n"
        "print(sorted({m.split('.')[0] for m in sys.modules} & {'onnx', 'onnxruntime', 'tensorflow', 'keras'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_wrong_usage_is_refused(kerasport: Run, seed_model: Path) -> None:
    assert kerasport("check").code == 2
    assert kerasport("check", seed_model, "--opset", 3).code == 2
    assert kerasport("check", seed_model, seed_model, "--weights", seed_model).code == 2
    with pytest.raises(OptionError):
        kp.check(seed_model, opset=3)


# --- exit codes, the same for every command


@pytest.mark.parametrize("command", ["inspect", "check", "convert", "validate", "predict"])
def test_the_codes_of_files_are_those_that_are_documented(
    command: str, kerasport: Run, unsupported: Path, unreadable: Path, damaged: Path, seed: Path, tmp_path: Path
) -> None:
    assert kerasport("convert", seed / "my_model_tf.h5", tmp_path / "m.onnx").code == 0
    more = {
        "convert": [tmp_path / "out.onnx"],
        "validate": [tmp_path / "m.onnx"],
        "predict": ["--input", seed / "new_data.npy"],
    }.get(command, [])
    model = seed / "my_model_tf.h5"
    if command == "validate":
        assert kerasport(command, model, unreadable).code == 3
    for path, code in ((model, 0), (unsupported, 4), (unreadable, 3), (damaged, 3), (tmp_path / "no.h5", 3)):
        outcome = kerasport(command, path, *more)
        assert outcome.code == code, (path.name, outcome)
    assert kerasport(command, model, *more, "--no-such-option").code == 2
    assert kerasport(command).code == 2


def test_the_codes_of_arrays_and_of_a_mismatch(kerasport: Run, seed: Path, tmp_path: Path) -> None:
    model, target = seed / "my_model_tf.h5", tmp_path / "m.onnx"
    kp.convert(model, target)
    np.save(tmp_path / "odd.npy", np.zeros((2, 3), "float32"))
    assert kerasport("predict", target, "--input", tmp_path / "odd.npy").code == 6
    assert kerasport("validate", model, target, "--input", tmp_path / "odd.npy").code == 6
    other = tmp_path / "other.h5"
    other.write_bytes(model.read_bytes())
    with h5py.File(other, "r+") as file:
        kernel = file["model_weights/dense/dense/kernel:0"]
        kernel[...] = kernel[...] * 1.01
    assert kerasport("validate", other, target).code == 5
    (tmp_path / "plain").write_text("a file where a folder is needed", encoding="utf-8")
    assert kerasport("convert", model, tmp_path / "plain" / "m.onnx").code == 3


def test_reports_have_whole_names_of_layers_that_share_a_reason(tmp_path: Path) -> None:
    from kerasport.checking import Check
    from kerasport.report import Report, render

    names = [f"{number}_{'long' * 8}" for number in range(5)]
    problems = tuple(Problem(name, "is not supported") for name in names)
    report = Report("check", (Check(tmp_path / "m.h5", 4, problems),))
    for form in (".md", ".html"):
        text = render(report, form)
        assert all(name in text for name in names)
