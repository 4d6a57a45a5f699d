"""The most probable classes, by name."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from kerasport.errors import InputError, OptionError
from kerasport.prediction.rows import Array
from kerasport.runtime.sessions import Port

Step = Callable[[Mapping[str, Array]], Mapping[str, Array]]


def read_labels(path: Path) -> list[str]:
    """The names of classes: a text with one a line, or JSON as Keras's ``imagenet_class_index.json``.

    JSON may be a list of names, or an object from "0", "1" ... to names, or to pairs of an id and a name.

    Raises:
        InputError: It is neither.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"The labels in {path} cannot be read: {error}.") from error
    if path.suffix.lower() != ".json":
        return text.removesuffix("\n").splitlines() if text else []
    try:
        return _from_json(json.loads(text))
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        what = f'{path} has no labels as a list, nor as {{"0": ["n01440764", "tench"], ...}} from 0 on.'
        raise InputError(what) from error


def ranking(ports: Sequence[Port], top: int, labels: Sequence[str] = ()) -> Step:
    """A step that puts in the place of each output of class probabilities its highest ones.

    An output NAME of shape (rows, classes) becomes NAME_class, (rows, top), the numbers of the classes, highest first
    and of equals the first; NAME_label, their names, where there are labels; NAME_score, what the model gave them. NaN
    has no class: -1, and no name.

    Args:
        ports: The model's outputs.
        top: How many.
        labels: The names of the classes.

    Raises:
        OptionError: No output has classes, or the labels are not as many.
    """
    ranked = [port for port in ports if len(port.shape) == 2 and port.dtype.startswith("float")]
    if not ranked:
        shapes = ", ".join(f"{port.name} has {port.shape}" for port in ports)
        raise OptionError(f"--top ranks outputs of shape (rows, classes); {shapes}.")
    for port in ranked:
        classes = port.shape[1]
        if classes is not None and top > classes:
            raise OptionError(f"--top {top}: the output {port.name!r} has {classes} classes.")
        if labels and classes not in (None, len(labels)):
            raise OptionError(f"The labels are {len(labels)}, and the classes of {port.name!r} {classes}.")
    names = {port.name for port in ranked}
    known = np.array(labels, "str")

    def step(columns: Mapping[str, Array]) -> Mapping[str, Array]:
        found: dict[str, Array] = {}
        for name, array in columns.items():
            found |= _ranked(name, array, top, known) if name in names else {name: array}
        return found

    return step


def _ranked(name: str, scores: Array, top: int, labels: Array) -> dict[str, Array]:
    order = np.argsort(-scores, axis=1, kind="stable")[:, :top]
    best = np.take_along_axis(scores, order, axis=1)
    unknown = np.isnan(best)
    found = {f"{name}_class": np.where(unknown, -1, order)}
    if len(labels):
        found[f"{name}_label"] = np.where(unknown, "", labels[order])
    return {**found, f"{name}_score": best}


def _from_json(value: object) -> list[str]:
    if isinstance(value, dict):
        value = [value[str(number)] for number in range(len(value))]
    if not isinstance(value, list):
        raise TypeError
    names = [item[1] if isinstance(item, list) else item for item in value]
    if not all(isinstance(name, str) for name in names):
        raise TypeError
    return names
