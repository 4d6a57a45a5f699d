"""Options that several commands share, and how sizes and shapes are shown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import Console

allow_key = click.option(
    "--allow-key",
    "allow_keys",
    multiple=True,
    metavar="[CLASS.]KEY",
    help="Accept a config key that kerasport does not know (repeatable).",
)

weights_option = click.option(
    "--weights",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The weights of MODEL, where it is an architecture (JSON, YAML); for a whole model, weights to use instead.",
)

backend_option = click.option(
    "--backend",
    type=click.Choice(["tensorflow", "theano"]),
    help="What a Keras 1 file was computed with, where that is not what the names of its weights say.",
)


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
