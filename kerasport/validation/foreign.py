"""Matches the inputs and outputs of any ONNX model with those of the Keras model.

They go by the options that are given, then by their names, then by shape and dtype where only one pairing fits, and by
order where several do: exporters keep Keras's order. Whether an image is channels-first in the ONNX model, its shape
tells, or an option.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import permutations
from typing import Any

import numpy as np

from kerasport.errors import InputError, OptionError
from kerasport.layers.base import Value
from kerasport.runtime.sessions import Port
from kerasport.text import shape_text
from kerasport.validation.axes import Perm, best_perm


@dataclass(frozen=True)
class Ends:
    """What the user says of a model's inputs and outputs.

    Attributes:
        inputs: The ONNX model's name of an input, by Keras's.
        outputs: The ONNX model's name of an output, by Keras's.
        nchw: The inputs and outputs, by either name, that are channels-first in the ONNX model and not in Keras's.
    """

    inputs: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    nchw: Collection[str] = ()


@dataclass(frozen=True)
class End:
    """An input or output of the Keras model in the ONNX model.

    Attributes:
        name: Keras's name.
        port: What it is in the ONNX model.
        perm: The order in which its axes are stored there, None for Keras's own.
        by_order: Whether it was found by its place among others alone.
    """

    name: str
    port: Port
    perm: Perm | None = None
    by_order: bool = False


def matched(
    kind: str, values: Sequence[Value], ports: Sequence[Port], given: Mapping[str, str], nchw: Collection[str] = ()
) -> list[End]:
    """Finds inputs, or outputs, of the Keras model in the ONNX model.

    Args:
        kind: "input" or "output".
        values: Keras's.
        ports: The ONNX model's; outputs may be more.
        given: The ONNX model's name by Keras's, where the user says it.
        nchw: Those that are channels-first in the ONNX model, by either name.

    Raises:
        InputError: They cannot be told, or are not there.
        OptionError: There are no such names.
    """
    pairing = _Pairing(kind, values, ports, nchw)
    pairing.by_option(given)
    for alias in _ALIASES:
        pairing.by_name(alias)
    pairing.by_type()
    return pairing.ends()


def _without_number(name: str) -> str:
    return re.sub(r":\d+$", "", name)


def _without_signature(name: str) -> str:
    return _without_number(name).removeprefix("serving_default_")


def _scope(name: str) -> str:
    return ("", *_without_number(name).split("/"))[-2]


# How exporters call what Keras calls x: x, x:0, serving_default_x:0, model/x/BiasAdd:0.
_ALIASES: tuple[Callable[[str], str], ...] = (str, _without_number, _without_signature, _scope)
# Up to so many inputs all pairings are looked at.
_FEW = 8


class _Pairing:
    """What is found so far."""

    def __init__(self, kind: str, values: Sequence[Value], ports: Sequence[Port], nchw: Collection[str]) -> None:
        self._kind, self._values, self._ports, self._nchw = kind, values, ports, nchw
        self._found: dict[str, End] = {}

    def by_option(self, given: Mapping[str, str]) -> None:
        option = f"--map-{self._kind}"
        ports = {port.name: port for port in self._ports}
        for keras, onnx in given.items():
            value = _named(keras, {value.name: value for value in self._values}, f"the Keras model ({option})")
            port = _named(onnx, ports, f"the ONNX model ({option})")
            perm = self._perm(value, port)
            if perm is None:
                raise InputError(f"{option}: {_text(value)} of Keras cannot be {_port_text(port)} of ONNX.")
            self._found[keras] = End(keras, port, _or_none(perm))

    def by_name(self, alias: Callable[[str], str]) -> None:
        """Takes those for which just one has the name, and fits."""
        for value in self._left():
            fitting = [port for port in self._free() if alias(port.name) == value.name]
            perm = self._perm(value, fitting[0]) if len(fitting) == 1 else None
            if perm is not None:
                self._found[value.name] = End(value.name, fitting[0], _or_none(perm))

    def by_type(self) -> None:
        """Takes the only pairing of all that are left in which everything fits, or else the one in order."""
        left, free = self._left(), _in_order(self._free())
        for same in (same_kind, _both_numbers):
            fits = [[same(value, port) and self._perm(value, port) is not None for port in free] for value in left]
            pairings = _pairings(fits)
            first, second = next(pairings, None), next(pairings, None)
            if first is None:
                continue
            in_order = second is not None and len(free) == len(left) and first == list(range(len(left)))
            if second is not None and not in_order:
                raise self._ambiguous(left, free)
            for value, index in zip(left, first, strict=True):
                perm = self._perm(value, free[index])
                self._found[value.name] = End(value.name, free[index], _or_none(perm or ()), in_order)
            return
        raise self._missing(left, free)

    def ends(self) -> list[End]:
        if self._kind == "input" and self._free():
            raise self._missing([], self._free())
        return [self._found[value.name] for value in self._values]

    def _left(self) -> list[Value]:
        return [value for value in self._values if value.name not in self._found]

    def _free(self) -> list[Port]:
        taken = {end.port.name for end in self._found.values()}
        return [port for port in self._ports if port.name not in taken]

    def _perm(self, value: Value, port: Port) -> Perm | None:
        forced = value.name in self._nchw or port.name in self._nchw
        return best_perm(value.type.shape, port.shape, forced)

    def _ambiguous(self, left: Sequence[Value], free: Sequence[Port]) -> InputError:
        what = ", ".join(map(_text, left))
        several = ", ".join(map(_port_text, free))
        return InputError(
            f"Which {self._kind}s of the ONNX model are {what} of the Keras model cannot be told: it has {several}.",
            f"Say it with --map-{self._kind} {left[0].name}={free[0].name} ...",
        )

    def _missing(self, left: Sequence[Value], free: Sequence[Port]) -> InputError:
        lacking = f"has no {self._kind}s that could be {', '.join(map(_text, left))} of the Keras model"
        other = f"{', '.join(map(_port_text, free)) or 'nothing'} {'is' if len(free) < 2 else 'are'} left of it"
        what = f"{lacking}; {other}" if left else f"has {self._kind}s that the Keras model has not: {other}"
        hint = f"If it is the same model, say which is which with --map-{self._kind} KERAS=ONNX; --nchw NAME says that"
        return InputError(f"The ONNX model {what}.", f"{hint} one is channels-first.")


def _named(name: str, known: Mapping[str, Any], whose: str) -> Any:
    if name in known:
        return known[name]
    near = get_close_matches(name, known, n=1)
    hint = f"Did you mean {near[0]!r}?" if near else ""
    raise OptionError(f"{name!r} is not in {whose}, which has {', '.join(known)}.", hint)


def check_nchw(nchw: Collection[str], values: Sequence[Value], ports: Sequence[Port]) -> None:
    """Raises OptionError for names that neither the Keras model nor the ONNX model has."""
    known = dict.fromkeys([value.name for value in values] + [port.name for port in ports])
    for name in nchw:
        _named(name, known, "either model (--nchw)")


def _pairings(fits: Sequence[Sequence[bool]]) -> Iterator[list[int]]:
    """The ways to give each value a port that fits it, as the ports' places; the one in order first."""
    count = len(fits)
    if all(index < len(row) and row[index] for index, row in enumerate(fits)):
        yield list(range(count))
    places = range(len(fits[0]) if fits else 0)
    if len(places) <= _FEW:
        yield from (
            list(chosen)
            for chosen in permutations(places, count)
            if chosen != tuple(range(count)) and all(row[index] for index, row in zip(chosen, fits, strict=True))
        )


def _in_order(ports: Sequence[Port]) -> list[Port]:
    """The ports in the file's order, unless they are numbered: ``Identity:0, Identity_1:0``, ``args_0, args_1``."""
    parts = [re.fullmatch(r"(.*?)(?:_(\d+))?", _without_number(port.name)) for port in ports]
    stems = {part[1] for part in parts if part}
    if len(stems) != 1:
        return list(ports)
    numbers = {port.name: int(part[2] or 0) for port, part in zip(ports, parts, strict=True) if part}
    return sorted(ports, key=lambda port: numbers[port.name])


def same_kind(value: Value, port: Port) -> bool:
    """Whether both are real numbers, whole numbers, strings, or truth values."""
    dtype = "str" if value.type.dtype == "string" else value.type.dtype
    return _kind(dtype) == _kind(port.dtype)


def _kind(dtype: str) -> str:
    if "(" in dtype:  # as ONNX Runtime calls what NumPy has not
        return dtype
    kind = "f" if dtype == "bfloat16" else np.dtype(dtype).kind
    return "i" if kind == "u" else kind


def _both_numbers(value: Value, port: Port) -> bool:
    return value.type.dtype != "string" and _kind(port.dtype) in ("f", "i", "b")


def _or_none(perm: Perm) -> Perm | None:
    return None if perm == tuple(range(len(perm))) else perm


def _text(value: Value) -> str:
    return f"{value.name!r} ({value.type.dtype} {shape_text(value.type.shape)})"


def _port_text(port: Port) -> str:
    return f"{port.name!r} ({port.dtype} {shape_text(port.shape)})"
