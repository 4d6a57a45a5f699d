"""Weights in groups, one for each layer: what Keras has written before Keras 3, and still writes in whole HDF5 models.

The root (or ``model_weights``) has an attribute ``layer_names``, and each group ``weight_names``; they give the order,
for HDF5 itself lists members by name. Before Keras 1.0 there were numbers instead: ``nb_layers``, ``layer_0``,
``layer_1`` ... with ``nb_params`` arrays ``param_0``, ``param_1`` ... each; Keras 1 still reads them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from operator import itemgetter
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from kerasport.errors import DamagedFileError
from kerasport.reader import h5
from kerasport.reader.attributes import has_list, readable, string_list
from kerasport.reader.saved import NamedWeights
from kerasport.reader.stretch import Stretch


def find_groups(path: Path, root: h5.H5File) -> Groups | None:
    """The groups of an open file; None where it has none."""
    group = h5.group_below(path, root, "model_weights") or root
    if has_list(group, "layer_names"):
        return Groups(path, group, root.raw)
    return NumberedGroups(path, group, root.raw) if "nb_layers" in group.attrs else None


class Groups(Mapping[str, NamedWeights]):
    """The weights of each top-level layer, opened when asked for.

    Args:
        path: The file, for messages.
        group: What holds the layers' groups.
        raw: The file's bytes.
    """

    # Whether a nested model's weights are in its layers' order, and not all trainable ones first.
    layerwise = False

    def __init__(self, path: Path, group: h5py.Group, raw: Stretch | None) -> None:
        self._path = path
        self._raw = raw
        self._group = group
        self._names = {readable(name): name for name in self._layer_names()}
        self._found: dict[str, NamedWeights] = {}

    @property
    def group(self) -> h5py.Group:
        """What holds the layers' groups."""
        return self._group

    def __getitem__(self, layer: str) -> NamedWeights:
        if layer not in self._found:
            self._found[layer] = self._weights(self._names[layer])
        return self._found[layer]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def _weights(self, layer: str) -> NamedWeights:
        group = h5.group_of(self._path, self._group, layer)
        names = self._weight_names(group)
        name, count = max(Counter(names).items(), key=itemgetter(1), default=("", 0))
        if count > 1:  # HDF5 holds one of them: Keras failed at the second, and left the file behind
            what = f"{self._path}: {count} weights of {layer!r} are named {name!r}, of which a file can store only one."
            raise DamagedFileError(what, "Keras failed when it saved this file; save the model as a .keras archive.")
        return [(name, h5.weight(self._path, group, name, self._raw)) for name in names]

    def _layer_names(self) -> list[str]:
        return string_list(self._group, "layer_names")

    def _weight_names(self, group: h5py.Group) -> list[str]:
        return string_list(group, "weight_names")


class NumberedGroups(Groups):
    """The same where layers and weights have numbers for names."""

    layerwise = True

    def _layer_names(self) -> list[str]:
        return [f"layer_{number}" for number in range(self._count(self._group, "nb_layers"))]

    def _weight_names(self, group: h5py.Group) -> list[str]:
        return [f"param_{number}" for number in range(self._count(group, "nb_params"))]

    def _count(self, group: h5py.Group, name: str) -> int:
        count: Any = np.asarray(group.attrs.get(name, 0)).reshape(-1)
        if count.size != 1 or count.dtype.kind not in "iu" or not 0 <= count[0] <= len(group):
            raise DamagedFileError(f"{self._path}: {name} of {group.name} is {group.attrs[name]!r}.")
        return int(count[0])
