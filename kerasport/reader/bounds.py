"""A config is looked through once, before anything is made of it: its size and its form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kerasport.errors import DamagedFileError
from kerasport.limits import limits, way_on


def check_config(path: Path, config: Any) -> None:
    """Makes sure that a config's layers are layers, and no more and no longer named than any model's.

    Raises:
        DamagedFileError: They are not.
    """
    bound, count, waiting = limits(), 0, [config]
    while waiting:
        item = waiting.pop()
        if isinstance(item, list):
            waiting += [value for value in item if isinstance(value, dict | list)]
            continue
        name, layers = item.get("name"), item.get("layers")
        if isinstance(name, str) and len(name) > bound.name:
            raise DamagedFileError(f"{path} has a name of {len(name):,} characters: {name[:40]!r}.", way_on("name"))
        if isinstance(layers, list):
            count += len(layers)
            wrong = next((layer for layer in layers if not isinstance(layer, dict)), None)
            if wrong is not None:
                raise DamagedFileError(f"{path} has {str(wrong)[:40]!r} among its layers, which is not a layer.")
            if count > bound.layers:
                raise DamagedFileError(f"{path} has more than {bound.layers:,} layers.", way_on("layers"))
        waiting += [value for value in item.values() if isinstance(value, dict | list)]
