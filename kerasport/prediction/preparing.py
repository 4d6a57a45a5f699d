"""From the rows of a file to the inputs of a model."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kerasport.prediction.checks import first_bad, usable
from kerasport.prediction.rows import Rows
from kerasport.runtime.sessions import Port

Before = Callable[[Rows], Rows]


def prepared(rows: Rows, ports: Sequence[Port], steps: Sequence[Before], on_error: str) -> Rows:
    """Rows after some steps, with the inputs in the model's dtypes; what cannot be used is zeros.

    Args:
        rows: As they are read.
        ports: The inputs of the model.
        steps: Give other values in the same rows.
        on_error: "stop" where a row that cannot be used is an error.

    Raises:
        InputError: An input does not fit, or a row cannot be used.
    """
    for step in steps:
        rows = step(rows)
    columns, bad = dict(rows.columns), {row.row: row for row in rows.bad}
    for port in ports:
        columns[port.name], found = usable(port, columns[port.name], rows.start)
        bad = {row.row: row for row in found} | bad
    if bad and on_error == "stop":
        raise first_bad([bad[row] for row in sorted(bad)])
    return Rows(rows.start, columns, tuple(bad[row] for row in sorted(bad)))
