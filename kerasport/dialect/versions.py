"""The Keras version of a config that does not state one: the newest that writes such a config.

``to_json()`` of Keras 3 names no version, and a bare ``model_config`` of any era names none. What each release added to
the configs of common layers tells it closely: of the releases that the config does not rule out the newest is taken,
for a model is more often new than old, and neighbours differ in rare layers only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Raw = Mapping[str, Any]

_NEWEST = "3.15.1"
# Keys that the configs of Keras 3 have from the next release on; a config of that class without them is no newer.
_ADDED = (
    ("3.8.0", "InputLayer", "ragged"),
    ("3.12.4", "InputLayer", "optional"),
    ("3.12.4", "Dense", "quantization_config"),
    ("3.13.2", "BatchNormalization", "renorm"),
    ("3.14.1", "GlorotUniform", "input_axes"),
)
_KERAS1_KEYS = frozenset(
    ["input_dtype", "nb_filter", "border_mode", "dim_ordering", "init", "inner_activation", "bias", "p", "concat_axis"]
)
# Initializers that are functions in the Keras beside TensorFlow, and not classes.
_TENSORFLOW = frozenset(["GlorotUniform", "GlorotNormal", "HeUniform", "HeNormal", "LecunUniform", "LecunNormal"])


def likely_version(config: Raw) -> str:
    """The version of the newest Keras that writes a config like this; "" for Keras 1, whose releases look alike."""
    found = list(_objects(config))
    if any(map(_is_keras3, found)):
        return _keras3(found)
    if any(_KERAS1_KEYS & set(_config(entry)) for entry in found):
        return ""
    return _keras2(found) if len(found) > 1 else ""


def _keras3(found: list[Raw]) -> str:
    policies = [_config(entry).get("dtype") for entry in found if entry["class_name"] != "InputLayer"]
    if any(isinstance(policy, str) for policy in policies) and not any(isinstance(policy, dict) for policy in policies):
        return "3.3.3"
    lacking = (
        version
        for version, name, key in _ADDED
        if any(entry["class_name"] == name and key not in _config(entry) for entry in found)
    )
    return next(lacking, _NEWEST)


def _keras2(found: list[Raw]) -> str:
    names = {entry["class_name"] for entry in found}
    if any("module" in entry for entry in found):
        return "2.15.0"
    if "Functional" in names:
        return "2.12.0"
    layers = [_config(entry) for entry in found if entry["class_name"] != "InputLayer"]
    if any("ragged" in _config(entry) for entry in found) or names & _TENSORFLOW:
        return "2.3.0-tf" if "Model" in names else "2.12.0"
    return "2.3.1" if any("dtype" in layer and "batch_input_shape" not in layer for layer in layers) else "2.2.4"


def _is_keras3(entry: Raw) -> bool:
    config, nodes = _config(entry), entry.get("inbound_nodes")
    policy = config.get("dtype")
    return (
        (entry["class_name"] == "InputLayer" and "batch_shape" in config)
        or (isinstance(policy, dict) and str(policy.get("class_name")).endswith("DTypePolicy"))
        or (isinstance(nodes, list) and any(isinstance(node, dict) for node in nodes))
    )


def _config(entry: Raw) -> Raw:
    config = entry.get("config")
    return config if isinstance(config, dict) else {}


def _objects(value: Any) -> Iterator[Raw]:
    """Everything with a class within a config."""
    values = [value]
    while values:
        value = values.pop()
        if isinstance(value, dict):
            if isinstance(value.get("class_name"), str):
                yield value
            values += value.values()
        elif isinstance(value, list):
            values += value
