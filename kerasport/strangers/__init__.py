"""Layers of well-known packages beside Keras, written as plugins are; a module is imported when a file needs it."""

from __future__ import annotations

from importlib import import_module

# The names in files that each module registers.
MODULES: dict[str, str] = {}
_HOMES = {name: module for module, names in MODULES.items() for name in names.split(", ")}


def load(name: str) -> None:
    """Imports the module that registers a name, if there is one."""
    module = _HOMES.get(name.removeprefix("Custom>"))
    if module is not None:
        import_module(f"{__package__}.{module}")
