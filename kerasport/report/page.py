"""A report as one HTML file: it loads nothing, runs no script, and escapes all names from model files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import resources
from typing import TYPE_CHECKING

from kerasport.errors import reasons
from kerasport.report import page_tables as tables
from kerasport.report.chart import chart
from kerasport.report.content import FAULTLESS, TITLES, explained, margin, worst
from kerasport.report.markup import Markup, element
from kerasport.report.text import number, option_text, short, was_given
from kerasport.text import shape_text

if TYPE_CHECKING:
    from kerasport.report.content import Report
    from kerasport.validation.error import LayerError
    from kerasport.validation.result import Validation

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_FAULTS = 12


def render(report: Report) -> str:
    """The text of an HTML file."""
    title = f"{TITLES[report.outcome]}: {', '.join(check.path.name for check in report.checks[:3])}"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", f"{title} - kerasport"),
        element("style", Markup(resources.files(__package__).joinpath("page.css").read_text(encoding="utf-8"))),
    )
    body = element("body", element("main", *_parts(report)))
    return f'<!DOCTYPE html>\n<html lang="en">\n{head}\n{body}\n</html>\n'


def _parts(report: Report) -> Iterator[Markup]:
    yield _header(report)
    if report.failed:
        yield from _reasons(report)
    if report.validation is not None:
        yield from _compared(report.validation)
    if len(report.checks) > 1:
        yield _section("All models", "", tables.models(report.checks))
    if report.files:
        yield _section("Files", "", tables.files(report.files))
    yield element("div", *_circumstances(report), class_="two")
    yield element("footer", f"Written by kerasport {report.environment.get('kerasport', '')}, {report.created}.")


def _section(title: str, note: str, *content: str) -> Markup:
    return element("section", element("h2", title), element("p", note, class_="note") if note else None, *content)


def _header(report: Report) -> Markup:
    good = report.outcome in FAULTLESS
    kind = "mild" if report.outcome == "unvalidated" else "good" if good else "wrong"
    mark = element("span", "✓" if good else "✗", class_=f"mark {'good' if good else 'wrong'}")
    paths = [str(check.path) for check in report.checks[:3]] + ["…"] * (len(report.checks) > 3)
    onnx = [str(file.path) for file in report.files if file.role == "onnx"][:1]
    what = f"kerasport {report.command}: {', '.join(paths)}{' → ' if onnx else ''}{''.join(onnx)}"
    return element(
        "header",
        element("h1", mark, TITLES[report.outcome]),
        element("p", report.verdict(), class_="sentence"),
        element("p", what, class_="quiet"),
        class_=kind,
    )


def _reasons(report: Report) -> Iterator[Markup]:
    if report.told:
        for problem in (problem for check in report.failed for problem in check.problems if problem.hint):
            yield _section("What to do", "", element("p", problem.hint))
        return
    for check in report.failed:
        told = [
            element(
                "div",
                element("h3", ", ".join(map(short, reason.layers))),
                element("p", reason.what),
                element("p", reason.hint, class_="quiet") if reason.hint else None,
                class_="fault",
            )
            for reason in reasons(check.problems)
        ]
        yield _section(str(check.path), "" if len(told) == 1 else f"{len(told)} reasons", *told)


def _compared(validation: Validation) -> Iterator[Markup]:
    yield _tiles(validation)
    failed = [entry for entry in validation.entries if not entry.passed]
    if failed:
        yield _faults(validation)
    nearest = worst(validation.layers)
    pins = {entry.name: index for index, entry in enumerate(nearest, 1)}
    if validation.layers:
        chained = any(entry.chained is not None for entry in validation.layers)
        note = _CHART_NOTE + (_CHAINED_NOTE if chained else "")
        yield _section("Error of each layer", note, _key(validation), chart(validation.layers, pins))
    if nearest:
        yield _section("Worst layers", _WORST_NOTE, tables.worst(nearest, validation.layers))
    yield _section("Outputs", _OUTPUTS_NOTE, tables.ends(validation.outputs))
    if validation.expected:
        yield _section("Predictions kept from Keras", _EXPECTED_NOTE, tables.ends(validation.expected))
    if validation.witnesses:
        yield _section("A third witness", _WITNESS_NOTE, tables.witnesses(validation.witnesses))
    if validation.dead:
        yield _section("What no input has changed or reached", _DEAD_NOTE, tables.dead(validation.dead))
    if validation.missing:
        yield _section("Folded layers", _FOLDED_NOTE, tables.folded(validation.layers))
    yield _section("Inputs that were tried", "", tables.trials(validation.trials))
    if validation.layers:
        yield _section("All layers", "In the order of the graph.", tables.layers(validation.layers))


_CHART_NOTE = (
    "Each layer computes from the reference's inputs, so that an error is its own; a rounding is what one rounding to"
    " float32 explains, on a logarithmic scale."
)
_CHAINED_NOTE = (
    " The error in the chain is that where each layer reads what the ONNX model's own layers before it give."
)
_WORST_NOTE = "Those that do not pass, and then those that come nearest to what is allowed."
_OUTPUTS_NOTE = "The unchanged, fully optimised ONNX file from end to end, against the reference."
_EXPECTED_NOTE = "The ONNX file's outputs against predictions that were saved from Keras itself."
_WITNESS_NOTE = "Where ONNX Runtime and the reference disagree, the reference evaluator of onnx is asked."
_DEAD_NOTE = (
    "Whatever inputs were tried, these channels gave the same values, and these sides of activations and gates were"
    " never taken: a fault in them would not show here."
)
_FOLDED_NOTE = (
    "These have no value of their own in the ONNX model, and are judged with the layer that has taken them in."
)


def _tiles(validation: Validation) -> Markup:
    layers, ends = validation.layers, validation.outputs
    failed = sum(not entry.passed for entry in layers)
    folded = f", and {len(validation.missing)} folded into them" if validation.missing else ""
    tiles = [(f"{len(layers) - failed} of {len(layers)}", f"layers agree{folded}")]
    if layers:
        top = max(layers, key=lambda entry: (margin(entry), entry.max_rel))
        error = number(top.roundings) if top.allowed else number(top.max_rel)
        of = f"of {number(top.allowed)} roundings" if top.allowed else "relative"
        tiles.append((error, f"{of}: the largest own error, at {short(top.name)}"))
    if ends:
        tiles.append((number(max(entry.max_rel for entry in ends)), "relative: the largest error of an output"))
    tiles.append(
        (str(len(validation.trials)), "batches of inputs" if len(validation.trials) != 1 else "batch of inputs")
    )
    dead = sum(entry.dead for entry in layers)
    if any(entry.channels for entry in layers):
        tiles.append((f"{dead:,}", f"of {sum(entry.channels for entry in layers):,} channels never changed"))
    return element("div", *(_tile(*tile) for tile in tiles), class_="tiles")


def _tile(value: str, text: str) -> Markup:
    return element("div", element("b", value), element("span", text), class_="tile")


def _faults(validation: Validation) -> Markup:
    failed = [entry for entry in validation.entries if not entry.passed]
    cards = [
        element(
            "div",
            element(
                "h3",
                short(entry.name),
                " ",
                element("span", f"{short(entry.class_name)} {shape_text(entry.shape)}", class_="quiet"),
            ),
            element("ul", *(element("li", line) for line in explained(entry, validation))),
            class_="fault",
        )
        for entry in failed[:_FAULTS]
    ]
    more = element("p", f"And {len(failed) - _FAULTS} more.", class_="note") if len(failed) > _FAULTS else None
    return _section("What disagrees", "In the order of the graph; the first is where to look.", *cards, more or "")


def _key(validation: Validation) -> Markup:
    """What the marks mean, of those that there are."""
    layers = validation.layers
    marks = [
        ("right", "own error", any(entry.passed and entry.max_abs for entry in layers)),
        ("wrong", "too large", any(not entry.passed for entry in layers)),
        ("explained", "explained otherwise", any(entry.passed and entry.detail for entry in layers)),
        ("exact", "exact", any(not entry.max_abs for entry in layers)),
        ("allowed", f"allowed{_of(layers)}", any(entry.allowed for entry in layers)),
        ("chained", "in the chain", any(entry.chained is not None for entry in layers)),
    ]
    items = (element("li", element("i"), text, class_=name) for name, text, present in marks if present)
    return element("ul", *items, class_="key")


def _of(layers: Sequence[LayerError]) -> str:
    limits = {entry.allowed for entry in layers if entry.allowed}
    return f": {number(limits.pop())}" if len(limits) == 1 else ""


def _circumstances(report: Report) -> Iterator[Markup]:
    given = {f"--{name}": option_text(value) for name, value in report.options.items() if was_given(value)}
    if given:
        yield _section("Options", "", tables.pairs(given))
    if report.conversion:
        yield _section(
            "Conversion", "", tables.pairs({name: f"{value:,}" for name, value in report.conversion.items()})
        )
    took = {"created": report.created, "seconds": f"{report.seconds:.2f}"}
    yield _section("Environment", "", tables.pairs({**report.environment, **took}))
