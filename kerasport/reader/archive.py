"""``.keras`` models, zipped or in a directory, read in place.

https://keras.io/api/models/model_saving_apis/model_saving_and_loading/: ``config.json``, ``metadata.json`` and
``model.weights.h5``, which Keras zips uncompressed. The preview in TensorFlow 2.11 called the weights ``variables.h5``.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

from kerasport.errors import DamagedFileError, NotAModelError
from kerasport.reader.architecture import model_config, parse_json
from kerasport.reader.members import FolderMembers, Members, ZipMembers
from kerasport.reader.saved import Contents, Origin, StoredWeights
from kerasport.reader.tree import WeightTree

CONFIG, METADATA = "config.json", "metadata.json"
WEIGHTS = ("model.weights.h5", "variables.h5")
_PICKLED = "model.weights.npz"


def open_archive(path: Path) -> Contents:
    """Opens a ``.keras`` file, or a directory with the same members.

    Raises:
        DamagedFileError: Members are missing, twice there, or broken.
        NotAModelError: Its weights are pickled.
    """
    members: Members = FolderMembers(path) if path.is_dir() else ZipMembers(path)
    config = model_config(path, parse_json(path, members.read(CONFIG), CONFIG))
    metadata = _object(path, members, METADATA) if METADATA in members.names else {}
    origin = Origin.told(metadata)
    name = _weights_name(members)
    file = members.open_h5(name)
    weights = StoredWeights(origin, tree=WeightTree(path, [file]), text=partial(_text, members))
    return Contents(
        path, members.files(CONFIG, name), origin, config, weights, file.close, cache(partial(members.check, name))
    )


def _text(members: Members, name: str) -> str | None:
    """A member's text, None where there is none of that name.

    Raises:
        DamagedFileError: It is too large, broken, or no text.
    """
    if name not in members.names:
        return None
    try:
        return members.read(name).decode("utf-8")
    except UnicodeDecodeError as error:
        raise DamagedFileError(f"{members.path}: {name} cannot be read as text in UTF-8: {error}.") from error


def _weights_name(members: Members) -> str:
    for name in WEIGHTS:
        if name in members.names:
            return name
    if _PICKLED in members.names:
        raise NotAModelError(
            f"{members.path} has its weights in {_PICKLED}, as Python pickles, which kerasport never loads.",
            "Load it in the Keras that wrote it and save it again: model.save('model.keras').",
        )
    raise DamagedFileError(f"{members.path} has no {WEIGHTS[0]}, which a Keras archive has.")


def _object(path: Path, members: Members, name: str) -> Mapping[str, Any]:
    value = parse_json(path, members.read(name), name)
    if not isinstance(value, dict):
        raise DamagedFileError(f"{path}: {name} is not a JSON object.")
    return value
