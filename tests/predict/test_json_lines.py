"""JSON lines: what pandas writes, what people write by hand, and what is wrong in them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kerasport.errors import InputError
from kerasport.prediction.formats import json_lines
from kerasport.prediction.rows import Column
from tests.predict.reading import FIXTURES, opened, port, reasons, rows_of

TABLES = FIXTURES / "tables"


def written(folder: Path, *values: Any) -> Path:
    path = folder / "t.jsonl"
    path.write_text("\n".join(v if isinstance(v, str) else json.dumps(v) for v in values), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "columns"), [("records.jsonl", {"": tuple(f"f{place}" for place in range(10))}), ("lists.jsonl", {})]
)
def test_files_of_pandas_are_read(name: str, columns: dict[str, tuple[str, ...]]) -> None:
    with np.load(TABLES / "expected.npz") as expected:
        reader = opened(TABLES / name, [port("x", 10)], columns, ("id",))
        found = rows_of(reader)
        np.testing.assert_allclose(found["x"], expected["x"], rtol=1e-6, atol=1e-9)
        assert found["id"].tolist() == expected["id"].tolist()
        assert reader.count() == 37
        assert rows_of(reader, 7, 5, 20)["id"].tolist() == expected["id"][5:20].tolist()


def test_objects_give_inputs_by_name_in_any_order(tmp_path: Path) -> None:
    path = written(tmp_path, {"a": 1, "b": [[1, 2]], "c": "x"}, {"c": "y", "b": [[3, 4]], "a": 2, "d": 5})
    found = rows_of(opened(path, [port("b", 1, 2), port("c", 1, dtype="str"), port("a", 1, dtype="int32")]))
    assert found["b"].tolist() == [[[1, 2]], [[3, 4]]]
    assert (found["a"].tolist(), found["c"].tolist()) == ([[1], [2]], [["x"], ["y"]])


def test_values_alone_are_for_the_only_input(tmp_path: Path) -> None:
    path = written(tmp_path, [1, 2, 3], "", [4, 5, 6])
    assert rows_of(opened(path, [port("x", 3)]))["x"].tolist() == [[1, 2, 3], [4, 5, 6]]
    with pytest.raises(InputError, match="values without names, for the inputs x, y"):
        opened(path, [port("x", 3), port("y", 3)])


def test_open_axes_are_as_long_as_in_the_first_row(tmp_path: Path) -> None:
    reader = opened(written(tmp_path, [[1, 2], [3, 4]], [[5, 6]]), [port("x", None, 2)])
    assert reader.columns[0].shape == (2, 2)
    assert reasons(reader) == {1: "'x' has the shape (1, 2); (2, 2) is needed"}


BAD: dict[str, tuple[Any, str]] = {
    "null": ({"x": None}, "'x' is null or missing"),
    "missing": ({"y": 1}, "'x' is null or missing"),
    "null inside": ({"x": [1, None]}, "'x' holds [1, null], no numbers"),
    "text": ({"x": ["1", 2]}, "'x' holds [\"1\", 2], no numbers"),
    "longer": ({"x": [1, 2, 3]}, "'x' has the shape (3,); (2,) is needed"),
    "deeper": ({"x": [[1, 2]]}, "'x' has the shape (1, 2); (2,) is needed"),
    "ragged": ({"x": [[1], [2, 3]]}, "'x' holds lists of different lengths"),
    "beyond": ({"x": [1, 1e300]}, "'x' holds 1e+300, no number of float32"),
    "list": ([1, 2], "it is not a JSON object"),
    "broken": ('{"x": [1, 2', "it is not valid JSON: Expecting ',' delimiter: line 1 column 12 (char 11)"),
    "deep": ("[" * 100_000, "it is not valid JSON: "),
}


@pytest.mark.parametrize("wrong", BAD)
def test_a_bad_row_stands_in_its_place_with_its_reason(tmp_path: Path, wrong: str) -> None:
    value, reason = BAD[wrong]
    reader = opened(written(tmp_path, {"x": [1, 2]}, value, "", {"x": [3, 4]}), [port("x", 2)])
    found = reasons(reader)
    assert list(found) == [1]
    assert found[1].startswith(reason)
    (chunk,) = reader.batches(9)
    assert chunk.columns["x"][[0, 2]].tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("values", "dtype", "bad"),
    [
        ([7, 8], "int64", None),
        ([7, "8"], "int64", "'k' holds \"8\", no whole number"),
        ([7, 8.5], "int64", "'k' holds 8.5, no whole number of int64"),
        ([0.5, 8], "float64", None),
        (["a", 8], "str", None),
        ([True, False], "bool", None),
        ([True, "a"], "bool", "'k' holds \"a\", no truth value"),
        ([None, "a"], "str", None),
        (["a", "\ud800"], "str", "'k' holds bytes that are not UTF-8"),
    ],
)
def test_keys_are_carried_in_the_type_of_the_first(tmp_path: Path, values: list[Any], dtype: str, bad: str) -> None:
    path = written(tmp_path, *({"k": value, "x": 1} for value in values))
    reader = opened(path, [port("x", 1)], keep=("k",))
    assert reader.columns[1].dtype.kind == np.dtype(dtype).kind
    assert reasons(reader) == ({1: bad} if bad else {})


def test_texts_and_numbers_are_not_mixed(tmp_path: Path) -> None:
    reader = opened(written(tmp_path, {"x": "a"}, {"x": 1}, {"x": "\ud800"}), [port("x", 1, dtype="str")])
    assert reasons(reader) == {1: "'x' holds 1, no text", 2: "'x' holds \"\\ud800\", no text"}


def test_a_first_row_that_does_not_fit_is_explained_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"takes the shape \(3,\) a row; 'x' in .* has the shape \(2,\)"):
        opened(written(tmp_path, {"x": [1, 2]}), [port("x", 3)])
    with pytest.raises(InputError, match="no JSON value"):
        opened(written(tmp_path, "", "hello"), [port("x", 3)])


def test_what_is_written_is_json_and_read_again(tmp_path: Path) -> None:
    columns = [
        Column('k "%s"', (), np.dtype("str")),
        Column("v", (2, 2), np.dtype("float32")),
        Column("n", (), np.dtype("int64")),
        Column("b", (1,), np.dtype("bool")),
    ]
    arrays = {
        'k "%s"': np.array(["ü", '"\n']),
        "v": np.array([[[0.1, np.nan], [1e-7, 1]], [[np.inf, -np.inf], [3e20, 2]]], "float32"),
        "n": np.array([1 << 60, -1]),
        "b": np.array([[True], [False]]),
    }
    writer = json_lines.open_writer(tmp_path, "o.jsonl", columns, None, None)
    writer.write({key: array[:1] for key, array in arrays.items()})
    writer.write({key: array[1:] for key, array in arrays.items()})
    lines = writer.finish().read_text(encoding="utf-8").split("\n")
    assert lines[0] == '{"k \\"%s\\"": "ü", "v": [[0.1, null], [1e-07, 1.0]], "n": 1152921504606846976, "b": [true]}'
    second = json.loads(lines[1])
    assert second["v"] == [[np.inf, -np.inf], [np.float64(str(np.float32(3e20))), 2]]
    assert (second['k "%s"'], second["b"], lines[2:]) == ('"\n', [False], [""])
