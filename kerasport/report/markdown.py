"""A report as Markdown, for a pull request or the summary of a CI job: the verdict first."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING

from kerasport.errors import reasons
from kerasport.report.content import FAULTLESS, TITLES, explained, worst
from kerasport.report.text import number, option_text, short, visible, was_given
from kerasport.text import shape_text, size_text

if TYPE_CHECKING:
    from kerasport.report.content import Report
    from kerasport.validation.error import LayerError
    from kerasport.validation.result import Validation

_SHORT = 8
_LONG = 1000
# GitHub takes 65,536 characters in a comment.
_MOST = 60_000
_TITLES = ("", "layer", "class", "shape", "roundings", "allowed", "max abs", "relative", "chained")
# Underscores within words and brackets around numbers mean nothing.
_MEANING = r"[\\`*{}<>#|~@&$]|\[(?!\d)|\](?=[(\[])|(?<!\w)_|_(?!\w)|:(?=//)|(?<=www)\."
_ALIGNED = (":-:", "---", "---", "---", "--:", "--:", "--:", "--:", "--:")


def render(report: Report) -> str:
    """The text of a Markdown file."""
    mark = "✅" if report.outcome in FAULTLESS else "❌"
    parts = [f"## {mark} kerasport {report.command}: {TITLES[report.outcome].lower()}", _plain(report.verdict())]
    parts += _reasons(report)
    validation = report.validation
    if validation is not None:
        parts += list(_compared(validation))
    tail = [_facts(report)]
    if validation is not None:
        room = _MOST - sum(map(len, (*parts, *tail)))
        parts.append(_details(f"All {len(validation.layers)} layers", _whole_table(validation.entries, room)))
    return "\n\n".join(parts + tail) + "\n"


def code(text: str, most: int = 60) -> str:
    """A stranger's text as code, in which Markdown, HTML, table cells and @mentions mean nothing."""
    shown = short(text, most)
    if re.fullmatch(r"[\w./:+=, ()-]*\w[\w./:+=, ()-]*", shown):
        return f"`{shown.strip()}`"
    return "<code>" + re.sub(r"[^\w ]|_", lambda match: f"&#{ord(match[0])};", shown) + "</code>"


def _plain(text: str) -> str:
    """A sentence in which a stranger's name may stand: what means something in Markdown is written as a number."""
    return re.sub(_MEANING, lambda match: f"&#{ord(match[0])};", visible(text))


def _reasons(report: Report) -> Iterator[str]:
    if report.told:
        yield from (_plain(problem.hint) for check in report.failed for problem in check.problems if problem.hint)
        return
    for check in report.failed:
        told = reasons(check.problems)
        lines = [f"{', '.join(map(code, reason.layers))}: {_plain(reason.what)}" for reason in told]
        hints = [f" ({_plain(reason.hint)})" if reason.hint else "" for reason in told]
        yield f"{code(str(check.path))}:"
        yield "\n".join(f"- {line}{hint}" for line, hint in zip(lines, hints, strict=True))


def _compared(validation: Validation) -> Iterator[str]:
    failed = [entry for entry in validation.entries if not entry.passed]
    if failed:
        yield "\n".join(_failure(entry, validation) for entry in failed[:_SHORT]) + _more(len(failed) - _SHORT)
    nearest = worst(validation.layers, _SHORT)
    if nearest:
        yield "Worst layers, own error in units of what float32 rounding explains:"
        yield _table(nearest)
    if validation.dead:
        dead = ", ".join(f"{code(entry.name)} ({_plain(entry.asleep)})" for entry in validation.dead[:_SHORT])
        yield f"What no input has changed or reached, so that a fault in it would not show: {dead}" + _more(
            len(validation.dead) - _SHORT, ", "
        )


def _failure(entry: LayerError, validation: Validation) -> str:
    what = "output" if entry.class_name == "output" else "layer"
    return f"- {what} {code(entry.name)}: {'; '.join(map(_plain, explained(entry, validation)))}"


def _more(count: int, before: str = "\n- ") -> str:
    return f"{before}and {count} more" if count > 0 else ""


def _table(entries: Sequence[LayerError]) -> str:
    return "\n".join([_line(_TITLES), _line(_ALIGNED), *map(_row, entries)])


def _whole_table(entries: Sequence[LayerError], room: int) -> str:
    """All rows, or as many as there is room for."""
    rows: list[str] = []
    for row in map(_row, entries):
        room -= len(row) + 1
        if room < 0:
            break
        rows.append(row)
    left = len(entries) - len(rows)
    more = f"\n\nand {left} more, which stand in the reports in HTML and JSON" if left else ""
    return "\n".join([_line(_TITLES), _line(_ALIGNED), *rows]) + more


def _row(entry: LayerError) -> str:
    mark = "✅" if entry.passed else "❌"
    errors = (entry.roundings if entry.allowed else None, entry.allowed, entry.max_abs, entry.max_rel, entry.chained)
    return _line(
        (mark, code(entry.name), code(entry.class_name), shape_text(entry.shape), *(number(value) for value in errors))
    )


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _details(summary: str, body: str) -> str:
    return f"<details><summary>{escape(summary)}</summary>\n\n{body}\n\n</details>"


def _facts(report: Report) -> str:
    """The files, options and environment."""
    rows = [
        *(
            (file.role, f"{code(str(file.path))}, {size_text(file.size)}, SHA-256 `{file.sha256}`")
            for file in report.files
        ),
        *((f"--{name}", code(option_text(value), _LONG)) for name, value in report.options.items() if was_given(value)),
        *((name, code(value)) for name, value in report.environment.items()),
        ("created", report.created),
    ]
    return _details("Files and environment", "\n".join([_line(("", "")), _line(("---", "---")), *map(_line, rows)]))
