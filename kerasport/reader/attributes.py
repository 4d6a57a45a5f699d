"""HDF5 attributes, in each of the ways in which a Keras, or a tool that imitates one, has stored them."""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np


def text(value: Any) -> str:
    """An attribute's text, whether it was stored as bytes, as a string, or as an array of one of them.

    Bytes that are not UTF-8 stay as they are (as surrogates), so that they still name what they named in the file.
    """
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.reshape(-1)[0]
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)


def readable(value: str) -> str:
    """A text of the file for people and for JSON: what is not UTF-8 is taken for Latin-1, as Python 2 wrote it."""
    raw = value.encode("utf-8", "surrogateescape")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def string_list(item: h5py.Group, name: str) -> list[str]:
    """An attribute that lists strings; Keras splits lists over 64,512 bytes into name0, name1, ..."""
    if name in item.attrs:
        return _strings(item.attrs[name])
    values: list[str] = []
    index = 0
    while f"{name}{index}" in item.attrs:
        values += _strings(item.attrs[f"{name}{index}"])
        index += 1
    return values


def has_list(item: h5py.Group, name: str) -> bool:
    """Whether there is such an attribute, whole or split."""
    return name in item.attrs or f"{name}0" in item.attrs


def attribute(name: str, *items: h5py.Group) -> str:
    """The text of the first attribute of this name, "" where nobody has it."""
    return next((readable(text(item.attrs[name])) for item in items if name in item.attrs), "")


def _strings(values: Any) -> list[str]:
    """A lone string is a list of one, and an empty attribute an empty list."""
    if isinstance(values, h5py.Empty):
        return []
    if isinstance(values, str | bytes):
        return [text(values)]
    return [text(value) for value in np.asarray(values).reshape(-1)]
