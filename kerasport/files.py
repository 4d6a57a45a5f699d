"""Output files that appear whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kerasport.errors import FileError


@contextmanager
def whole(target: Path) -> Iterator[Path]:
    """Gives a path to write to; what was written there takes the target's place only when all went well.

    The path is in a private folder beside the target and has the target's name; files written beside it
    (an ONNX model's external data) move along, before it.

    Raises:
        FileError: The target's folder is missing or cannot be written to.
    """
    target = Path(target)
    try:
        folder = tempfile.TemporaryDirectory(dir=target.absolute().parent, prefix=".kerasport-")
    except OSError as error:
        raise FileError(
            f"{target} cannot be written: {error.strerror}.", "Check that its folder exists and is writable."
        ) from error
    with folder as name:
        path = Path(name) / target.name
        yield path
        _publish(Path(name), path, target)


def _publish(folder: Path, path: Path, target: Path) -> None:
    for written in sorted(folder.iterdir(), key=lambda item: item == path):
        with written.open("rb+") as file:
            os.fsync(file.fileno())
        try:
            written.replace(target.with_name(written.name))
        except OSError as error:
            raise FileError(f"{target} cannot be written: {error.strerror}.") from error
