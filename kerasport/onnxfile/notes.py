"""The metadata that kerasport writes to ONNX files, read back without trusting it."""

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
        NotAModelError: The note was not written by kerasport.
    """
    return {name: _order(ORDERS, order) for name, order in _note(properties, ORDERS).items()}


def states(properties: Mapping[str, str]) -> dict[str, str]:
    """For each output that carries a state to the next batch: the input that takes it there.

    Raises:
        NotAModelError: The note was not written by kerasport.
    """
    found = _note(properties, STATES)
    if not all(isinstance(name, str) for name in found.values()):
        raise _unreadable(STATES)
    return found


def place(name: str, order: Order, mask: str) -> list[Any]:
    """Where a layer's output stands, as it is noted: ``layers`` reads it back."""
    if mask:
        return [name, order, mask]
    return [name] if order == tuple(range(len(order))) else [name, order]


def layers(properties: Mapping[str, str]) -> dict[str, tuple[str, Order | None, str]]:
    """For each layer's output that stands in the graph: the ONNX value, and how it is stored.

    That is the order of its axes where it is not Keras's, with -1 for one of size 1 that Keras has not; and the graph's
    value of the mask by which its steps are packed, or "".

    Raises:
        NotAModelError: The note was not written by kerasport.
    """
    return {name: _place(place) for name, place in _note(properties, LAYERS).items()}


def _place(place: Any) -> tuple[str, Order | None, str]:
    if not isinstance(place, list) or len(place) not in (1, 2, 3) or not isinstance(place[0], str):
        raise _unreadable(LAYERS)
    mask = place[2] if len(place) > 2 else ""
    if not isinstance(mask, str):
        raise _unreadable(LAYERS)
    return place[0], _order(LAYERS, place[1], added=-1) if len(place) > 1 else None, mask


def _order(key: str, order: Any, added: int | None = None) -> Order:
    if not isinstance(order, list) or not all(type(axis) is int for axis in order):
        raise _unreadable(key)
    own = [axis for axis in order if axis != added]
    if sorted(own) != list(range(len(own))):
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
        f"The ONNX model's note {key!r} was not written by kerasport.", "Convert the Keras model again."
    )
