"""What the inputs of a comparison excite, and what of that is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import kerasport as kp
from kerasport.graph import Call, Graph
from kerasport.layers.activation import Activation
from kerasport.layers.base import Spec, TensorType, Value
from kerasport.layers.functions import Function, function
from kerasport.layers.merge import Add
from kerasport.layers.ops import NotEqualTo
from kerasport.loading import load
from kerasport.reference.activation import apply
from kerasport.validation.coverage import Coverage
from kerasport.validation.inputs import Trial, generate, others
from tests.goldens import Golden, goldens

LENET = goldens("models", "lenet", "2.15.0-tensorflow")[0]


def written(golden: Golden, folder: Path) -> Path:
    """A golden with its ONNX model, unproven, beside it."""
    source = golden.model(folder)
    kp.convert(source, folder / "m.onnx", validate=False)
    return source


def layer(spec: Spec, reads: int = 1, dtype: str = "float32") -> Graph:
    """A graph of inputs through a Dense-like first step into one layer, ``y``."""
    x = tuple(Value(f"x{i}", TensorType((None, 3))) for i in range(reads))
    arms = tuple(Value(f"arm{i}", TensorType((None, 3))) for i in range(reads))
    calls = [
        Call(arm.name, "", Activation(activation=function("tanh")), (v,), (), (arm,))
        for v, arm in zip(x, arms, strict=True)
    ]
    y = Value("y", TensorType((None, 3), dtype))
    return Graph("g", x, (y,), ("y",), (*calls, Call("y", "y", spec, arms, (), (y,))), {})


def ranges(low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
    return np.full(3, float(low)), np.full(3, float(high))


def test_coverage_looks_only_at_what_depends_on_the_inputs(tmp_path: Path) -> None:
    with load(LENET.model(tmp_path)) as model:
        coverage = Coverage(model.graph)
        name = model.graph.calls[0].outputs[0].name
    coverage.add({name: (np.zeros(3), np.array([0.0, 1.0, 0.0])), "elsewhere": (np.zeros(2), np.zeros(2))}, {})
    assert (coverage.channels(name), coverage.dead(name), coverage.total) == (3, 2, 2)
    coverage.add({name: (np.array([0.0, 0.0, -1.0]), np.zeros(3))}, {})
    assert coverage.dead(name) == 1


@pytest.mark.parametrize(
    ("activation", "low", "high", "idle"),
    [
        (function("relu"), 0.0, 2.0, ()),
        (function("relu"), 0.5, 2.0, ("relu never below 0",)),
        (function("relu6"), 0.0, 5.0, ("relu6 never above 6",)),
        (function("relu6"), 0.0, 6.0, ()),
        (function({"function": "relu", "max_value": 1.0}), 0.0, 0.5, ("relu never above 1",)),
        (function("hard_sigmoid"), 0.2, 0.8, ("hard_sigmoid never below -3", "hard_sigmoid never above 3")),
        (function("leaky_relu"), -0.1, 1.0, ()),
        (function("elu"), 0.1, 1.0, ("elu never below 0",)),
        (function({"function": "thresholded_relu", "theta": 2.0}), 0.0, 2.5, ()),
        (function("hard_shrink"), 0.0, 1.0, ("hard_shrink never below -0.5",)),
        (function("tanh"), 0.1, 0.2, ()),
    ],
)
def test_sides_of_an_activation_that_are_never_taken_are_told(
    activation: Function, low: float, high: float, idle: tuple[str, ...]
) -> None:
    coverage = Coverage(layer(Activation(activation=activation)))
    coverage.add({"y": ranges(low, high)}, {})
    assert coverage.idle("y") == idle
    assert coverage.total == len(idle)


@pytest.mark.parametrize("name", ["relu", "relu6", "elu", "hard_sigmoid", "hard_tanh", "soft_shrink", "sparse_plus"])
def test_an_activation_bends_where_it_is_said_to(name: str) -> None:
    f = function(name)
    x = np.array([bend + side * 1e-4 for bend in f.bends for side in (-2, -1, 1, 2)])
    slopes = np.diff(apply(f, x).reshape(-1, 4), axis=1)
    assert f.bends
    assert (np.abs(slopes[:, 0] - slopes[:, 2]) > 1e-9).all()


def test_gates_that_never_open_or_close_are_told() -> None:
    coverage = Coverage(layer(Activation(activation=function("tanh"))))
    coverage.add({"y": ranges(0, 1)}, {"y": {"input gate": (0.1, 0.4), "forget gate": (0.6, 0.9)}})
    assert coverage.idle("y") == ("input gate never open", "forget gate never closed")
    coverage.add({"y": ranges(0, 1)}, {"y": {"input gate": (0.1, 0.7), "forget gate": (0.6, 0.9)}})
    assert coverage.idle("y") == ("forget gate never closed",)


def test_arms_that_are_always_zero_and_bools_that_never_change_are_told() -> None:
    coverage = Coverage(layer(Add(), reads=2))
    coverage.add({"y": ranges(0, 1), "arm0": ranges(0, 0), "arm1": ranges(0, 1)}, {})
    assert coverage.idle("y") == ("arm0 always 0",)
    coverage = Coverage(layer(NotEqualTo(value=0.0), dtype="bool"))
    coverage.add({"y": (np.asarray(True), np.asarray(True))}, {})
    assert (coverage.idle("y"), coverage.channels("y"), coverage.never_false) == (("never false",), 0, {"y"})


def test_gates_are_seen_in_the_layers_that_have_them(tmp_path: Path) -> None:
    golden = goldens("recurrent", "lstm_masked", "2.15.0-tensorflow")[0]
    with load(golden.model(tmp_path)) as model:
        seen: set[str] = set()
        from kerasport.reference import run_layers
        from kerasport.reference.registry import Watch

        def watch(call: Call) -> Watch:
            def note(name: str, gate: np.ndarray) -> np.ndarray:
                seen.add(name)
                assert gate.min() >= 0
                assert gate.max() <= 1
                return gate

            return note

        for _ in run_layers(model.graph, golden.inputs, watch=watch):
            pass
    assert seen == {"input gate", "forget gate", "output gate"}


def test_layers_whose_masks_no_input_makes_are_tried_with_drawn_ones(tmp_path: Path) -> None:
    golden = goldens("masks", "conv_lstm", "2.15.0-tensorflow")[0]
    source = written(golden, tmp_path)
    right = kp.validate(source, tmp_path / "m.onnx")
    assert right.passed
    assert [trial.source for trial in right.trials][-1] == "masked"
    model = onnx.load(tmp_path / "m.onnx")
    (lstm,) = (node for node in model.graph.node if node.op_type == "LSTM")
    assert lstm.input[4]
    lstm.input[4] = ""
    onnx.save(model, tmp_path / "m.onnx")
    wrong = kp.validate(source, tmp_path / "m.onnx")
    assert [entry.name for entry in wrong.layers if not entry.passed] == ["lstm"]


def test_open_sizes_are_tried_odd_and_even(tmp_path: Path) -> None:
    golden = goldens("recurrent", "lstm_any_time", "2.15.0-tensorflow")[0]
    with load(golden.model(tmp_path)) as model:
        first = Trial(3, 12, range(10))
        due = [other.trial.size for other in others(model.graph, first, None) if other.due]
    assert [size % 3 for size in (first.size, *due)] == [0, 1, 2]


@pytest.mark.parametrize(
    ("family", "case", "keras", "layer", "change"),
    [
        ("transfer", "any_size", "3.15.1-tensorflow", "global_average_pooling2d", {"op_type": "GlobalMaxPool"}),
        ("pooling", "unknown_length_gaps", "2.4.0-tensorflow", "average_p3_s4@1", {"count_include_pad": 1}),
    ],
)
def test_open_sizes_reach_several_positions_and_padding(
    tmp_path: Path, family: str, case: str, keras: str, layer: str, change: dict[str, Any]
) -> None:
    source = written(goldens(family, case, keras)[0], tmp_path)
    model = onnx.load(tmp_path / "m.onnx")
    (node,) = (node for node in model.graph.node if layer in node.name.split("/") and "AveragePool" in node.op_type)
    if "op_type" in change:
        node.op_type = change["op_type"]
    else:
        (name,) = change
        kept = [attribute for attribute in node.attribute if attribute.name != name]
        del node.attribute[:]
        node.attribute.extend([*kept, onnx.helper.make_attribute(name, change[name])])
    onnx.save(model, tmp_path / "m.onnx")
    assert [entry.name for entry in kp.validate(source, tmp_path / "m.onnx").layers if not entry.passed] == [layer]


def test_masks_given_as_numbers_mask_something(tmp_path: Path) -> None:
    with load(goldens("masks", "numbers", "2.15.0-tensorflow")[0].model(tmp_path)) as model:
        inputs = dict(
            zip((v.name for v in model.graph.inputs), generate(model.graph, Trial(3, 0, range(10)), 0), strict=True)
        )
    assert {name: set(np.unique(inputs[name])) for name in ("whole", "real")} == {"whole": {0, 1}, "real": {0.0, 1.0}}


def test_bools_that_no_input_makes_false_are_tried_with_what_makes_them_drawn(tmp_path: Path) -> None:
    source = written(goldens("masks", "concatenate", "3.15.1-tensorflow")[0], tmp_path)
    right = kp.validate(source, tmp_path / "m.onnx")
    assert right.passed
    model = onnx.load(tmp_path / "m.onnx")
    (node,) = (node for node in model.graph.node if node.name == "any_4/ReduceMax")
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array([1]), "other axes"))
    node.input[1] = "other axes"
    onnx.save(model, tmp_path / "m.onnx")
    assert [entry.name for entry in kp.validate(source, tmp_path / "m.onnx").layers if not entry.passed] == ["any_4"]
