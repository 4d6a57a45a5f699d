"""Options that several commands share, and how sizes and shapes are shown."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console

    from kerasport.loading import Reading

_READING = (
    click.option(
        "--weights",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="The weights of MODEL, where it is an architecture (JSON, YAML); for a whole model, weights to use"
        " instead.",
    ),
    click.option(
        "--allow-key",
        "allow_keys",
        multiple=True,
        metavar="[CLASS.]KEY",
        help="Accept a config key that kerasport does not know (repeatable).",
    ),
    click.option(
        "--backend",
        type=click.Choice(["tensorflow", "theano"]),
        help="What a Keras 1 file was computed with, where that is not what the names of its weights say.",
    ),
)


def reading_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of how a model file is read, which the command is given as one argument, ``reading``."""

    @wraps(command)
    def called(*, weights: Path | None, allow_keys: tuple[str, ...], backend: str | None, **others: Any) -> Any:
        reading: Reading = {"weights": weights, "allow_keys": allow_keys, "backend": backend}
        return command(reading=reading, **others)

    decorated: Callable[..., Any] = called
    for option in reversed(_READING):
        decorated = option(decorated)
    return decorated


states_option = click.option(
    "--states",
    type=click.Choice(["reset", "carry"]),
    default="reset",
    show_default=True,
    help="Stateful recurrent layers start every batch from zero states, or from those that the batch before left: in"
    " an ONNX file these are further inputs and outputs.",
)


def console() -> Console:
    """The terminal; where there is none (a pipe, a log), tables are as wide as they need to be."""
    from rich.console import Console

    found = Console(highlight=False, soft_wrap=True)
    return found if found.is_terminal else Console(highlight=False, soft_wrap=True, width=240)
