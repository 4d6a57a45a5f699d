"""The weight files of Keras 3 (and 2.12 on): a tree of objects, each with its arrays in ``vars/0``, ``vars/1`` ..."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import h5py

from kerasport.errors import DamagedFileError
from kerasport.reader import h5
from kerasport.reader.saved import NamedWeights

# Parts of a layer that hold its own weights, in the order in which Keras lists them.
_PARTS = (
    *("cell", "forward_layer", "backward_layer"),
    *("query_dense", "_query_dense", "key_dense", "_key_dense", "_gate_dense"),
    *("value_dense", "_value_dense", "output_dense", "_output_dense"),
)


class WeightTree:
    """The tree of one weight file.

    Args:
        path: The file, for messages.
        root: The open HDF5 file.
    """

    def __init__(self, path: Path, root: h5py.Group) -> None:
        self._path = path
        self._root = root

    def children(self, path: str) -> list[str]:
        """The names of the objects below a path; empty when there is no such path."""
        group = self._group(path)
        return [] if group is None else [name for name in group if _is_group(group, name)]

    def name(self, path: str) -> str:
        """The layer name that Keras 3.4 and later note at a path, or ""."""
        group = self._group(f"{path}/vars")
        return "" if group is None else h5.text(group.attrs.get("name", ""))

    def weights(self, path: str, cells: Mapping[str, Sequence[str]] | None = None, place: str = "") -> NamedWeights:
        """The arrays of the object at a path, its parts' after its own, in Keras's order.

        Args:
            path: The object.
            cells: The names below each ``cells``, in the order in which they are stacked, by the place of the stack.
            place: Where below the layer the path is, with a slash behind each part.
        """
        found = [*self._own(path)]
        children = set(self.children(path))
        for part in _PARTS:
            if part in children:
                found += self.weights(f"{path}/{part}", cells, f"{place}{part}/")
        if "cells" in children:
            for name in (cells or {}).get(place, ()):
                found += self.weights(f"{path}/cells/{name}", cells, f"{place}cells/{name}/")
        return found

    def _own(self, path: str) -> NamedWeights:
        group = self._group(f"{path}/vars")
        if group is None:
            return []
        names = sorted(group, key=lambda name: int(name) if name.isdigit() else -1)
        return [(f"{path}/vars/{name}", h5.weight(self._path, group, name)) for name in names]

    def _group(self, path: str) -> h5py.Group | None:
        group = self._root
        for part in path.strip("/").split("/"):
            if not part:
                continue
            if not isinstance(group, h5py.Group) or group.get(part, getlink=True) is None:
                return None
            group = h5.child(group, part)
        if not isinstance(group, h5py.Group):
            raise DamagedFileError(f"{self._path}: {path} is not a group.")
        return group


def _is_group(group: h5py.Group, name: str) -> bool:
    is_here = isinstance(group.get(name, getlink=True), h5py.HardLink)
    return is_here and group.get(name, getclass=True) is h5py.Group
