"""Tables in the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import Console

_MARKS = {"✓": "green", "✗": "red"}
_GAP = "  "


def show_table(terminal: Console, titles: Sequence[str], rows: Sequence[Sequence[str]], numbers: str = "") -> None:
    """Prints a table; rich, which takes a millisecond for each row, is asked only to fold what is too wide.

    Args:
        terminal: Where it is shown.
        titles: The columns' titles.
        rows: The cells; a mark in the last column has its colour.
        numbers: The title of the column that is aligned to the right.
    """
    from rich.cells import cell_len
    from rich.control import strip_control_codes

    lines = [titles, *([strip_control_codes(cell) for cell in row] for row in rows)]
    widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]
    if sum(widths) + len(_GAP) * len(widths) > terminal.width:
        _folded(terminal, titles, rows, numbers)
        return
    for index, line in enumerate(lines):
        padded = []
        for title, cell, width in zip(titles[:-1], line, widths, strict=False):
            space = " " * (width - cell_len(cell))
            padded.append(space + cell if title == numbers else cell + space)
        last = click.style(line[-1], _MARKS[line[-1]]) if line[-1] in _MARKS else line[-1]
        text = _GAP.join([*padded, last]).rstrip()
        click.echo(text if index else click.style(text, bold=True))


def _folded(terminal: Console, titles: Sequence[str], rows: Sequence[Sequence[str]], numbers: str) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for title in titles:
        table.add_column(title, justify="right" if title == numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell, _MARKS.get(cell, "")) for cell in row))
    terminal.print(table)
