"""YAML as plain values: PyYAML's safe loader, and the tags with which Keras wrote tuples, texts, numbers and shapes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from kerasport.errors import DamagedFileError, MissingExtraError

# An alias of aliases can stand for any number of values; a large model has some hundred thousand.
_MOST_VALUES = 5_000_000
_TAG = "tag:yaml.org,2002:python/"
# What tf.keras wraps around plain values, which are the only argument.
_WRAPPERS = (
    "framework.tensor_shape.TensorShape",
    "framework.tensor_shape.Dimension",
    "training.tracking.data_structures.ListWrapper",
)


def parse_yaml(path: Path, text: bytes) -> Any:
    """The value of a YAML text.

    Raises:
        MissingExtraError: PyYAML is not installed.
        DamagedFileError: It is no YAML, or asks for more than plain values.
    """
    try:
        import yaml
    except ImportError as error:
        raise MissingExtraError(f"{path} is in YAML, which only PyYAML reads", "yaml") from error
    try:
        value = _load(text)
        _size(value, {})
    except (yaml.YAMLError, ValueError, TypeError, LookupError, RecursionError) as error:
        what = str(getattr(error, "problem", None) or error)
        raise DamagedFileError(f"{path} is not YAML of plain values: {what}.") from error
    return value


def _load(text: bytes) -> Any:
    import yaml

    class Loader(yaml.SafeLoader):
        """The safe loader with some more names for lists, texts and numbers."""

    constructors: dict[str, Any] = {
        "tuple": Loader.construct_yaml_seq,
        "unicode": Loader.construct_yaml_str,
        "str": Loader.construct_yaml_str,
        "long": Loader.construct_yaml_int,
        "object/apply:numpy.dtype": _dtype,
        "object/apply:numpy.core.multiarray.scalar": _number,
        **{f"object/apply:tensorflow.python.{name}": _argument for name in _WRAPPERS},
    }
    for name, constructor in constructors.items():
        Loader.add_constructor(_TAG + name, constructor)
    loader = Loader(text)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


def _dtype(loader: Any, node: Any) -> np.dtype[Any]:
    """``{args: [i8, 0, 1], state: [3, <, ...]}``, of which the letters and the byte order matter."""
    value = loader.construct_mapping(node, deep=True)
    name = f"{value['state'][1]}{value['args'][0]}"
    if not re.fullmatch("[<>=|][iufb][1248]", name):
        raise ValueError(f"it has a number of the kind {name!r}")
    return np.dtype(name)


def _number(loader: Any, node: Any) -> Any:
    """``[its dtype, its bytes]``."""
    dtype, data = loader.construct_sequence(node, deep=True)
    (value,) = np.frombuffer(data, dtype)
    return value.item()


def _argument(loader: Any, node: Any) -> Any:
    """The one argument of what is nothing more."""
    (value,) = loader.construct_sequence(node, deep=True)
    return value


def _size(value: Any, known: dict[int, int]) -> int:
    """How many values there are when every alias is written out."""
    if not isinstance(value, dict | list):
        return 1
    if id(value) not in known:
        known[id(value)] = _MOST_VALUES  # what it is within itself
        parts = value.values() if isinstance(value, dict) else value
        known[id(value)] = 1 + sum(_size(part, known) for part in parts)
    if known[id(value)] > _MOST_VALUES:
        raise ValueError("its aliases stand for too many values")
    return known[id(value)]
