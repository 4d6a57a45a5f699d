"""Architectures as text: what ``model.to_json()`` and ``model.to_yaml()`` give, and what people make of that.

It is the config of the model, to which Keras 1 and 2 add ``keras_version`` and ``backend``. Files in the wild also hold
the JSON as a JSON string (dumped twice), the config under ``model_config``, as in TensorFlow.js's ``modelTopology``, or
what ``model.get_config()`` gives, which lacks the model's class.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kerasport.errors import DamagedFileError, NotAModelError
from kerasport.limits import limits, way_on
from kerasport.reader import others
from kerasport.reader.bounds import check_config
from kerasport.reader.saved import Contents, Origin

_NO_GRAPH = "Build the same model with the functional API or Sequential in Keras, load these weights, and save that."
_WRAPPERS = ("modelTopology", "model_config")


def open_json(path: Path) -> Contents:
    """Opens a JSON file: an architecture, or the index of weights in several files.

    Raises:
        NotAModelError: It is JSON of another kind.
        DamagedFileError: It is not complete.
    """
    from kerasport.reader.shards import is_index, open_shards

    value = parse_json(path, read_text(path))
    if is_index(value):
        return open_shards(path, value)
    return _contents(path, value, "JSON")


def open_yaml(path: Path) -> Contents:
    """Opens an architecture in YAML, as Keras 1 and 2 wrote it.

    Raises:
        MissingExtraError: PyYAML is not installed.
        NotAModelError: It is YAML of another kind.
        DamagedFileError: It is not complete, or more than plain values.
    """
    from kerasport.reader.plain_yaml import parse_yaml

    return _contents(path, parse_yaml(path, read_text(path)), "YAML")


def read_text(path: Path) -> bytes:
    """A text file's bytes.

    Raises:
        DamagedFileError: It is larger than any architecture.
    """
    size = path.stat().st_size
    if size > limits().text:
        raise DamagedFileError(f"{path} has {size:,} bytes of text, far more than any architecture.", way_on("text"))
    return path.read_bytes()


def parse_json(path: Path, text: bytes | str, what: str = "it") -> Any:
    """The value of a JSON text in UTF-8, UTF-16 or Latin-1; of one within it, if it is a string of JSON itself.

    Args:
        path: The file, for messages.
        text: The JSON.
        what: Where in the file it is.
    """
    try:
        value = _load(text)
        return json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError) as error:
        raise DamagedFileError(f"{path}: {what} is not valid JSON: {error}.", "Download or copy it again.") from error


def _load(text: bytes | str) -> Any:
    try:
        return json.loads(text)
    except UnicodeDecodeError:
        return json.loads(text.decode("latin-1") if isinstance(text, bytes) else text)


def model_config(path: Path, value: Any) -> Mapping[str, Any]:
    """The config of a model with a graph of layers.

    Raises:
        NotAModelError: It is one of something else.
        DamagedFileError: It is beyond all bounds.
    """
    if not isinstance(value, dict) or "class_name" not in value:
        raise NotAModelError(f"{path} has no layer graph in its config, as for a subclassed model.", _NO_GRAPH)
    check_config(path, value)
    return value


def _contents(path: Path, value: Any, form: str) -> Contents:
    origin, elsewhere = Origin(), _in_shards(path, value)
    for wrapper in ("", *_WRAPPERS):
        value = value.get(wrapper, value) if isinstance(value, dict) else value
        value = parse_json(path, value, wrapper) if isinstance(value, str) else value
        origin = Origin.told(value, origin)
    value = _with_class(value)
    if not isinstance(value, dict) or not isinstance(value.get("config"), dict | list):
        raise NotAModelError(
            f"{path} is {form}, but not the architecture of a Keras model.",
            f"Save that with model.to_{form.lower()}() in Keras.",
        )
    return Contents(path, (path,), origin, model_config(path, value), elsewhere=elsewhere)


def _in_shards(path: Path, value: Any) -> tuple[str, str] | None:
    """Where a model of TensorFlow.js has its weights.

    Raises:
        NotAModelError: It has no layers any more.
    """
    if not isinstance(value, dict) or "modelTopology" not in value:
        return None
    if value.get("format") == "graph-model":
        raise NotAModelError(f"{path} is a TensorFlow.js graph model, which has no layers.", others.graph_model(path))
    return "a TensorFlow.js model, whose weights are in shards beside it", others.tensorflow_js(path)


def _with_class(value: Any) -> Any:
    """A model's config with its class, which a bare one shows: only functional models name their outputs."""
    bare = isinstance(value, dict) and "class_name" not in value and "config" not in value
    layers = value.get("layers") if bare else value
    if not isinstance(layers, list) or not all(isinstance(entry, dict) and "class_name" in entry for entry in layers):
        return value
    return {"class_name": "Model" if bare and "output_layers" in value else "Sequential", "config": value}
