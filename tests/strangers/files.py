"""Model files as an attacker would make them, without any Keras."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

Config = dict[str, Any]


def dense(name: str = "dense", **config: Any) -> Config:
    """A layer that is in order."""
    return {"class_name": "Dense", "config": {"name": name, "units": 3, "activation": "linear", **config}}


def keras2(*layers: Config, version: str = "2.15.0") -> Config:
    """A Sequential model in Keras 2's form."""
    first = {"class_name": "InputLayer", "config": {"batch_input_shape": [None, 4], "dtype": "float32", "name": "x"}}
    config = {"name": "stranger", "layers": [first, *layers]}
    return {"class_name": "Sequential", "config": config, "keras_version": version, "backend": "tensorflow"}


def keras3(*layers: Config) -> Config:
    """The same in Keras 3's form."""
    first = {
        "module": "keras.layers",
        "class_name": "InputLayer",
        "config": {"batch_shape": [None, 4], "dtype": "float32", "name": "x"},
        "registered_name": None,
    }
    named = [{"module": "keras.layers", "registered_name": None, **layer} for layer in layers]
    config = {"name": "stranger", "trainable": True, "layers": [first, *named]}
    return {"module": "keras", "class_name": "Sequential", "config": config, "registered_name": "Sequential"}


def write_h5(path: Path, config: Mapping[str, Any], edit: Callable[[h5py.File], None] = lambda file: None) -> Path:
    """A whole-model HDF5 file with weights for a layer named ``dense``; ``edit`` makes of it what it likes."""
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = np.bytes_(b"2.15.0")
        file.attrs["backend"] = np.bytes_(b"tensorflow")
        file.attrs["model_config"] = json.dumps(config)
        weights = file.create_group("model_weights")
        configs = [layer["config"] for layer in config["config"]["layers"][1:]]
        names = [config.get("name", "x") for config in configs if isinstance(config, dict)]
        weights.attrs["layer_names"] = np.array([name.encode() for name in dict.fromkeys(names)])
        for name in dict.fromkeys(names):
            group = weights.require_group(name)
            group.attrs["weight_names"] = np.array(
                [b"dense/kernel:0", b"dense/bias:0"] if name == "dense" else [], "S20"
            )
        group = weights.require_group("dense").require_group("dense")
        group["kernel:0"] = np.arange(12, dtype="float32").reshape(4, 3)
        group["bias:0"] = np.ones(3, "float32")
        edit(file)
    return path


def weights_file(kernel: Any = None) -> bytes:
    """The weights of a layer named ``dense`` as an archive has them."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        group = file.create_group("layers/dense/vars")
        group["0"] = np.arange(12, dtype="float32").reshape(4, 3) if kernel is None else kernel
        group["1"] = np.ones(3, "float32")
    return buffer.getvalue()


def write_archive(
    path: Path, config: Mapping[str, Any], members: Mapping[str, bytes] | None = None, weights: bytes | None = None
) -> Path:
    """A ``.keras`` archive with weights for a layer named ``dense``, and further members."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.12.0", "date_saved": "2026-01-01"}))
        archive.writestr("model.weights.h5", weights_file() if weights is None else weights)
        for name, data in (members or {}).items():
            archive.writestr(name, data)
    return path
