"""Parquet and Arrow: what pandas and pyarrow write, what is wrong in it, and what is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kerasport.errors import InputError
from kerasport.prediction.formats import FORMATS
from kerasport.prediction.rows import Column, Writer
from tests.predict.reading import FIXTURES, opened, port, reasons, rows_of

pa = pytest.importorskip("pyarrow", reason="Parquet and Arrow need pyarrow")
pq = pytest.importorskip("pyarrow.parquet", reason="Parquet needs pyarrow")

TABLES = FIXTURES / "tables"
NUMBERS = {"": tuple(f"f{place}" for place in range(10))}


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    with np.load(TABLES / "expected.npz") as archive:
        return dict(archive)


FILES: dict[str, dict[str, Any]] = {
    "all.parquet": {"columns": NUMBERS, "keep": ("id", "city")},
    "categories.parquet": {"columns": NUMBERS, "keep": ("city", "id")},
    "all.feather": {"columns": NUMBERS, "keep": ("id", "city")},
    "lists.parquet": {"keep": ("id",)},
    "fixed.parquet": {"keep": ("id",)},
    "stream.arrows": {"keep": ("id",)},
}


@pytest.mark.parametrize("name", FILES)
def test_files_of_pandas_and_pyarrow_are_read(expected: dict[str, Any], name: str) -> None:
    reader = opened(TABLES / name, [port("x", 10)], **FILES[name])
    found = rows_of(reader)
    np.testing.assert_allclose(found["x"], expected["x"], rtol=1e-6)
    for key in FILES[name]["keep"]:
        assert found[key].tolist() == expected[key].tolist()
    assert reader.count() == 37
    assert (reader.rows == 37) == name.endswith(".parquet") or reader.rows == 37


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(("start", "stop"), [(5, 30), (10, None), (36, None), (37, None), (20, 20), (8, 99)])
def test_rows_are_read_from_one_up_to_another(
    expected: dict[str, Any], name: str, start: int, stop: int | None
) -> None:
    reader = opened(TABLES / name, [port("x", 10)], **FILES[name])
    chunks = list(reader.batches(4, start, stop))
    assert [row for chunk in chunks for row in chunk.columns["id"].tolist()] == expected["id"][start:stop].tolist()
    assert all(len(chunk) == 4 for chunk in chunks[:-1])
    assert [chunk.start for chunk in chunks] == [start + 4 * index for index in range(len(chunks))]


def test_tensors_are_whole_rows(expected: dict[str, Any]) -> None:
    found = rows_of(opened(TABLES / "tensors.parquet", [port("x", 5, 2)]))
    np.testing.assert_allclose(found["x"].reshape(37, 10), expected["x"], rtol=1e-6)


def saved(folder: Path, **columns: Any) -> Path:
    path = folder / "t.parquet"
    pq.write_table(pa.table(columns), path, row_group_size=2)
    return path


BAD: dict[str, tuple[Any, Any, tuple[int, ...], str]] = {
    "null": ([1.0, None, 3.0], None, (1,), "'x' is null"),
    "whole null": ([1, None, 3], pa.int64(), (1,), "'x' is null"),
    "null list": ([[1, 2], None, [3, 4]], None, (2,), "'x' is null"),
    "null inside": ([[1, 2], [1, None], [3, 4]], None, (2,), "'x' holds null"),
    "shorter": ([[1, 2], [1], [3, 4]], None, (2,), "'x' has 1 values; 2 are needed"),
    "nested": ([[[1, 2]], [[1]], [[3, 4]]], None, (1, 2), "'x' has lists of 1 values; 2 are needed"),
    "nested null": ([[[1, 2]], [None], [[3, 4]]], None, (1, 2), "'x' holds null"),
    "beyond": ([1.0, 1e300, 3.0], None, (1,), "'x' holds 1e+300, no number of float32"),
}


@pytest.mark.parametrize("wrong", BAD)
def test_a_bad_row_stands_in_its_place_with_its_reason(tmp_path: Path, wrong: str) -> None:
    values, type_, shape, reason = BAD[wrong]
    reader = opened(saved(tmp_path, x=pa.array(values, type_)), [port("x", *shape)])
    assert reasons(reader) == {1: reason}
    (chunk,) = reader.batches(5)
    good = chunk.columns["x"][[0, 2]].ravel().tolist()
    assert good == np.array([values[0], values[2]], "float32").ravel().tolist()


@pytest.mark.parametrize(
    ("type_", "dtype"), [("int8", "float32"), ("uint64", "int64"), ("float16", "float32"), ("bool_", "float32")]
)
def test_numbers_of_any_type_are_taken(tmp_path: Path, type_: str, dtype: str) -> None:
    values = pa.array([1, 0, 1]).cast(pa.int8()).cast(getattr(pa, type_)())
    found = rows_of(opened(saved(tmp_path, x=values), [port("x", 1, dtype=dtype)]))
    assert found["x"].tolist() == [[1], [0], [1]]


def test_decimals_are_numbers_and_dates_are_carried_as_texts(tmp_path: Path) -> None:
    day = pa.array([0, 1]).cast(pa.int32()).cast(pa.date32())
    path = saved(tmp_path, x=pa.array([1, 2]).cast(pa.decimal128(21, 2)), day=day)
    found = rows_of(opened(path, [port("x", 1)], keep=("day",)))
    assert (found["x"].tolist(), found["day"].tolist()) == ([[1], [2]], ["1970-01-01", "1970-01-02"])


def test_keys_keep_their_types_and_null_is_told(tmp_path: Path) -> None:
    path = saved(
        tmp_path, x=[1, 2], n=pa.array([1 << 60, None]), f=pa.array([0.5, None]), s=pa.array(["a", None]), ok=[3, 4]
    )
    reader = opened(path, [port("x", 1)], {"": ("x",)}, ("ok", "f", "s"))
    assert [column.dtype.kind for column in reader.columns] == ["f", "i", "f", "U"]
    found = rows_of(reader)
    assert found["ok"].tolist() == [3, 4]
    assert np.isnan(found["f"][1])
    assert found["s"].tolist() == ["a", ""]
    assert reasons(opened(path, [port("x", 1)], {"": ("x",)}, ("n",))) == {1: "'n' is null"}


WRONG: dict[str, tuple[dict[str, Any], tuple[int, ...], str, tuple[str, ...], str]] = {
    "text for numbers": ({"x": ["a"]}, (1,), "float32", (), "takes numbers; 'x' in .* holds string"),
    "numbers for text": ({"x": [1]}, (1,), "str", (), "takes texts; 'x' in .* holds int64"),
    "dates": ({"x": pa.array([0], pa.timestamp("s"))}, (1,), "float32", (), "holds timestamp"),
    "shape": ({"x": [[1, 2, 3]]}, (2,), "float32", (), r"takes the shape \(2,\) a row; 'x' in .* has the shape \(3,\)"),
    "kept lists": ({"x": [1], "k": [[1]]}, (1,), "float32", ("k",), "'k' in .* holds lists"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_columns_that_do_not_fit_are_explained_at_once(tmp_path: Path, wrong: str) -> None:
    columns, shape, dtype, keep, message = WRONG[wrong]
    with pytest.raises(InputError, match=message):
        opened(saved(tmp_path, **columns), [port("x", *shape, dtype=dtype)], keep=keep)


@pytest.mark.parametrize("name", ["all.parquet", "all.feather", "stream.arrows"])
def test_damaged_files_are_refused(tmp_path: Path, name: str) -> None:
    data = (TABLES / name).read_bytes()
    path = tmp_path / name
    for cut in (20, len(data) // 2, len(data) - 9):
        path.write_bytes(data[:cut])
        with pytest.raises(InputError, match="cannot be read"):
            list(opened(path, [port("x", 10)], NUMBERS if name.startswith("all") else {"": ("x",)}).batches(5))


COLUMNS = [
    Column("key", (), np.dtype("str")),
    Column("n", (), np.dtype("int64")),
    Column("v", (3,), np.dtype("float32")),
    Column("m", (2, 2), np.dtype("float64")),
]


def some(rows: int) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    return {
        "key": np.array([f"{row:05d}ü" for row in range(rows)]),
        "n": rng.integers(-(1 << 60), 1 << 60, rows),
        "v": rng.normal(size=(rows, 3)).astype("float32"),
        "m": rng.normal(size=(rows, 2, 2)),
    }


def writer(folder: Path, format: str, position: Any = None) -> Writer:
    (found,) = [each for each in FORMATS if each.name == format]
    return found.open_writer(folder, f"o.{format}", COLUMNS, None, position)


@pytest.mark.parametrize("format", ["parquet", "arrow"])
def test_what_is_written_is_what_pyarrow_and_kerasport_read(tmp_path: Path, format: str) -> None:
    arrays = some(50)
    out = writer(tmp_path, format)
    out.write({name: array[:20] for name, array in arrays.items()})
    out.write({name: array[20:] for name, array in arrays.items()})
    path = out.finish()
    table = pq.read_table(path) if format == "parquet" else pa.ipc.open_file(path).read_all()
    for name, array in arrays.items():
        assert table.column(name).to_pylist() == array.tolist()
    ports = [port("v", 3), port("m", 2, 2, dtype="float64")]
    found = rows_of(opened(path, ports, keep=("key", "n")))
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)


@pytest.mark.parametrize("format", ["parquet", "arrow"])
def test_a_file_that_is_continued_has_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format: str
) -> None:
    monkeypatch.setattr("kerasport.prediction.formats.arrow_writer._GROUP_ROWS", 16)
    arrays = some(100)
    (tmp_path / "whole").mkdir()
    whole = writer(tmp_path / "whole", format)
    whole.write(arrays)
    expected = whole.finish().read_bytes()
    folder = tmp_path / "parts"
    folder.mkdir()
    position = None
    for start in range(0, 100, 9):
        out = writer(folder, format, position)
        out.write({name: array[start : start + 5] for name, array in arrays.items()})
        out.position()
        out.write({name: array[start + 5 : start + 9] for name, array in arrays.items()})
        position = out.position()
        out.write({name: array[start + 9 : start + 40] for name, array in arrays.items()})  # lost
        if start % 2:
            out.position()
        out.close()
    assert writer(folder, format, position).finish().read_bytes() == expected


@pytest.mark.parametrize("format", ["parquet", "arrow"])
def test_no_rows_give_a_file_of_no_rows(tmp_path: Path, format: str) -> None:
    path = writer(tmp_path, format).finish()
    table = pq.read_table(path) if format == "parquet" else pa.ipc.open_file(path).read_all()
    assert (table.num_rows, table.column_names) == (0, ["key", "n", "v", "m"])


@pytest.mark.parametrize("format", ["parquet", "arrow"])
def test_what_was_read_does_not_stay_in_memory(tmp_path: Path, format: str) -> None:
    table = pa.table({f"f{place}": np.random.default_rng(place).normal(size=100_000) for place in range(10)})
    path = tmp_path / f"t.{format}"
    if format == "parquet":
        pq.write_table(table, path, row_group_size=5_000)
    else:
        with pa.ipc.new_file(path, table.schema) as file:
            file.write_table(table, max_chunksize=5_000)
    del table
    before = pa.total_allocated_bytes()
    held = [pa.total_allocated_bytes() - before for _ in opened(path, [port("x", 10)]).batches(5_000)]
    assert len(held) == 20
    assert max(held) < path.stat().st_size / 2
