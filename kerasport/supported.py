"""What kerasport supports, from the registry; the README's table and ``kerasport layers`` say the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

FAMILIES = {
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
    "applications": "Of keras.applications",
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


@dataclass(frozen=True)
class Supported:
    """One row: a Keras class.

    Attributes:
        name: The class.
        family: Its family's title.
        limits: Which of its options are refused, or "".
    """

    name: str
    family: str
    limits: str


def supported() -> Iterator[Supported]:
    """All supported layers, by family, then by name."""
    from kerasport.layers import LAYERS

    entries = [*LAYERS, *_CONTAINERS]
    order = list(FAMILIES)
    for entry in sorted(entries, key=lambda e: (order.index(e.family), e.name)):
        yield Supported(entry.name, FAMILIES[entry.family], entry.limits)


def functions() -> list[str]:
    """All supported activation functions."""
    from kerasport.layers.functions import FUNCTIONS

    return sorted(FUNCTIONS)


def operations() -> list[str]:
    """All supported operations of functional models; ``tf.`` names are TensorFlow's own."""
    from kerasport.layers.arguments import names

    return names()


def markdown() -> str:
    """The README's table, and below it what is refused."""
    by_family: dict[str, list[str]] = {}
    by_limit: dict[str, list[str]] = {}
    for row in supported():
        by_family.setdefault(row.family, []).append(f"`{row.name}`")
        by_limit.setdefault(row.limits, []).append(f"`{row.name}`")
    rows = ["| family | layers |", "|---|---|"]
    rows += [f"| {family} | {' '.join(names)} |" for family, names in by_family.items()]
    rows.append(f"| Activation functions | {' '.join(f'`{name}`' for name in functions())} |")
    own = {name for name in operations() if name.startswith("tf.")}
    for title, found in (("Operations of Keras 3", set(operations()) - own), ("Operations of TensorFlow alone", own)):
        rows.append(f"| {title} | {' '.join(f'`{name}`' for name in sorted(found))} |")
    limits = [f"- {', '.join(names)}: {limit}" for limit, names in by_limit.items() if limit]
    return "\n".join([*rows, "", "Limits:", "", *limits]) + "\n"


@dataclass(frozen=True)
class _Container:
    name: str
    family: str
    limits: str = ""


# These are resolved before there are specs: models are inlined, TimeDistributed folds time into the batch.
_CONTAINERS = (
    _Container("InputLayer", "core"),
    _Container("Sequential", "wrappers"),
    _Container("Functional", "wrappers"),
    _Container("TimeDistributed", "wrappers"),
    _Container("Pipeline", "image"),
)
