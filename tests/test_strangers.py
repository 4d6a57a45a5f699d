"""Layers of other packages: all that are known are registered, and have golden cases of the real ones."""

from __future__ import annotations

import pytest

from kerasport.custom.registry import CUSTOM
from kerasport.strangers import MODULES, RESOLVED, packages
from tests.goldens import golden_classes

NAMES = [name for names in MODULES.values() for name in names.split(", ")]


@pytest.mark.parametrize("name", NAMES)
def test_each_name_is_registered_where_it_is_listed(name: str) -> None:
    found = CUSTOM.find(name)
    assert found is not None
    assert name in MODULES[found.origin.file.rpartition("/")[2].removesuffix(".py")].split(", ")


def test_every_layer_has_a_golden_case_of_its_package() -> None:
    layers = {name if name.startswith("Addons") else name.rpartition(">")[2] for name in NAMES}
    layers = {name for name in layers if name.rpartition(">")[2][0].isupper()}
    assert not layers - golden_classes()


def test_all_are_listed() -> None:
    listed = {name for names in packages().values() for name in names}
    assert listed == {*NAMES, *(name for names in RESOLVED.values() for name in names.split(", "))}
