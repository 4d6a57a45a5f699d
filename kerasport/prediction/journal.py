"""What is on the disk of an output that is not complete: a folder beside it, in which a later process continues.

The folder is ``NAME.partial``. It holds the output's growing files and ``journal.json``, which says how many rows of
the input are dealt with, where the files then ended, and which model, inputs and options they came of. The journal is
replaced only after the files are on the disk, so that whatever kills the process, it tells the truth.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from kerasport.errors import FileError, OptionError

Made = Mapping[str, Any]
_NAME = "journal.json"


def made_of(model: Sequence[Path], inputs: Sequence[Path], options: Mapping[str, Any]) -> dict[str, Any]:
    """What an output is made of: what must be the same for a run that continues another.

    Args:
        model: The files of the model.
        inputs: All files that are read.
        options: All else that changes the output, as JSON values.
    """
    from kerasport._version import __version__

    files = {str(path.absolute()): _state(path) for path in (*model, *inputs)}
    return {"kerasport": __version__, "files": files, "options": dict(options)}


def _state(path: Path) -> list[int]:
    found = path.stat()
    return [found.st_size, found.st_mtime_ns]


class Journal:
    """The folder of an incomplete output, and what is noted in it.

    Attributes:
        folder: The folder.
        noted: What the process before noted last; None where there is nothing to continue.
    """

    def __init__(self, folder: Path, noted: dict[str, Any] | None) -> None:
        self.folder, self.noted = folder, noted

    def note(self, made: Made, facts: Mapping[str, Any]) -> None:
        """Replaces what is noted, on the disk."""
        path = self.folder / _NAME
        new = path.with_suffix(".new")
        with new.open("w", encoding="utf-8") as file:
            json.dump({"made_of": made, **facts}, file)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)


@contextmanager
def opened(target: Path, made: Made, resume: bool) -> Iterator[Journal]:
    """The journal of an output.

    Without ``resume``, what an earlier process left is thrown away, and after an error all is.

    Raises:
        FileError: The folder cannot be made, or another process writes this output.
        OptionError: What is there was made of something else.
    """
    folder = target.with_name(f"{target.name}.partial")
    try:
        folder.mkdir(exist_ok=True)
        _require_plain(folder, target)
        lock = (folder / "lock").open("w")
    except OSError as error:
        raise FileError(
            f"{target} cannot be written: {error.strerror}.", "Check that its folder exists and is writable."
        ) from error
    with lock:
        _lock(lock, target)
        try:
            noted = _noted(folder, made, target) if resume else None
            if noted is None:
                _emptied(folder)
            yield Journal(folder, noted)
        except BaseException:
            if not resume or not (folder / _NAME).exists():
                shutil.rmtree(folder)
            raise
        shutil.rmtree(folder)


def _require_plain(folder: Path, target: Path) -> None:
    """Nothing is written, or removed, through a link that somebody has put there."""
    link = next((path for path in (folder, *folder.iterdir()) if path.is_symlink()), None)
    if link is not None:
        raise FileError(f"{target} cannot be written: {link} is a link, which kerasport does not follow.", "Remove it.")


def _lock(file: IO[str], target: Path) -> None:
    """Keeps other processes away, where the system knows how."""
    try:
        import fcntl
    except ImportError:
        file.close()  # an open file could not be removed there
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise FileError(f"{target} is being written by another process.", "Wait for it, or end it.") from error


def _emptied(folder: Path) -> None:
    for path in folder.iterdir():
        if path.name != "lock":
            path.unlink()


def _noted(folder: Path, made: Made, target: Path) -> dict[str, Any] | None:
    try:
        noted: dict[str, Any] = json.loads((folder / _NAME).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    before = noted["made_of"]
    hint = f"Begin anew without --resume, or give what it was begun with ({folder} holds what is there)."
    what = f"{target} cannot be continued: "
    if before["kerasport"] != made["kerasport"]:
        raise OptionError(f"{what}it was begun by kerasport {before['kerasport']}.", hint)
    for path in [*before["files"], *made["files"]]:
        if before["files"].get(path) != made["files"].get(path):
            state = "has changed" if path in before["files"] and path in made["files"] else "was not read by both"
            raise OptionError(f"{what}{path} {state}.", hint)
    for name in [*before["options"], *made["options"]]:
        if before["options"].get(name) != made["options"].get(name):
            had = before["options"].get(name)
            raise OptionError(f"{what}it was begun with {name} {had}, not {made['options'].get(name)}.", hint)
    return noted
