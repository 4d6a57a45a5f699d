"""What tests of prediction share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import kerasport as kp
from kerasport.prediction import pipeline


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's model, converted: ten numbers in, one out."""
    target = tmp_path_factory.mktemp("model") / "model.onnx"
    kp.convert(Path(__file__).parents[2] / "fixtures" / "seed" / "my_model_tf.h5", target, validate=False)
    return target


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """A file of 1,000 rows for it."""
    path = tmp_path / "x.npy"
    np.save(path, np.random.default_rng(0).normal(size=(1000, 10)).astype("float32"))
    return path


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets a chunk be one batch, so that small files make many."""
    monkeypatch.setattr(pipeline, "_CHUNK", 1)
