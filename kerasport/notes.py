"""What kerasport notes in an ONNX file's metadata, read back from files that anyone may have changed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from kerasport.errors import NotAModelError

LAYERS, ORDERS, STATES = "kerasport.layers", "kerasport.orders", "kerasport.states"
Order = tuple[int, ...]


def orders(properties: Mapping[str, str]) -> dict[str, Order]:
    """For each input and output that is not in Keras's axis order: the order in which it is stored.

    Raises:
        NotAModelError: The note is not as kerasport writes it.
    """
    return {name: _order(ORDERS, order) for name, order in _note(properties, ORDERS).items()}


def states(properties: Mapping[str, str]) -> dict[str, str]:
    """For each output that carries a state to the next batch: the input that takes it there.

    Raises:
        NotAModelError: The note is not as kerasport writes it.
    """
    found = _note(properties, STATES)
    if not all(isinstance(name, str) for name in found.values()):
        raise _unreadable(STATES)
    return found


def layers(properties: Mapping[str, str]) -> dict[str, tuple[str, Order | None]]:
    """For each layer's output that stands in the graph: the ONNX value, and its order where it is not Keras's.

    Raises:
        NotAModelError: The note is not as kerasport writes it.
    """
    return {name: _place(place) for name, place in _note(properties, LAYERS).items()}


def _place(place: Any) -> tuple[str, Order | None]:
    if not isinstance(place, list) or len(place) not in (1, 2) or not isinstance(place[0], str):
        raise _unreadable(LAYERS)
    return place[0], _order(LAYERS, place[1]) if len(place) > 1 else None


def _order(key: str, order: Any) -> Order:
    if not isinstance(order, list) or not all(type(axis) is int for axis in order):
        raise _unreadable(key)
    if sorted(order) != list(range(len(order))):
        raise _unreadable(key)
    return tuple(order)


def _note(properties: Mapping[str, str], key: str) -> dict[str, Any]:
    try:
        found = json.loads(properties.get(key, "{}"))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise _unreadable(key)
    return found


def _unreadable(key: str) -> NotAModelError:
    return NotAModelError(
        f"The ONNX model's note {key!r} is not as kerasport writes it.", "Convert the Keras model again."
    )
