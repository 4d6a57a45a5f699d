"""The command with each format of input and of output, from end to end."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

import kerasport as kp
from kerasport.errors import OptionError
from kerasport.prediction import Predictor
from kerasport.prediction.formats import FORMATS
from kerasport.prediction.preprocessing import preprocess
from tests.conftest import Outcome
from tests.goldens import goldens
from tests.predict.reading import FIXTURES, opened
from tests.test_lean import loaded_by

Run = Callable[..., Outcome]
TABLES = FIXTURES / "tables"
NUMBERS = "f0:f9"


@pytest.fixture(scope="module")
def expected(model: Path) -> NDArray[Any]:
    """The predictions for the rows in fixtures/tables."""
    with np.load(TABLES / "expected.npz") as archive:
        predicted = kp.predict(model, archive["x"].astype("float32"))
    assert isinstance(predicted, np.ndarray)
    return predicted[:, 0]


INPUTS = {
    "plain.csv": [],
    "all.csv": ["--columns", NUMBERS],
    "semicolons.csv": ["--columns", NUMBERS],
    "records.jsonl": ["--columns", NUMBERS],
    "lists.jsonl": ["--columns", "x"],
    "all.parquet": ["--columns", NUMBERS],
    "categories.parquet": ["--columns", NUMBERS],
    "fixed.parquet": ["--columns", "x"],
    "all.feather": ["--columns", NUMBERS],
    "stream.arrows": ["--columns", "x"],
}
KEPT = [name for name in INPUTS if name != "plain.csv"]


def needs(name: str) -> None:
    if name.endswith((".parquet", ".feather", ".arrow", ".arrows")):
        pytest.importorskip("pyarrow", reason="Parquet and Arrow need pyarrow")


@pytest.mark.parametrize("name", INPUTS)
def test_each_form_of_input_gives_the_same_predictions(
    kerasport: Run, model: Path, expected: NDArray[Any], tmp_path: Path, name: str
) -> None:
    needs(name)
    outcome = kerasport(
        "predict", model, "--input", TABLES / name, *INPUTS[name], "--output", tmp_path / "y.npy", "--batch-size", 5
    )
    assert outcome.code == 0, outcome.err
    np.testing.assert_allclose(np.load(tmp_path / "y.npy")[:, 0], expected, rtol=1e-5, atol=1e-6)


def read_back(path: Path) -> tuple[list[str], list[float]]:
    """The kept ids and the predictions in a file, as other libraries read them."""
    if path.suffix == ".npz":
        with np.load(path) as archive:
            return archive["id"].tolist(), archive["dense_1"][:, 0].tolist()
    if path.suffix == ".csv":
        rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
        return [row["id"] for row in rows], [float(row["dense_1_0"]) for row in rows]
    if path.suffix == ".jsonl":
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return [row["id"] for row in rows], [row["dense_1"][0] for row in rows]
    import pyarrow.feather
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(path) if path.suffix == ".parquet" else pyarrow.feather.read_table(path)
    return table.column("id").to_pylist(), [row[0] for row in table.column("dense_1").to_pylist()]


@pytest.mark.parametrize("suffix", [".npz", ".csv", ".jsonl", ".parquet", ".arrow"])
@pytest.mark.parametrize("name", ["all.csv", "records.jsonl", "all.parquet"])
def test_each_form_of_output_holds_the_kept_columns_and_the_predictions(
    kerasport: Run, model: Path, expected: NDArray[Any], tmp_path: Path, name: str, suffix: str
) -> None:
    needs(name)
    needs(suffix)
    path = tmp_path / f"y{suffix}"
    outcome = kerasport(
        "predict", model, "--input", TABLES / name, "--columns", NUMBERS, "--keep-columns", "id", "--output", path
    )
    assert outcome.code == 0, outcome.err
    ids, predictions = read_back(path)
    assert ids == [f"{row:04d}" for row in range(37)]
    np.testing.assert_allclose(predictions, expected, rtol=1e-5, atol=1e-6)


def test_what_is_written_is_read_again_by_the_names_of_the_outputs(kerasport: Run, model: Path, tmp_path: Path) -> None:
    kerasport("predict", model, "--input", TABLES / "plain.csv", "--output", tmp_path / "y.csv")
    seed = FIXTURES / "seed" / "my_model_tf.h5"
    np.save(tmp_path / "x.npy", np.loadtxt(TABLES / "plain.csv", delimiter=",", skiprows=1, converters=truth))
    outcome = kerasport("validate", seed, model, "--input", tmp_path / "x.npy", "--expected", tmp_path / "y.csv")
    assert outcome.code == 0, outcome.err


def truth(text: str) -> float:
    return {"True": 1.0, "False": 0.0}.get(text) if text in ("True", "False") else float(text)


@pytest.mark.parametrize("format", ["csv", "jsonl", "parquet", "arrow", "npy"])
def test_standard_input_and_output(model: Path, expected: NDArray[Any], tmp_path: Path, format: str) -> None:
    needs(f".{format}")
    name = {"csv": "plain.csv", "jsonl": "lists.jsonl", "arrow": "stream.arrows"}.get(format, "plain.csv")
    given = "csv" if name == "plain.csv" else format
    columns = [] if given == "csv" else ["--columns", "x"]
    command = [sys.executable, "-m", "kerasport", "predict", str(model), "--input", "-", "--input-format", given]
    done = subprocess.run(
        [*command, *columns, "--output", "-", "--output-format", format],
        input=(TABLES / name).read_bytes(),
        capture_output=True,
        check=True,
    )
    path = tmp_path / f"y.{format}"
    path.write_bytes(done.stdout)
    if format == "npy":
        found = np.load(path)[:, 0]
    elif format == "csv":
        found = np.loadtxt(path, skiprows=1)
    elif format == "jsonl":
        found = [json.loads(line)["dense_1"][0] for line in path.read_text().splitlines()]
    else:
        import pyarrow.feather
        import pyarrow.parquet

        table = pyarrow.parquet.read_table(path) if format == "parquet" else pyarrow.feather.read_table(path)
        found = [row[0] for row in table.column("dense_1").to_pylist()]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_files_that_a_pattern_names_are_one_table(
    kerasport: Run, model: Path, expected: NDArray[Any], tmp_path: Path
) -> None:
    header, *lines = (TABLES / "plain.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    for index, part in enumerate((lines[:20], lines[20:21], [], lines[21:])):
        (tmp_path / f"{index}.csv").write_text(header + "".join(part), encoding="utf-8")
    outcome = kerasport("predict", model, "--input", tmp_path / "*.csv", "--output", tmp_path / "y.npy")
    assert outcome.code == 0, outcome.err
    np.testing.assert_allclose(np.load(tmp_path / "y.npy")[:, 0], expected, rtol=1e-5, atol=1e-6)


def test_bad_rows_are_told_left_out_or_empty(kerasport: Run, model: Path, tmp_path: Path) -> None:
    lines = (TABLES / "plain.csv").read_text(encoding="utf-8").splitlines()
    lines[3], lines[30] = "1,2", lines[30].replace(lines[30].split(",")[1], "n/a", 1)
    path = tmp_path / "x.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    arguments = ("predict", model, "--input", path, "--output", tmp_path / "y.csv")
    outcome = kerasport(*arguments)
    assert outcome.code == 6
    assert "It has 2 fields instead of 10, first in row 2." in outcome.err
    assert not (tmp_path / "y.csv").exists()
    assert kerasport(*arguments, "--on-error", "skip").code == 0
    assert len((tmp_path / "y.csv").read_text().splitlines()) == 1 + 35
    listed = [json.loads(line) for line in (tmp_path / "y.csv.bad.jsonl").read_text().splitlines()]
    assert listed == [
        {"row": 2, "reason": "it has 2 fields instead of 10"},
        {"row": 29, "reason": "'f1' holds 'n/a', no number"},
    ]
    assert kerasport(*arguments, "--on-error", "null").code == 0
    written = (tmp_path / "y.csv").read_text().splitlines()
    assert (len(written), written[3], written[30]) == (1 + 37, '""', '""')


@pytest.fixture
def images(tmp_path: Path) -> tuple[Path, Path]:
    """A model of images, and a folder of them."""
    pytest.importorskip("PIL", reason="images need Pillow")
    return goldens("models", "vgg16", "2.15.0-tensorflow")[0].model(tmp_path), FIXTURES / "images"


def test_images_are_classified_with_the_names_of_files_and_classes(
    kerasport: Run, images: tuple[Path, Path], tmp_path: Path
) -> None:
    model, folder = images
    with Predictor(model) as predictor:
        (port,), (output,) = predictor.inputs, predictor.outputs
    names = [f"class {number}" for number in range(output.shape[1] or 0)]
    (tmp_path / "labels.txt").write_text("\n".join(names), encoding="utf-8")
    arguments = ["--preprocess", "caffe", "--image-size", f"{port.shape[1] or 32}x{port.shape[2] or 32}"]
    arguments += ["--keep-columns", "file", "--top", "2", "--labels", tmp_path / "labels.txt"]
    for given, count in ((folder, 17), (folder / "rgb*.png", 2), (folder / "gray*", 4)):
        outcome = kerasport("predict", model, "--input", given, *arguments, "--output", tmp_path / "y.jsonl")
        assert outcome.code == 0, outcome.err
        rows = [json.loads(line) for line in (tmp_path / "y.jsonl").read_text(encoding="utf-8").splitlines()]
        assert len(rows) == count
    assert [Path(row["file"]).name for row in rows] == ["gray.jpg", "gray.png", "gray16.png", "gray_alpha.png"]
    assert list(rows[0]) == ["file", *(f"{output.name}_{what}" for what in ("class", "label", "score"))]
    pixels = opened(folder / "gray.png", [port]).batches(1)
    scores = np.asarray(kp.predict(model, preprocess(next(iter(pixels)).columns[port.name], "caffe")))[0]
    best = [int(number) for number in np.argsort(-scores)[:2]]
    assert rows[1][f"{output.name}_class"] == best
    assert rows[1][f"{output.name}_label"] == [names[number] for number in best]
    np.testing.assert_allclose(rows[1][f"{output.name}_score"], scores[best], rtol=1e-5)


def test_python_takes_the_same_options(
    model: Path, images: tuple[Path, Path], expected: NDArray[Any], tmp_path: Path
) -> None:
    numbers = [f"f{place}" for place in range(10)]
    found = kp.predict(model, TABLES / "all.csv", columns=numbers)
    np.testing.assert_allclose(np.asarray(found)[:, 0], expected, rtol=1e-5, atol=1e-6)
    kp.predict(
        model, TABLES / "all.csv", output=tmp_path / "y.csv", columns={"dense_input": numbers}, keep_columns=["id"]
    )
    assert read_back(tmp_path / "y.csv")[0][:2] == ["0000", "0001"]
    vgg, folder = images
    with Predictor(vgg) as predictor:
        (port,) = predictor.inputs
    pixels = next(iter(opened(folder / "rgb.png", [port]).batches(1))).columns[port.name]
    by_hand = kp.predict(vgg, preprocess(pixels, "caffe"))
    for given in (folder / "rgb.png", pixels):
        np.testing.assert_allclose(kp.predict(vgg, given, preprocess="caffe"), by_hand, rtol=1e-6)
    with pytest.raises(OptionError, match="preprocess='vgg' is none of caffe, tf"):
        kp.predict(vgg, pixels, preprocess="vgg")
    with pytest.raises(OptionError, match="for an output file"):
        kp.predict(vgg, pixels, top=3)


def test_how_pixels_are_scaled_has_to_be_said(kerasport: Run, images: tuple[Path, Path]) -> None:
    outcome = kerasport("predict", images[0], "--input", images[1], "--image-size", "32")
    assert outcome.code == 2
    assert "does not say how their pixels are scaled" in outcome.err
    assert "tf: Inception, Xception, MobileNet" in outcome.err


def test_columns_and_options_that_do_not_fit_are_explained(kerasport: Run, model: Path, tmp_path: Path) -> None:
    for arguments, message in (
        (["--columns", "dense_inputs=a,b"], "Did you mean 'dense_input'?"),
        (["--keep-columns", "dense_input", "--columns", NUMBERS], "an input of the model has this name"),
        (["--keep-columns", "idd", "--columns", NUMBERS], "Did you mean 'id'?"),
        (["--labels", "l.txt", "--columns", NUMBERS], "Add --top 5."),
        (["--top", "3", "--columns", NUMBERS], "--top 3: the output 'dense_1' has 1 classes."),
        (["--preprocess", "tf", "--columns", NUMBERS], "no input of the model takes images"),
        ([], "takes 10 columns a row; "),
    ):
        outcome = kerasport("predict", model, "--input", TABLES / "all.csv", *arguments, "--output", tmp_path / "y.csv")
        assert (outcome.code, message in outcome.err) in ((6, True), (2, True)), outcome.err
    assert list(tmp_path.iterdir()) == []


def test_a_column_that_is_there_twice_in_the_output_is_refused(kerasport: Run, model: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("dense_1," + (TABLES / "plain.csv").read_text(encoding="utf-8").replace("\n", "\n1,"))
    outcome = kerasport("predict", model, "--input", path, "--keep-columns", "dense_1", "--output", tmp_path / "y.csv")
    assert outcome.code == 2
    assert "would have the column 'dense_1' twice" in outcome.err


def test_datasets_are_inputs(kerasport: Run, model: Path, expected: NDArray[Any], tmp_path: Path) -> None:
    with np.load(TABLES / "expected.npz") as archive, h5py.File(tmp_path / "x.h5", "w") as file:
        file["train/x"] = archive["x"]
    outcome = kerasport("predict", model, "--input", f"{tmp_path / 'x.h5'}:/train/x", "--output", tmp_path / "y.npy")
    assert outcome.code == 0, outcome.err
    np.testing.assert_allclose(np.load(tmp_path / "y.npy")[:, 0], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("extra", ["pyarrow", "PIL"])
def test_a_form_whose_library_is_missing_names_the_extra(
    kerasport: Run, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, extra: str
) -> None:
    for name in [name for name in sys.modules if name.startswith("kerasport.prediction.formats.")]:
        monkeypatch.delitem(sys.modules, name)
    for name in [name for name in sys.modules if name.partition(".")[0] == extra]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, extra, None)
    data, name = (TABLES / "all.parquet", "parquet") if extra == "pyarrow" else (FIXTURES / "images", "images")
    outcome = kerasport("predict", model, "--input", data, "--output", tmp_path / "y.npy")
    assert outcome.code == 3
    assert f"Install it: pip install 'kerasport[{name}]'." in outcome.err
    if extra == "pyarrow":
        outcome = kerasport("predict", model, "--input", TABLES / "plain.csv", "--output", tmp_path / "y.parquet")
        assert (outcome.code, "pip install" in outcome.err) == (3, True)


def test_arrays_load_no_library_of_other_forms(model: Path, rows: Path, tmp_path: Path) -> None:
    arguments = ["predict", str(model), "--input", str(rows), "--output", str(tmp_path / "y.npy")]
    loaded = loaded_by(f"from kerasport.cli.main import run\nrun({arguments!r}, False)")
    assert not {name.partition(".")[0] for name in loaded} & {"pyarrow", "PIL", "pandas", "ray"}


def test_every_form_is_of_one_name_and_suffix() -> None:
    names = [format.name for format in FORMATS]
    suffixes = [suffix for format in FORMATS for suffix in format.suffixes]
    assert len(set(names)) == len(names)
    assert len(set(suffixes)) == len(suffixes)


def test_every_form_is_in_the_readmes_table() -> None:
    readme = (FIXTURES.parent / "README.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1:4] for line in readme.splitlines() if line.startswith("| `")]
    told = {name.strip("` "): marks for names, *marks in rows for name in names.split("` `")}
    for format in FORMATS:
        assert [bool(mark.strip()) for mark in told[format.name]] == [format.reads, format.writes]
