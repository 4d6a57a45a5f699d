"""Lambda layers in files: what is refused and why, what the user can do about it, and what the file may try."""

from __future__ import annotations

import base64
import marshal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import onnxruntime
import pytest

import kerasport as kp
from kerasport.errors import LayerError, OptionError, UnsupportedModelError
from tests.conftest import Outcome
from tests.lambdas.codes import codes
from tests.strangers.files import Config, dense, keras2, keras3, write_archive, write_h5
from tests.strangers.watch import watched

Run = Callable[..., Outcome]


def dumped(text: str) -> str:
    """A function's code as Keras stores it; it is compiled here as the user's Python would, and not run."""
    module = compile(text if text.startswith("def") else f"f = {text}", "notebook.py", "exec")
    code = next(const for const in module.co_consts if hasattr(const, "co_code"))
    return base64.b64encode(marshal.dumps(code)).decode()


def layer(text: str, **config: Any) -> Config:
    function = [dumped(text), config.pop("defaults", None), config.pop("closure", None)]
    whole = {"name": "f", "function": function, "function_type": "lambda", "arguments": {}, **config}
    return {"class_name": "Lambda", "config": whole}


def model(folder: Path, text: str, **config: Any) -> Path:
    version = config.pop("version", "2.15.0")

    def signed(file: h5py.File) -> None:
        file.attrs["keras_version"] = version

    return write_h5(folder / "m.h5", keras2(layer(text, **config)), signed)


def run(path: Path, **reading: Any) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """An input, and what the converted model makes of it."""
    result = kp.convert(path, path.with_suffix(".onnx"), **reading)
    assert result.validation is not None
    x = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")
    session = onnxruntime.InferenceSession(str(result.path))
    return x, session.run(None, {"x": x})[0]


LOOP = "def f(x):\n    while True:\n        x = x + 1\n"
SAMPLING = """def f(x):
    mean, variance = x[:, :2], x[:, 2:]
    epsilon = K.random_normal(shape=(K.shape(mean)[0], 2), mean=0.0, stddev=1.0)
    return mean + K.exp(variance / 2) * epsilon
"""
REFUSED = {
    "lambda x: x * SCALE": "'SCALE', whose value is not in the file",
    "lambda x: x / T": "uses 'T' as a value, which is not in the file",
    "lambda x: x[:, :k]": "uses 'K' as a value, which is not in the file",
    "lambda x: helper(x)": "'helper', whose value is not in the file",
    "lambda x: open('f')": "'open', whose value is not in the file",
    "lambda x: __import__('os').system('true')": "'__import__', whose value is not in the file",
    "lambda x: x.__class__": "asks a tensor for '__class__'",
    "lambda x: ().__class__.__bases__": "asks a tuple for '__class__'",
    "lambda x: 'a'.format(x)": "asks 'a' for 'format'",
    "lambda x: K.meen(x)": r"K\.meen, which is not supported.*nearest supported function is K\.mean",
    "lambda x: K.batch_dot(x[None, None], x[None, None])": "not the same in all Kerases",
    "lambda x: tf.unknown.thing(x)": r"tf\.unknown\.thing, which is not supported",
    "lambda x: tf.while_loop(lambda y: True, lambda y: y, [x])": "runs a Python function over a tensor",
    "lambda x: tf.py_function(lambda y: y, [x], tf.float32)": "runs a Python function over a tensor",
    "lambda x: tf.map_fn(lambda y: (y, y), x)": "gives several tensors for each row",
    "lambda x: tf.scan(lambda a, b: b[:2], x)": "of another shape than the one before",
    "lambda x: tf.map_fn(lambda y: y, 3.0)": "through the rows of what has none",
    "lambda x: keras.layers.Dense(units=3)(x)": "makes a layer Dense, whose weights are not in the file",
    "lambda x: layers.LSTM(3, True)(x)": "makes a layer LSTM of arguments without names",
    "lambda x: tf.image.resize_images(x[:, None, None], (2, 2))": "which TensorFlow 2 does not have",
    "lambda x: K.stack([x[:, i] for i in {x.shape[1], 2, 1}])": "a set, in an order that Python does not promise",
    "lambda x: [row for row in x]": "samples of a batch one by one",
    "lambda x: x if K.sum(x) > 0 else -x": "branches on the values of a tensor",
    "lambda x: K.random_uniform(K.shape(x)) + x": "draws random numbers.*--sampling mean",
    "lambda x: tf.nn.dropout(x, 0.5)": "random",
    "lambda x: tf.random.shuffle(x)": "draws random numbers",
    "lambda x: K.ctc_batch_cost(x, x, x, x)": "loss of CTC.*save the model",
    "lambda x: np.sqrt(x)": "on a tensor, which fails in Keras too",
    "lambda x: {'y': x}": "gives a dict and no tensor",
    "lambda x: None": "gives None and no tensor",
    "lambda x: x.shape": "gives a shape and no tensor",
    "lambda x: x @ [1, 2, 3]": "cannot be multiplied",
    "lambda x, y: x": "called without its argument 'y'",
    "lambda x: (lambda g: g(g))(lambda g: g(g))": "more than 40 deep",
    "lambda x: [0] * 10 ** 9": "too large",
    "lambda x: x * (7 ** 99) ** 99": "too large",
    "lambda x: sum(i for i in range(10 ** 9))": "more than 10,000 items",
    "lambda x: x + np.zeros((10 ** 5, 10 ** 5))": "too large",
    "lambda x: x + np.outer(np.arange(99999), np.arange(99999))": "too large",
    LOOP: "more than 20,000 steps",
    SAMPLING: "draws random numbers",
    "def f(x):\n    raise ValueError(x)\n": "uses raise|'ValueError'",
    "def f(x):\n    with tf.GradientTape() as tape:\n        return x\n": "calls tf.GradientTape, which is not",
    "def f(x):\n    with x:\n        return x\n": "enters a tensor by with",
    "def f(x):\n    x[0] = 1\n    return x\n": "assigns to a part of a tensor",
}


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: text.replace("\n", ";")[:40])
def test_what_is_not_supported_is_refused_with_the_reason_the_function_and_what_to_type(
    text: str, tmp_path: Path
) -> None:
    with pytest.raises(UnsupportedModelError, match=REFUSED[text]) as caught:
        kp.convert(model(tmp_path, text), tmp_path / "m.onnx")
    message = str(caught.value)
    assert "; the function is lambda" in message or "; the function is def f(x" in message
    assert message.rstrip(")").endswith(f"kerasport convert {tmp_path}/m.h5 m.onnx --lambda 'f=x * 2'")
    assert not (tmp_path / "m.onnx").exists()


def test_random_numbers_can_be_taken_as_their_mean(tmp_path: Path) -> None:
    x, y = run(model(tmp_path, SAMPLING), sampling="mean")
    np.testing.assert_allclose(y, x[:, :2])


@pytest.mark.parametrize("text", ["x * 2 + 1", "lambda t: t + t + 1", "lambda a, b=2: a * b + 1"])
def test_a_function_can_be_given_as_text(text: str, tmp_path: Path) -> None:
    x, y = run(model(tmp_path, "lambda x: x * SCALE"), lambdas={"f": text})
    np.testing.assert_allclose(y, x * 2 + 1, rtol=1e-6)


@pytest.mark.parametrize("command", ["convert", "inspect", "check", "predict", "validate"])
def test_every_command_takes_functions_as_text(command: str, kerasport: Run, tmp_path: Path) -> None:
    path = model(tmp_path, "lambda x: x * SCALE")
    onnx, x = tmp_path / "m.onnx", tmp_path / "x.npy"
    np.save(x, np.ones((2, 4), "float32"))
    given = ["--lambda", "f=x * 2"]
    if command == "validate":
        assert kerasport("convert", path, onnx, *given).code == 0
    rest = {"convert": [onnx], "validate": [onnx], "predict": ["--input", x, "--output", tmp_path / "y.npy"]}
    assert kerasport(command, path, *rest.get(command, [])).code == 4
    assert kerasport(command, path, *rest.get(command, []), *given).code == 0


@pytest.mark.parametrize("text", ["x *", "import os", "x; x", "open('f')", "x if", "(" * 300 + "x" + ")" * 300])
def test_text_that_is_no_function_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedModelError, match=r"no Python expression|'open', whose value"):
        kp.convert(model(tmp_path, "lambda x: x"), tmp_path / "m.onnx", lambdas={"f": text})


def test_text_for_a_layer_that_is_not_there_names_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"no Lambda layer 'g'.*There is f\."):
        kp.inspect(model(tmp_path, "lambda x: x"), lambdas={"g": "x"})
    with pytest.raises(OptionError, match="no Lambda layer 'dense'"):
        kp.inspect(write_h5(tmp_path / "d.h5", keras2(dense())), lambdas={"dense": "x"})


def test_a_class_that_is_not_known_can_be_given_as_text(tmp_path: Path) -> None:
    path = write_h5(tmp_path / "m.h5", keras2({"class_name": "Doubling", "config": {"name": "f"}}))
    x, y = run(path, lambdas={"f": "2 * x"})
    np.testing.assert_allclose(y, 2 * x)


def test_a_function_of_which_the_file_has_the_name_alone_is_refused_with_the_way_on(tmp_path: Path) -> None:
    config = {"name": "f", "function": "my_function", "function_type": "function", "module": "__main__"}
    path = write_h5(tmp_path / "m.h5", keras2({"class_name": "Lambda", "config": config}))
    with pytest.raises(
        UnsupportedModelError, match=r"only the name of its function is in the file, 'my_function'.*--lambda"
    ):
        kp.convert(path, tmp_path / "m.onnx")


@pytest.mark.parametrize(("module", "name"), [("keras.ops", "square"), ("keras.src.ops.numpy", "square")])
def test_functions_of_keras_itself_are_known_by_their_names(module: str, name: str, tmp_path: Path) -> None:
    function = {"module": module, "class_name": "function", "config": name, "registered_name": "function"}
    config = keras3({"class_name": "Lambda", "config": {"name": "f", "function": function, "arguments": {}}})
    x, y = run(write_archive(tmp_path / "m.keras", config))
    np.testing.assert_allclose(y, x * x, rtol=1e-6)


def test_code_of_keras_2_before_base64_is_read(tmp_path: Path) -> None:
    text = codes("lambda x: x * 2")["3.6"].decode("latin-1")
    config = {"name": "f", "function": [text, None, None], "function_type": "lambda", "arguments": {}}
    x, y = run(write_h5(tmp_path / "m.h5", keras2({"class_name": "Lambda", "config": config}, version="2.0.8")))
    np.testing.assert_allclose(y, x * 2)


def test_defaults_closures_and_arguments_are_those_of_the_file(tmp_path: Path) -> None:
    closed = "def outer(k):\n    return lambda x, a, b: x * a + b * k\n"
    (code,) = (const for const in compile(closed, "n.py", "exec").co_consts[0].co_consts if hasattr(const, "co_code"))
    function = [base64.b64encode(marshal.dumps(code)).decode(), [3.0], [2.0]]
    config = {"name": "f", "function": function, "function_type": "lambda", "arguments": {"a": 5.0}}
    x, y = run(write_h5(tmp_path / "m.h5", keras2({"class_name": "Lambda", "config": config})))
    np.testing.assert_allclose(y, x * 5 + 6, rtol=1e-6)


@pytest.mark.parametrize(
    ("variable", "inside", "reason"),
    [
        ("target", "surprise", r"its function calls tf\.surprise, which is not supported"),
        ("fn", "op_dispatch_handler", "one of TensorFlow's own, of which the file has not even the name"),
    ],
)
def test_functions_of_tensorflow_that_keras_saves_as_their_wrapper_are_told(
    variable: str, inside: str, reason: str, tmp_path: Path
) -> None:
    text = f"def outer({variable}):\n    return lambda *args: {variable}(*args)\n"
    outer = compile(text, "site-packages/tensorflow/python/util/dispatch.py", "exec").co_consts[0]
    (code,) = (const for const in outer.co_consts if hasattr(const, "co_code"))
    function = [base64.b64encode(marshal.dumps(code)).decode(), None, [inside]]
    config = {"name": "f", "function": function, "function_type": "lambda"}
    with pytest.raises(UnsupportedModelError, match=reason):
        kp.convert(write_h5(tmp_path / "m.h5", keras2({"class_name": "Lambda", "config": config})), tmp_path / "m.onnx")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"output_shape": [3], "output_shape_type": "raw"}, r"gives the shape \?×4, and its output_shape says \?×3"),
        ({"output_shape": [4, 1], "output_shape_type": "raw"}, "output_shape says"),
        ({"mask": [dumped("lambda x, mask: x"), None, None], "mask_type": "lambda"}, "makes what is no mask"),
        ({"surprise": 1}, "the option 'surprise' of Lambda is not known"),
    ],
)
def test_what_the_layer_says_beside_its_function_must_fit(change: Config, reason: str, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedModelError, match=reason):
        kp.convert(model(tmp_path, "lambda x: x", version="2.2.4", **change), tmp_path / "m.onnx")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("lambda x: tf.image.resize(x, (2, 2))", "TensorFlow 1 and 2 resize images differently"),
        ("lambda x: K.cast(x == 0, 'float32')", "as only TensorFlow 2 does by value"),
    ],
)
def test_what_two_tensorflows_do_differently_is_refused_where_the_file_does_not_say_which(
    text: str, reason: str, tmp_path: Path
) -> None:
    with pytest.raises(UnsupportedModelError, match=reason):
        kp.convert(model(tmp_path, text, version="2.3.1"), tmp_path / "m.onnx")


def test_a_mask_that_is_none_is_none(tmp_path: Path) -> None:
    x, y = run(model(tmp_path, "lambda x: x + 1", mask=[dumped("lambda *_: None"), None, None], mask_type="lambda"))
    np.testing.assert_allclose(y, x + 1)


def test_inspect_shows_functions(kerasport: Run, tmp_path: Path) -> None:
    outcome = kerasport("inspect", model(tmp_path, "lambda x, n=3: K.mean(x, axis=1) * n", defaults=[3]))
    assert outcome.code == 0
    assert "f: lambda x, n=3: K.mean(x, axis=1) * n" in outcome.out


def test_nothing_runs_while_a_function_is_read(kerasport: Run, tmp_path: Path) -> None:
    path = model(tmp_path, "lambda x: (print(x), [f(x) for f in (abs, K.square)])[1][0]")
    with watched(tmp_path) as found:
        outcome = kerasport("convert", path, tmp_path / "m.onnx")
    assert not found
    assert outcome.code == 0


def test_damaged_code_is_told_from_code_that_is_not_supported() -> None:
    from kerasport.lambdas.reading import read
    from kerasport.lambdas.stored import StoredFunction

    for code in ("bm90IGl0", "", "\x00", "é", "Y29kZQ=="):
        with pytest.raises(LayerError, match=r"damaged|has no function"):
            read(StoredFunction(code))
