"""Converts a part of a model: the layers between given ones, with optional pre- and postprocessing and new names.

    model.h5 ──► inputs ──► outputs ──► softmax, argmax ──► preprocess ──► rename

The ONNX file's metadata records the part, so that ``validate`` compares it with the same part of the Keras model.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from shlex import quote

from kerasport.assembly.holes import input_name
from kerasport.errors import KerasportError, NotAModelError, OptionError, UnsupportedModelError
from kerasport.graph import Ends, Graph, reachable
from kerasport.layers.base import Value
from kerasport.loading import LoadedModel
from kerasport.parts.rewiring import renamed, rewired, with_heads, with_preprocessing

PROPERTY = "kerasport.cut"


@dataclass(frozen=True)
class Cut:
    """The part of a model to convert.

    Attributes:
        outputs: The outputs of the part: outputs of the model, or layers (``outer/inner`` in a nested model, ``name@1``
            for the second call of a layer, ``name:1`` for its second output). Empty for the model's own.
        inputs: The inputs of the part: inputs of the model, or layers, which then read ``<layer>_input`` instead of the
            layers before them. Empty for the model's own.
        softmax: Outputs that are logits, to be turned into probabilities along the last axis.
        argmax: Outputs to replace by the index of the largest value along the last axis (int64).
        preprocess: How to preprocess raw images (uint8, RGB), as in ``keras.applications``: "caffe", "tf", "torch" or
            "0-1"; "" for inputs as the model takes them.
        rename: New names of inputs and outputs, by the old ones.
    """

    outputs: Collection[str] = ()
    inputs: Collection[str] = ()
    softmax: Collection[str] = ()
    argmax: Collection[str] = ()
    preprocess: str = ""
    rename: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return any(vars(self).values())

    def properties(self) -> dict[str, str]:
        """The metadata of an ONNX file that describes the part."""
        told = {name: value for name, value in vars(self).items() if value}
        plain = {name: value if isinstance(value, str | dict) else list(value) for name, value in told.items()}
        return {PROPERTY: json.dumps(plain, separators=(",", ":"))} if plain else {}

    @classmethod
    def of(cls, properties: Mapping[str, str]) -> Cut:
        """The part that an ONNX file's metadata describes.

        Raises:
            NotAModelError: It was not written by kerasport.
        """
        try:
            told = json.loads(properties.get(PROPERTY, "{}"))
            lists = {name: _strings(told.pop(name, [])) for name in ("outputs", "inputs", "softmax", "argmax")}
            rename = dict(zip(told.get("rename", {}), _strings(list(told.pop("rename", {}).values())), strict=True))
            (preprocess,) = _strings([told.pop("preprocess", "")])
            if told:
                raise ValueError(f"unknown: {', '.join(told)}")
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise NotAModelError(f"The ONNX file's metadata {PROPERTY} was not written by kerasport.") from error
        return cls(**lists, preprocess=preprocess, rename=rename)


WHOLE = Cut()


def cut(model: LoadedModel, what: Cut) -> Graph:
    """The graph of a part of a model.

    Raises:
        UnsupportedModelError: A layer in the part cannot be converted; layers outside of it do not matter.
        OptionError: There are no such layers, or the part is not connected.
    """
    if not what:
        return model.graph
    graph = _between(model, what) if what.outputs or what.inputs else model.graph
    graph = with_heads(graph, what.softmax, what.argmax)
    graph = with_preprocessing(graph, what.preprocess)
    return renamed(graph, what.rename)


def _between(model: LoadedModel, what: Cut) -> Graph:
    found = _Finder(model)
    inputs, replaced = found.inputs(what.inputs) if what.inputs else (list(model.assembly.graph.inputs), {})
    asked = [pair for name in what.outputs for pair in found.outputs(name)]
    outputs = asked or found.own_outputs()
    _differ("output", [name for name, _ in outputs])
    calls = tuple(rewired(call, replaced) for call in model.assembly.calls)
    values = tuple(value for _, value in outputs)
    graph = replace(
        model.with_weights(model.assembly.graph),
        inputs=tuple(inputs),
        outputs=values,
        output_names=tuple(name for name, _ in outputs),
        calls=reachable(calls, values),
    )
    _require_known(graph, model)
    return _whole(graph, asked=bool(what.inputs))


def _require_known(graph: Graph, model: LoadedModel) -> None:
    """Refuses what is computed from layers that are not supported, or from masks that they may give."""
    read = {value.name for call in graph.calls for value in (*call.inputs, *call.masks) if value}
    read |= {value.name for value in graph.outputs}
    holes = [hole for hole in model.assembly.holes.found if hole.value.name in read]
    if any(not hole.is_mask for hole in holes if hole.value not in graph.inputs):
        raise UnsupportedModelError(model.assembly.problems)
    masks = [hole for hole in holes if hole.is_mask]
    if masks:
        readers = [call.layer for call in graph.calls if masks[0].value in call.masks]
        what = f"The layer {readers[0]!r} takes a mask from before the cut" if readers else "A mask crosses the cut"
        raise OptionError(
            f"{what}, and whether {masks[0].layer!r} gives one is not known.",
            f"Cut behind it, or write a plugin for {masks[0].layer!r}.",
        )


def _whole(graph: Graph, asked: bool) -> Graph:
    """The graph, whose values all come from its inputs; those that it does not need stay only if asked for."""
    given = {value.name for value in graph.inputs}
    made = {value.name for call in graph.calls for value in call.outputs}
    read = {value.name for call in graph.calls for value in (*call.inputs, *call.masks) if value}
    needed = read | {value.name for value in graph.outputs}
    missing = sorted(needed - given - made)
    if missing:
        what = f"values or masks behind the cut also come from {', '.join(missing)}"
        raise OptionError(f"The inputs are not enough: {what}.", f"Add {missing[0]} to the inputs, or cut elsewhere.")
    unused = [value.name for value in graph.inputs if value.name not in needed]
    if unused and asked:
        raise OptionError(f"The outputs do not depend on {', '.join(unused)}.", "Leave it out of the inputs.")
    return replace(graph, inputs=tuple(value for value in graph.inputs if value.name in needed))


class _Finder:
    """Finds values by the names that users know."""

    def __init__(self, model: LoadedModel) -> None:
        self._ends = model.assembly.ends
        self._inputs = {value.name: value for value in model.assembly.graph.inputs}
        self._problems, self._holes = model.assembly.problems, model.assembly.holes
        graph = model.assembly.graph
        whole = len(graph.outputs) == len(graph.output_names)
        self._outputs = dict(zip(graph.output_names, graph.outputs, strict=True)) if whole else {}

    def own_outputs(self) -> list[tuple[str, Value]]:
        """The model's own outputs, by name.

        Raises:
            UnsupportedModelError: They cannot be worked out.
        """
        if not self._outputs:
            raise UnsupportedModelError(self._problems)
        return list(self._outputs.items())

    def outputs(self, name: str) -> list[tuple[str, Value]]:
        """What a name gives, each with its own name.

        Raises:
            OptionError: There is no such layer.
            UnsupportedModelError: It cannot be worked out.
        """
        if name in self._outputs:
            return [(name, self._outputs[name])]
        base, _, place = name.rpartition(":")
        values = self._call(base if base and place.isdecimal() else name).outputs
        if not values:
            raise UnsupportedModelError(self._problems)
        if base and place.isdecimal():
            if int(place) >= len(values):
                raise OptionError(f"The layer {base!r} has {len(values)} outputs; there is no output {place}.")
            return [(name.replace(":", "_"), values[int(place)])]
        return [(name if not index else f"{name}_{index}", value) for index, value in enumerate(values)]

    def inputs(self, names: Collection[str]) -> tuple[list[Value], dict[str, Value]]:
        """The inputs of the part, and what each stands for.

        Raises:
            OptionError: There is no such layer or input, or two read the same.
        """
        inputs: list[Value] = []
        replaced: dict[str, Value] = {}
        for name in names:
            if name in self._inputs:
                inputs.append(self._inputs[name])
                continue
            read = self._call(name).inputs
            if not read:
                raise self._shapeless(name)
            new = [value for value in dict.fromkeys(read) if value.name not in replaced]
            for index, value in enumerate(new):
                replaced[value.name] = Value(input_name(name, index, len(new)), value.type)
                inputs.append(replaced[value.name])
        _differ("input", [value.name for value in inputs])
        return inputs, replaced

    def _shapeless(self, name: str) -> KerasportError:
        """Why a part cannot begin at a layer of which is not known what it reads."""
        for failed, readers in self._holes.shapeless.items():
            if name in readers:
                return OptionError(
                    f"The shape of what {name!r} reads is not known, as {failed!r} before it is not supported.",
                    f"Give it too, with ? for what stays open: --input-shape {quote(readers[name])}",
                )
        return UnsupportedModelError(self._problems)

    def _call(self, name: str) -> Ends:
        base, _, place = name.rpartition("@")
        if base in self._ends and place.isdecimal() and int(place) < len(self._ends[base]):
            return self._ends[base][int(place)]
        calls = self._ends.get(name, ())
        if len(calls) > 1:
            each = ", ".join(f"{name}@{index}" for index in range(len(calls)))
            raise OptionError(f"The layer {name!r} is called {len(calls)} times.", f"Choose one of {each}.")
        if not calls:
            known = {*self._ends, *self._inputs, *self._outputs}
            near = difflib.get_close_matches(name, known, n=3, cutoff=0.5) or list(self._ends)[-3:]
            raise OptionError(f"The model has no layer {name!r}.", f"Did you mean {' or '.join(near)}?")
        return calls[0]


def _differ(kind: str, names: Sequence[str]) -> None:
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise OptionError(f"The {kind} {twice!r} is asked for twice.")


def _strings(raw: object) -> list[str]:
    if not isinstance(raw, list) or not all(isinstance(item, str) for item in raw):
        raise ValueError("no list of strings")
    return raw
