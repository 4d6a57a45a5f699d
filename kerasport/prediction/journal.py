"""The state of an incomplete output on disk: a folder next to it, from which a later process resumes.

The folder is ``NAME.partial``. It holds the output's growing files and ``journal.json``, which says how many rows of
the input are dealt with, where the files then ended, and which model, inputs and options they came of. The journal is
replaced only after the files are on the disk, so that whatever kills the process, it tells the truth.
"""

from __future__ import annotations

import hashlib
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


def _read(path: Path, target: Path) -> dict[str, Any]:
    """What is noted.

    Raises:
        FileError: It is not what was written there.
    """
    try:
        written = json.loads(path.read_text(encoding="utf-8"))
        if _digest(written["noted"]) != written["sha256"]:
            raise ValueError("another digest")
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        what = f"{target} cannot be continued: its journal {path} is damaged."
        raise FileError(what, "Start over without --resume.") from error
    noted: dict[str, Any] = json.loads(written["noted"])
    return noted


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def first_difference(before: Made, now: Made) -> tuple[str, Any, Any] | None:
    """What is not the same in what two outputs are made of, and what it is in each; None if they are made of the same.

    It is "kerasport", its version; a path; or the name of an option.
    """
    pairs = [
        ({"kerasport": before["kerasport"]}, {"kerasport": now["kerasport"]}),
        (before["files"], now["files"]),
        (before["options"], now["options"]),
    ]
    for old, new in pairs:
        for name in [*old, *new]:
            if old.get(name) != new.get(name):
                return name, old.get(name), new.get(name)
    return None


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
        text = json.dumps({"made_of": made, **facts})
        with new.open("w", encoding="utf-8") as file:
            json.dump({"noted": text, "sha256": _digest(text)}, file)
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
                _removed(folder)
            raise
        _removed(folder)


def _removed(folder: Path) -> None:
    """Removes a folder to the end, even if a signal to end comes meanwhile."""
    try:
        shutil.rmtree(folder)
    except (KeyboardInterrupt, SystemExit):
        shutil.rmtree(folder, ignore_errors=True)
        raise


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
    path = folder / _NAME
    if not path.exists():
        return None
    noted = _read(path, target)
    difference = first_difference(noted["made_of"], made)
    if difference is None:
        return noted
    name, had, has = difference
    hint = f"Start over without --resume, or use what it was started with ({folder} holds what is there)."
    what = f"{target} cannot be continued: "
    if name == "kerasport":
        raise OptionError(f"{what}it was started by kerasport {had}.", hint)
    if name in {**noted["made_of"]["files"], **made["files"]}:
        state = "has changed" if had and has else "was not read by both"
        raise OptionError(f"{what}{name} {state}.", hint)
    raise OptionError(f"{what}it was started with {name} {had}, not {has}.", hint)
