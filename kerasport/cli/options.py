"""Options that several commands share, and the terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
        help="The weights of an architecture (JSON, YAML); for a whole model, weights to use instead of its own.",
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
        help="The backend of a Keras 1 file, if its weight names suggest the wrong one.",
    ),
    click.option(
        "--input-shape",
        "sizes",
        multiple=True,
        metavar="NAME=SIZE,...",
        help="Fix sizes that MODEL leaves open: batch=1, time=50, height=, width=, or an input's shape,"
        " image=?x224x224x3.",
    ),
    click.option(
        "--plugin",
        "plugins",
        type=click.Path(path_type=Path),
        multiple=True,
        metavar="FILE",
        help="Your own Python code that defines layers which kerasport does not know; it is executed (repeatable).",
    ),
    click.option(
        "--lambda",
        "lambdas",
        multiple=True,
        metavar="NAME=TEXT",
        help="Replace the function of a Lambda layer with source text: 'scale=x * 2' (repeatable).",
    ),
    click.option(
        "--sampling",
        "sampling",
        type=click.Choice(["refuse", "mean"]),
        default="refuse",
        show_default=True,
        help="Refuse random numbers in Lambda layers and in layers called with training=True, or use their mean.",
    ),
)


def reading_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options of how a model file is read; the command gets them as one argument, ``reading``."""

    @wraps(command)
    def called(
        *,
        weights: Path | None,
        allow_keys: tuple[str, ...],
        backend: str | None,
        sizes: tuple[str, ...],
        plugins: tuple[Path, ...],
        lambdas: tuple[str, ...],
        sampling: str,
        **others: Any,
    ) -> Any:
        reading: Reading = {"weights": weights, "allow_keys": allow_keys, "backend": backend, "plugins": plugins}
        reading["lambdas"] = paired(lambdas, "--lambda", "NAME=TEXT")
        reading["sampling"] = sampling
        if sizes:
            from kerasport.assembly.sizes import parse_sizes

            reading["input_shape"] = parse_sizes(",".join(sizes))
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
    help="Start every batch of stateful recurrent layers from zero states, or carry the states from batch to batch: an"
    " ONNX file then has them as further inputs and outputs.",
)


def listed(given: Sequence[str]) -> list[str]:
    """The items of a repeatable option that also takes several, separated by commas."""
    return [item.strip() for text in given for item in text.split(",") if item.strip()]


def paired(given: Sequence[str], option: str, form: str) -> dict[str, str]:
    """The pairs of a repeatable option such as ``OLD=NEW``.

    Raises:
        UsageError: An item is not a pair.
    """
    pairs = {}
    for item in given:
        old, separator, new = item.partition("=")
        if not separator:
            raise click.UsageError(f"{option} takes {form}, not {item!r}.")
        pairs[old] = new
    return pairs


def console() -> Console:
    """The terminal; in a pipe or log, tables are as wide as they need to be."""
    from rich.console import Console

    found = Console(highlight=False, soft_wrap=True)
    return found if found.is_terminal else Console(highlight=False, soft_wrap=True, width=240)
