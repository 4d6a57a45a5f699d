"""How numbers, indices, options and untrusted names are shown."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite, isnan


def visible(text: str, most: int = 2000) -> str:
    r"""A text on one line, without control characters, lone surrogates or marks of direction: "\x1b" for an escape.

    Args:
        text: Anything.
        most: After how many characters it is cut.
    """
    cut = text if len(text) <= most else text[: most - 1] + "…"
    return cut if cut.isprintable() else "".join(c if c.isprintable() else _escaped(c) for c in cut)


def short(name: str, most: int = 100) -> str:
    """A name that is cut in the middle, as its end tells it apart; reports in JSON have it whole."""
    shown = visible(name)
    if len(shown) > most:
        shown = f"{shown[: most // 2]}…{shown[-(most // 2) :]}"
    return shown or "(no name)"


def _escaped(character: str) -> str:
    return ascii(character)[1:-1]


def number(value: float | None, digits: int = 3) -> str:
    """A number with some significant digits; "-" for none."""
    if value is None:
        return "-"
    if not isfinite(value):
        return "NaN" if isnan(value) else "∞" if value > 0 else "-∞"
    if value and not 1e-3 <= abs(value) < 1e6:
        return f"{value:.{digits - 1}e}"
    if abs(value) >= 10 ** (digits - 1):
        return f"{value:,.{max(digits - len(str(int(abs(value)))), 0)}f}"
    return f"{value:.{digits}g}"


def place(index: Sequence[int]) -> str:
    """(0, 3) as "[0, 3]"."""
    return f"[{', '.join(map(str, index))}]"


def option_text(value: object) -> str:
    """An option's value; "-" for one that was not given."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return (", ".join(map(str, value)) or "-") if isinstance(value, list | tuple) else str(value)


def was_given(value: object) -> bool:
    """Whether an option has a value at all."""
    return value is not None and value is not False and value != []
