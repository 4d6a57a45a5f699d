"""Tells the user's own classes from Keras classes of the same name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_KERAS = ("keras", "tf_keras", "tensorflow", "builtins")
_SEQUENTIAL_KEYS = frozenset({"name", "trainable", "dtype", "layers", "build_input_shape"})


def qualified(value: Any) -> Any:
    """A copy of a config in which each class that is not Keras's has its package before its name.

    A ``.keras`` archive, and a cell within any file, says where a class is from: ``module`` and
    ``registered_name``. A user's ``Dropout`` thus becomes ``package>Dropout``, which is what ``.h5`` files call a
    registered class, and is not taken for Keras's.
    """
    if isinstance(value, list):
        return [qualified(item) if isinstance(item, dict | list) else item for item in value]
    if not isinstance(value, dict):
        return value
    copy = {key: qualified(item) if isinstance(item, dict | list) else item for key, item in value.items()}
    name, registered = copy.get("class_name"), copy.get("registered_name")
    if not isinstance(name, str) or not isinstance(registered, str) or _is_kerass(copy.get("module")):
        return copy
    package = registered.rpartition(">")[0] or "Custom"
    key = "config" if name == "function" and isinstance(copy.get("config"), str) else "class_name"
    return copy | {key: f"{package}>{copy[key].rpartition('>')[2]}"}


def is_sequential(raw: Mapping[str, Any]) -> bool:
    """Whether the config is what Keras writes for a Sequential, whatever a subclass of it is called."""
    config = raw.get("config")
    if raw.get("class_name") == "Sequential":
        return isinstance(config, list | dict)
    if not isinstance(config, dict) or not config.keys() <= _SEQUENTIAL_KEYS:
        return False
    layers = config.get("layers")
    if not isinstance(layers, list) or not layers or not isinstance(layers[0], dict):
        return False
    return "build_input_shape" in config or layers[0].get("class_name") == "InputLayer"


def _is_kerass(module: Any) -> bool:
    return isinstance(module, str) and module.partition(".")[0] in _KERAS
