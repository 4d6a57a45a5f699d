"""Layers of one's own: plugins, their skeletons, their tests, and whose fault it is when they fail."""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path

import h5py
import numpy as np
import onnxruntime
import pytest

import kerasport as kp
from kerasport import dialect, load, reference
from kerasport.conversion import to_onnx_bytes
from kerasport.custom.registry import CUSTOM
from kerasport.custom.scaffold import scaffold
from kerasport.dialect.activations import of_packages
from kerasport.dialect.model import LayerDef, ModelDef
from kerasport.dialect.writer import writer
from kerasport.errors import DamagedFileError, MismatchError, PluginError, UnsupportedModelError
from kerasport.plugins import load as load_plugin
from kerasport.runtime.sessions import Session
from kerasport.testing import check_layer
from tests.conftest import Outcome
from tests.goldens import goldens
from tests.strangers.files import dense, keras2, write_h5
from tests.test_readme import README, comparable

ROOT = Path(__file__).parent
MODELS = ROOT.parent / "fixtures" / "custom"
PLUGINS = ROOT / "plugins"
HEAD = "from kerasport.plugins import *\n"
Run = Callable[..., Outcome]


@pytest.fixture(autouse=True)
def _apart() -> Iterator[None]:
    with CUSTOM.apart():
        yield


@pytest.fixture
def plugin(tmp_path: Path) -> Callable[[str], Path]:
    """Writes a plugin."""

    def write(code: str) -> Path:
        path = tmp_path / "mine.py"
        path.write_text(HEAD + code)
        return path

    return write


@pytest.mark.parametrize("name", ["blocks.h5", "blocks.keras"])
def test_a_layer_composed_of_layers_agrees_with_keras_in_every_form(name: str) -> None:
    with load(MODELS / name, plugins=[PLUGINS / "blocks.py"]) as model, np.load(MODELS / f"{name}.npz") as arrays:
        for found in (
            reference.run(model.graph, [arrays["words"]])[0],
            Session(to_onnx_bytes(model), once=True).run([arrays["words"]])[0],
        ):
            np.testing.assert_allclose(found, arrays["topic"], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["turns.h5", "turns.keras"])
def test_a_subclass_of_one_of_kerass_layers_has_the_base_and_its_own_weights(name: str, tmp_path: Path) -> None:
    kp.convert(MODELS / name, tmp_path / "m.onnx", plugins=[PLUGINS / "turns.py"])
    with np.load(MODELS / f"{name}.npz") as arrays:
        found = Session(tmp_path / "m.onnx").run([arrays["words"]])[0]
        np.testing.assert_allclose(found, arrays["score"], rtol=1e-5, atol=1e-6)


def test_a_base_takes_all_options_but_those_that_the_plugin_reads(plugin: Callable[[str], Path]) -> None:
    load_plugin(plugin('@compose("Mine")\ndef mine(layer, x):\n    return layer.base("Dense", activation="relu")(x)\n'))
    x, kernel = np.float32([[1, -2]]), np.float32([[1, -1], [1, 1]])
    config = {"units": 2, "use_bias": False, "activation": "tanh"}
    check_layer("Mine", config, x, weights=[kernel], expected=np.maximum(x @ kernel, 0))
    with pytest.raises(UnsupportedModelError, match=r"the option 'more' .* of Dense is not known"):
        check_layer("Mine", config | {"more": 1}, x, weights=[kernel])


def test_weights_beside_those_of_a_base_are_refused(plugin: Callable[[str], Path]) -> None:
    code = '@compose("Mine")\ndef mine(layer, x):\n    return layer.base("Dense")(x) * layer.weight("scale", (2,))\n'
    load_plugin(plugin(code))
    with pytest.raises(UnsupportedModelError, match=r"asks for weights \(scale\) beside those of its base class"):
        check_layer("Mine", {"units": 2, "use_bias": False}, np.ones((1, 2), "float32"), weights=[np.ones((2, 2))] * 2)


# --- the walk-through of README


def walk_through() -> tuple[list[tuple[str, list[str]]], str]:
    """README's commands with what they print there, and the plugin."""
    section = README.split("<!-- plugin -->")[1].split("<!-- /plugin -->")[0]
    consoles = re.findall(r"```console\n(.*?)```", section, re.DOTALL)
    steps = [step.splitlines() for console in consoles for step in console.split("$ kerasport ") if step.strip()]
    (code,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    return [(lines[0], [line for line in lines[1:] if line.strip()]) for lines in steps], code


def test_the_walk_through_supports_an_attention_of_ones_own(
    kerasport: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(MODELS / "reviews.h5", tmp_path)
    monkeypatch.chdir(tmp_path)
    steps, code = walk_through()
    assert code.count("\n") < 40
    for command, expected in steps:
        if command.startswith("convert"):
            Path("my_layers.py").write_text(code)
        outcome = kerasport(*command.split())
        assert outcome.code == (4 if command.startswith("check") else 0)
        printed = [line for line in outcome.out.splitlines() if line.strip()]
        assert [comparable(line) for line in printed] == [comparable(line) for line in expected]
    with np.load(MODELS / "reviews.h5.npz") as arrays:
        found = Session(tmp_path / "reviews.onnx").run([arrays["words"]])[0]
        np.testing.assert_allclose(found, arrays["score"], rtol=1e-5, atol=1e-6)


# --- skeletons


@pytest.mark.parametrize("name", ["turns.h5", "turns.keras"])
def test_a_skeleton_knows_a_subclass_by_its_options_and_weights(name: str, tmp_path: Path) -> None:
    """With its last lines taken for what they say it converts, or would but for what ``call`` adds."""
    text = scaffold(MODELS / name).text
    assert 'y = layer.base("LSTM")(x)' in text
    assert 'factor = layer.config.number("factor")' in text
    assert 'y = layer.base("Dense")(x)' in text
    assert "layer.weight(" not in text
    path = tmp_path / "mine.py"
    path.write_text(re.sub(r'raise unfinished\("return y.*', "return y", text))
    assert not kp.check(MODELS / name, plugins=[path]).problems


@pytest.mark.parametrize("name", ["reviews.h5", "blocks.h5", "blocks.keras"])
def test_a_skeleton_loads_as_it_is_and_says_what_is_to_be_written(name: str, kerasport: Run, tmp_path: Path) -> None:
    path = tmp_path / "my_layers.py"
    assert kerasport("scaffold", MODELS / name, "--output", path).code == 0
    outcome = kerasport("check", MODELS / name, "--plugin", path)
    assert outcome.code == 4
    assert "its plugin is not finished: my_layers.py, line" in outcome.out
    assert "compute the output from x, and return it" in outcome.out


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        (
            "reviews.h5",
            [
                '@compose("ContextAttention", ignored="W_regularizer", mask="")',
                "# x is float32 ?×?×8",
                'bias = layer.config.flag("bias")  # True',
                'W = layer.weight("W", (8, 8))',
                'u = layer.weight("u", (8,))',
            ],
        ),
        (
            "blocks.h5",
            [
                'rate = layer.config.number("rate")  # 0.1',
                'layer.part("multi_head_attention", "MultiHeadAttention", num_heads=2, key_dim=6)',
                'layer.part("dense", "Dense", units=10, use_bias=True, activation=...)',
                'layer.part("embedding", "Embedding", input_dim=30, output_dim=6)',
            ],
        ),
        (
            "blocks.keras",
            [
                '@compose("TransformerBlock")',
                'layer.part("att", "MultiHeadAttention", num_heads=2, key_dim=6)',
                'layer.part("layernorm1", "LayerNormalization", epsilon=...)',
            ],
        ),
    ],
)
def test_a_skeleton_has_what_the_file_tells(name: str, lines: list[str]) -> None:
    text = scaffold(MODELS / name).text
    assert [line for line in lines if line not in text] == []


def test_a_skeleton_is_for_every_unknown_layer_and_none_that_is_known(kerasport: Run, seed_model: Path) -> None:
    assert scaffold(MODELS / "blocks.h5").classes == ("PlacedEmbedding", "TransformerBlock")
    outcome = kerasport("scaffold", seed_model)
    assert outcome.code == 2
    assert "All layers" in outcome.err
    assert '@compose("Dense")' in kerasport("scaffold", seed_model, "--layer", "dense_1").out


def test_a_skeleton_is_not_written_over_what_is_there(kerasport: Run, tmp_path: Path) -> None:
    path = tmp_path / "my_layers.py"
    path.write_text("mine")
    assert kerasport("scaffold", MODELS / "reviews.h5", "--output", path).code == 2
    assert path.read_text() == "mine"
    assert kerasport("scaffold", MODELS / "reviews.h5", "--output", path, "--force").code == 0


@pytest.mark.parametrize(
    "evil",
    [
        '"""\nimport os\n"""',
        "x')\nraise SystemExit  #",
        "a\\",
        '\\"\\n"""',
        "\u2028import os",
        "\U0001f600'\"",
        "import",
    ],
)
def test_no_text_of_a_file_becomes_code_of_a_skeleton(evil: str, tmp_path: Path) -> None:
    config = {"name": evil, "trainable": True, "dtype": "float32", evil + "key": evil, evil + "_regularizer": evil}
    source = {"class_name": "InputLayer", "config": {"name": "x", "batch_input_shape": [None, 3]}}
    dense = {"name": "dense", "units": 2, "activation": "f" + evil}
    layers = [source, {"class_name": "C" + evil, "config": config}, {"class_name": "Dense", "config": dense}]
    model = {"class_name": "Sequential", "config": {"name": "m", "layers": layers}, "keras_version": "2.15.0"}
    path = tmp_path / "model.h5"
    shutil.copy(MODELS / "reviews.h5", path)
    with h5py.File(path, "r+") as file:
        file.attrs["model_config"] = json.dumps(model)
    tree = ast.parse(scaffold(path).text)
    assert [type(node).__name__ for node in tree.body] == ["Expr", "ImportFrom", "FunctionDef", "FunctionDef"]
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    known = {"compose", "activation", "unfinished", "layer.config.get", "layer.config.expect"}
    assert called <= known


# --- what a plugin may be


def test_a_plugin_with_a_spec_of_its_own_agrees_with_itself() -> None:
    load_plugin(PLUGINS / "scaled_rows.py")
    x, offset = np.arange(24.0, dtype="float32").reshape(2, 4, 3), np.float32([1, 2, 3])
    (found,) = check_layer("ScaledRows", {"factor": 3, "seed": 1}, x, weights=[offset])
    np.testing.assert_allclose(found[:, 0], x[:, 0] * 3 + offset)
    np.testing.assert_allclose(found[:, 1], x[:, 1] + offset)


def test_a_plugin_stands_before_kerass_own_class(plugin: Callable[[str], Path], seed_model: Path) -> None:
    code = '@compose("Dense", ignored="*")\ndef dense(layer, x):\n    raise refuse("mine is asked")'
    with load(seed_model, plugins=[plugin(code)]) as model:
        assert [problem.what for problem in model.assembly.problems] == ["mine is asked"]


def test_a_plugin_is_compiled_as_it_is_now_and_nothing_is_written_beside_it(
    plugin: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    for name in (
        "one",
        "two",
        "six",
    ):  # of one size and within one second, so that bytecode in a cache would pass for new
        load_plugin(plugin(f"@activation('{name}')\ndef named(x):\n    return x\n"))
        assert CUSTOM.activation(name) is not None
    assert [path.name for path in tmp_path.iterdir()] == ["mine.py"]


def test_an_activation_function_of_ones_own(plugin: Callable[[str], Path]) -> None:
    load_plugin(plugin('@activation("squashed")\ndef squashed(x):\n    return x / (1.0 + abs(x))'))
    kernel, bias = np.float32([[1, -2], [3, 4]]), np.float32([0.5, -1])
    x = np.float32([[1, 2], [-3, 4]])
    y = x @ kernel + bias
    load_plugin(
        plugin(
            '@activation("squashed")\ndef squashed(x):\n    return x / (1.0 + abs(x))\n'
            '@compose("Mine")\ndef mine(layer, x):\n'
            '    kernel, bias = layer.weight("kernel", (2, 2)), layer.weight("bias", (2,))\n'
            "    return layer.activate(x @ kernel + bias)\n"
        )
    )
    expected = y / (1 + np.abs(y))
    check_layer("Mine", {"activation": "squashed"}, x, weights=[kernel, bias], expected=expected)


@pytest.mark.parametrize("name", ["own_functions.h5", "own_functions.keras"])
def test_functions_of_ones_own_stand_wherever_an_activation_can_and_composed_layers_in_time(
    name: str, tmp_path: Path
) -> None:
    kp.convert(MODELS / name, tmp_path / "m.onnx", plugins=[PLUGINS / "own_functions.py"])
    session = onnxruntime.InferenceSession(str(tmp_path / "m.onnx"))
    with np.load(MODELS / f"{name}.npz") as arrays:
        found = session.run(None, {node.name: arrays[node.name] for node in session.get_inputs()})
        for place, y in enumerate(found):
            np.testing.assert_allclose(y, arrays[f"output_{place}"], rtol=1e-5, atol=1e-6)


RNN_INPUT = {"class_name": "Reshape", "config": {"name": "steps", "target_shape": [2, 2]}}
SWISH = {"class_name": "Swish", "config": {"name": "swish", "beta": 1.0}}
REFUSED = {
    "class": [{"class_name": "Mine", "config": {"name": "l"}}],
    "option": [dense(surprise=True)],
    "value": [{"class_name": "Reshape", "config": {"name": "l", "target_shape": "wide"}}],
    "activation": [dense(activation="mine")],
    "inner": [RNN_INPUT, {"class_name": "Bidirectional", "config": {"name": "l", "layer": SWISH}}],
    "cell": [RNN_INPUT, {"class_name": "RNN", "config": {"name": "l", "cell": SWISH}}],
    "function": [{"class_name": "Lambda", "config": {"name": "l", "function": "mine", "function_type": "function"}}],
}


@pytest.mark.parametrize("command", ["convert", "check", "inspect", "predict", "validate"])
@pytest.mark.parametrize("refused", REFUSED)
def test_what_is_refused_ends_with_the_command_to_type(
    refused: str, command: str, kerasport: Run, tmp_path: Path
) -> None:
    path = write_h5(tmp_path / "m.h5", keras2(*REFUSED[refused]))
    onnx, x = tmp_path / "m.onnx", tmp_path / "x.npy"
    assert kerasport("convert", write_h5(tmp_path / "d.h5", keras2(dense())), onnx).code == 0
    np.save(x, np.ones((2, 4), "float32"))
    rest = {"convert": [tmp_path / "n.onnx"], "validate": [onnx], "predict": ["--input", x]}
    outcome = kerasport(command, path, *rest.get(command, []))
    told = " ".join((outcome.out + outcome.err).split())
    (typed,) = re.findall(r"(kerasport (?:scaffold|convert) \S*m\.h5 [^()]*?)\)? ?(?:Nothing|This|1 of|$)", told)
    assert outcome.code == 4
    if typed.startswith("kerasport scaffold"):
        assert kerasport(*shlex.split(typed)[1:-1], tmp_path / "mine.py").code == 0


STEPS = {"class_name": "TimeDistributed", "config": {"name": "l", "layer": dense(name="d")}}
STATES = {"class_name": "LSTM", "config": {"name": "d", "units": 2, "stateful": True, "return_sequences": True}}
STATEFUL = {"class_name": "TimeDistributed", "config": {"name": "l", "layer": STATES}}
DEEPER = {"class_name": "Reshape", "config": {"name": "deeper", "target_shape": [2, 2, 1]}}
OPERATION = {"class_name": "TFOpLambda", "config": {"name": "tf.map_fn", "function": "map_fn"}, "name": "tf.map_fn"}
MISFIT = {"class_name": "Reshape", "config": {"name": "l", "target_shape": [3]}}


@pytest.mark.parametrize(
    "layers",
    [*REFUSED.values(), [MISFIT], [STEPS], [DEEPER, STATEFUL], [OPERATION | {"inbound_nodes": []}]],
    ids=[*REFUSED, "misfit", "steps", "states", "operation"],
)
def test_every_refusal_of_the_graph_has_a_command(layers: list[dict[str, object]], tmp_path: Path) -> None:
    problems = kp.check(write_h5(tmp_path / "m.h5", keras2(*layers))).problems
    assert problems
    assert [problem for problem in problems if "kerasport " not in problem.hint] == []


@pytest.mark.parametrize(("family", "opset"), [("hashing", 13), ("strings", 20), ("preprocessing", 13)])
def test_every_refusal_of_the_export_has_a_command(family: str, opset: int, tmp_path: Path) -> None:
    found = [kp.check(golden.model(tmp_path), opset=opset) for golden in goldens(family, "*", "3.15.1-tensorflow")]
    problems = [problem for check in found for problem in check.problems]
    assert [problem for problem in problems if "kerasport " not in problem.hint] == []
    if family == "hashing":
        assert f"kerasport convert {tmp_path / 'model.h5'} model.onnx --opset 18" in problems[0].hint


def test_a_missing_shape_is_told_with_the_command(tmp_path: Path) -> None:
    model = keras2(dense(name="d"))
    model["config"]["layers"] = [{"class_name": "Flatten", "config": {"name": "flat"}}]
    (problem,) = kp.check(write_h5(tmp_path / "m.h5", model)).problems
    assert problem.hint.endswith(f"kerasport convert {tmp_path / 'm.h5'} m.onnx --input-shape 'flat_input=?x28x28x1'")


def test_a_skeleton_has_the_whole_command(tmp_path: Path) -> None:
    folder = tmp_path / ("a" * 120)
    folder.mkdir()
    weights = write_h5(folder / "w.h5", keras2(dense(activation="relu")))
    model = folder / "m.json"
    model.write_text(json.dumps(keras2(dense(activation="relu"))))
    text = scaffold(model, layers=["dense"], output="mine.py", weights=weights).text
    assert f"    kerasport convert {model} m.onnx --weights {weights} --plugin mine.py\n" in text


@pytest.mark.parametrize(("autocast", "options"), [(True, {}), (False, {"autocast": False})])
def test_what_keras_3_writes_of_a_class_without_options_is_no_option(autocast: bool, options: dict[str, bool]) -> None:
    config = {"trainable": True, "dtype": None, "autocast": autocast, "name": "own"}
    found = dialect.part("OfMyOwn", "own", config, writer("3.12.0", "tensorflow")).config
    assert found == {"trainable": True, "dtype": None, "name": "own", **options}


@pytest.mark.parametrize(("version", "convertible"), [("2.2.4", False), ("2.3.0-tf", False), ("2.4.0", True)])
def test_gelu_is_the_users_own_before_keras_has_one(
    version: str, convertible: bool, plugin: Callable[[str], Path], tmp_path: Path
) -> None:
    def signed(file: h5py.File) -> None:
        file.attrs["keras_version"] = version

    path = write_h5(tmp_path / "m.h5", keras2(dense(activation="gelu"), version=version), signed)
    problems = kp.check(path).problems
    assert not problems if convertible else "'Custom>gelu' is a function of the model's author" in problems[0].what
    assert convertible or f"kerasport scaffold {path}" in problems[0].hint
    own = plugin('@activation("gelu")\ndef gelu(x):\n    return x * ops.sigmoid(1.702 * x)')
    assert not kp.check(path, plugins=[own]).problems


@pytest.mark.parametrize(
    ("package", "version", "approximate"),
    [("TokenEmbedding", "2.2.4", 1), ("TokenEmbedding", "2.3.0-tf", 0), ("EmbeddingRet", "2.3.0-tf", 1)],
)
def test_the_gelu_of_packages_is_known_by_their_layers(package: str, version: str, approximate: int) -> None:
    layers = [LayerDef("e", package, {}), LayerDef("d", "Dense", {"activation": {"function": "Custom>gelu"}})]
    model = of_packages(ModelDef("m", tuple(layers), (), (), (), ()), writer(version, "tensorflow"))
    assert model.layers[1].config["activation"] == {"function": "gelu", "approximate": approximate}


def test_a_function_within_a_layer_may_not_call_layers_or_change_the_shape(plugin: Callable[[str], Path]) -> None:
    x, weights = np.ones((1, 2, 2), "float32"), [np.ones((2, 8), "float32")] * 2 + [np.ones(8, "float32")]
    for body in ("x[:, :1]", "ops.sum(x, axis=-1)"):
        path = plugin(f'from kerasport.plugins import ops\n@activation("halved")\ndef halved(x):\n    return {body}\n')
        load_plugin(path)
        with pytest.raises(UnsupportedModelError, match=r"'halved' has weights, or changes the shape"):
            check_layer("LSTM", {"units": 2, "activation": "halved"}, x, weights=weights)


def test_non_trainable_weights_come_last_as_keras_saves_them(plugin: Callable[[str], Path]) -> None:
    code = (
        '@compose("Counted")\ndef counted(layer, x):\n'
        '    a, b = layer.weight("a", (2,), trainable=False), layer.weight("b", (2,))\n    return x * a - b\n'
    )
    load_plugin(plugin(code))
    x, a, b = np.float32([[1, 2]]), np.float32([3, 4]), np.float32([5, 6])
    check_layer("Counted", {}, x, weights=[b, a], expected=x * a - b)


def run_with_package(folder: Path, code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """A command of kerasport where a package is installed that brings a plugin."""
    (folder / "mine.py").write_text(HEAD + code)
    about = folder / "mine-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[kerasport.layers]\nmine = mine\n")
    command = [sys.executable, "-c", "from kerasport.cli.main import main; main()", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": f"{folder}:{ROOT.parent}"}
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def test_an_installed_package_brings_plugins(tmp_path: Path) -> None:
    code = '@compose("ContextAttention", ignored="*")\ndef attention(layer, x):\n    raise refuse("of a package")'
    assert "attention: of a package" in run_with_package(tmp_path, code, "check", MODELS / "reviews.h5").stdout


def test_an_installed_package_is_imported_only_for_unknown_classes(tmp_path: Path, seed_model: Path) -> None:
    assert run_with_package(tmp_path, "raise SystemExit('imported')", "check", seed_model).returncode == 0


def test_an_installed_package_that_fails_is_named(tmp_path: Path) -> None:
    outcome = run_with_package(tmp_path, "1 / 0", "check", MODELS / "reviews.h5")
    assert outcome.returncode == 8
    assert "plugin mine of the package mine fails: ZeroDivisionError" in outcome.stderr


# --- whose fault it is

ATTENTION = '@compose("ContextAttention", ignored="*", mask="dropped")\ndef attention(layer, x):\n'


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("def broken(:", "mine.py, line 2: SyntaxError"),
        ("\nnone['W']", "mine.py, line 3: NameError"),
        ("import no_such_module", "mine.py, line 2: ModuleNotFoundError"),
        (
            2 * "@compose('A')\ndef a(layer, x):\n    return x\n",
            "mine.py, line 5: 'A' is registered twice; first in mine",
        ),
    ],
)
def test_a_plugin_that_cannot_be_loaded_is_told_with_its_line(
    code: str, told: str, plugin: Callable[[str], Path], kerasport: Run, seed_model: Path
) -> None:
    outcome = kerasport("inspect", seed_model, "--plugin", plugin(code))
    assert outcome.code == 8
    assert told in outcome.err
    assert "Traceback" not in outcome.err


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("x.shape[7]", "its plugin fails: mine.py, line 4: IndexError"),
        ("return x @ layer.weight('W', (3, 3))", "its plugin does not fit: mine.py, line 4:"),
        ("return x @ layer.weight('W', (x.shape[1], 3))", "mine.py, line 4: the shape (None, 3) of the weight 'W'"),
        ("return ops.nothing(x)", "mine.py, line 4: the operation 'nothing' is not supported"),
        ("return ops.sum(x, axis=1, tempo=3)", "mine.py, line 4: the operation 'Sum' is called with tempo"),
        ("return 3", "its function returns int where a tensor"),
        ("if x[0, 0, 0] > 0: return x", "mine.py, line 4: a condition on a tensor's numbers"),
        ("return layer.part('a', 'Nonsense')(x)", "attention/a: the layer class 'Nonsense' is not supported"),
        ("layer.config.integer('bias')", "mine.py, line 4: bias is 'True' where a whole number is needed"),
    ],
)
def test_a_plugin_that_fails_is_told_with_its_line(
    body: str, told: str, plugin: Callable[[str], Path], kerasport: Run
) -> None:
    outcome = kerasport("check", MODELS / "reviews.h5", "--plugin", plugin(ATTENTION + f"    {body}"))
    assert outcome.code == 4
    assert told in outcome.out


def test_a_plugin_must_say_what_becomes_of_a_mask(plugin: Callable[[str], Path]) -> None:
    path = plugin(ATTENTION.replace(', mask="dropped"', "") + "    return x")
    with load(MODELS / "reviews.h5", plugins=[path]) as model:
        assert "does not say what happens to it" in model.assembly.problems[0].what


def test_options_that_a_plugin_does_not_read_are_refused(plugin: Callable[[str], Path]) -> None:
    path = plugin(ATTENTION.replace(', ignored="*"', "") + "    return x")
    with load(MODELS / "reviews.h5", plugins=[path]) as model:
        assert "the option 'bias' (True) of ContextAttention is not known" in model.assembly.problems[0].what


def test_weights_that_do_not_fit_a_plugin_are_refused(plugin: Callable[[str], Path]) -> None:
    path = plugin(ATTENTION + "    return ops.mean(x @ layer.weight('W', (8, 8)), axis=1)")
    with (
        load(MODELS / "reviews.h5", plugins=[path]) as model,
        pytest.raises(DamagedFileError, match=r"'attention' needs 1 weights \(W\) and the file has 3") as error,
    ):
        model.graph  # noqa: B018
    assert "mine.py, line 2" in error.value.hint


SPEC = """
@layer("Mine")
@frozen
class Mine(Spec):
    def infer(self, *inputs):
        return inputs[0]

@reference(Mine)
def computed(spec, context, x):
    {reference}

@translation(Mine)
def written(spec, b, x):
    {translation}
"""
RIGHT = {"reference": "return x + 1.0", "translation": 'return b.tensor(b.op("Add", b.logical(x), b.constant(1.0)))'}


@pytest.mark.parametrize(
    ("wrong", "error", "told"),
    [
        ({}, None, ""),
        ({"reference": "return x + 2.0"}, MismatchError, "ONNX Runtime and the reference differ by"),
        ({"reference": "return x[:, 0]"}, PluginError, r"mine.py, line 9: the reference of Mine gives the shape"),
        ({"reference": "return x + nothing"}, PluginError, "mine.py, line 11: NameError"),
        (
            {"translation": "return b.tensor(nothing)"},
            UnsupportedModelError,
            "its plugin fails: mine.py, line 15: Name",
        ),
    ],
)
def test_reference_and_translation_are_held_against_each_other(
    wrong: dict[str, str], error: type[Exception] | None, told: str, plugin: Callable[[str], Path]
) -> None:
    load_plugin(plugin(SPEC.format(**RIGHT | wrong)))
    x = np.float32([[1, 2, 3], [4, 5, 6]])
    with pytest.raises(error, match=told) if error else nullcontext():
        check_layer("Mine", {}, x, expected=x + 1)


def test_a_layer_that_differs_from_keras_is_told() -> None:
    load_plugin(PLUGINS / "scaled_rows.py")
    x = np.ones((2, 4, 3), np.float32)
    with pytest.raises(MismatchError, match="Keras and the reference differ"):
        check_layer("ScaledRows", {"factor": 3}, x, weights=[np.zeros(3)], expected=x)


@pytest.mark.parametrize("kwargs", [{}, {"other": ["x", 0, 0]}])
def test_a_call_with_other_tensors_than_a_plugin_takes(
    plugin: Callable[[str], Path], tmp_path: Path, kwargs: dict[str, object]
) -> None:
    own = {"class_name": "Own", "name": "own", "config": {"name": "own"}, "inbound_nodes": [[["x", 0, 0, kwargs]]]}
    x = {"class_name": "InputLayer", "name": "x", "config": {"name": "x", "batch_input_shape": [None, 4]}}
    ends = {"input_layers": [["x", 0, 0]], "output_layers": [["own", 0, 0]]}
    config = {"name": "m", "layers": [{**x, "inbound_nodes": []}, own], **ends}
    model = {"class_name": "Functional", "config": config}
    code = "@compose('Own')\ndef own(layer, x, other):\n    return x\n"
    (problem,) = kp.check(write_h5(tmp_path / "m.h5", model), plugins=[plugin(code)]).problems
    assert "mine.py, line 2 takes (layer, x, other): missing a required argument: 'other'" in problem.what
    assert ("beside other=" in problem.what) == ("layer.argument(name)" in problem.hint) == bool(kwargs)
