"""HDF5 files: a whole model, as Keras 1 to 3 write it with ``model.save("model.h5")``, or weights alone."""

from __future__ import annotations

import io
from functools import cache
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py

from kerasport.errors import DamagedFileError, NotAModelError
from kerasport.reader.architecture import model_config, parse_json
from kerasport.reader.attributes import attribute, readable, string_list
from kerasport.reader.saved import Contents, Origin, StoredWeights
from kerasport.reader.stretch import Stretch
from kerasport.reader.weights import PlacedWeight, StoredWeight, Weight

if TYPE_CHECKING:
    import numpy as np

_Item = Any  # a GroupID, DatasetID or TypeID of h5py, which has no types
_TREE = {"layers", "_layer_checkpoint_dependencies", "vars"}


class H5File(h5py.File):  # type: ignore[misc]
    """An open HDF5 file with its bytes.

    Args:
        source: The file, a stretch of one, or its bytes in memory.

    Attributes:
        raw: The bytes; None where they are in memory only.
    """

    def __init__(self, source: Path | Stretch | io.BytesIO) -> None:
        super().__init__(source, "r")
        self.raw = Stretch(source) if isinstance(source, Path) else source if isinstance(source, Stretch) else None

    def close(self) -> None:
        """Closes the file."""
        super().close()
        if self.raw is not None:
            self.raw.close()


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


def open_file(path: Path) -> H5File:
    """Opens a file as HDF5.

    Raises:
        DamagedFileError: It is not one, or is broken.
    """
    try:
        return H5File(path)
    except OSError as error:
        raise DamagedFileError(f"{path} is a damaged HDF5 file: {error}.", "Download or copy it again.") from error


def _read(path: Path, file: H5File) -> Contents:
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


def weight(path: Path, group: h5py.Group, name: str, raw: Stretch | None) -> Weight:
    """The lazy weight of a name below a group; nothing but an array of numbers in this file will do.

    Args:
        path: The file, for messages.
        group: The group.
        name: The name.
        raw: The file's bytes.
    """
    dataset = walk(path, group, name)
    if not isinstance(dataset, h5py.h5d.DatasetID):
        raise DamagedFileError(f"{path}: the weight {name!r} is not an array.")
    stored, shape, options = dataset.get_type(), dataset.shape, dataset.get_create_plist()
    dtype = stored.dtype
    if dtype.kind not in "fiub" and dtype.str != "|V2":
        raise DamagedFileError(f"{path}: the weight {name!r} holds {dtype}, not numbers.")
    if shape is None:
        raise DamagedFileError(f"{path}: the weight {name!r} is empty.")
    if is_elsewhere(options):
        raise DamagedFileError(f"{path}: the weight {name!r} points to another file, which kerasport does not follow.")
    if not _has_all_values(dataset, prod(shape) * stored.get_size(), shape, options):
        raise DamagedFileError(f"{path}: the weight {name!r} has not all of its values in the file.")
    where = f"{group.name}/{name}"
    start = dataset.get_offset() if options.get_layout() == h5py.h5d.CONTIGUOUS else None
    if raw is not None and start is not None and dtype.kind != "b" and _plain(dtype) == stored:
        return PlacedWeight(where, shape, dtype, raw, start)
    return StoredWeight(where, shape, dtype, h5py.Dataset(dataset))


@cache
def _plain(dtype: np.dtype[Any]) -> h5py.h5t.TypeID:
    """The HDF5 type whose bytes are those of NumPy's."""
    return h5py.h5t.py_create(dtype)


def is_elsewhere(options: h5py.h5p.PropDCID) -> bool:
    """Whether the values of an array created with these options are in other files, or are those of other arrays."""
    return bool(options.get_layout() == h5py.h5d.VIRTUAL or options.get_external_count())


def _has_all_values(dataset: h5py.h5d.DatasetID, due: int, shape: tuple[int, ...], options: h5py.h5p.PropDCID) -> bool:
    """Whether a file has all bytes of an array; values that it lacks, HDF5 makes up: zeros, most often."""
    if options.get_layout() == h5py.h5d.CHUNKED:
        chunks = prod(-(-size // chunk) for size, chunk in zip(shape, options.get_chunk(), strict=True))
        return bool(not due or dataset.get_num_chunks() >= chunks)
    return bool(dataset.get_storage_size() >= due)


def walk(path: Path, group: h5py.Group, name: str, kind: str = "weight") -> _Item:
    """Follows the name of a weight, or group, part by part, through hard links only, never upwards."""
    parts = [part for part in name.split("/") if part]
    if {".", ".."} & set(parts):
        raise DamagedFileError(f"{path}: the {kind} name {name!r} leaves its layer.")
    item = member(group, *parts)
    if item is None:
        raise DamagedFileError(f"{path}: the {kind} {name!r} of {group.name!r} is missing.")
    return item


def member(group: h5py.Group, *parts: str) -> _Item | None:
    """What is below a group, unless a link on the way leads elsewhere; None where there is nothing of this name."""
    whole = b""
    for part in parts:
        whole += (b"/" if whole else b"") + part.encode("utf-8", "surrogateescape")
        try:
            kind = group.id.links.get_info(whole).type
        except (KeyError, RuntimeError):
            return None
        if kind != h5py.h5l.TYPE_HARD:
            raise DamagedFileError(
                f"{group.file.filename}: {group.name.rstrip('/')}/{whole.decode('utf-8', 'replace')} is a link, which"
                " kerasport does not follow."
            )
    return h5py.h5o.open(group.id, whole) if whole else group.id


def group_below(path: Path, parent: h5py.Group, name: str) -> h5py.Group | None:
    """The group below a group; None where there is nothing of this name."""
    found = member(parent, *(part for part in name.split("/") if part))
    return None if found is None else _group(path, found, name)


def group_of(path: Path, parent: h5py.Group, name: str) -> h5py.Group:
    """The group of a layer, which must be there."""
    return _group(path, walk(path, parent, name, "group"), name)


def _group(path: Path, item: _Item, name: str) -> h5py.Group:
    if not isinstance(item, h5py.h5g.GroupID):
        raise DamagedFileError(f"{path}: {name!r} is not a group.")
    return h5py.Group(item)
