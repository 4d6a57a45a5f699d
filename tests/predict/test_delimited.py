"""CSV in the formats in which people have it."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kerasport.errors import InputError
from kerasport.prediction.formats import delimited
from kerasport.prediction.rows import Column
from tests.predict.reading import FIXTURES, opened, port, reasons, rows_of

TABLES = FIXTURES / "tables"
NUMBERS = tuple(f"f{place}" for place in range(10))


@pytest.fixture
def expected() -> dict[str, Any]:
    with np.load(TABLES / "expected.npz") as archive:
        return dict(archive)


@pytest.fixture(params=["pyarrow", "csv"])
def cells(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """With pyarrow, and as if it were not installed."""
    if request.param == "pyarrow":
        pytest.importorskip("pyarrow", reason="pyarrow reads CSV faster where it is installed")
    else:
        monkeypatch.setitem(__import__("sys").modules, "kerasport.prediction.formats.arrow_cells", None)
    found: str = request.param
    return found


FILES: dict[str, dict[str, Any]] = {
    "plain.csv": {},
    "pandas_default.csv": {"columns": {"": ("f0:f9",)}},
    "all.csv": {"columns": {"": NUMBERS}, "keep": ("id", "city")},
    "semicolons.csv": {"columns": {"": NUMBERS}, "keep": ("city", "id")},
    "quoted.tsv": {"keep": ("id", "city")},
    "savetxt.csv": {},
    "spaces.csv": {},
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_files_of_pandas_and_numpy_are_read(cells: str, expected: dict[str, Any], name: str, dtype: str) -> None:
    reader = opened(TABLES / name, [port("x", 10, dtype=dtype)], **FILES[name])
    found = rows_of(reader)
    close = 1e-6 if name == "spaces.csv" or dtype == "float32" else 1e-7  # one column is of float32, in its digits
    np.testing.assert_allclose(found["x"], expected["x"].astype(dtype), rtol=close, atol=close)
    for key in FILES[name].get("keep", ()):
        assert found[key].tolist() == expected[key].tolist()
    assert reader.count() == 37


@pytest.mark.parametrize(("start", "stop"), [(0, None), (5, 30), (36, None), (37, None), (3, 3), (10, 100)])
def test_rows_are_read_from_one_up_to_another(
    cells: str, monkeypatch: pytest.MonkeyPatch, expected: dict[str, Any], start: int, stop: int | None
) -> None:
    monkeypatch.setattr("kerasport.prediction.formats.texts._BLOCK", 500)
    reader = opened(TABLES / "all.csv", [port("x", 10)], **FILES["all.csv"])
    chunks = list(reader.batches(7, start, stop))
    found = [row for chunk in chunks for row in chunk.columns["id"].tolist()]
    assert found == expected["id"][start:stop].tolist()
    assert all(len(chunk) == 7 for chunk in chunks[:-1])


def test_both_ways_of_reading_give_the_same_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyarrow", reason="it is one of the two ways")
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 1 << 64, (2000, 4), dtype=np.uint64).view("float64")
    values = np.where(np.isfinite(bits), bits, rng.normal(size=bits.shape))
    texts = [
        [repr(value), f"{value:.5g}", f" {value:.3e} ", f"{value % 1000:07.2f}"]
        for value in values.ravel()[:4000].tolist()
    ]
    path = tmp_path / "t.csv"
    path.write_text("a,b,c,d\n" + "\n".join(map(",".join, texts)), encoding="utf-8")
    fast = opened(path, [port("x", 4, dtype="float64")])
    assert delimited.ArrowCells is not None if hasattr(delimited, "ArrowCells") else True
    first = rows_of(fast, 100)["x"]
    monkeypatch.setitem(__import__("sys").modules, "kerasport.prediction.formats.arrow_cells", None)
    second = rows_of(opened(path, [port("x", 4, dtype="float64")]), 100)["x"]
    np.testing.assert_array_equal(first, second)


BAD = {
    "1,2,3": "",
    " 1 ,2e0,-3.5": "",
    "1,x,3": "'b' holds 'x', no number",
    "1,2": "it has 2 fields instead of 3",
    "1,2,3,4": "it has 4 fields instead of 3",
    "1,,3": "'b' is empty",
    "1, ,3": "'b' is empty",
    "1,NA,3": "'b' holds 'NA', no number",
    "1,1_000,3": "'b' holds '1_000', no number",
    "1,0x10,3": "'b' holds '0x10', no number",
    "1,1e300,3": "'b' holds 1e+300, no number of float32",
    '"1","2","3"': "",
    "1,\xff,3": "'b' holds '\\udcff', no number",
}


@pytest.mark.parametrize("line", BAD)
def test_a_bad_row_stands_in_its_place_with_its_reason(cells: str, tmp_path: Path, line: str) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b"a,b,c\n4,5,6\n" + line.encode("latin-1") + b"\n\n7,8,9\n")
    reader = opened(path, [port("x", 3)])
    assert reasons(reader, 2).get(1, "") == BAD[line]
    assert len(reasons(reader, 2)) == (BAD[line] != "")
    chunks = [chunk.columns["x"].tolist() for chunk in reader.batches(2)]
    assert (chunks[0][0], chunks[1]) == ([4, 5, 6], [[7, 8, 9]])


@pytest.mark.parametrize(
    ("dtype", "field", "value"),
    [
        ("int32", "3.0", 3),
        ("int64", "9007199254740993", 9007199254740993),
        ("int32", "3000000000", "'a' holds 3000000000, no whole number of int32"),
        ("int32", "2.5", "'a' holds '2.5', no whole number"),
        ("int32", "nan", "'a' holds 'nan', no whole number"),
        ("uint8", "-1", "'a' holds '-1', no whole number"),
        ("bool", "TRUE", True),
        ("bool", "0", False),
        ("bool", "maybe", "'a' holds 'maybe', no truth value"),
        ("str", "Köln", "Köln"),
        ("str", "\udcff", "'a' holds bytes that are not UTF-8"),
    ],
)
def test_fields_are_read_as_the_input_wants_them(tmp_path: Path, dtype: str, field: str, value: object) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f"a,b\n{field},1\n", encoding="utf-8", errors="surrogateescape")
    reader = opened(path, [port("x", 1, dtype=dtype)], {"": ("a",)})
    if (isinstance(value, str) and dtype != "str") or "bytes" in str(value):
        assert reasons(reader) == {0: value}
    else:
        assert rows_of(reader)["x"].tolist() == [[value]]


def test_records_go_on_over_lines_and_blocks(cells: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kerasport.prediction.formats.texts._BLOCK", 64)
    records = [[f"row {row}\n" * (row % 5), str(row), str(row / 8)] for row in range(200)]
    buffer = io.StringIO()
    csv.writer(buffer).writerows([["text", "a", "b"], *records])
    path = tmp_path / "t.csv"
    path.write_text(buffer.getvalue(), encoding="utf-8", newline="")
    found = rows_of(opened(path, [port("x", 2)], keep=("text",)))
    assert found["text"].tolist() == [record[0] for record in records]
    assert found["x"].tolist() == [[row, row / 8] for row in range(200)]


HEADERS = {
    ("a,b\n1,2", "float32"): True,
    ("1,2\n3,4", "float32"): False,
    ("a,b", "float32"): True,
    ("b,7\n1,2", "float32"): None,
    ("0,1\n1,2", "float32"): None,
    ("x_0,x_1\nc,d", "str"): True,
    ("a,b\nc,1", "str"): True,
    ("a,b\nc,d", "str"): None,
}


@pytest.mark.parametrize(("text", "dtype"), HEADERS)
def test_a_header_is_told_or_asked_for(tmp_path: Path, text: str, dtype: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text, encoding="utf-8")
    ports = [port("x", 2, dtype=dtype)]
    if HEADERS[text, dtype] is None:
        with pytest.raises(InputError, match="Use --header or --no-header"):
            opened(path, ports)
        assert opened(path, ports, header="yes").count() == 1
        assert opened(path, ports, header="no").count() == 2
    else:
        assert opened(path, ports).count() == text.rstrip().count("\n") + (not HEADERS[text, dtype])


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_told_by_the_first_lines(tmp_path: Path, delimiter: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text('a b;"c,d"\n1.5;2\n3;4\n'.replace(";", delimiter), encoding="utf-8")
    assert rows_of(opened(path, [port("x", 2)]))["x"].tolist() == [[1.5, 2], [3, 4]]


def test_a_decimal_comma_is_no_delimiter(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a;b\n1,5;2,5\n", encoding="utf-8")
    assert reasons(opened(path, [port("x", 2)], header="yes")) == {0: "'a' holds '1,5', no number"}


@pytest.mark.parametrize("data", ["a,b\n1,2\n".encode("utf-16"), b"\0\0\0\0"])
def test_what_is_no_text_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(data)
    with pytest.raises(InputError, match="not UTF-8 text"):
        opened(path, [port("x", 2)])


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.touch()
    with pytest.raises(InputError, match="is empty"):
        opened(path, [port("x", 2)])


def test_a_quote_that_is_never_closed_does_not_take_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('a,b\n1,"2\n' + "3,4\n" * 100_000, encoding="utf-8")
    with pytest.raises(InputError, match="A quote may have been opened"):
        list(opened(path, [port("x", 2)]).batches(10))


@pytest.mark.parametrize("delimiter", [",", "\t"])
def test_what_is_written_is_read_again(tmp_path: Path, delimiter: str) -> None:
    columns = [
        Column("key", (), np.dtype("str")),
        Column("v", (3,), np.dtype("float32")),
        Column("s", (), np.dtype("float64")),
        Column("n", (), np.dtype("int64")),
    ]
    rng = np.random.default_rng(0)
    arrays = {
        "key": np.array(["007", 'a,"b"', "tab\tnew\nline", "ü"]),
        "v": rng.normal(size=(4, 3)).astype("float32"),
        "s": rng.normal(size=4) * 1e-30,
        "n": np.array([1, -2, 1 << 60, 0]),
    }
    name = "o.csv" if delimiter == "," else "o.tsv"
    writer = delimited.open_writer(tmp_path, name, columns, 4, None)
    writer.write({key: array[:1] for key, array in arrays.items()})
    writer.write({key: array[1:] for key, array in arrays.items()})
    path = writer.finish()
    assert path.read_text(encoding="utf-8").splitlines()[0] == delimiter.join(["key", "v_0", "v_1", "v_2", "s", "n"])
    ports = [port("v", 3), port("s", dtype="float64"), port("n", dtype="int64")]
    found = rows_of(opened(path, ports, keep=("key",)))
    for key, array in arrays.items():
        np.testing.assert_array_equal(found[key], array)


def test_missing_numbers_are_empty_fields(tmp_path: Path) -> None:
    columns = [Column("a", (2,), np.dtype("float32"))]
    writer = delimited.open_writer(tmp_path, "o.csv", columns, None, None)
    writer.write({"a": np.array([[1, np.nan], [np.inf, -np.inf]], "float32")})
    assert writer.finish().read_text(encoding="utf-8") == "a_0,a_1\n1.0,\ninf,-inf\n"
