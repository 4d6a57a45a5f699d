"""The error of each layer as an SVG chart on a logarithmic scale.

Horizontal places are given in per cent, so that a drawing is as wide as the page and its texts keep their size. A few
layers are rows with their names; many are columns, of which the worst have numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, inf, isfinite, log10

from kerasport.report.content import margin
from kerasport.report.markup import Markup, element, joined
from kerasport.report.text import number, short
from kerasport.validation.error import LayerError

_ROWS = 24
_COLUMNS = 600
_HEIGHT, _PINS, _LEVELS, _LEVEL = 260, 58, 3, 18
_CHAINED_HEIGHT = 96
_ROW = 26
# How far apart numbers must stand, in per cent.
_APART = 4.5


@dataclass(frozen=True)
class Scale:
    """A logarithmic scale over whole decades.

    Attributes:
        low: The exponent of ten where it begins.
        high: And where it ends.
    """

    low: int
    high: int

    @classmethod
    def over(cls, values: Sequence[float], low: int | None = None) -> Scale:
        """One that has all values that are finite and positive."""
        logs = [log10(value) for value in values if value > 0 and isfinite(value)] or [0.0]
        begin = floor(min(logs)) if low is None else low
        return cls(begin, max(ceil(max(logs) + 0.05), begin + 1))

    def part(self, value: float) -> float:
        """Where a value stands, from 0 to 1."""
        if not value > 0:
            return 0.0
        if not isfinite(value):
            return 1.0
        return min(max((log10(value) - self.low) / (self.high - self.low), 0.0), 1.0)

    def ticks(self, most: int) -> list[int]:
        """Exponents, not more than some."""
        step = ceil((self.high - self.low + 1) / most)
        return list(range(self.low, self.high + 1, step))


@dataclass(frozen=True)
class Chart:
    """What is drawn.

    Attributes:
        entries: The layers.
        places: The number of each layer in the table of all layers.
        pins: The numbers of the worst.
        by_roundings: Whether layers are judged by roundings; otherwise relative errors are drawn.
        own: The scale of a layer's own error.
        chained: The scale of the error in the chain; None where that was not compared.
        total: How many layers there are.
        limits: What is allowed, as far as layers differ in it.
    """

    entries: Sequence[LayerError]
    places: Mapping[str, int]
    pins: Mapping[str, int]
    by_roundings: bool
    own: Scale
    chained: Scale | None
    total: int
    limits: frozenset[float]

    def value(self, entry: LayerError) -> float:
        """A layer's own error."""
        if margin(entry) == inf:
            return inf
        return entry.roundings if self.by_roundings else entry.max_rel


def chart(layers: Sequence[LayerError], pins: Mapping[str, int]) -> Markup:
    """The drawing of all layers.

    Args:
        layers: In the order of the graph.
        pins: The numbers of the worst layers, by name.
    """
    by_roundings = any(layer.allowed for layer in layers)
    values = [value for layer in layers for value in (layer.roundings, layer.allowed or 0.0)]
    own = Scale.over(values, -2) if by_roundings else Scale.over([layer.max_rel for layer in layers])
    errors = [layer.chained for layer in layers if layer.chained is not None]
    chained = Scale.over(errors) if errors else None
    limits = frozenset(layer.allowed for layer in layers if layer.allowed)
    places = {layer.name: index for index, layer in enumerate(layers, 1)}
    drawn = Chart(_binned(layers), places, pins, by_roundings, own, chained, len(layers), limits)
    return _rows(drawn) if len(layers) <= _ROWS else _columns(drawn, ceil(len(layers) / _COLUMNS))


def _binned(layers: Sequence[LayerError]) -> list[LayerError]:
    """The layers; of more than can be told apart, the worst of each few."""
    step = ceil(len(layers) / _COLUMNS) or 1
    groups = (layers[start : start + step] for start in range(0, len(layers), step))
    return [max(group, key=lambda entry: (not entry.passed, margin(entry), entry.max_rel)) for group in groups]


def kind(entry: LayerError) -> str:
    """The class of a mark: "wrong", "explained" where it passes for another reason than its numbers, or "right"."""
    return "wrong" if not entry.passed else "explained" if entry.detail else "right"


def _tip(drawn: Chart, entry: LayerError) -> Markup:
    error = f"{number(entry.roundings)} roundings" if drawn.by_roundings else f"{number(entry.max_rel)} relative"
    more = f", {number(entry.allowed)} allowed" if entry.allowed else ""
    chained = f"; {number(entry.chained)} in the chain" if entry.chained is not None else ""
    return element("title", f"{short(entry.name)} ({short(entry.class_name)}): {error}{more}{chained}")


def _power(exponent: int) -> str:
    return f"{10.0**exponent:g}" if -3 < exponent < 4 else f"1e{exponent}"


# --- rows


def _rows(drawn: Chart) -> Markup:
    """A row a layer: its name, a bar, the number, and the error in the chain."""
    title = "own error, in roundings" if drawn.by_roundings else "own error, relative"
    head = element(
        "div",
        element("span", "layer", class_="name"),
        element("span", title, _row_axis(drawn.own), class_="own"),
        element("span", class_="value"),
        *(_chained_head(drawn.chained) if drawn.chained else ()),
        class_="row head",
    )
    class_ = "rows" if drawn.chained else "rows alone"
    return element("div", head, *(_row(drawn, entry) for entry in drawn.entries), class_=class_)


def _chained_head(scale: Scale) -> Iterator[Markup]:
    yield element("span", "in the chain, relative", _row_axis(scale), class_="chained")
    yield element("span", class_="value")


def _chained_cells(scale: Scale, value: float | None) -> Iterator[Markup]:
    dot = None
    if value is not None:
        dot = element("circle", cx=_percent(scale.part(value)), cy=_ROW // 2, r="3.5", class_="dot")
    yield element("span", element("svg", *_uprights(scale), dot, width="100%", height=_ROW), class_="chained")
    yield element("span", number(value), class_="value quiet")


def _row_axis(scale: Scale) -> Markup:
    texts = [
        element(
            "text",
            _power(exponent),
            x=_percent(scale.part(10.0**exponent)),
            y="11",
            text_anchor=_anchor(scale, exponent),
        )
        for exponent in scale.ticks(4)
    ]
    return element("svg", *texts, width="100%", height="14", class_="axis", aria_hidden="true")


def _anchor(scale: Scale, exponent: int) -> str:
    part = scale.part(10.0**exponent)
    return "start" if part < 0.02 else "end" if part > 0.98 else "middle"


def _row(drawn: Chart, entry: LayerError) -> Markup:
    value = drawn.value(entry)
    bar = element(
        "rect", x="0", y="7", width=_percent(drawn.own.part(value)), height="12", rx="2", class_=f"bar {kind(entry)}"
    )
    exact = element("rect", x="0", y="7", width="2", height="12", class_="exact")
    limit = _upright(drawn.own.part(entry.allowed), "limit", 3, _ROW - 3) if entry.allowed else None
    own = element(
        "svg", _tip(drawn, entry), *_uprights(drawn.own), bar if value else exact, limit, width="100%", height=_ROW
    )
    link = element("a", short(entry.name), href=f"#layer-{drawn.places[entry.name]}")
    return element(
        "div",
        element("span", link, class_="name"),
        element("span", own, class_="own"),
        element("span", number(value) if value else "exact", class_=f"value {kind(entry)}"),
        *(_chained_cells(drawn.chained, entry.chained) if drawn.chained else ()),
        class_="row",
    )


def _uprights(scale: Scale) -> list[Markup]:
    return [_upright(scale.part(10.0**exponent), "grid", 0, _ROW) for exponent in scale.ticks(6)]


def _upright(part: float, class_: str, top: int, bottom: int) -> Markup:
    return element("line", x1=_percent(part), x2=_percent(part), y1=top, y2=bottom, class_=class_)


def _percent(part: float) -> str:
    return f"{100 * part:.3f}".rstrip("0").rstrip(".") + "%"


# --- columns


def _columns(drawn: Chart, binned: int) -> Markup:
    """A column a layer, in the order of the graph, and below it a dot for the error in the chain."""
    what = "own error, in roundings" if drawn.by_roundings else "own error, relative"
    each = f"; each column is the worst of {binned} layers in a row" if binned > 1 else ""
    field = element("svg", *_field(drawn), width="100%", height=_PINS + _HEIGHT, role="group", aria_label=what)
    return joined(
        element("p", f"{what}{each}", class_="over"),
        element("div", _axis(drawn.own, _PINS, _HEIGHT, 8), field, class_="plot"),
        _chained(drawn.entries, drawn.chained) if drawn.chained else None,
        _places(drawn.total),
    )


def _chained(entries: Sequence[LayerError], scale: Scale) -> Markup:
    what = "error in the chain, relative"
    field = element("svg", *_dots(entries, scale), width="100%", height=_CHAINED_HEIGHT, role="group", aria_label=what)
    plot = element("div", _axis(scale, 0, _CHAINED_HEIGHT, 4), field, class_="plot")
    return joined(element("p", what, class_="over"), plot)


def _axis(scale: Scale, top: int, height: int, most: int) -> Markup:
    texts = [
        element("text", _power(exponent), x="38", y=_y(scale, 10.0**exponent, top, height) + 4, text_anchor="end")
        for exponent in scale.ticks(most)
    ]
    return element("svg", *texts, width="44", height=top + height + 6, class_="axis", aria_hidden="true")


def _y(scale: Scale, value: float, top: int, height: int) -> float:
    return round(top + height - scale.part(value) * (height - 8), 1)


def _levels(scale: Scale, top: int, height: int, most: int) -> Iterator[Markup]:
    for exponent in scale.ticks(most):
        y = _y(scale, 10.0**exponent, top, height)
        yield element("line", x1="0", x2="100%", y1=y, y2=y, class_="grid")


def _field(drawn: Chart) -> Iterator[Markup]:
    yield from _levels(drawn.own, _PINS, _HEIGHT, 8)
    width = 1 / len(drawn.entries)
    for index, entry in enumerate(drawn.entries):
        yield _column(drawn, entry, index * width, width)
    limits = drawn.limits
    for limit in limits if len(limits) == 1 else ():
        y = _y(drawn.own, limit, _PINS, _HEIGHT)
        yield element("line", x1="0", x2="100%", y1=y, y2=y, class_="limit")
        yield element("text", f"{number(limit)} allowed", x="100%", y=y - 5, text_anchor="end", class_="limit")
    yield from _pins(drawn, width)


def _column(drawn: Chart, entry: LayerError, left: float, width: float) -> Markup:
    value, bottom = drawn.value(entry), _PINS + _HEIGHT
    top = min(_y(drawn.own, value, _PINS, _HEIGHT), bottom - 1)
    x, wide = _percent(left + 0.1 * width), _percent(0.8 * width)
    marks = [
        element(
            "rect",
            x=x,
            width=wide,
            y=top,
            height=round(bottom - top, 1),
            class_=f"bar {kind(entry) if value else 'exact'}",
        )
    ]
    if entry.allowed and len(drawn.limits) > 1:
        y = _y(drawn.own, entry.allowed, _PINS, _HEIGHT)
        marks.append(element("line", x1=x, x2=_percent(left + 0.9 * width), y1=y, y2=y, class_="limit"))
    hit = element("rect", x=_percent(left), width=_percent(width), y=_PINS, height=_HEIGHT, class_="hit")
    return element("a", _tip(drawn, entry), hit, *marks, href=f"#layer-{drawn.places[entry.name]}")


def _pins(drawn: Chart, width: float) -> Iterator[Markup]:
    """The numbers of the worst, with a line down to their columns."""
    free = [-_APART] * _LEVELS
    for index, entry in enumerate(drawn.entries):
        place = 100 * (index + 0.5) * width
        level = next((level for level, last in enumerate(free) if place - last >= _APART), None)
        if entry.name not in drawn.pins or level is None:
            continue
        free[level] = place
        shown = min(max(place, 1.6), 98.4)
        y = _PINS - 10 - level * _LEVEL
        top = max(_y(drawn.own, drawn.value(entry), _PINS, _HEIGHT) - 3, y + 8)
        yield element("line", x1=f"{place:.2f}%", x2=f"{place:.2f}%", y1=y + 8, y2=top, class_="lead")
        yield element("circle", cx=f"{shown:.2f}%", cy=y, r="8", class_=f"pin {kind(entry)}")
        number_ = str(drawn.pins[entry.name])
        yield element("text", number_, x=f"{shown:.2f}%", y=y + 4, text_anchor="middle", class_="pin")


def _dots(entries: Sequence[LayerError], scale: Scale) -> Iterator[Markup]:
    yield from _levels(scale, 0, _CHAINED_HEIGHT, 4)
    width = 1 / len(entries)
    radius = 2.5 if len(entries) < 100 else 1.6
    for index, entry in enumerate(entries):
        if entry.chained is not None:
            y = _y(scale, entry.chained, 0, _CHAINED_HEIGHT)
            yield element("circle", cx=_percent((index + 0.5) * width), cy=y, r=radius, class_="dot")


def _places(total: int) -> Markup:
    """The axis below: which layers stand where."""
    texts = []
    for step, anchor in enumerate(("start", "middle", "middle", "middle", "end")):
        text = f"{'layer ' if step in (0, 4) else ''}{max(round(total * step / 4), 1)}"
        texts.append(element("text", text, x=_percent(step / 4), y="12", text_anchor=anchor))
    axis = element("svg", *texts, width="100%", height="16", class_="axis", aria_hidden="true")
    return element("div", element("span"), axis, class_="plot")
