"""What all trials of a model share: where its layers are in the ONNX graph, and how the graph is cut."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from kerasport.graph import Call, Graph
from kerasport.layers.base import Value
from kerasport.validation.inputs import KEPT
from kerasport.validation.place import Place
from kerasport.validation.segments import Part, cut
from kerasport.validation.skeleton import Skeleton

Array = NDArray[Any]
FloatType = type[np.floating[Any]]
# How many are true of drawn bools that are made into one, which is true where any of them is.
_RARE = 0.1


@dataclass(frozen=True)
class Drawing:
    """Bools that are drawn.

    Attributes:
        values: The layers' values that are.
        judged: The layers that are judged with them.
        share: How many of them are true.
    """

    values: frozenset[str]
    judged: frozenset[str]
    share: float


class Plan:
    """A model on trial.

    Args:
        graph: What the ONNX model should compute.
        skeleton: The ONNX model.
        found: Where the layers' outputs stand in it.
        dtype: What the reference computes in.
        guessed: The layers' values whose places are not known from the model's maker, but told by names.
    """

    def __init__(
        self,
        graph: Graph,
        skeleton: Skeleton,
        found: Mapping[str, Place],
        dtype: FloatType,
        guessed: frozenset[str] = frozenset(),
    ) -> None:
        self.graph, self.skeleton, self.places, self.dtype, self.guessed = graph, skeleton, found, dtype, guessed
        self.calls = {value.name: call for call in graph.calls for value in call.outputs}
        self.aliases = Counter(found[name].name for name in self.calls if name in found)
        self.masks = frozenset(place.mask for place in found.values() if place.mask)
        self.drawn: Drawing | None = None
        self._parts: list[Part] | None = None

    def without(self, names: Collection[str]) -> Plan:
        """The same model with some layers' values left to those behind them."""
        kept = {name: place for name, place in self.places.items() if name not in names}
        return Plan(self.graph, self.skeleton, kept, self.dtype, self.guessed.difference(names))

    def drawings(self, never_false: Collection[str]) -> Iterator[Drawing]:
        """What to draw where no input has made bools false: masks for the layers that read them, and what makes bools.

        Only what is known to stand in the ONNX model, in a value of its own, can be drawn. A layer may make of its
        input once more what it is masked by, and the ONNX model may not: what else reads a drawn mask is not judged.
        """
        apart = {name for name in self.places.keys() - self.guessed if self.aliases[self.places[name].name] == 1}
        masks = {mask.name for call in self.graph.calls for mask in call.masks if mask} & apart & set(never_false)
        yield Drawing(frozenset(masks), frozenset(name for name in self.calls if self._masks_of(name) & masks), KEPT)
        made = {name: self.calls[name].inputs for name in never_false}
        read = {value.name for inputs in made.values() for value in inputs if value.type.dtype == "bool"} & apart
        judged = frozenset(name for name in made.keys() - read if any(value.name in read for value in made[name]))
        yield Drawing(frozenset(read), judged, _RARE)

    def _masks_of(self, name: str) -> set[str]:
        calls = (self.calls[part] for part in (name, *self.folded.get(name, ())))
        return {mask.name for call in calls for mask in call.masks if mask}

    def drawing(self, drawing: Drawing) -> Plan:
        """The same model with some bools drawn, whatever the inputs are."""
        other = copy(self)
        other.drawn = drawing
        return other

    def judges(self, name: str) -> bool:
        """Whether a layer is judged: with drawn bools, only what they are drawn for."""
        return self.drawn is None or name in self.drawn.judged

    def parts(self, inputs: Sequence[Array], limit: int) -> list[Part]:
        """The parts of the graph, cut once, by the sizes that a first batch gives.

        Args:
            inputs: One array per graph input.
            limit: About how many bytes the weights and layers' outputs of a part may take together.
        """
        if self._parts is None:
            known = self.sizes(inputs)
            wanted: dict[str, int] = {}
            for value in self.calls:
                if value in self.places:
                    name = self.places[value].name
                    wanted[name] = max(wanted.get(name, 0), 8 * known.get(value, 0))
            self._parts = cut(self.skeleton, wanted, limit)
        return self._parts

    def sizes(self, inputs: Sequence[Array]) -> dict[str, int]:
        """How many numbers each value of the graph has for these inputs, as far as shapes tell."""
        from kerasport.validation.lengths import numbers

        return numbers(self.graph, inputs)

    @cached_property
    def types(self) -> dict[str, np.dtype[Any]]:
        """The dtypes of the ONNX values that stand for layers' outputs: Keras's own, unless found otherwise."""
        values = (value for call in self.graph.calls for value in call.outputs if value.name in self.places)
        return {
            place.name: np.dtype(place.dtype or ("str" if value.type.dtype == "string" else value.type.dtype))
            for value in values
            for place in (self.places[value.name],)
        }

    @cached_property
    def makers(self) -> dict[str, str]:
        """For each ONNX value that stands for layers' outputs: the first layer's value for which it does."""
        return {self.places[name].name: name for name in reversed(self.calls) if name in self.places}

    def stored(self, name: str, values: Mapping[str, Array]) -> Array:
        """A layer's output as the ONNX model has it.

        Args:
            name: The layer's value.
            values: Arrays in Keras's axis order, the masks that places depend on among them.
        """
        place = self.places[name]
        return self.typed(place.name, place.stored(values[name], values))

    def typed(self, name: str, array: Array) -> Array:
        """An array that stands for an ONNX value, in that value's dtype."""
        return array if array.dtype.kind == "U" else array.astype(self.types[name], copy=False)

    def layer(self, name: str) -> Part:
        """The nodes that give a layer's output, from those of the layers before it."""
        place = self.places[name].name
        (whole,) = cut(self.skeleton, dict.fromkeys(self.aliases, 0), sys.maxsize)
        return whole.layer(place)

    def graph_of(self, layer: str) -> Graph:
        """A graph of one layer, with those that are folded into it, that gives its value."""
        calls = {self.calls[name].name: self.calls[name] for name in (*self.folded.get(layer, ()), layer)}
        made = {value.name for call in calls.values() for value in call.outputs}
        read = {value.name: value for call in calls.values() for value in (*call.inputs, *call.masks) if value}
        (output,) = (value for value in self.calls[layer].outputs if value.name == layer)
        return replace(
            self.graph,
            inputs=tuple(value for name, value in read.items() if name not in made),
            outputs=(output,),
            output_names=(layer,),
            calls=tuple(calls.values()),
            states=(),
        )

    @cached_property
    def reads(self) -> dict[str, tuple[str, ...]]:
        """The values that each layer reads that stands in the ONNX model, with those that are folded into it."""
        placed = (name for name in self.calls if name in self.places)
        return {name: tuple(value.name for value in self.graph_of(name).inputs) for name in placed}

    @cached_property
    def folded(self) -> dict[str, tuple[str, ...]]:
        """For a value that stands in the ONNX model: the layers before it that do not, but were folded into it."""
        readers: dict[str, Call] = {}
        for call in reversed(self.graph.calls):
            readers |= {value.name: call for value in (*call.inputs, *call.masks) if value}
        hosts: dict[str, str] = {}
        for call in reversed(self.graph.calls):
            for value in call.outputs:
                reader = readers.get(value.name)
                if value.name in self.places:
                    hosts[value.name] = value.name
                elif reader is not None:
                    host = next((hosts[out.name] for out in reader.outputs if out.name in hosts), None)
                    hosts |= {value.name: host} if host is not None else {}
        found: dict[str, list[str]] = {}
        for name in self.calls:
            if name not in self.places and name in hosts:
                found.setdefault(hosts[name], []).append(name)
        return {host: tuple(names) for host, names in found.items()}

    def rounded(self, value: Value, array: Array) -> Array:
        """What crosses from a layer to the next: floating-point numbers in the precision of the ONNX model.

        Both sides then read the same numbers. A layer that was folded into the next one crosses nothing.
        """
        if self.drawn is not None and value.name in self.drawn.values:
            return np.random.default_rng(crc32(value.name.encode())).random(array.shape) < self.drawn.share
        place = self.places.get(value.name)
        if place is None or array.dtype.kind != "f":
            return array
        dtype = self.types[place.name]
        with np.errstate(over="ignore"):
            return array.astype(dtype if dtype.kind == "f" else np.float32)

    def length(self, name: str, known: Mapping[str, int]) -> int:
        """How many numbers are added up, at most, for one value of a layer with those that are folded into it.

        Args:
            name: The layer's value.
            known: How many numbers each value of the graph has.
        """
        return max(self._length(self.calls[part], known) for part in (name, *self.folded.get(name, ())))

    def _length(self, call: Call, known: Mapping[str, int]) -> int:
        weights = (weight.shape for weight in self.graph.weights_of(call).values())
        fan_in = max((prod(shape[:-1]) for shape in weights if len(shape) > 1), default=1)
        given = max((known.get(value.name, 1) for value in call.inputs), default=1)
        made = min((known.get(value.name, 1) for value in call.outputs), default=1)
        reduced = given // max(made, 1)
        contracted = max(_axes(call), default=1) if call.spec.contracts else 1
        return max(fan_in, reduced, contracted, 1)


def _axes(call: Call) -> Iterator[int]:
    for value in call.inputs:
        yield from (dim or 1 for dim in value.type.shape[1:])
