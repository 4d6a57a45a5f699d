"""HDF5 files: a whole model, as Keras 1 to 3 write it with ``model.save("model.h5")``, or weights alone."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial
from pathlib import Path

import h5py

from kerasport.errors import DamagedFileError, NotAModelError
from kerasport.reader.architecture import model_config, parse_json
from kerasport.reader.attributes import attribute, readable, string_list
from kerasport.reader.saved import Contents, Origin, StoredWeights
from kerasport.reader.stretch import Stretch
from kerasport.reader.weights import StoredWeight, Weight

_TREE = {"layers", "_layer_checkpoint_dependencies", "vars"}


class H5File(h5py.File):  # type: ignore[misc]
    """An open HDF5 file that knows where its bytes are.

    Args:
        source: The file, what opens a stretch of one, or its bytes in memory.

    Attributes:
        raw: Opens the bytes; None where they are in memory only.
    """

    def __init__(self, source: Path | Callable[[], Stretch] | io.BytesIO) -> None:
        self.raw: Callable[[], Stretch] | None = None
        if isinstance(source, Path):
            self.raw = partial(Stretch, source)
        elif not isinstance(source, io.BytesIO):
            self.raw, source = source, source()  # type: ignore[assignment]
        super().__init__(source, "r")


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


def weight(path: Path, group: h5py.Group, name: str, raw: Callable[[], Stretch] | None) -> Weight:
    """The lazy weight of a name below a group; nothing but an array of numbers in this file will do.

    Args:
        path: The file, for messages.
        group: The group.
        name: The name.
        raw: Opens the file's bytes.
    """
    dataset = walk(path, group, name)
    if not isinstance(dataset, h5py.Dataset):
        raise DamagedFileError(f"{path}: the weight {name!r} is not an array.")
    dtype = dataset.dtype
    if dtype.kind not in "fiub" and dtype.str != "|V2":
        raise DamagedFileError(f"{path}: the weight {name!r} holds {dtype}, not numbers.")
    if dataset.is_virtual or dataset.external:
        raise DamagedFileError(f"{path}: the weight {name!r} points to another file, which kerasport does not follow.")
    return StoredWeight(f"{group.name}/{name}", dataset.shape, dtype, dataset, raw)


def walk(path: Path, group: h5py.Group, name: str) -> h5py.Group | h5py.Dataset:
    """Follows a name part by part, through hard links only, never upwards."""
    parts = [part for part in name.split("/") if part]
    if {".", ".."} & set(parts):
        raise DamagedFileError(f"{path}: the weight name {name!r} leaves its layer.")
    item = member(group, *parts)
    if item is None:
        raise DamagedFileError(f"{path}: the weight {name!r} of {group.name!r} is missing.")
    return item


def member(group: h5py.Group, *parts: str) -> h5py.Group | h5py.Dataset | None:
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
                f"{group.file.filename}: {group.name}/{part} is a link, which kerasport does not follow."
            )
    return group[whole] if whole else group


def group(path: Path, parent: h5py.Group, name: str) -> h5py.Group:
    """A group in a group."""
    found = member(parent, name)
    if not isinstance(found, h5py.Group):
        raise DamagedFileError(f"{path}: {name!r} is not a group.")
    return found
