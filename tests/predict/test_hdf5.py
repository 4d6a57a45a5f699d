"""HDF5 datasets: read in parts, and nothing that leads elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from kerasport.errors import InputError, KerasportError
from kerasport.prediction.formats import open_readers
from kerasport.prediction.location import locations
from kerasport.prediction.rows import Request
from tests.predict.reading import opened, port, reasons, rows_of

X = np.random.default_rng(0).normal(size=(37, 4)).astype("float32")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "d.h5"
    with h5py.File(path, "w") as file:
        file["plain"] = X
        file.create_dataset("g/chunked", data=X, chunks=(5, 3), compression="gzip", shuffle=True, fletcher32=True)
        file["g/double"] = X.astype("float64")
        file["g/big_endian"] = X.astype(">f4")
        file["g/texts"] = [f"ü{row}" for row in range(37)]
        file["g/bytes"] = np.array([b"ab"] * 36 + [b"\xff"])
    return path


@pytest.mark.parametrize("name", ["plain", "g/chunked", "g/double", "g/big_endian"])
@pytest.mark.parametrize(("start", "stop"), [(0, None), (5, 30), (36, None), (37, None)])
def test_datasets_are_read_in_parts(file: Path, name: str, start: int, stop: int | None) -> None:
    reader = opened(f"{file}:/{name}", [port("x", 4)])
    chunks = list(reader.batches(7, start, stop))
    found = [row for chunk in chunks for row in chunk.columns[name.removeprefix("g/")].tolist()]
    assert found == X[start:stop].tolist()
    assert reader.rows == reader.count() == 37


def test_texts_are_decoded_and_what_is_no_text_is_told(file: Path) -> None:
    assert rows_of(opened(f"{file}:/g/texts", [port("x", dtype="str")]))["texts"].tolist()[35:] == ["ü35", "ü36"]
    assert reasons(opened(f"{file}:/g/bytes", [port("x", dtype="str")])) == {
        36: "'bytes' holds bytes that are not UTF-8"
    }


def test_a_group_gives_the_inputs_in_it_by_name(file: Path) -> None:
    (location,) = locations(f"{file}:/g")
    readers = open_readers(location, Request((port("chunked", 4), port("double", 4)), keep=("texts",)))
    assert [reader.columns[0].name for reader in readers] == ["chunked", "double", "texts"]


def soft(file: h5py.File) -> None:
    file["x"] = h5py.SoftLink("/plain")


def external_link(file: h5py.File) -> None:
    file["x"] = h5py.ExternalLink("other.h5", "/x")


def external_storage(file: h5py.File) -> None:
    file.create_dataset("x", (37, 4), "f4", external=[("/etc/passwd", 0, 592)])


def virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((37, 4), "f4")
    layout[:] = h5py.VirtualSource("other.h5", "plain", (37, 4))
    file.create_virtual_dataset("x", layout)


def references(file: h5py.File) -> None:
    file.create_dataset("x", (3,), h5py.ref_dtype)


def compound(file: h5py.File) -> None:
    file["x"] = np.zeros(3, [("a", "f4"), ("b", "i4")])


def scalar(file: h5py.File) -> None:
    file["x"] = 1.0


def nothing(file: h5py.File) -> None:
    file["x"] = h5py.Empty("f4")


def bomb(file: h5py.File) -> None:
    dataset = file.create_dataset("x", (1 << 22, 64), "f4", chunks=(1 << 14, 64), compression="gzip")
    dataset[0] = 1


def vast_rows(file: h5py.File) -> None:
    file.create_dataset("x", (3, 1 << 20, 1 << 20), "f4", chunks=(1, 4, 4))


def misspelt(file: h5py.File) -> None:
    file["xs"] = X


WRONG: dict[Callable[[Any], None], str] = {
    soft: "/x is a link, which kerasport does not follow",
    external_link: "/x is a link, which kerasport does not follow",
    external_storage: "points to other files or arrays, which kerasport does not follow",
    virtual: "points to other files or arrays, which kerasport does not follow",
    references: "holds object, neither numbers nor texts",
    compound: "neither numbers nor texts",
    scalar: "holds one value, not rows of them",
    nothing: "holds nothing, not rows of them",
    bomb: "bytes out of",
    vast_rows: "claims rows of shape",
    misspelt: "no array '/x'; there are g, plain, xs. Did you mean 'xs'?",
}


@pytest.mark.parametrize("change", WRONG, ids=lambda change: change.__name__)
def test_what_leads_elsewhere_or_holds_no_rows_is_refused(file: Path, change: Callable[[Any], None]) -> None:
    with h5py.File(file, "a") as open_file:
        change(open_file)
    with pytest.raises(KerasportError) as caught:
        opened(f"{file}:/x", [port("x", 4)])
    assert WRONG[change] in str(caught.value)


def test_a_damaged_chunk_is_told_with_its_rows(file: Path) -> None:
    with h5py.File(file, "r") as open_file:
        place = open_file["g/chunked"].id.get_chunk_info(4).byte_offset
    data = bytearray(file.read_bytes())
    data[place + 8 : place + 16] = bytes(8)
    file.write_bytes(data)
    with pytest.raises(InputError, match=r"g/chunked cannot be read from row 7 on"):
        list(opened(f"{file}:/g/chunked", [port("x", 4)]).batches(7))
