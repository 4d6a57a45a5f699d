"""Input sizes that a model file leaves open, as given by the user."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping, Sequence
from shlex import quote

from kerasport.errors import NotAModelError, OptionError
from kerasport.layers.base import Dim, Shape
from kerasport.text import shape_text

PROPERTY = "kerasport.input_shape"


class Sizes:
    """What is to stand for open sizes of inputs.

    Args:
        asked: By name: ``batch``, ``time``, ``height`` or ``width`` for the open axes of all inputs;
            ``<input>_dim<axis>`` for one of them, as it is called in the ONNX model; or the name of an input, with its
            whole shape, None where it stays open.
    """

    def __init__(self, asked: Mapping[str, int | Sequence[int | None]]) -> None:
        self._asked = dict(asked)
        self._used: set[str] = set()
        self._open: list[str] = []

    def shape(self, name: str, shape: Sequence[Dim] | None) -> Shape | None:
        """An input's shape with the sizes that are asked for; None where nothing tells it.

        Args:
            name: The input.
            shape: What the file says; None where it says nothing.

        Raises:
            OptionError: The file says something else.
        """
        given = self._asked.get(name)
        if isinstance(given, int):
            raise OptionError(f"The shape of the input {name!r} is not one number.", _syntax(name))
        if given is not None:
            self._used.add(name)
            shape = _agreeing(name, [None] * len(given) if shape is None else shape, given)
        if shape is None:
            self._open.append(name)
            return None
        return tuple(self._size(name, shape, axis, dim) for axis, dim in enumerate(shape))

    def _size(self, name: str, shape: Sequence[Dim], axis: int, dim: Dim) -> Dim:
        names = [f"{name}_dim{axis}", *_names(shape, axis)]
        asked = [label for label in names if label in self._asked]
        if dim is None:
            self._open += reversed(names)
        self._used.update(asked if dim is None else asked[:1])
        size = self._asked[asked[0]] if asked else dim
        if not isinstance(size, int | None):
            raise OptionError(f"{asked[0]} is one number, not a shape.", _syntax(name))
        if asked and dim not in (None, size):
            raise OptionError(f"The input {name!r} has the size {dim} there, which cannot be made {size}.")
        return size

    def check(self) -> None:
        """Raises OptionError where a name was asked for that no input has."""
        for label in self._asked:
            if label not in self._used:
                near = difflib.get_close_matches(label, self._open, n=1)
                choice = (
                    f"Did you mean {near[0]}?" if near else f"The open ones are {', '.join(dict.fromkeys(self._open))}."
                )
                hint = choice if self._open else "All its sizes are known."
                raise OptionError(f"No input of the model has an open size {label!r}.", hint)


def properties(sizes: Mapping[str, int | Sequence[int | None]]) -> dict[str, str]:
    """The metadata of an ONNX file that describes the sizes that were asked for."""
    return {PROPERTY: json.dumps(dict(sizes), separators=(",", ":"))} if sizes else {}


def noted(metadata: Mapping[str, str]) -> dict[str, int | tuple[int | None, ...]]:
    """The sizes that an ONNX file's metadata describes.

    Raises:
        NotAModelError: It was not written by kerasport.
    """
    try:
        told = json.loads(metadata.get(PROPERTY, "{}"))
        return {name: size if type(size) is int else tuple(map(_noted_size, size)) for name, size in told.items()}
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise NotAModelError(f"The ONNX file's metadata {PROPERTY} was not written by kerasport.") from error


def _noted_size(size: object) -> int | None:
    if size is not None and type(size) is not int:
        raise ValueError("no size")
    return size


def parse_sizes(text: str) -> dict[str, int | tuple[int | None, ...]]:
    """Sizes as they are written on the command line: ``batch=1,time=50``, ``image=?x224x224x3``.

    Raises:
        OptionError: It is written in another way.
    """
    sizes: dict[str, int | tuple[int | None, ...]] = {}
    for item in text.split(","):
        name, separator, value = item.strip().rpartition("=")
        dims = [None if dim == "?" else _number(dim, item) for dim in value.split("x")]
        if not separator or not name:
            raise OptionError(f"--input-shape takes NAME=SIZE, not {item!r}.", _syntax("NAME"))
        first = dims[0]
        sizes[name] = first if len(dims) == 1 and first is not None else tuple(dims)
    return sizes


def example(name: str) -> str:
    """An option that gives an input's shape, to be typed in any shell."""
    return f"--input-shape {quote(f'{name}=?x28x28x1')}"


def _number(text: str, item: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,11}", text):
        raise OptionError(f"--input-shape takes NAME=SIZE, not {item!r}.", _syntax("NAME"))
    return int(text)


def _syntax(name: str) -> str:
    return f"Write batch=1, time=50, or the whole shape, ? where it stays open: '{name}=?x224x224x3'."


def _names(shape: Sequence[Dim], axis: int) -> list[str]:
    """What an open axis is called in all inputs: images have their channels last, unless that axis is open, too."""
    rank = len(shape)
    names = {0: "batch"} | ({1: "time"} if rank in (2, 3, 5) else {})
    if rank in (4, 5):
        width = rank - 1 if shape[-1] is None else rank - 2
        names |= {width - 1: "height", width: "width"}
    return [names[axis]] if axis in names and shape[axis] is None else []


def _agreeing(name: str, shape: Sequence[Dim], given: Sequence[int | None]) -> Shape:
    if len(shape) != len(given) or any(
        None not in (have, want) and have != want for have, want in zip(shape, given, strict=True)
    ):
        raise OptionError(f"The input {name!r} is {shape_text(shape)} in the file; asked for is {shape_text(given)}.")
    return tuple(want if have is None else have for have, want in zip(shape, given, strict=True))
