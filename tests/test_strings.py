"""Strings through the whole tool: vocabularies in archives, texts in and out, hashes that are exact."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kerasport as kp
from kerasport import reference
from kerasport.assembly.assembler import assemble
from kerasport.dialect.model import LayerDef, ModelDef, Node, TensorRef
from kerasport.errors import DamagedFileError, InputError, UnsupportedModelError
from kerasport.export import translate
from kerasport.export.writer import to_bytes
from kerasport.graph import Graph
from kerasport.loading import load
from kerasport.prediction import Predictor
from kerasport.reference.hashes import fingerprint, siphash
from kerasport.validation.error import Limit, measure
from kerasport.validation.inputs import generate, trials
from tests.conftest import Outcome
from tests.goldens import ARCHIVE, Golden, goldens
from tests.test_goldens import run_onnx

Run = Callable[..., Outcome]
VOCABULARY = "assets/layers/string_lookup/vocabulary.txt"


def one(family: str, case: str, form: str = ARCHIVE) -> Golden:
    return goldens(family, case, "3.15.1-tensorflow", form)[0]


def changed(data: bytes, change: Callable[[str, bytes], bytes | None]) -> bytes:
    """An archive with its members changed, or left out."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w") as new:
        for name in old.namelist():
            content = change(name, old.read(name))
            if content is not None:
                new.writestr(name, content)
    return buffer.getvalue()


def single(class_name: str, dtype: str, **config: Any) -> Graph:
    """The graph of one layer on a column."""
    source = LayerDef("x", "InputLayer", {"batch_shape": [None, 1], "dtype": dtype}, (Node(()),))
    layer = LayerDef("y", class_name, config, (Node((TensorRef("x"),)),))
    model = ModelDef("m", (source, layer), (TensorRef("x"),), (TensorRef("y"),), ("x",), ("y",))
    assembly = assemble(model)
    assert not assembly.problems
    return assembly.graph


BROKEN: dict[str, tuple[Callable[[bytes], bytes | None], type[Exception], str]] = {
    "more tokens": (lambda text: text + b"\nmore", DamagedFileError, "but its config says"),
    "no text": (lambda text: b"\xff\xfe" + text, DamagedFileError, "cannot be read"),
    "missing": (lambda text: None, UnsupportedModelError, "is not in this file"),
    "twice": (lambda text: text[: text.rindex(b"\n")] + b"\ncat", UnsupportedModelError, "holds a token twice"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_wrong_vocabulary_is_explained(name: str, tmp_path: Path) -> None:
    change, error, message = BROKEN[name]
    path = tmp_path / "m.keras"
    data = one("strings", "string_lookup_adapted").member(ARCHIVE.model)
    path.write_bytes(changed(data, lambda member, text: change(text) if member == VOCABULARY else text))
    with pytest.raises(error, match=message):
        kp.convert(path, tmp_path / "m.onnx")
    assert not (tmp_path / "m.onnx").exists()


def test_lines_that_end_as_on_windows_are_the_same_tokens(tmp_path: Path) -> None:
    golden = one("strings", "string_lookup_adapted")
    path = tmp_path / "m.keras"
    windows = changed(
        golden.member(ARCHIVE.model), lambda member, text: text.replace(b"\n", b"\r\n") if "assets" in member else text
    )
    path.write_bytes(windows)
    actual = kp.predict(path, golden.inputs)
    for array, expected in zip(actual, golden.outputs, strict=True):
        np.testing.assert_allclose(array, expected, rtol=1e-5)


def test_a_vocabulary_in_another_file_is_refused_and_not_opened(tmp_path: Path) -> None:
    def with_path(member: str, data: bytes) -> bytes:
        if member != "config.json":
            return data
        config = json.loads(data)
        for layer in config["config"]["layers"]:
            if layer["class_name"] == "StringLookup":
                layer["config"]["vocabulary"] = "/etc/passwd"
        return json.dumps(config).encode()

    path = tmp_path / "m.keras"
    path.write_bytes(changed(one("strings", "string_lookup").member(ARCHIVE.model), with_path))
    with pytest.raises(UnsupportedModelError, match="which kerasport does not open"):
        kp.predict(path, np.array([["cat"]]))


@pytest.mark.parametrize("case", ["text_classifier", "lookup_to_embedding", "feature_space", "strings_out"])
def test_converting_validates_with_strings(case: str, kerasport: Run, tmp_path: Path) -> None:
    model = one("strings", case).model(tmp_path)
    outcome = kerasport("convert", model, tmp_path / "m.onnx")
    assert outcome.code == 0, outcome.err
    assert "layers agree" in outcome.out
    assert kerasport("validate", model, tmp_path / "m.onnx", "--seed", 3).code == 0


def test_generated_texts_are_of_the_vocabulary_and_others(tmp_path: Path) -> None:
    with load(one("strings", "text_classifier").model(tmp_path)) as model:
        (texts,) = generate(model.graph, next(trials(model.graph, 60)), 0)
        layer = next(call.spec for call in model.graph.calls if call.name == "words")
        ids = reference.REFERENCE[type(layer)](layer, None, texts)
    assert {"", " "} < set(texts.ravel().tolist())
    assert (ids == 1).any()
    assert len(np.unique(ids)) > 5


def test_a_wrong_string_is_a_difference() -> None:
    right, wrong = np.array([["a", "bb"]]), np.array([["a", "b"]])
    assert measure("x", "X", right, right.astype("U9"), Limit()).entry.passed
    entry = measure("x", "X", wrong, right, Limit()).entry
    assert not entry.passed
    assert "'b' where 'bb' is right" in entry.detail


INPUTS: dict[str, Callable[[Any, Path], Any]] = {
    "longer": lambda texts, folder: texts.astype("U300"),
    "bytes": lambda texts, folder: np.char.encode(texts, "utf-8"),
}


@pytest.mark.parametrize("engine", ["onnxruntime", "reference"])
@pytest.mark.parametrize("form", INPUTS)
def test_strings_of_every_numpy_type(form: str, engine: str, tmp_path: Path) -> None:
    golden = one("strings", "text_classifier")
    data = INPUTS[form](golden.inputs[0], tmp_path)
    actual = kp.predict(golden.model(tmp_path), data, engine=engine)
    np.testing.assert_allclose(actual, golden.outputs[0], rtol=1e-4, atol=1e-5)


def test_what_is_no_string_is_refused(tmp_path: Path) -> None:
    with Predictor(one("strings", "text_classifier").model(tmp_path)) as model:
        for data, message in [
            (np.array([["a"]], object), "astype"),
            (np.array([[1.5]]), "takes strings"),
            (np.array([[b"\xff"]]), "not UTF-8"),
            (np.array(["a"]), "Make it a column"),
        ]:
            with pytest.raises(InputError, match=message):
                model.predict(data)


def test_a_text_a_line_and_strings_into_a_file(kerasport: Run, tmp_path: Path) -> None:
    golden = one("strings", "text_classifier")
    lines = [text for text in golden.inputs[0][:, 0].tolist() if "\n" not in text]
    (tmp_path / "texts.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    model = golden.model(tmp_path)
    assert kerasport("predict", model, "--input", tmp_path / "texts.txt", "--output", tmp_path / "y.npy").code == 0
    expected = kp.predict(model, np.array(lines)[:, None])
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), expected)


@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_strings_of_growing_length_come_out_whole(suffix: str, kerasport: Run, tmp_path: Path) -> None:
    golden = one("strings", "labels")
    np.save(tmp_path / "x.npy", golden.inputs[0])
    target = tmp_path / f"y.{suffix}"
    arguments = ("--input", tmp_path / "x.npy", "--batch-size", 1, "--output", target)
    outcome = kerasport("predict", golden.model(tmp_path), *arguments)
    assert outcome.code == 0, outcome.err
    found = np.load(target)
    np.testing.assert_array_equal(found if suffix == "npy" else found[found.files[0]], golden.outputs[0])


@pytest.mark.parametrize("options", [{}, {"salt": [12, 1 << 63]}])
def test_hashes_of_numbers_are_exact(options: dict[str, Any]) -> None:
    rng = np.random.default_rng(0)
    powers = 10 ** np.arange(19)
    numbers = [*powers, *(powers - 1), *-powers, 2**63 - 1, -(2**63), *rng.integers(-(2**63), 2**63 - 1, 400)]
    numbers += [
        int(number) >> int(shift) for number, shift in zip(numbers, rng.integers(0, 63, len(numbers)), strict=True)
    ]
    x = np.array(numbers, np.int64)[:, None]
    graph = single("Hashing", "int64", num_bins=2**62, **options)
    (actual,) = run_onnx(to_bytes(translate(graph), {"kerasport.version": "test"}), [x])
    texts = [str(number).encode() for number in x[:, 0].tolist()]
    right = [siphash(text, *options["salt"]) if options else fingerprint(text) for text in texts]
    assert actual[:, 0].tolist() == [value % 2**62 for value in right]


TEXTS: list[dict[str, Any]] = [
    {"vocabulary": list("abc\u00e9 "), "split": "character", "standardize": None},
    {"vocabulary": list("ab\x01"), "split": "character", "standardize": "lower", "output_sequence_length": 25},
    {"vocabulary": list("abz!"), "split": "character", "standardize": None, "output_mode": "count"},
    {"vocabulary": ["a", "b", "xy"], "split": "character", "output_mode": "multi_hot"},
    {"vocabulary": ["a", "b", "xyz", "\u00e9", "ab a"], "ngrams": 2},
    {"vocabulary": ["a", "b", "\u65e5\u672c"], "standardize": "strip_punctuation", "ngrams": [3, 1],
     "output_sequence_length": 7},
]  # fmt: skip


@pytest.mark.parametrize("config", TEXTS, ids=str)
def test_texts_in_onnx_are_exact(config: dict[str, Any]) -> None:
    """Whatever stands in them: blanks, marks, characters that a translation might use itself, long unknown runs."""
    rng = np.random.default_rng(0)
    pool = list("abcxyzABC\u00e9 \t\n\x01\x02\x03\x0b!?-_'\u65e5\u672c\U0001f600\u0301")
    random = ["".join(rng.choice(pool, rng.integers(0, 40))) for _ in range(30)]
    long = ["\u65e5" * 600 + "a", "q" * 2003, "\U0001f600" * 511 + "b" + "z" * 512, ""]
    graph = single("TextVectorization", "string", **config)
    model = to_bytes(translate(graph), {"kerasport.version": "test"})
    for texts in ([*random, *long], ["", ""], []):
        x = np.array(texts, "str").reshape(-1, 1)
        (expected,), (actual,) = reference.run(graph, [x]), run_onnx(model, [x])
        np.testing.assert_array_equal(actual, expected)


def test_what_only_the_reference_computes_is_told_before(kerasport: Run, tmp_path: Path) -> None:
    golden = one("hashing", "strings")
    model = golden.model(tmp_path)
    assert not kp.inspect(model).convertible
    outcome = kerasport("convert", model, tmp_path / "m.onnx")
    assert outcome.code == 4
    assert "--engine reference" in outcome.err
    assert not (tmp_path / "m.onnx").exists()
    for actual, expected in zip(kp.predict(model, golden.inputs, engine="reference"), golden.outputs, strict=True):
        np.testing.assert_array_equal(actual, expected)


def test_outputs_as_long_as_the_longest_text_of_a_batch_are_not_mixed(kerasport: Run, tmp_path: Path) -> None:
    golden = one("strings", "text_ngrams")
    model = golden.model(tmp_path)
    np.save(tmp_path / "x.npy", golden.inputs[0])
    outcome = kerasport(
        "predict", model, "--input", tmp_path / "x.npy", "--batch-size", 2, "--output", tmp_path / "y.npz"
    )
    assert outcome.code == 6
    assert "larger batch size" in outcome.err
    assert not (tmp_path / "y.npz").exists()
    for actual, expected in zip(kp.predict(model, golden.inputs), golden.outputs, strict=True):
        np.testing.assert_array_equal(actual, expected)
