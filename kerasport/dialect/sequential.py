"""Sequential models of early Keras: nested ones are unnamed in the file, and a Merge may be the first layer."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import count
from typing import Any

Raw = Mapping[str, Any]


def named(raw: Raw, groups: Collection[str] = ()) -> Raw:
    """The config with a name for every Sequential that stands in another model's list of layers without one.

    Args:
        raw: A whole model's config.
        groups: The names under which the file has its layers' weights; those that no layer in the config has are
            the missing ones, in order.
    """
    known = set(_names(raw))
    return _Naming(iter([name for name in groups if name not in known])).model(raw, at_top=True)


def branches(entries: list[Any]) -> list[Any]:
    """The models that a Merge at the head of a Sequential joins; a single layer becomes a Sequential of its own."""
    head = entries[0] if entries else None
    if not isinstance(head, dict) or head.get("class_name") != "Merge" or not isinstance(head.get("config"), dict):
        return []
    models = head["config"].get("layers") or []
    return [
        model if _entries(model) is not None else {"class_name": "Sequential", "config": [model]} for model in models
    ]


class _Naming:
    def __init__(self, spare: Iterator[str]) -> None:
        self._spare = spare
        self._numbers = count(1)

    def model(self, raw: Raw, at_top: bool) -> Raw:
        """With names in its layers; those of the model itself and of its merged branches have groups of weights."""
        entries = _entries(raw)
        if entries is None:
            return raw
        layers = [self._entry(entry, at_top) if isinstance(entry, dict) else entry for entry in entries]
        config = raw["config"]
        return {**raw, "config": layers if isinstance(config, list) else {**config, "layers": layers}}

    def _entry(self, entry: Raw, at_top: bool) -> Raw:
        config = entry.get("config")
        if entry.get("class_name") == "Merge" and isinstance(config, dict) and config.get("layers"):
            models = [self.model(branch, at_top) for branch in config["layers"]]
            return {**entry, "config": {**config, "layers": models}}
        if isinstance(config, list) and not entry.get("name"):
            name = next(self._spare, None) if at_top else None
            entry = {**entry, "name": name or f"sequential#{next(self._numbers)}"}
        return self.model(entry, at_top=False)


def _entries(raw: Any) -> list[Any] | None:
    config = raw.get("config") if isinstance(raw, dict) else None
    layers = config.get("layers") if isinstance(config, dict) else config
    return layers if isinstance(layers, list) and raw.get("class_name") != "Merge" else None


def _names(raw: Any) -> Iterator[str]:
    """The names of all layers, at any depth."""
    if isinstance(raw, dict):
        config = raw.get("config")
        for name in (raw.get("name"), config.get("name") if isinstance(config, dict) else None):
            if isinstance(name, str):
                yield name
        layers = config.get("layers") if isinstance(config, dict) else config
        for entry in layers if isinstance(layers, list) else ():
            yield from _names(entry)
