"""What kerasport supports, from the registries; the source of ``kerasport layers`` and the README's tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_TITLES = {
    "core": "Core",
    "einsum": "Core",
    "reversible": "Core",
    "activation": "Activations",
    "conv": "Convolution",
    "locally": "Convolution",
    "pooling": "Pooling",
    "resampling": "Padding, cropping, upsampling",
    "normalization": "Normalization",
    "merge": "Merging",
    "recurrent": "Recurrent",
    "conv_lstm": "Convolutional recurrent",
    "attention": "Attention",
    "wrappers": "Wrappers",
    "applications": "Layers of keras.applications",
    "preprocessing": "Preprocessing",
    "image": "Images",
    "histograms": "Images",
    "spectrograms": "Spectrograms",
    "categorical": "Categories",
    "lookup": "Categories",
    "hashing": "Categories",
    "text": "Text",
    "ops": "Operations of Keras 3",
    "legacy": "Keras 1",
}
_OPERATIONS = "Operations of Keras 3"
_OF_TENSORFLOW = "Operations of TensorFlow only"


@dataclass(frozen=True)
class Supported:
    """One row: a Keras class.

    Attributes:
        name: The class.
        family: Its family's title.
        since: The first Keras that has it, "" where it is not in the inventory.
        limits: Which of its options are refused, or "".
        opset: The oldest ONNX opset in which it can be written.
    """

    name: str
    family: str
    since: str
    limits: str
    opset: int


@dataclass(frozen=True)
class Refused:
    """One row of what is known and not converted.

    Attributes:
        name: The class.
        since: The first Keras that has it.
        reason: What stands in the way.
        way_on: What the user can do.
    """

    name: str
    since: str
    reason: str
    way_on: str


def supported() -> Iterator[Supported]:
    """All supported layers, by family, then by name."""
    from kerasport import inventory
    from kerasport.layers import LAYERS

    known = inventory.layers()
    order = list(_TITLES)
    for entry in sorted([*LAYERS, *_CONTAINERS], key=lambda e: (order.index(e.family), e.name)):
        kind = known.get(entry.name.partition(" (")[0])
        since = str(kind.since) if kind else ""
        yield Supported(entry.name, _TITLES[entry.family], since, entry.limits, entry.opset)


def operations() -> Iterator[Supported]:
    """All supported operations of functional models; ``tf.`` names are TensorFlow's own."""
    from kerasport import inventory
    from kerasport.layers.arguments import names

    known = inventory.operations()
    for name in names():
        since = str(known[name].since) if name in known else ""
        family = _OF_TENSORFLOW if name.startswith("tf.") else _OPERATIONS
        yield Supported(name, family, since, "", 13)


def functions() -> list[str]:
    """All supported activation functions."""
    from kerasport.layers.functions import FUNCTIONS

    return sorted(FUNCTIONS)


def ecosystem() -> dict[str, list[str]]:
    """The layers and activation functions of other packages, by package, as files name them."""
    from kerasport.ecosystem import packages

    return packages()


def refused() -> Iterator[Refused]:
    """What is known and not converted: layers of Keras, its operations, and layers of other packages, each by name."""
    from kerasport import inventory
    from kerasport.ecosystem import undecided
    from kerasport.ecosystem.refused import LAYERS as OTHERS
    from kerasport.layers import refused as reasons
    from kerasport.layers.arguments import refusals

    keras = ((inventory.layers(), reasons.LAYERS), (inventory.operations(), refusals()))
    for kinds, entries in (*keras, ({}, OTHERS)):
        for name, refusal in sorted(entries.items()):
            since = str(kinds[name].since) if name in kinds else ""
            yield Refused(name, since, refusal.reason, refusal.way_on)
    for name, layer in undecided.LAYERS.items():
        yield Refused(name.rpartition(">")[2], "", f"it {layer.why}", "kerasport scaffold writes it but for the choice")


def markdown() -> str:
    """The README's tables: what is supported, which options are not, and what is refused as a whole."""
    rows = [*supported(), *operations()]
    families = dict.fromkeys(row.family for row in rows)
    lines = ["| family | since Keras | |", "|---|---|---|"]
    for family in families:
        lines += _by_version(family, [row for row in rows if row.family == family])
    lines.append(f"| Activation functions | | {' '.join(f'`{name}`' for name in functions())} |")
    lines += ["", "Layers and functions of other packages, by their names in files:", ""]
    lines += [f"- {package}: {' '.join(f'`{name}`' for name in names)}" for package, names in ecosystem().items()]
    lines += ["", "Refused options:", ""]
    lines += [f"- {names}: {limit}" for limit, names in _grouped((row.limits, row.name) for row in rows if row.limits)]
    lines += ["", "Required ONNX opsets, if newer than 13:", ""]
    lines += [f"- {names}: {opset}" for opset, names in _grouped((str(r.opset), r.name) for r in rows if r.opset > 13)]
    lines += ["", "Refused entirely, and what to do instead:", ""]
    ways = _grouped((f"{row.reason}; {row.way_on}", row.name) for row in refused())
    return "\n".join([*lines, *(f"- {names}: {way}." for way, names in ways)]) + "\n"


def _by_version(family: str, rows: list[Supported]) -> Iterator[str]:
    """A table row for each version that brought something to the family; its title stands in the first."""
    from kerasport.inventory import Version

    for since in sorted({row.since for row in rows}, key=lambda label: Version.of(label or "0")):
        names = " ".join(f"`{row.name}`" for row in rows if row.since == since)
        yield f"| {family} | {since} | {names} |"
        family = ""


def _grouped(pairs: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """(text, all names that share it)."""
    groups: dict[str, list[str]] = {}
    for text, name in pairs:
        groups.setdefault(text, []).append(f"`{name}`")
    yield from ((text, ", ".join(names)) for text, names in groups.items())


@dataclass(frozen=True)
class _Container:
    name: str
    family: str
    limits: str = ""
    opset: int = 13


# These are resolved before there are specs: models are inlined, TimeDistributed folds time into the batch.
_CONTAINERS = (
    _Container("InputLayer", "core"),
    _Container("Sequential", "wrappers"),
    _Container("Functional", "wrappers"),
    _Container("TimeDistributed", "wrappers"),
    _Container("Lambda", "core", "its function may use only supported operations"),
    _Container("Pipeline", "image"),
)
