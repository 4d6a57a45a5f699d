"""Which of Keras's layers a layer of an unknown class is like, so that it may be a subclass of that."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kerasport.assembly.parsing import Part, parsed, unknown_keys
from kerasport.assembly.records import LayerRecord
from kerasport.errors import LayerError
from kerasport.layers import LAYERS
from kerasport.layers.base import MISFITS, Shape, TensorType
from kerasport.layers.config import TRAINING_ONLY

_FEWEST_KEYS = 3
_WRAPPED = ("layer", "cell", "cells")


@dataclass(frozen=True)
class Likeness:
    """A layer that an unknown one is like.

    Attributes:
        class_name: Its class.
        own: The keys of the config that it does not have.
        shared: How many it has.
    """

    class_name: str
    own: frozenset[str]
    shared: int


def likeness(record: LayerRecord, weights: list[Shape], part: Part) -> Likeness | None:
    """The layer of Keras whose options and weights a layer of another class has; None where none or several are so.

    Args:
        record: What is known of the layer; where its input is not, the name of its class must have that of the other.
        weights: The shapes of its weights, in the file's order.
        part: Makes the canonical definition of a layer.
    """
    found = list(_alike(record, weights, part))
    name = record.definition.class_name.rpartition(">")[2].lower()
    named = [like for like in found if like.class_name.lower() in name]
    known = len(_inputs(record)) == len(record.given)
    likely = named or (found if known else [])
    best = max((like.shared for like in likely), default=0)
    closest = [like for like in likely if like.shared == best]
    return closest[0] if len(closest) == 1 else None


def _inputs(record: LayerRecord) -> list[TensorType]:
    return [flow.value.type for flow in record.given if flow.value is not None]


def _alike(record: LayerRecord, weights: list[Shape], part: Part) -> Iterator[Likeness]:
    inputs = _inputs(record)
    config = {key: value for key, value in record.definition.config.items() if key != "name"}
    if any(key in config for key in _WRAPPED):
        return
    for entry in LAYERS:
        try:
            made = part(entry.name, record.definition.name, config)
            own = unknown_keys(made)
            shared = config.keys() - own - TRAINING_ONLY
            spec = parsed(made, own)
            fits = len(inputs) < len(record.given) or list(spec.weights(*inputs).values()) == weights
        except (LayerError, *MISFITS):
            continue
        if fits and len(shared) >= _FEWEST_KEYS and len(shared) > len(own):
            yield Likeness(entry.name, own, len(shared))
