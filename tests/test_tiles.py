"""Large weights go from file to file in tiles, and come out as if they had been read whole."""

from __future__ import annotations

import io
import itertools
from math import prod
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from kerasport import convert, tiles
from kerasport.errors import DamagedFileError
from kerasport.export import writer
from kerasport.export.arrays import Lazy, from_weight, stack
from kerasport.reader.h5 import H5File, weight
from kerasport.reader.stretch import Stretch
from tests.goldens import ARCHIVE, H5, Form, goldens

SHAPES = st.lists(st.integers(1, 7), min_size=1, max_size=4).map(tuple)


@st.composite
def shapes_and_orders(draw: st.DrawFn) -> tuple[tuple[int, ...], tuple[int, ...]]:
    shape = draw(SHAPES)
    return shape, tuple(draw(st.permutations(range(len(shape)))))


def numbers(shape: tuple[int, ...]) -> NDArray[np.float32]:
    return np.arange(prod(shape), dtype=np.float32).reshape(shape) - 3.5


@given(shapes_and_orders(), st.integers(1, 500))
def test_tiles_keep_to_the_limit_and_cover_the_array_once(
    case: tuple[tuple[int, ...], tuple[int, ...]], limit: int
) -> None:
    shape, order = case
    tile = tiles.sizes(shape, order, limit)
    assert prod(tile) <= limit
    count = np.zeros(shape, int)
    for index in tiles.grid(shape, tile):
        count[index] += 1
    assert (count == 1).all()


@given(shapes_and_orders(), st.integers(1, 100))
def test_tiles_written_to_their_places_make_up_the_array(
    case: tuple[tuple[int, ...], tuple[int, ...]], limit: int
) -> None:
    shape, order = case
    array, file = numbers(shape), io.BytesIO(b"head")
    for index in reversed(list(tiles.grid(shape, tiles.sizes(shape, order, limit)))):
        tiles.write(file, 4, shape, index, np.ascontiguousarray(array[index]))
    assert file.getvalue() == b"head" + array.tobytes()


def test_a_matrix_that_is_transposed_is_cut_into_squares() -> None:
    assert tiles.sizes((1 << 14, 1 << 14), (1, 0), 1 << 20) == (1 << 10, 1 << 10)
    assert tiles.sizes((1 << 14, 1 << 14), (0, 1), 1 << 20) == (1 << 6, 1 << 14)


@given(shapes_and_orders())
def test_a_copy_by_blocks_is_the_copy(case: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    shape, order = case
    view = numbers(shape).transpose(order)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiles, "_SMALL", 0)
        patch.setattr(tiles, "_BLOCK", 2)
        copy = tiles.contiguous(view)
    assert copy.flags.c_contiguous
    np.testing.assert_array_equal(copy, view)


@given(SHAPES, st.data())
def test_a_tile_is_read_where_it_stands(shape: tuple[int, ...], data: st.DataObject) -> None:
    array = numbers(shape)
    bounds = [sorted(data.draw(st.tuples(st.integers(0, size), st.integers(0, size)))) for size in shape]
    index = tuple(slice(start, stop) for start, stop in bounds)
    file = _Bytes(b"0123456" + array.tobytes())
    np.testing.assert_array_equal(tiles.read(file, 7, array.dtype, shape, index), array[index])


def test_a_tile_behind_the_end_of_the_file_is_an_error() -> None:
    array = numbers((4, 5))
    with pytest.raises(OSError, match="the file ends"):
        tiles.read(_Bytes(array.tobytes()[:-1]), 0, array.dtype, (4, 5), (slice(0, 4), slice(3, 5)))


class _Bytes(io.BytesIO, io.RawIOBase):
    """Bytes in memory as an unbuffered file."""


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Datasets of float32: one stretch of the file, compressed, and big-endian; behind a user block."""
    path = tmp_path_factory.mktemp("tiles") / "arrays.h5"
    array = numbers((6, 5, 4, 7))
    with h5py.File(path, "w", userblock_size=512) as file:
        file["plain"] = array
        file.create_dataset("packed", data=array, compression="gzip")
        file["big"] = array.astype(">f4")
    return path


def lazies(kernel: Lazy) -> dict[str, tuple[Lazy, NDArray[np.float32]]]:
    """Arrays as translations make them of a kernel (6, 5, 4, 7), and what they are."""
    whole = numbers((6, 5, 4, 7))
    factors = np.linspace(-1, 2, 7)
    flat = kernel.reshape(6, 5, 4, 7).transpose(2, 0, 1, 3).reshape(120, 7)
    rows = whole.transpose(2, 0, 1, 3).reshape(120, 7)
    gates = kernel.reshape(30, 4, 7).take([0, 3, 1, 2], axis=1).transpose(1, 2, 0).reshape(28, 30)
    ordered = whole.reshape(30, 4, 7)[:, [0, 3, 1, 2]].transpose(1, 2, 0).reshape(28, 30)
    return {
        "as it is": (kernel, whole),
        "convolution": (kernel.transpose(3, 2, 0, 1), whole.transpose(3, 2, 0, 1)),
        "another shape": (kernel.reshape(30, 28), whole.reshape(30, 28)),
        "behind a Flatten": (flat, rows),
        "scaled": (kernel.transpose(3, 2, 0, 1).scaled(lambda: factors, 0, "f"), _scaled(whole, factors)),
        "scaled behind a Flatten": (flat.scaled(lambda: factors, 1, "f"), (rows * factors).astype(np.float32)),
        "gates": (gates, ordered),
        "two directions": (stack([gates, gates]), np.stack([ordered, ordered])),
        "opaque": (kernel.map("abs", abs, kernel.shape), abs(whole)),
    }


def _scaled(whole: NDArray[np.float32], factors: NDArray[np.float64]) -> NDArray[np.float32]:
    scaled = whole.transpose(3, 2, 0, 1) * factors[:, None, None, None]
    return scaled.astype(np.float32)


@pytest.mark.parametrize("name", ["plain", "packed", "big"])
@pytest.mark.parametrize("limit", [1, 24, 300, 1 << 20])
def test_weights_come_out_alike_whole_and_in_tiles(
    stored: Path, name: str, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_TILE", 4 * limit)
    with H5File(stored) as file:
        kernel = from_weight(weight(stored, file, name, file.raw))
        assert (kernel.order is not None) == (name != "packed")
        for what, (lazy, expected) in lazies(kernel).items():
            assert lazy.shape == expected.shape, what
            np.testing.assert_array_equal(lazy.load(), expected, err_msg=what)
            for index in itertools.islice(tiles.grid(lazy.shape, [2] * len(lazy.shape)), 50):
                np.testing.assert_array_equal(lazy.read(index), expected[index], err_msg=what)
            buffer = io.BytesIO()
            writer.write_values(what, lazy, buffer)
            assert buffer.getvalue() == expected.tobytes(), what


def test_only_what_the_weight_itself_is_counts_as_one_stretch(stored: Path) -> None:
    with H5File(stored) as file:
        kernel = from_weight(weight(stored, file, "plain", file.raw))
        for what, (lazy, _) in lazies(kernel).items():
            assert ((lazy.flat or lazy).order is not None) == (what != "opaque"), what


def test_a_file_that_was_cut_off_while_it_was_read_is_damaged(stored: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.h5"
    cut.write_bytes(stored.read_bytes()[:4000])
    with H5File(stored) as file:
        kernel = from_weight(weight(stored, file, "plain", Stretch(cut)))
        with pytest.raises(DamagedFileError, match="the file ends within it"):
            kernel.read((slice(0, 6), slice(0, 5), slice(0, 4), slice(0, 3)))


@pytest.mark.parametrize("case", ["crnn", "mobilenet_v2", "bilstm_tagger"])
@pytest.mark.parametrize("form", [H5, ARCHIVE], ids=lambda form: form.name)
def test_a_model_has_the_same_bytes_with_tiles_of_any_size(
    case: str, form: Form, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (golden,) = goldens("models", case, "3.15.1-tensorflow", form)
    source = golden.model(tmp_path)
    convert(source, tmp_path / "whole.onnx", validate=False)
    monkeypatch.setattr(writer, "_TILE", 64)
    convert(source, tmp_path / "tiles.onnx", validate=False)
    assert (tmp_path / "tiles.onnx").read_bytes() == (tmp_path / "whole.onnx").read_bytes()


def test_weights_beside_the_model_are_the_same_in_tiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (golden,) = goldens("models", "mobilenet_v2", "3.15.1-tensorflow")
    monkeypatch.setattr(writer, "PROTOBUF_LIMIT", 1000)
    data = []
    for name, size in (("whole", 1 << 20), ("tiles", 64)):
        (tmp_path / name).mkdir()
        monkeypatch.setattr(writer, "_TILE", size)
        convert(golden.model(tmp_path), tmp_path / name / "model.onnx")  # validated, so it can be read as well
        data.append((tmp_path / name / "model.onnx.data").read_bytes())
    assert data[0] == data[1]
