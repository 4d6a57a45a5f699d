"""Matches the groups of a weight file with layers, as Keras's ``load_weights`` does.

By name where every layer finds its own. Otherwise by position: Keras takes the layers that have weights, and the
groups that have any, in their order. So weights fit a model that was built anew, whose layers got other names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Sized
from pathlib import Path

from kerasport.errors import DamagedFileError

_AGAIN = "Save the model again, or copy the file again."


def matched(path: Path, layers: Sequence[str], groups: Mapping[str, Sized]) -> dict[str, str]:
    """The group of each layer.

    Args:
        path: The weights' file, for messages.
        layers: The top-level layers with weights, in the model's order.
        groups: The file's groups with their weights, in the file's order.

    Raises:
        DamagedFileError: There are more layers than groups, or fewer, and not all find theirs by name.
    """
    if all(layer in groups and len(groups[layer]) for layer in layers):
        return {layer: layer for layer in layers}
    filled = [name for name in groups if len(groups[name])]
    if len(filled) != len(layers):
        raise _mismatch(path, layers, filled)
    return dict(zip(layers, filled, strict=True))


def _mismatch(path: Path, layers: Sequence[str], filled: Sequence[str]) -> DamagedFileError:
    missing = [layer for layer in layers if layer not in filled]
    if set(filled) < set(layers):
        return DamagedFileError(f"{path} has no weights for the layer {missing[0]!r}.", _AGAIN)
    return DamagedFileError(
        f"{path} has weights for {len(filled)} layers ({_listed(filled)}), and the model has {len(layers)} with weights"
        f" ({_listed(layers)}); neither the names nor the counts agree.",
        "Give the weights of exactly this model.",
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names if len(names) <= 8 else [*names[:4], "...", *names[-3:]])
