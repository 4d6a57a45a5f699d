"""Tables in the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import Console

_MARKS = {"✓": "green", "✗": "red"}
_GAP = "  "


def show_table(terminal: Console, titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Prints a table; rich, which takes a millisecond for each row, is asked only to fold what is too wide."""
    from rich.cells import cell_len
    from rich.control import strip_control_codes

    lines = [titles, *([strip_control_codes(cell) for cell in row] for row in rows)]
    widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]
    if sum(widths) + len(_GAP) * len(widths) > terminal.width:
        _folded(terminal, titles, rows)
        return
    for index, line in enumerate(lines):
        padded = [cell + " " * (width - cell_len(cell)) for cell, width in zip(line[:-1], widths, strict=False)]
        last = click.style(line[-1], _MARKS[line[-1]]) if line[-1] in _MARKS else line[-1]
        text = _GAP.join([*padded, last]).rstrip()
        click.echo(text if index else click.style(text, bold=True))


def _folded(terminal: Console, titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for title in titles:
        table.add_column(title, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell, _MARKS.get(cell, "")) for cell in row))
    terminal.print(table)
