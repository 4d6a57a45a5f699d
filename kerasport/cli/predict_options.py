"""Options of ``predict`` for the formats of its data, and which part of the data to predict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any

import click

Command = Callable[..., None]


def data_options(command: Command) -> Command:
    """Adds the options; the command gets them as one argument, ``data``."""

    @wraps(command)
    def with_data(**given: Any) -> None:
        from kerasport.prediction.data_options import DataOptions

        said = {name: given.pop(name) for name in _OPTIONS}
        said["columns"] = _columns(said["columns"])
        said["keep_columns"] = tuple(name for text in said["keep_columns"] for name in _names(text))
        command(data=DataOptions(**{name: value for name, value in said.items() if value is not None}), **given)

    decorated: Command = with_data
    for option in reversed(_OPTIONS.values()):
        decorated = option(decorated)
    return decorated


def _columns(texts: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The columns by input name ("" for ``a,b,c`` without one), from ``INPUT=a,b,c``; quoted as in CSV."""
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
        "--input-format", metavar="FORMAT", help="The format of the inputs, if neither content nor suffix shows it."
    ),
    "output_format": click.option(
        "--output-format", metavar="FORMAT", help="The format of the output, if its suffix does not show it."
    ),
    "columns": click.option(
        "--columns",
        multiple=True,
        metavar="[INPUT=]A,B,...",
        help="The columns that make up an input; A:C is the range from A to C (repeatable).",
    ),
    "keep_columns": click.option(
        "--keep-columns",
        multiple=True,
        metavar="A,B,...",
        help="Columns of the first input to copy to the output; for images, the column file holds their names.",
    ),
    "delimiter": click.option(
        "--delimiter",
        metavar="CHARACTER",
        help="The field separator of CSV, or tab, if its first lines do not show it.",
    ),
    "header": click.option(
        "--header/--no-header",
        default=None,
        help="Whether CSV starts with column names, if that is ambiguous.",
    ),
    "preprocess": click.option(
        "--preprocess",
        type=click.Choice(["caffe", "tf", "torch", "0-1", "none"]),
        help="How to scale pixels from 0 to 255, as preprocess_input of keras.applications does; required for images.",
    ),
    "resample": click.option(
        "--resample",
        type=click.Choice(["nearest", "bilinear", "bicubic", "lanczos", "box", "hamming"]),
        help="How to resize images; nearest by default, as in load_img of Keras.",
    ),
    "image_size": click.option(
        "--image-size", metavar="HEIGHTxWIDTH", help="The size to resize images to, if the model takes any size."
    ),
    "top": click.option(
        "--top", type=click.IntRange(min=1), metavar="N", help="Return only the N best classes, with their scores."
    ),
    "labels": click.option(
        "--labels",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="The class names: a text file with one per line, or JSON like Keras's imagenet_class_index.json.",
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
    help="Predict only the I-th of N contiguous shares of the rows, counted from 1; for job arrays.",
)
