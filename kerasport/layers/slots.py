"""The positions of tensors among an operation's arguments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Slot:
    """The place of a tensor among an operation's arguments: which of the call's inputs stands there."""

    index: int


@dataclass(frozen=True)
class Entry:
    """One number of a row that a tensor holds."""

    row: Slot
    place: int


def has_slots(raw: Any) -> bool:
    """Whether there is a tensor in an argument."""
    return isinstance(raw, Slot) or (isinstance(raw, list | tuple) and any(map(has_slots, raw)))
