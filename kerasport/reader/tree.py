"""The weight files of Keras 3 (and 2.12 on): a tree of objects, each with its arrays in ``vars/0``, ``vars/1`` ..."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import h5py

from kerasport.errors import DamagedFileError
from kerasport.reader import h5
from kerasport.reader.attributes import text
from kerasport.reader.saved import NamedWeights
from kerasport.reader.weights import Weight

# Parts of a layer that hold its own weights, in the order in which Keras lists them.
_PARTS = (
    *("cell", "forward_layer", "backward_layer"),
    *("query_dense", "_query_dense", "key_dense", "_key_dense", "_gate_dense"),
    *("value_dense", "_value_dense", "output_dense", "_output_dense"),
)
# Beside the model's own objects there may be those of its training.
_TRAINING = ("optimizer", "metrics", "loss_tracker", "_metrics", "_compile_metrics", "_loss_tracker")


class WeightTree:
    """The tree of one weight file, or of several that make up one.

    Args:
        path: The file, for messages.
        roots: The open HDF5 files.
    """

    def __init__(self, path: Path, roots: Sequence[h5.H5File]) -> None:
        self._path = path
        self._roots = roots

    def children(self, path: str) -> list[str]:
        """The names of the objects below a path; empty when there is no such path."""
        return sorted({name for group in self._groups(path) for name in group if _is_group(group, name)})

    def name(self, path: str) -> str:
        """The layer name that Keras 3.4 and later note at a path, or ""."""
        return next((text(group.attrs["name"]) for group in self._groups(f"{path}/vars") if "name" in group.attrs), "")

    def weights(self, path: str, cells: Mapping[str, Sequence[str]] | None = None, place: str = "") -> NamedWeights:
        """The arrays of the object at a path, its parts' after its own, in Keras's order.

        Args:
            path: The object.
            cells: The names below each ``cells``, in the order in which they are stacked, by the place of the stack.
            place: Where below the layer the path is, with a slash behind each part.
        """
        found = [*self.own(path)]
        children = set(self.children(path))
        for part in _PARTS:
            if part in children:
                found += self.weights(f"{path}/{part}", cells, f"{place}{part}/")
        if "cells" in children:
            for name in (cells or {}).get(place, ()):
                found += self.weights(f"{path}/cells/{name}", cells, f"{place}cells/{name}/")
        return found

    def listing(self) -> Iterator[tuple[str, tuple[tuple[int, ...], ...]]]:
        """Each object with arrays of its own, with their shapes; not those of the training."""
        for path in self._objects(""):
            own = self.own(path)
            if own and path.split("/")[1] not in _TRAINING:
                yield path.strip("/"), tuple(weight.shape for _, weight in own)

    def _objects(self, path: str) -> Iterator[str]:
        """The path of an object and of all below it, each object once."""
        met: set[object] = set()
        places = [path]
        while places:
            place = places.pop()
            groups = frozenset((group.file.name, h5py.h5o.get_info(group.id).addr) for group in self._groups(place))
            if groups not in met:
                met.add(groups)
                yield place
                places += [f"{place}/{name}" for name in reversed(self.children(place)) if name != "vars"]

    def own(self, path: str) -> NamedWeights:
        """The arrays of the object at a path, without those of its parts."""
        found: dict[str, tuple[h5py.Group, h5.H5File]] = {}
        for root in self._roots:
            group = self._group(root, f"{path}/vars")
            for name in group or ():
                if name in found:
                    raise DamagedFileError(f"{self._path}: the weight {path}/vars/{name} appears twice.")
                found[name] = group, root
        names = sorted(found, key=lambda name: int(name) if name.isdecimal() else -1)
        return [(f"{path}/vars/{name}", self._weight(*found[name], name)) for name in names]

    def _weight(self, group: h5py.Group, root: h5.H5File, name: str) -> Weight:
        return h5.weight(self._path, group, name, root.raw)

    def _groups(self, path: str) -> list[h5py.Group]:
        """The group at a path in each file that has it."""
        found = (self._group(root, path) for root in self._roots)
        return [group for group in found if group is not None]

    def _group(self, root: h5py.Group, path: str) -> h5py.Group | None:
        return h5.group_below(self._path, root, path)


def _is_group(group: h5py.Group, name: str) -> bool:
    is_here = isinstance(group.get(name, getlink=True), h5py.HardLink)
    return is_here and group.get(name, getclass=True) is h5py.Group
