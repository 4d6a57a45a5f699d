"""Who stands alone, where ONNX Runtime and the reference disagree."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import kerasport as kp
from kerasport.reference import core
from kerasport.runtime.sessions import Session
from kerasport.validation import Settings
from kerasport.validation.effort import seconds
from kerasport.validation.error import Limit
from kerasport.validation.witness import Answer, Dispute, settle
from tests.goldens import goldens

ONE = np.ones((2, 3))
LIMIT = Limit(rtol=1e-3)


@pytest.mark.parametrize(
    ("maker", "evaluator", "fresh", "alone", "words"),
    [
        ("", ONE, 2 * ONE, "runtime", "ONNX Runtime stands alone"),
        ("", 2 * ONE, ONE, "translation", "the file stands alone"),
        ("tf2onnx", 2 * ONE, ONE, "translation", "what tf2onnx wrote stands alone"),
        ("", None, ONE, "translation", "was not asked (too slow)"),
        ("", 2 * ONE, 2 * ONE, "", "contradict each other"),
        ("tf2onnx", 2 * ONE, 2 * ONE, "reference", "the reference stands alone"),
        ("", 3 * ONE, 4 * ONE, "", "agrees with neither"),
        ("", 2.001 * ONE, ONE, "translation", "agrees with ONNX Runtime"),
        ("", None, None, "", "cannot be run"),
    ],
)
def test_two_against_one(maker: str, evaluator: Any, fresh: Any, alone: str, words: str) -> None:
    dispute = Dispute("dense", ONE, 2 * ONE, LIMIT, maker)
    witness = settle(dispute, Answer(evaluator, "too slow"), Answer(fresh, "it cannot be run"))
    assert witness.alone == alone
    assert words in witness.text


def test_a_layer_that_onnx_runtime_cannot_run_is_its_own_fault_where_the_evaluator_can() -> None:
    witness = settle(Dispute("dense", ONE, None, LIMIT), Answer(ONE), Answer())
    assert witness.alone == "runtime"


def altered(path: Path, factor: float) -> None:
    """Multiplies the first kernel of an ONNX file."""
    model = onnx.load(path)
    tensor = next(tensor for tensor in model.graph.initializer if tensor.name.endswith("kernel"))
    values = onnx.numpy_helper.to_array(tensor) * np.float32(factor)
    tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))
    onnx.save(model, path)


@pytest.mark.parametrize("case", ["lenet", "char_lstm", "cnn_lstm", "wide_and_deep"])
def test_a_file_that_was_altered_stands_alone(case: str, tmp_path: Path) -> None:
    model = goldens("models", case, "2.15.0-tensorflow")[0].model(tmp_path)
    kp.convert(model, tmp_path / "m.onnx", validate=False)
    altered(tmp_path / "m.onnx", 1.01)
    result = kp.validate(model, tmp_path / "m.onnx")
    assert [witness.alone for witness in result.witnesses] == ["translation"]
    assert "agrees with ONNX Runtime" in result.witnesses[0].text
    assert result.verdict().endswith("the ONNX model stands alone")


def test_a_wrong_reference_is_not_taken_for_right(
    seed_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = core.apply
    kp.convert(seed_model, tmp_path / "m.onnx", validate=False)
    monkeypatch.setattr(core, "apply", lambda *args: right(*args) * 1.01)
    witness = kp.validate(seed_model, tmp_path / "m.onnx").witnesses[0]
    assert witness.alone == ""
    assert "contradict each other" in witness.text


def test_a_wrong_runtime_stands_alone(seed_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = Session.run

    def wrong(self: Session, inputs: Sequence[Any], outputs: Sequence[str] | None = None) -> list[Any]:
        return [array * np.float32(1.01) for array in right(self, inputs, outputs)]

    kp.convert(seed_model, tmp_path / "m.onnx", validate=False)
    monkeypatch.setattr(Session, "run", wrong)
    assert {witness.alone for witness in kp.validate(seed_model, tmp_path / "m.onnx").witnesses} == {"runtime"}


def test_an_optimizer_that_goes_wrong_stands_alone(
    seed_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = Session.run
    kp.convert(seed_model, tmp_path / "m.onnx", validate=False)
    optimized: list[Session] = []

    def wrong(self: Session, inputs: Sequence[Any], outputs: Sequence[str] | None = None) -> list[Any]:
        factor = np.float32(1.01 if self in optimized else 1.0)
        return [array * factor for array in right(self, inputs, outputs)]

    def adapted(graph: Any, session: Session, *args: Any) -> Any:
        optimized.append(session)
        return original(graph, session, *args)

    module = sys.modules[Settings.__module__]
    original = module.adapted
    monkeypatch.setattr(module, "adapted", adapted)
    monkeypatch.setattr(Session, "run", wrong)
    result = kp.validate(seed_model, tmp_path / "m.onnx")
    assert {witness.alone for witness in result.witnesses} == {"runtime"}
    assert result.verdict().endswith("ONNX Runtime stands alone")
    monkeypatch.setattr(Session, "without_optimizer", lambda self: self)
    result = kp.validate(seed_model, tmp_path / "m.onnx")
    assert not result.witnesses
    assert result.verdict().endswith("each layer on its own is right")


def part(op: str, shapes: Sequence[Sequence[int]], **attributes: Any) -> float:
    """The seconds for one node."""
    names = [f"x{i}" for i in range(len(shapes))]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names]
    graph = helper.make_graph(
        [helper.make_node(op, names, ["y"], **attributes)], "g", values, [onnx.ValueInfoProto(name="y")]
    )
    return seconds(helper.make_model(graph), {name: tuple(shape) for name, shape in zip(names, shapes, strict=True)})


def test_what_would_take_too_long_is_known_beforehand() -> None:
    small, large = (2, 8, 16, 16), (2, 64, 224, 224)
    for op, attributes in (("MaxPool", {"kernel_shape": [2, 2]}), ("Relu", {})):
        assert part(op, [small], **attributes) < 1.0
    assert part("MaxPool", [large], kernel_shape=[2, 2]) > 100.0
    assert part("Conv", [small, (8, 8, 3, 3)]) < 1.0
    assert part("Conv", [large, (64, 64, 3, 3)]) > 5.0
    assert part("MatMul", [(4096, 4096), (4096, 4096)]) > 5.0
