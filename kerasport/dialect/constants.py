"""Constants that layers are called with, made the outputs of operations of their own.

Keras 3 wraps them in dicts that tell their type. tf.keras writes a constant input as
``["_CONSTANT_VALUE", -1, value]``, and one given by keyword as bare lists of numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kerasport.dialect import operations
from kerasport.dialect.inbound import array_of, is_triple
from kerasport.dialect.keras2 import ATTENTION
from kerasport.dialect.model import LayerDef, Node
from kerasport.dialect.writer import Writer

# The arguments of Keras's layers that are tensors, and those that are lists of tensors.
_LISTS = frozenset(["initial_state", "constants", "states"])
_MASKS = frozenset(["mask", "query_mask", "value_mask", "key_mask", "attention_mask"])
_TENSORS = _LISTS | _MASKS | {"query", "value", "key", "count_weights"}
# How deep the lists of one state are: (batch, units).
_STATE = 2


def apart(entry: Mapping[str, Any], name: str, writer: Writer) -> tuple[Mapping[str, Any], list[LayerDef]]:
    """An entry of a model's layer list with references in place of constants, and the operations that give them.

    An operation keeps its constants.
    """
    if not entry.get("inbound_nodes") or operations.is_operation(entry, writer):
        return entry, []
    constants = _Constants(name, lists_masks=entry["class_name"] in ATTENTION)
    nodes = constants.named(entry["inbound_nodes"])
    return {**entry, "inbound_nodes": nodes}, list(constants.layers())


@dataclass
class _Constants:
    """The constants in the calls of one layer.

    Attributes:
        layer: The layer's name.
        lists_masks: Whether it takes a list of masks, one for each input.
        found: Their values by the names of the operations that give them.
    """

    layer: str
    lists_masks: bool
    found: dict[str, Any] = field(default_factory=dict)

    def named(self, raw: Any) -> Any:
        """Inbound nodes with references in place of constants."""
        if isinstance(raw, dict):
            array = array_of(raw)
            if isinstance(array, list):
                return self._reference(array)
            return raw if raw.get("class_name") == "__keras_tensor__" else self._arguments(raw)
        if is_triple(raw):
            name, kwargs = raw[0], [self._arguments(raw[3])] if len(raw) == 4 and raw[3] else raw[3:]
            place = self._reference(raw[2]) if name == "_CONSTANT_VALUE" else raw[:3]
            return [*place, *kwargs]
        return [self.named(item) for item in raw] if isinstance(raw, list) else raw

    def layers(self) -> Iterator[LayerDef]:
        """The operations that give them."""
        for name, value in self.found.items():
            yield LayerDef(name, "ConvertToTensor", {}, (Node((), args=(value,)),), operation=True)

    def _reference(self, value: Any) -> list[Any]:
        name = f"{self.layer}/constant" + (f"_{len(self.found)}" if self.found else "")
        self.found[name] = value
        return [name, 0, 0]

    def _arguments(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        return {key: self._argument(key, value) if key != "training" else value for key, value in raw.items()}

    def _argument(self, key: str, value: Any) -> Any:
        depth = _depth(value)
        if key not in _TENSORS or not depth:
            return self.named(value)
        if (key in _LISTS and depth > _STATE) or (key == "mask" and self.lists_masks):
            return [self._reference(item) if _depth(item) else self.named(item) for item in value]
        return self._reference(value)


def _depth(raw: Any) -> int:
    """How deep nested lists of numbers are; 0 for anything else."""
    depth = 0
    while isinstance(raw, list) and raw:
        raw, depth = raw[0], depth + 1
    return depth if isinstance(raw, bool | int | float) else 0
