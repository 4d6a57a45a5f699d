"""A graph in the making, and what is known of its layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING

from kerasport.assembly.parsing import Part
from kerasport.assembly.time_axis import Flow
from kerasport.custom.registry import CUSTOM
from kerasport.dialect.binding import Leaf
from kerasport.dialect.model import LayerDef
from kerasport.errors import DamagedFileError, Problem, UnknownError
from kerasport.graph import Call, Ends, Graph
from kerasport.layers.base import Shape, Spec, TensorType
from kerasport.limits import limits

if TYPE_CHECKING:
    from kerasport.assembly.advice import Commands
    from kerasport.assembly.holes import Holes

_DTYPES = frozenset(
    ("bool", "string", "complex64", "complex128", *(f"{u}int{n}" for u in ("", "u") for n in (8, 16, 32, 64)))
)


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
        holes: What calls read that no call gives, as the layer that would is not supported.
        part: Makes the canonical definition of a layer.
        commands: What the user types on this model.
    """

    graph: Graph
    problems: list[Problem]
    layers: dict[str, LayerRecord]
    calls: tuple[Call, ...]
    ends: Mapping[str, Sequence[Ends]]
    unknown: dict[str, UnknownError]
    holes: Holes
    part: Part
    commands: Commands

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
            name = key.split("/")[-2] if layer.is_base else layer.name
            yield Leaf(key, name, record.roles, record.non_trainable, trainable, layer.storage, plugin, quantised)
        for attribute, part in self.parts(key).items():
            yield from self.leaves(part, f"{key}/{attribute}", trainable)

    def parts(self, key: str) -> Mapping[str, LayerDef]:
        """The layers that a composed one holds, by the attribute that holds each."""
        return parts_of(self.layers, key)


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


def parts_of(layers: Mapping[str, LayerRecord], key: str) -> Mapping[str, LayerDef]:
    """The layers that a composed one holds, by the attribute that holds each; none as long as it is being called."""
    record = layers.get(key)
    return (record.parts if record is not None else None) or {}


def is_too_large(type_: TensorType) -> bool:
    """Whether a sample has more numbers than the limits allow."""
    return prod(dim or 1 for dim in type_.shape[1:]) > limits().values


def input_shape(layer: LayerDef) -> Shape | None:
    """The shape that an input layer has in its config, if any.

    Raises:
        DamagedFileError: It has a negative size.
    """
    shape = layer.config.get("batch_shape")
    dims = None if shape is None else tuple(None if dim is None else int(dim) for dim in shape)
    if any(dim is not None and dim < 0 for dim in dims or ()):
        raise DamagedFileError(f"The input {layer.name!r} has a negative size: {shape}.")
    return dims


def value_dtype(raw: object) -> str:
    """The dtype of values under a dtype policy: all floating-point ones are computed in float32."""
    if isinstance(raw, Mapping):
        raw = raw.get("config", {}).get("name")
    name = str(raw or "float32")
    if "float" not in name and name not in _DTYPES:
        raise DamagedFileError(f"There is no dtype {name[:40]!r} in any Keras.")
    return "float32" if "float" in name else name
