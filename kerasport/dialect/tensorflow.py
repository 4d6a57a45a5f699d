"""TensorFlow's functions and operators, mapped to the names and arguments of Keras 3's operations.

The tables are in ``tensorflow_arrays``, ``tensorflow_math``, ``tensorflow_nn`` and ``tensorflow_images``. An entry is
the operation's name and its arguments, each as ``Keras's=TensorFlow's`` or one name for both. Where Keras has no such
operation, the name is TensorFlow's own with ``tf.`` before it.

- ``FUNCTIONS``: their first argument stands first in Keras's operations as well.
- ``RAW``, the operators: the names of all inputs in order (``*`` takes a list, ``-`` none), then of attributes.
- ``DEFAULTS``: what TensorFlow takes where Keras's operation would take something else.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from kerasport.dialect import tensorflow_arrays, tensorflow_images, tensorflow_math, tensorflow_nn
from kerasport.layers.slots import Entry

_TABLES = (tensorflow_math, tensorflow_arrays, tensorflow_nn, tensorflow_images)
FUNCTIONS: dict[str, str] = {name: entry for table in _TABLES for name, entry in table.FUNCTIONS.items()}
RAW: dict[str, str] = {name: entry for table in _TABLES for name, entry in table.RAW.items()}
_DEFAULTS: dict[str, dict[str, Any]] = {name: found for table in _TABLES for name, found in table.DEFAULTS.items()}
# Attributes that say nothing beyond the inputs, or nothing about the result.
_SILENT = frozenset(["N", "incompatible_shape_error", "name", "use_cudnn_on_gpu"])
# What other types' names mean is their own.
_TYPES = {"DT_FLOAT": "float32", "DT_DOUBLE": "float64", "DT_HALF": "float16"}


def function(name: str, kwargs: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The operation that a function is, and its keyword arguments under Keras's names."""
    entry = FUNCTIONS.get(name)
    if entry is None:
        return f"tf.{name}", dict(kwargs)
    kind, renamed = _entry(entry)
    new_names = {old: new for new, old in renamed}
    given = {key: value for key, value in kwargs.items() if key not in _SILENT}
    found = {new_names.get(key, key): value for key, value in given.items()}
    return kind, _DEFAULTS.get(name, {}) | found


def raw(node: Mapping[str, Any], args: list[Any]) -> tuple[str, dict[str, Any]]:
    """The operation that a recorded operator is, and its arguments under Keras's names."""
    op = str(node.get("op"))
    attributes = {key: _attribute(value) for key, value in (node.get("attr") or {}).items()}
    if op == "StridedSlice":
        return "GetItem", {"x": args[0], "key": _key(args, attributes)}
    entry = RAW.get(op)
    if entry is None:
        return f"tf.raw_ops.{op}", {}
    kind, names = _entry(entry)
    options: dict[str, Any] = {}
    asked = {old: new for new, old in names if old in attributes}
    inputs = [new for new, old in names if old not in attributes]
    star = next((i for i, name in enumerate(inputs) if name.startswith("*")), None)
    if star is not None:
        behind = len(inputs) - star - 1
        args = [*args[:star], args[star : len(args) - behind], *args[len(args) - behind :]]
    options |= {name.lstrip("*"): arg for name, arg in zip(inputs, args, strict=False)}
    types = {key for key, value in (node.get("attr") or {}).items() if isinstance(value, Mapping) and "type" in value}
    options |= {
        asked.get(key, key): value
        for key, value in attributes.items()
        if key in asked or (key not in types and key not in _SILENT)
    }
    options.pop("-", None)
    return kind, options


def _entry(text: str) -> tuple[str, list[tuple[str, str]]]:
    kind, *names = text.split()
    pairs = (name.partition("=") for name in names)
    return kind, [(new, old or new) for new, _, old in pairs]


def _attribute(value: Any) -> Any:
    """A value of an operator's attribute, as written from its protobuf message."""
    if not isinstance(value, Mapping) or len(value) != 1:
        return value
    ((kind, content),) = value.items()
    if kind == "list":
        return [_attribute({key: item}) for key, items in content.items() for item in items]
    if kind == "i":
        return int(content)
    if kind == "s":
        return base64.b64decode(content).decode("utf-8", "replace")
    if kind == "type":
        return _TYPES.get(content, str(content).removeprefix("DT_").lower())
    return content


def _key(args: list[Any], masks: Mapping[str, Any]) -> list[Any]:
    """The index of a slice whose bits say which of its numbers count."""
    _, starts, stops, steps = args

    def bit(name: str, place: int) -> bool:
        return bool(int(masks.get(name) or 0) >> place & 1)

    known = next((row for row in (steps, stops, starts) if isinstance(row, list)), None)
    if known is None:
        return [{"starts": starts, "stops": stops}]  # not even their number is known
    starts, stops, steps = (
        row if isinstance(row, list) else [Entry(row, place) for place in range(len(known))]
        for row in (starts, stops, steps)
    )
    key: list[Any] = []
    for place, (start, stop, step) in enumerate(zip(starts, stops, steps, strict=True)):
        if bit("ellipsis_mask", place):
            key.append(Ellipsis)
        elif bit("new_axis_mask", place):
            key.append(None)
        elif bit("shrink_axis_mask", place):
            key.append(start)
        else:
            first, last = bit("begin_mask", place), bit("end_mask", place)
            key.append(slice(None if first else start, None if last else stop, step))
    return key
