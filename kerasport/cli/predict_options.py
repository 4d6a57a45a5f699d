"""Options of ``predict`` that say in which forms its data is, and which part of it is meant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kerasport.prediction.rows import Request
    from kerasport.runtime import Port

Command = Callable[..., None]


@dataclass(frozen=True)
class Forms:
    """What is said of the data.

    Attributes:
        input: The name of the inputs' form, "" where their contents or suffixes tell.
        output: The name of the output's form, "" where its suffix tells.
        columns: For an input, or "" for the only one, the columns that make it up.
        keep: Columns to carry through.
    """

    input: str
    output: str
    columns: Mapping[str, tuple[str, ...]]
    keep: tuple[str, ...]

    def request(self, ports: tuple[Port, ...]) -> Request:
        """What is wanted of the files."""
        from kerasport.prediction.rows import Request

        return Request(ports, self.columns, self.keep, self.input)


def form_options(command: Command) -> Command:
    """Adds the options, and gives what they say as the argument ``forms``."""

    @click.option("--input-format", default="", metavar="FORM", help="The form of the inputs, where it does not show.")
    @click.option("--output-format", default="", metavar="FORM", help="The form of the output, as its suffix names it.")
    @wraps(command)
    def with_forms(input_format: str, output_format: str, **others: Any) -> None:
        command(forms=Forms(input_format, output_format, {}, ()), **others)

    return with_forms


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
