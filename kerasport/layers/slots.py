"""The positions of tensors among an operation's arguments."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Slot:
    """The place of a tensor among an operation's arguments: which of the call's inputs stands there."""

    index: int


@dataclass(frozen=True)
class Entry:
    """One number of a row that a tensor holds."""

    row: Slot
    place: int
