"""HDF5 files: a whole model, as Keras 1 to 3 write it with ``model.save("model.h5")``, or weights alone."""

from __future__ import annotations

from pathlib import Path

import h5py

from kerasport.errors import DamagedFileError, NotAModelError
from kerasport.reader.architecture import model_config, parse_json
from kerasport.reader.attributes import attribute, readable, string_list
from kerasport.reader.saved import Contents, Origin, StoredWeights
from kerasport.reader.weights import StoredWeight, Weight

_TREE = {"layers", "_layer_checkpoint_dependencies", "vars"}


def open_h5(path: Path) -> Contents:
    """Opens an HDF5 file of a model, or of the weights of one.

    Raises:
        NotAModelError: It is neither.
        DamagedFileError: Its structure or config is broken.
    """
    file = open_file(path)
    try:
        return _read(path, file)
    except BaseException:
        file.close()
        raise


def open_file(path: Path) -> h5py.File:
    """Opens a file as HDF5.

    Raises:
        DamagedFileError: It is not one, or is broken.
    """
    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise DamagedFileError(f"{path} is a damaged HDF5 file: {error}.", "Download or copy it again.") from error


def _read(path: Path, file: h5py.File) -> Contents:
    from kerasport.reader.groups import find_groups
    from kerasport.reader.tree import WeightTree

    text = readable("".join(string_list(file, "model_config")))
    config = model_config(path, parse_json(path, text, "the model config")) if text else None
    groups = find_groups(path, file)
    if groups is not None:
        weights = StoredWeights(_origin(groups.group, file), groups, layerwise=groups.layerwise)
    elif config is not None:
        weights = StoredWeights(_origin(file))
    elif _TREE & set(file):
        weights = StoredWeights(Origin(), tree=WeightTree(path, [file]))
    else:
        raise NotAModelError(
            f"{path} is an HDF5 file without a Keras model in it.",
            "A subclassed model has no architecture; save a functional or Sequential one: model.save('model.h5').",
        )
    origin = _origin(file, groups.group if groups is not None else file)
    return Contents(path, (path,), origin, config, weights, file.close)


def _origin(*items: h5py.Group) -> Origin:
    return Origin(attribute("keras_version", *items), attribute("backend", *items))


def weight(path: Path, group: h5py.Group, name: str) -> Weight:
    """The lazy weight of a name below a group; nothing but an array of numbers in this file will do."""
    dataset = walk(path, group, name)
    if not isinstance(dataset, h5py.Dataset):
        raise DamagedFileError(f"{path}: the weight {name!r} is not an array.")
    if dataset.dtype.kind not in "fiub" and dataset.dtype.str != "|V2":
        raise DamagedFileError(f"{path}: the weight {name!r} holds {dataset.dtype}, not numbers.")
    if dataset.is_virtual or dataset.external:
        raise DamagedFileError(f"{path}: the weight {name!r} points to another file, which kerasport does not follow.")
    return StoredWeight(f"{group.name}/{name}", dataset.shape, dataset.dtype, dataset)


def walk(path: Path, group: h5py.Group, name: str) -> h5py.Group | h5py.Dataset:
    """Follows a name part by part, through hard links only, never upwards."""
    item: h5py.Group | h5py.Dataset = group
    for part in name.split("/"):
        if part in (".", ".."):
            raise DamagedFileError(f"{path}: the weight name {name!r} leaves its layer.")
        if part == "":
            continue
        if not isinstance(item, h5py.Group) or item.get(part, getlink=True) is None:
            raise DamagedFileError(f"{path}: the weight {name!r} of {group.name!r} is missing.")
        item = child(item, part)
    return item


def child(group: h5py.Group, part: str) -> h5py.Group | h5py.Dataset:
    """A member of a group, unless it is a link to elsewhere."""
    if not isinstance(group.get(part, getlink=True), h5py.HardLink):
        raise DamagedFileError(
            f"{group.file.filename}: {group.name}/{part} is a link, which kerasport does not follow."
        )
    return group[part]


def group(path: Path, parent: h5py.Group, name: str) -> h5py.Group:
    """A group in a group."""
    found = child(parent, name)
    if not isinstance(found, h5py.Group):
        raise DamagedFileError(f"{path}: {name!r} is not a group.")
    return found
