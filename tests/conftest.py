"""Shared fixtures: the demo's files, and the command line without a process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings

from kerasport.cli.main import run

SEED = Path(__file__).parent.parent / "fixtures" / "seed"

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@dataclass(frozen=True)
class Outcome:
    """What a command did."""

    code: int
    out: str
    err: str


@pytest.fixture
def seed() -> Path:
    """The folder of the demo's model, data and real Keras's predictions."""
    return SEED


@pytest.fixture
def seed_model() -> Path:
    """The demo's model."""
    return SEED / "my_model_tf.h5"


@pytest.fixture
def kerasport(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Runs the command line: ``kerasport("inspect", path)``."""

    def call(*arguments: object) -> Outcome:
        code = run([str(argument) for argument in arguments], debug=False)
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return call
