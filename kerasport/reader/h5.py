"""Whole models in HDF5, as Keras 1 to 3 write them with ``model.save("model.h5")``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py

from kerasport.errors import DamagedFileError, NotAModelError
from kerasport.reader.saved import NamedWeights, SavedModel
from kerasport.reader.weights import StoredWeight, Weight

_WEIGHTS_ONLY = (
    "Give a file of the whole model: rebuild the model in Keras, call model.load_weights() with this file,"
    " then model.save('model.h5')."
)


def open_h5(path: Path) -> SavedModel:
    """Opens a whole-model HDF5 file.

    Raises:
        NotAModelError: It holds no model config.
        DamagedFileError: Its structure or config is broken.
    """
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise DamagedFileError(f"{path} is a damaged HDF5 file: {error}.", "Download or copy it again.") from error
    try:
        return _read(path, file)
    except Exception:
        file.close()
        raise


def _read(path: Path, file: h5py.File) -> SavedModel:
    if "model_config" not in file.attrs:
        raise _no_config(path, file)
    config = _json(path, text(file.attrs["model_config"]))
    group = child(file, "model_weights") if "model_weights" in file else file
    if not isinstance(group, h5py.Group):
        raise DamagedFileError(f"{path}: 'model_weights' is not a group.")
    return SavedModel(
        path=path,
        config=config,
        keras_version=_attribute(file, group, "keras_version"),
        backend=_attribute(file, group, "backend"),
        weights=_Groups(path, group),
        on_close=file.close,
    )


class _Groups(Mapping[str, NamedWeights]):
    """The weights of each top-level layer, opened when asked for."""

    def __init__(self, path: Path, group: h5py.Group) -> None:
        self._path = path
        self._group = group
        self._names = string_list(group, "layer_names")

    def __getitem__(self, layer: str) -> NamedWeights:
        if layer not in self._names:
            raise KeyError(layer)
        group = _walk(self._path, self._group, layer)
        if not isinstance(group, h5py.Group):
            raise DamagedFileError(f"{self._path}: the weights of layer {layer!r} are not a group.")
        return [(name, weight(self._path, group, name)) for name in string_list(group, "weight_names")]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def string_list(item: h5py.Group, name: str) -> list[str]:
    """An attribute that lists strings; Keras splits lists over 64,512 bytes into name0, name1, ..."""
    if name in item.attrs:
        return [text(value) for value in item.attrs[name]]
    values: list[str] = []
    index = 0
    while f"{name}{index}" in item.attrs:
        values += [text(value) for value in item.attrs[f"{name}{index}"]]
        index += 1
    return values


def weight(path: Path, group: h5py.Group, name: str) -> Weight:
    """The lazy weight of a name below a group; nothing but an array of numbers in this file will do."""
    dataset = _walk(path, group, name)
    if not isinstance(dataset, h5py.Dataset):
        raise DamagedFileError(f"{path}: the weight {name!r} is not an array.")
    if dataset.dtype.kind not in "fiub" and dataset.dtype.str != "|V2":
        raise DamagedFileError(f"{path}: the weight {name!r} holds {dataset.dtype}, not numbers.")
    if dataset.is_virtual or dataset.external:
        raise DamagedFileError(f"{path}: the weight {name!r} points to another file, which kerasport does not follow.")
    return StoredWeight(f"{group.name}/{name}", dataset.shape, dataset.dtype, dataset)


def _walk(path: Path, group: h5py.Group, name: str) -> h5py.Group | h5py.Dataset:
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


def text(value: Any) -> str:
    """An attribute's text, whether it was stored as bytes or as a string."""
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)


def _attribute(file: h5py.File, group: h5py.Group, name: str) -> str:
    for item in (file, group):
        if name in item.attrs:
            return text(item.attrs[name])
    return ""


def _json(path: Path, text: str) -> Mapping[str, Any]:
    try:
        config = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DamagedFileError(f"{path}: the model config is not valid JSON: {error}.") from error
    if not isinstance(config, dict) or "class_name" not in config:
        raise NotAModelError(
            f"{path} has no layer graph in its config, as for a subclassed model.",
            "Build the same model with the functional API or Sequential in Keras, load these weights, and save that.",
        )
    return config


def _no_config(path: Path, file: h5py.File) -> NotAModelError:
    attributes = set(file.attrs)
    if {"layer_names", "layer_names0", "nb_layers"} & attributes:
        return NotAModelError(f"{path} holds weights only, without the model's architecture.", _WEIGHTS_ONLY)
    if {"layers", "_layer_checkpoint_dependencies", "vars"} & set(file.keys()):
        return NotAModelError(f"{path} holds Keras 3 weights only, without the model's architecture.", _WEIGHTS_ONLY)
    return NotAModelError(
        f"{path} is an HDF5 file without a Keras model in it.",
        "A subclassed model has no saved architecture; save a functional or Sequential one: model.save('model.h5').",
    )
