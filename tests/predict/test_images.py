"""Images, against what Keras's ``load_img`` and ``preprocess_input`` make of the same files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kerasport as kp
from kerasport.errors import InputError, OptionError
from kerasport.prediction.preprocessing import preprocess, preprocessing
from kerasport.prediction.rows import Rows
from tests.conftest import Outcome
from tests.goldens import goldens
from tests.predict.reading import FIXTURES, opened, port, reasons, rows_of

IMAGES = FIXTURES / "images"
CHANNELS = {"rgb": 3, "grayscale": 1, "rgba": 4}


def arrays(name: str) -> dict[str, Any]:
    with np.load(IMAGES / name) as archive:
        return dict(archive)


LOADED, PREPROCESSED = arrays("loaded.npz"), arrays("preprocessed.npz")


@pytest.fixture
def pillow() -> Any:
    return pytest.importorskip("PIL.Image", reason="images need Pillow")


@pytest.mark.parametrize("case", LOADED)
@pytest.mark.usefixtures("pillow")
def test_images_are_loaded_as_keras_loads_them(case: str) -> None:
    name, mode, resample = case.split("/")
    found = rows_of(opened(IMAGES / name, [port("x", 9, 8, CHANNELS[mode])], resample=resample))
    np.testing.assert_array_equal(found["x"][0], LOADED[case])


@pytest.mark.usefixtures("pillow")
def test_channels_come_first_where_the_model_has_them_first() -> None:
    found = rows_of(opened(IMAGES / "rgb.png", [port("x", 3, 9, 8)]))
    np.testing.assert_array_equal(found["x"][0].transpose(1, 2, 0), LOADED["rgb.png/rgb/nearest"])


@pytest.mark.usefixtures("pillow")
def test_a_folder_is_read_in_the_order_of_its_names(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    for name in ("b/1.png", "a.PNG", "c.png", ".hidden.png"):
        (tmp_path / name).write_bytes((IMAGES / "rgb.png").read_bytes())
    (tmp_path / "notes.txt").write_text("no image")
    reader = opened(tmp_path, [port("x", 4, 4, 3)], keep=("file",))
    found = rows_of(reader, 2)
    assert found["file"].tolist() == [str(tmp_path / name) for name in ("a.PNG", "b/1.png", "c.png")]
    assert rows_of(reader, 2, 1, 2)["file"].tolist() == [str(tmp_path / "b/1.png")]


@pytest.mark.usefixtures("pillow")
def test_broken_images_are_bad_rows(tmp_path: Path, pillow: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    data = (IMAGES / "rgb.png").read_bytes()
    (tmp_path / "0.png").write_bytes(data)
    (tmp_path / "1.png").write_bytes(data[: len(data) // 2])
    (tmp_path / "2.png").write_bytes(b"hello")
    (tmp_path / "3.jpg").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    (tmp_path / "4.png").touch()
    pillow.new("RGB", (400, 300)).save(tmp_path / "5.png")
    monkeypatch.setattr(pillow, "MAX_IMAGE_PIXELS", 100_000)
    found = reasons(opened(tmp_path, [port("x", 4, 4, 3)]))
    assert list(found) == [1, 2, 3, 4, 5]
    assert all(f"{row}." in reason and "is not a readable image: " in reason for row, reason in found.items())
    assert "120000 pixels" in found[5] or "400×300 pixels" in found[5]


@pytest.mark.usefixtures("pillow")
@pytest.mark.parametrize(
    ("shapes", "options", "message"),
    [
        ([(None, None, 3)], {}, "Set the size to resize them to: --image-size"),
        ([(9, 8, 3)], {"image_size": "8x9"}, "takes images of 9×8"),
        ([(9, 8, 5)], {}, "takes 5 channels"),
        ([(10,)], {}, "none of the inputs takes: x0"),
        ([(9, 8, 3), (9, 8, 3)], {}, "any of the inputs x0, x1 takes"),
    ],
)
def test_inputs_that_take_no_images_are_explained(shapes: Any, options: dict[str, str], message: str) -> None:
    ports = [port(f"x{index}", *shape) for index, shape in enumerate(shapes)]
    with pytest.raises((InputError, OptionError), match=message):
        opened(IMAGES / "rgb.png", ports, **options)


@pytest.mark.usefixtures("pillow")
def test_open_sizes_are_as_said() -> None:
    for size in ("9x8", "9X8"):
        found = rows_of(opened(IMAGES / "rgb.png", [port("x", None, None, 3)], image_size=size))
        np.testing.assert_array_equal(found["x"][0], LOADED["rgb.png/rgb/nearest"])


@pytest.mark.parametrize("case", [name for name in PREPROCESSED if name != "pixels"])
def test_pixels_are_scaled_as_keras_applications_scales_them(case: str) -> None:
    mode, which = case.split("/")
    pixels = PREPROCESSED["pixels"]
    first = which == "channels_first"
    found = preprocess(pixels.transpose(0, 3, 1, 2) if first else pixels, mode, not first)
    np.testing.assert_allclose(found, PREPROCESSED[case], rtol=1e-6, atol=1e-5)
    assert found.dtype == np.float32
    assert pixels is PREPROCESSED["pixels"]


def test_the_step_scales_images_and_nothing_else() -> None:
    pixels = PREPROCESSED["pixels"]
    other = np.ones((2, 3))
    step = preprocessing([port("i", 5, 4, 3), port("o", 3)], "0-1")
    found = step(Rows(7, {"i": pixels, "o": other}))
    np.testing.assert_allclose(found.columns["i"], pixels / np.float32(255))
    assert found.columns["o"] is other
    assert found.start == 7


@pytest.mark.parametrize(("shape", "mode"), [((3,), "tf"), ((5, 4, 1), "caffe"), ((5, 4, 1), "torch")])
def test_modes_are_refused_where_they_do_not_apply(shape: tuple[int, ...], mode: str) -> None:
    with pytest.raises(OptionError, match=f"--preprocess {mode}"):
        preprocessing([port("x", *shape)], mode)


@pytest.mark.usefixtures("pillow")
def test_only_inputs_of_bytes_take_pixels_without_a_word_on_their_scale() -> None:
    pixels = rows_of(opened(IMAGES / "rgb.png", [port("x", 9, 8, 3, dtype="uint8")], preprocess=""))
    np.testing.assert_array_equal(pixels["x"][0], LOADED["rgb.png/rgb/nearest"])
    with pytest.raises(OptionError, match="Say it with --preprocess"):
        opened(IMAGES / "rgb.png", [port("x", 9, 8, 3)], preprocess="")


@pytest.mark.usefixtures("pillow")
def test_validate_takes_images(kerasport: Callable[..., Outcome], tmp_path: Path) -> None:
    model, onnx = goldens("activation", "after_conv")[0].model(tmp_path), tmp_path / "m.onnx"
    kp.convert(model, onnx, validate=False)
    arguments = ["validate", model, onnx, "--input", IMAGES / "rgb.png"]
    refused = kerasport(*arguments)
    assert refused.code == 2
    assert "Say it with --preprocess" in refused.err
    outcome = kerasport(*arguments, "--preprocess", "tf")
    assert outcome.code == 0, outcome.err
