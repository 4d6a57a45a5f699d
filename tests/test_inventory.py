"""The inventory: whatever some Keras can save is supported, with goldens from the oldest and newest, or refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

import pytest

from kerasport import inventory
from kerasport.inventory import Kind, Version
from kerasport.layers import LAYERS, refused
from kerasport.layers.arguments import names, refusals
from kerasport.supported import supported
from tests.goldens import ARCHIVE, H5, Golden, goldens

KINDS = list(inventory.layers().values())
OPERATIONS = list(inventory.operations().values())
SUPPORTED = {row.name.partition(" (")[0] for row in supported()} | {
    kind.name for kind in KINDS if kind.holds_operations and kind.name not in refused.LAYERS
}
# The Kerases of which every class has a golden; there are some of others, too.
ZOO = [
    Version.of(v)
    for v in ["1.2.2", "2.2.4", "2.3.1", "tf2.2", "2.4.0", "2.10.0", "2.13.1", "2.15.0", "3.0.5", "3.12.4", "3.15.1"]
]
COLOURS = ("ColorDegeneration", "Posterization", "Saturation", "Sharpness")
# Where a Keras that has a class cannot write it, or not in this form, or cannot run what it wrote.
GAPS: dict[tuple[str, str, str], str] = {
    **{
        (name, version, ".h5"): "Keras cannot write it: cannot pickle 'module' object"
        for name in ("Solarization", *(f"Random{kind}" for kind in COLOURS))
        for version in ("3.12.4", "3.15.1")
    },
    ("RandomBrightness", "3.15.1", ".h5"): "Keras cannot write it: cannot pickle 'module' object",
    ("IntegerLookup", "2.4.0", ".h5"): "lookups of TensorFlow 2.4 cannot be saved",
    ("StringLookup", "2.4.0", ".h5"): "lookups of TensorFlow 2.4 cannot be saved",
    ("TextVectorization", "tf.keras 2.2", ".h5"): "it takes no vocabulary, and HDF5 holds no adapted one",
    ("GroupQueryAttention", "3.0.5", ".h5"): "Keras 3.0 cannot write it: name already exists",
    ("GroupQueryAttention", "3.15.1", ".h5"): "it stands there as GroupedQueryAttention",
}


def era(golden: Golden) -> Version:
    """The Keras that made a golden case; TensorFlow 1.15 says ``2.2.4-tf``, and TensorFlow 2.2 ``2.3.0-tf``."""
    number = golden.era.rpartition("-")[0]
    return Version.of({"2.2.4-tf": "tf1.15", "2.3.0-tf": "tf2.2"}.get(number, number))


@cache
def eras() -> dict[Version, set[str]]:
    """For each Keras of the goldens, the class names in its files, each with the form behind a colon."""
    found: dict[Version, set[str]] = {}
    for golden in (*goldens(), *goldens(form=ARCHIVE)):
        config = golden.member(golden.form.model)
        classes = re.findall(rb'"class_name": ?"(?:[\w.]+>)?([^"]+)"', config)
        found.setdefault(era(golden), set()).update(f"{name.decode()}:{golden.form.name}" for name in classes)
    return found


def wanted(kind: Kind) -> Iterator[tuple[Version, str]]:
    """The oldest and the newest Keras of the goldens that has a class, in each form that they write."""
    having = sorted(v for v in ZOO if v >= kind.since and not _after(v, kind.until))
    for found in dict.fromkeys([*having[:1], *having[-1:]]):
        yield found, H5.name
        if found.key[0] == 3:
            yield found, ARCHIVE.name


def _after(version: Version, last: Version | None) -> bool:
    return last is not None and version.key[: len(last.key)] > last.key


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_layer_that_keras_can_save_is_supported_or_refused_with_a_way_on(kind: Kind) -> None:
    assert (kind.canonical in SUPPORTED) != (kind.name in refused.LAYERS)


@pytest.mark.parametrize("kind", OPERATIONS, ids=lambda kind: kind.name)
def test_every_operation_of_keras_3_is_supported_or_refused_with_a_way_on(kind: Kind) -> None:
    assert (kind.name in names()) != (kind.name in refusals())


def test_nothing_is_supported_that_the_inventory_does_not_know() -> None:
    assert {entry.name.partition(" (")[0] for entry in LAYERS} <= {
        name for kind in KINDS for name in (kind.name, kind.canonical)
    }
    assert {name for name in names() if not name.startswith("tf.")} <= {kind.name for kind in OPERATIONS}


@pytest.mark.parametrize("kind", [k for k in KINDS if k.canonical in SUPPORTED], ids=lambda kind: kind.name)
def test_every_layer_has_goldens_from_the_oldest_and_the_newest_keras_that_has_it(kind: Kind) -> None:
    for version, form in wanted(kind):
        if (kind.name, str(version), form) not in GAPS:
            assert f"{kind.name}:{form}" in eras()[version], f"no golden of {version} as {form}"


@pytest.mark.parametrize("gap", GAPS, ids="-".join)
def test_no_gap_is_listed_that_a_golden_fills(gap: tuple[str, str, str]) -> None:
    name, version, form = gap
    assert not any(f"{name}:{form}" in classes for found, classes in eras().items() if str(found) == version)
