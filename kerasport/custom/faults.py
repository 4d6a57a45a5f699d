"""Whose fault it is: errors in a plugin's code, told with its file and line."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

from kerasport.custom.registry import Origin
from kerasport.errors import KerasportError, LayerError, PluginError

F = TypeVar("F", bound=Callable[..., Any])


class RefusalError(LayerError):
    """What a plugin says itself of an option that it does not support."""


class UnfinishedError(LayerError):
    """What a skeleton says that nobody has completed yet."""


def unfinished(what: str) -> UnfinishedError:
    """The error to raise where something is still to be written; ``what`` says what it is."""
    return UnfinishedError(what)


def refuse(what: str, hint: str = "") -> RefusalError:
    """The error to raise for an option that a plugin does not support.

    Args:
        what: What exactly is not supported, as it goes behind the layer's name: "causal attention is not supported".
        hint: What the user can do about it.
    """
    return RefusalError(what, hint)


def told(error: BaseException, file: str, line: int = 0) -> str:
    """What went wrong in a file, and in which line: ``my_layers.py, line 12: KeyError: 'W'``.

    Args:
        error: What was raised.
        file: The file.
        line: The line to name where the error is none within the file, as one of calling what stands there.
    """
    if isinstance(error, SyntaxError) and error.filename == file:
        return f"{Path(file).name}, line {error.lineno}: {type(error).__name__}: {error.msg}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    lines = lines or [line] * bool(line)
    where = f"{Path(file).name}, line {lines[-1]}" if lines else Path(file).name
    what = error.what if isinstance(error, LayerError) else f"{type(error).__name__}: {error}"
    return f"{where}: {what}"


@contextmanager
def blamed(origin: Origin) -> Iterator[None]:
    """Errors of a plugin's code within become a LayerError that names its file and line; kerasport's own stay."""
    try:
        yield
    except (KerasportError, MemoryError, RefusalError):
        raise
    except UnfinishedError as error:
        raise LayerError(f"its plugin is not finished: {told(error, origin.file, origin.line)}") from error
    except LayerError as error:
        if origin.is_kerasports:
            raise
        raise LayerError(f"its plugin does not fit: {told(error, origin.file, origin.line)}", error.hint) from error
    except Exception as error:
        if origin.is_kerasports:
            raise
        raise LayerError(f"its plugin fails: {told(error, origin.file, origin.line)}") from error


def guarded(function: F, origin: Origin) -> F:
    """A plugin's function whose errors are told as the plugin's."""

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        with blamed(origin):
            return function(*args, **kwargs)

    return call  # type: ignore[return-value]


def guarded_outright(function: F, origin: Origin) -> F:
    """The same for one that computes numbers, where no layer's problems are collected any more."""

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            with blamed(origin):
                return function(*args, **kwargs)
        except LayerError as error:
            raise PluginError(error.what[0].upper() + error.what[1:] + ".", error.hint) from error

    return call  # type: ignore[return-value]
