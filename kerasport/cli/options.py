"""Options that several commands share, and how sizes and shapes are shown."""

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
    click.option(
        "--input-shape",
        "sizes",
        multiple=True,
        metavar="NAME=SIZE,...",
        help="Sizes that MODEL leaves open: batch=1, time=50, height=, width=, or an input's shape, image=?x224x224x3.",
    ),
    click.option(
        "--plugin",
        "plugins",
        type=click.Path(path_type=Path),
        multiple=True,
        metavar="FILE",
        help="Python code of your own that says what a layer is which kerasport does not know (repeatable); it is run.",
    ),
    click.option(
        "--lambda",
        "lambdas",
        multiple=True,
        metavar="NAME=TEXT",
        help="The function of a Lambda layer as text, in place of what the file has: 'scale=x * 2' (repeatable).",
    ),
    click.option(
        "--sampling",
        "sampling",
        type=click.Choice(["refuse", "mean"]),
        default="refuse",
        show_default=True,
        help="What becomes of random numbers in Lambda layers, and in layers called with training=True.",
    ),
)


def reading_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of how a model file is read, which the command is given as one argument, ``reading``."""

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
            from kerasport.sizes import parse_sizes

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
    help="Stateful recurrent layers start every batch from zero states, or from those that the batch before left: in"
    " an ONNX file these are further inputs and outputs.",
)


def listed(given: Sequence[str]) -> list[str]:
    """The items of a repeatable option that also takes several, divided by commas."""
    return [item.strip() for text in given for item in text.split(",") if item.strip()]


def paired(given: Sequence[str], option: str, form: str) -> dict[str, str]:
    """The pairs of an option that takes ``OLD=NEW``.

    Raises:
        UsageError: An item is no pair.
    """
    pairs = {}
    for item in given:
        old, separator, new = item.partition("=")
        if not separator:
            raise click.UsageError(f"{option} takes {form}, not {item!r}.")
        pairs[old] = new
    return pairs


def console() -> Console:
    """The terminal; where there is none (a pipe, a log), tables are as wide as they need to be."""
    from rich.console import Console

    found = Console(highlight=False, soft_wrap=True)
    return found if found.is_terminal else Console(highlight=False, soft_wrap=True, width=240)
