"""The tables of the HTML report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from kerasport.report.chart import kind
from kerasport.report.markup import Markup, element
from kerasport.report.text import number, place, short
from kerasport.text import shape_text, size_text

if TYPE_CHECKING:
    from kerasport.checking import Check
    from kerasport.report.content import FileFacts
    from kerasport.validation.error import LayerError
    from kerasport.validation.result import TrialInput, Witness


def _table(titles: Sequence[str], rows: Iterable[Markup], numbers: int = 0) -> Markup:
    """A table of which the last columns are numbers."""
    first = len(titles) - numbers
    heads = (element("th", title, class_="n" if i >= first else None, scope="col") for i, title in enumerate(titles))
    body = element("tbody", *rows)
    return element("div", element("table", element("thead", element("tr", *heads)), body), class_="scroll")


def _cell(content: str, class_: str | None = None) -> Markup:
    return element("td", content, class_=class_)


def _numbers(*values: float | None) -> list[Markup]:
    return [_cell(number(value), "n") for value in values]


def _mark(entry: LayerError) -> Markup:
    mark = "✓" if entry.passed else "✗"
    return element("td", element("span", mark, class_={"right": "good"}.get(kind(entry), kind(entry))))


def _name(entry: LayerError, target: str | None = None) -> Markup:
    """The layer's name, what it is, and what must be said of it."""
    name = element("a", short(entry.name), href=target) if target else short(entry.name)
    folded = f"with {', '.join(map(short, entry.folded))} folded in" if entry.folded else ""
    notes = [element("small", text) for text in (short(entry.class_name), entry.detail, folded) if text]
    return element("td", name, *notes, class_="name")


def worst(entries: Sequence[LayerError], layers: Sequence[LayerError]) -> Markup:
    """The worst layers, with their numbers in the drawing."""
    places = {entry.name: index for index, entry in enumerate(layers, 1)}
    rows = [
        element(
            "tr",
            _cell(str(index), "n"),
            _mark(entry),
            _name(entry, f"#layer-{places[entry.name]}"),
            *_numbers(entry.roundings if entry.allowed else None, entry.allowed, entry.max_abs, entry.max_rel),
            *_numbers(entry.just_passes, entry.chained),
            _worst_value(entry),
        )
        for index, entry in enumerate(entries, 1)
    ]
    errors = ("roundings", "allowed", "max abs", "relative", "would just pass", "chained")
    return _table(("#", "", "layer", *errors, "worst at"), rows, 7)


def _worst_value(entry: LayerError) -> Markup:
    if not entry.worst or entry.actual is None:
        return _cell("-", "n")
    values = f"{number(entry.actual, 7)} for {number(entry.expected, 7)}"
    return element("td", place(entry.worst), element("small", values), class_="n")


def layers(entries: Sequence[LayerError]) -> Markup:
    """All layers, each a target of links."""
    rows = [
        element(
            "tr",
            _cell(str(index), "n"),
            _mark(entry),
            _name(entry),
            _cell(shape_text(entry.shape), "shape"),
            *_numbers(entry.roundings if entry.allowed else None, entry.allowed, entry.max_abs, entry.mean_abs),
            *_numbers(entry.max_rel, entry.mean_rel, entry.chained),
            _cell(f"{entry.dead} of {entry.channels}" if entry.dead else "-", "n"),
            id=f"layer-{index}",
        )
        for index, entry in enumerate(entries, 1)
    ]
    errors = ("roundings", "allowed", "max abs", "mean abs", "relative", "mean relative", "chained")
    return _table(("#", "", "layer", "shape", *errors, "dead"), rows, 8)


def ends(entries: Sequence[LayerError]) -> Markup:
    """The outputs."""
    rows = [
        element(
            "tr",
            _mark(entry),
            element("td", short(entry.name), element("small", entry.detail) if entry.detail else None, class_="name"),
            _cell(shape_text(entry.shape), "shape"),
            *_numbers(entry.max_abs, entry.mean_abs, entry.max_rel, entry.mean_rel, entry.just_passes),
        )
        for entry in entries
    ]
    titles = ("", "output", "shape", "max abs", "mean abs", "relative", "mean relative", "would just pass")
    return _table(titles, rows, 5)


def witnesses(found: Sequence[Witness]) -> Markup:
    """What the third witness says."""
    rows = [element("tr", _cell(short(w.layer), "name"), _cell(w.alone or "-"), _cell(w.text, "long")) for w in found]
    return _table(("layer", "stands alone", "finding"), rows)


def dead(entries: Sequence[LayerError]) -> Markup:
    """Layers in which something never changed or was never reached."""
    return _list((short(entry.name), f" {entry.asleep}") for entry in entries)


def folded(entries: Sequence[LayerError]) -> Markup:
    """Which layers were folded into which."""
    return _list((", ".join(map(short, entry.folded)), f" → {short(entry.name)}") for entry in entries if entry.folded)


def _list(items: Iterable[tuple[str, str]]) -> Markup:
    """Names, each with a quieter word, in as many columns as there is room for."""
    return element("ul", *(element("li", a, element("span", b, class_="quiet")) for a, b in items), class_="names")


def trials(found: Sequence[TrialInput]) -> Markup:
    """The inputs."""
    rows = [
        element(
            "tr",
            _cell(str(index)),
            _cell(trial.source),
            _cell("-" if trial.seed is None else str(trial.seed)),
            _cell(", ".join(f"{short(name)}: {shape_text(shape)}" for name, shape in trial.shapes.items()), "long"),
        )
        for index, trial in enumerate(found, 1)
    ]
    return _table(("batch", "source", "seed", "shapes"), rows)


def models(checks: Sequence[Check]) -> Markup:
    """Several models, and whether they can be converted."""
    rows = [
        element(
            "tr",
            element("td", element("span", "✓" if c.convertible else "✗", class_="good" if c.convertible else "wrong")),
            _cell(str(c.path), "name"),
            _cell(c.verdict(), "long"),
        )
        for c in checks
    ]
    return _table(("", "model", ""), rows)


def files(found: Sequence[FileFacts]) -> Markup:
    """The files with their digests."""
    rows = [
        element(
            "tr",
            _cell(file.role),
            _cell(str(file.path), "name"),
            _cell(size_text(file.size), "shape"),
            element("td", element("code", file.sha256)),
        )
        for file in found
    ]
    return _table(("role", "file", "size", "SHA-256"), rows)


def pairs(values: Mapping[str, str]) -> Markup:
    """Names and values."""
    return element(
        "dl", *(element(tag, text) for pair in values.items() for tag, text in zip(("dt", "dd"), pair, strict=True))
    )
