"""Options of ``predict`` that say in which forms its data is, and which part of it is meant."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any

import click

Command = Callable[..., None]


def form_options(command: Command) -> Command:
    """Adds the options, and gives what they say as the argument ``wishes``."""

    @wraps(command)
    def with_wishes(**given: Any) -> None:
        from kerasport.prediction.wishes import Wishes

        said = {name: given.pop(name) for name in _OPTIONS}
        said["columns"] = _columns(said["columns"])
        said["keep_columns"] = tuple(name for text in said["keep_columns"] for name in _names(text))
        command(wishes=Wishes(**{name: value for name, value in said.items() if value is not None}), **given)

    decorated: Command = with_wishes
    for option in reversed(_OPTIONS.values()):
        decorated = option(decorated)
    return decorated


def _columns(texts: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """``INPUT=a,b,c`` or ``a,b,c`` by the input's name, or ""; there may be quotes, as in CSV."""
    found: dict[str, tuple[str, ...]] = {}
    for text in texts:
        name, separator, columns = text.partition("=")
        name, columns = (name, columns) if separator else ("", text)
        found[name] = (*found.get(name, ()), *_names(columns))
    return found


def _names(text: str) -> list[str]:
    import csv

    return next(csv.reader([text]), [])


_OPTIONS = {
    "input_format": click.option(
        "--input-format", metavar="FORM", help="The form of the inputs, where neither content nor suffix tells it."
    ),
    "output_format": click.option(
        "--output-format", metavar="FORM", help="The form of the output, where its suffix does not tell it."
    ),
    "columns": click.option(
        "--columns",
        multiple=True,
        metavar="[INPUT=]A,B,...",
        help="Columns of a table that make up an input; A:C is all from A to C (repeatable).",
    ),
    "keep_columns": click.option(
        "--keep-columns",
        multiple=True,
        metavar="A,B,...",
        help="Columns of the first input to carry through to the output; the names of images are the column file.",
    ),
    "delimiter": click.option(
        "--delimiter",
        metavar="CHARACTER",
        help="Between the fields of CSV, where its first lines do not tell it; or tab.",
    ),
    "header": click.option(
        "--header/--no-header",
        default=None,
        help="Whether CSV begins with the names of its columns, if that is unclear.",
    ),
    "preprocess": click.option(
        "--preprocess",
        type=click.Choice(["caffe", "tf", "torch", "0-1", "none"]),
        help="How pixels from 0 to 255 are scaled, as preprocess_input of keras.applications does; images need it.",
    ),
    "resample": click.option(
        "--resample",
        type=click.Choice(["nearest", "bilinear", "bicubic", "lanczos", "box", "hamming"]),
        help="How images are resized; nearest, like load_img of Keras, if nothing is said.",
    ),
    "image_size": click.option(
        "--image-size", metavar="HEIGHTxWIDTH", help="To what images are resized, where the model takes any size."
    ),
    "top": click.option(
        "--top", type=click.IntRange(min=1), metavar="N", help="Only the N most probable classes, with their scores."
    ),
    "labels": click.option(
        "--labels",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="The names of the classes: a text with one a line, or JSON like Keras's imagenet_class_index.json.",
    ),
}


def _shard(context: click.Context, parameter: click.Parameter, text: str) -> tuple[int, int]:
    index, _, of = text.partition("/")
    if not (index.isdecimal() and of.isdecimal() and 1 <= int(index) <= int(of)):
        raise click.BadParameter(f"{text!r} is not I/N with I from 1 to N.")
    return int(index), int(of)


shard_option = click.option(
    "--shard",
    default="1/1",
    metavar="I/N",
    callback=_shard,
    help="Only the I-th of N equal shares of the rows, in order, from 1: for arrays of jobs.",
)
