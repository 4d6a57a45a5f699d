"""A graph in the making, and what is known of its layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from math import prod
from shlex import quote

from kerasport.custom.registry import CUSTOM
from kerasport.dialect.binding import Leaf
from kerasport.dialect.model import LayerDef
from kerasport.errors import DamagedFileError, LayerError, Problem, UnknownError
from kerasport.graph import Call, Ends, Graph, reachable
from kerasport.layers.base import Shape, Spec, TensorType
from kerasport.limits import limits
from kerasport.time_axis import Flow

_DTYPES = frozenset(
    ("bool", "string", "complex64", "complex128", *(f"{u}int{n}" for u in ("", "u") for n in (8, 16, 32, 64)))
)


@dataclass(frozen=True)
class Commands:
    """What the user types on this model.

    Attributes:
        convert: To convert it.
        scaffold: To write the skeleton of a plugin.
    """

    convert: str = "kerasport convert MODEL OUTPUT"
    scaffold: str = "kerasport scaffold MODEL"

    def way_on(self, key: str, error: LayerError) -> str:
        """What the user can do about a layer, up to what is to be typed.

        Args:
            key: The layer's full name.
            error: Why it is not supported.
        """
        if error.option:
            return f"{error.hint}: {self.convert} {error.option}"
        if "kerasport " in error.hint:
            return error.hint
        which = "" if isinstance(error, UnknownError) else f" --layer {quote(key)}"
        plugin = f"write a plugin for it: {self.scaffold}{which} --output my_layers.py"
        return f"{error.hint}; or {plugin}" if error.hint else plugin


@dataclass
class Assembly:
    """A graph in the making, with what stands in its way.

    Attributes:
        graph: The graph; its layers have no weights bound yet. Only complete without problems.
        problems: Why layers cannot be converted, in file order.
        layers: All layers met, by key, in file order of their first call.
        calls: All calls that could be worked out, whether or not the outputs need them.
        ends: For each layer, and each model within the model, what its calls read and give.
        unknown: The classes and functions for which plugins can be written, by the keys of their layers.
    """

    graph: Graph
    problems: list[Problem]
    layers: dict[str, LayerRecord]
    calls: tuple[Call, ...] = ()
    ends: Mapping[str, Sequence[Ends]] = field(default_factory=dict)
    unknown: dict[str, UnknownError] = field(default_factory=dict)

    def leaves(self, layer: LayerDef, key: str, trainable: bool) -> Iterator[Leaf]:
        """The layers with weights under one layer, in the order in which Keras lists them."""
        trainable = trainable and layer.trainable
        if layer.model is not None:
            trainable = trainable and layer.model.trainable
            for part in layer.model.layers:
                yield from self.leaves(part, f"{key}/{part.name}", trainable)
            return
        inner = layer.inner.get("layer")
        if layer.class_name == "TimeDistributed" and inner is not None:
            yield from self.leaves(inner, f"{key}/{inner.name}", trainable)
            return
        record = self.layers.get(key)
        if record is not None and record.spec is not None:
            own = CUSTOM.find(layer.class_name)
            plugin = str(own.origin) if own is not None and not own.origin.is_kerasports else ""
            quantised = bool(layer.config.get("stored"))
            yield Leaf(key, layer.name, record.roles, record.non_trainable, trainable, layer.storage, plugin, quantised)
        for attribute, part in self.parts(key).items():
            yield from self.leaves(part, f"{key}/{attribute}", trainable)

    def parts(self, key: str) -> Mapping[str, LayerDef]:
        """The layers that a composed one holds, by the attribute that holds each."""
        record = self.layers.get(key)
        return (record.parts if record is not None else None) or {}


@dataclass
class LayerRecord:
    """What is known of one layer.

    Attributes:
        key: Its full name.
        definition: Its canonical definition.
        spec: What it computes, None where unsupported.
        roles: Its weight roles and shapes, once it was called.
        outputs: Its output types at its first call.
        inputs: The layers that feed its first call.
        non_trainable: Its roles, by their last component, that come after all trainable weights.
        parts: For a composed layer, the layers that it holds, by the attribute that holds each; None for others.
        given: The tensors of its first call with their masks, as far as they are known.
    """

    key: str
    definition: LayerDef
    spec: Spec | None = None
    roles: dict[str, Shape] = field(default_factory=dict)
    outputs: tuple[TensorType, ...] = ()
    inputs: tuple[str, ...] = ()
    non_trainable: frozenset[str] = frozenset()
    parts: dict[str, LayerDef] | None = None
    given: tuple[Flow, ...] = ()


def is_too_large(type_: TensorType) -> bool:
    """Whether a sample has more numbers than the limits allow."""
    return prod(dim or 1 for dim in type_.shape[1:]) > limits().values


def value_dtype(raw: object) -> str:
    """The dtype of values under a dtype policy: all floating-point ones are computed in float32."""
    if isinstance(raw, Mapping):
        raw = raw.get("config", {}).get("name")
    name = str(raw or "float32")
    if "float" not in name and name not in _DTYPES:
        raise DamagedFileError(f"There is no dtype {name[:40]!r} in any Keras.")
    return "float32" if "float" in name else name


def with_parts_before(
    problems: Mapping[str, Problem],
    ends: Mapping[str, Sequence[Ends]],
    calls: Sequence[Call],
) -> list[Problem]:
    """Problems with the way around them: the part of the model before the layer, where that is most of the model.

    So it is with what is put behind a network: decoders, losses that are layers, metrics.
    """
    makers = dict(chain.from_iterable(_makers(name, made) for name, made in ends.items()))
    layers = len({call.layer for call in calls})
    return [_with_part_before(problem, ends.get(key, ()), calls, makers, layers) for key, problem in problems.items()]


def _makers(name: str, made: Sequence[Ends]) -> Iterator[tuple[str, str]]:
    """Values, and how ``--outputs`` names them; those of a model are named after it, not after its last layer."""
    for index, call in enumerate(made):
        called = name if len(made) == 1 else f"{name}@{index}"
        for place, value in enumerate(call.outputs):
            yield value.name, f"{called}:{place}" if place else called


def _with_part_before(
    problem: Problem, failed: Sequence[Ends], calls: Sequence[Call], makers: Mapping[str, str], layers: int
) -> Problem:
    values = [value for call in failed for value in call.inputs]
    before = {call.layer for call in reachable(calls, values)}
    names = dict.fromkeys(makers[value.name] for value in values if value.name in makers)
    if not names or 2 * len(before) < layers:
        return problem
    around = f"convert what is before it, with --outputs {','.join(names)}"
    return replace(problem, hint=f"{around}; or {problem.hint}" if problem.hint else around)
