"""Layers composed of others: a function is called with symbolic tensors, and what it calls becomes the graph."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, partial
from types import MappingProxyType
from typing import Any

from kerasport.assembly.parsing import Part, no_part, refuse_unread, unknown_keys
from kerasport.assembly.time_axis import Flow
from kerasport.assembly.training import Training
from kerasport.custom.faults import blamed
from kerasport.custom.registry import CUSTOM, Composed
from kerasport.custom.tensors import Numbers, Tensor
from kerasport.dialect.model import LayerDef, Node
from kerasport.errors import LayerError
from kerasport.layers.base import Shape, Spec, TensorType, Value
from kerasport.layers.body import Body, Tracer
from kerasport.layers.composed import Parameter
from kerasport.layers.config import Config
from kerasport.layers.elementwise import Activated
from kerasport.layers.ops import CastTo
from kerasport.layers.shaping import Constant
from kerasport.layers.slots import Slot, has_slots

BASE = "base"  # the attribute under which a layer holds itself as its base class has it
_RANDOM = "it draws random numbers, so its results are random at inference too"


class BlockedError(LayerError):
    """A layer within a composed one is not supported, which is noted already."""


@dataclass(frozen=True)
class Hands:
    """What a composed layer adds to the graph with.

    Attributes:
        emit: Adds a spec on tensors.
        apply: Calls a layer on tensors.
        part: Makes the canonical definition of a layer.
        training: What becomes of random numbers.
        stored: Gives the names and shapes of the weights that the file has for the layer.
    """

    emit: Callable[[Spec, Sequence[Value]], tuple[Value, ...]]
    apply: Callable[[LayerDef, Node, list[Flow], Flow | None], list[Flow]]
    part: Part
    training: Training = field(default_factory=Training)
    stored: Callable[[], Iterable[tuple[str, tuple[int, ...]]]] = tuple


class CustomLayer:
    """One call of a layer that is composed of others, as its function sees it.

    Attributes:
        name: The layer's name.
        config: Its config; what is neither read nor ignored is an error for the user.
    """

    def __init__(self, composed: Composed, layer: LayerDef, node: Node, key: str, hands: Hands) -> None:
        self.name = layer.name
        self.config = Config(layer.config, composed.ignored, {}, layer.class_name)
        self.roles: dict[str, tuple[int, ...]] = {}
        self.non_trainable: set[str] = set()
        self.parts: dict[str, LayerDef] = {}
        self._composed, self._layer, self._node, self._key, self._hands = composed, layer, node, key, hands
        self._arguments = dict(node.kwargs)
        self._inputs: list[Tensor] = []

    # --- what a layer's function asks for

    def weight(self, role: str, shape: Sequence[int | None], *, trainable: bool = True) -> Tensor:
        """A weight of the layer itself; name its weights in the order in which ``build`` adds them.

        Args:
            role: Its name; where the file's names are other ones, the order decides.
            shape: Its shape.
            trainable: Whether it was added with ``trainable=True``; Keras saves the others last.
        """
        dims = [dim for dim in shape if dim is not None]
        if len(dims) < len(shape):
            raise LayerError(f"the shape {tuple(shape)} of the weight {role!r} has an unknown size")
        known = self.roles.setdefault(role, tuple(dims))
        if known != tuple(dims):
            raise LayerError(f"the weight {role!r} is asked for in two shapes, {known} and {tuple(dims)}")
        if not trainable:
            self.non_trainable.add(role)
        (value,) = self._hands.emit(Parameter(layer=self._key, role=role, shape=known), [])
        return self._tensor(value)

    @cached_property
    def stored(self) -> Mapping[str, tuple[int, ...]]:
        """The shapes of the weights that the file has for the layer, by their names in it; empty where it has none.

        They tell sizes that the config leaves out. HDF5 files have the names that ``add_weight`` was given, archives
        numbers: "0", "1". The name of a layer that it holds stands before: "dense/kernel", "projection/0".
        """
        return MappingProxyType(dict(self._hands.stored()))

    def part(
        self, attribute: str, class_name: str, also_at: Sequence[str] = (), same_as: str = "", **config: Any
    ) -> CalledLayer:
        """A layer that the layer holds; name them in the order in which ``__init__`` makes them.

        Args:
            attribute: The attribute that holds it, by which ``.keras`` archives name its place.
            class_name: Its class: "Dense", "MultiHeadAttention" ...
            also_at: Where else an archive may have it: "blocks/dense_1" for the second Dense of a list.
            same_as: The name of the layer that it is, where it is one of another layer, or of the model, as well.
            config: Its arguments, by name.
        """
        if attribute not in self.parts:
            made = self._hands.part(class_name, attribute, config)
            self.parts[attribute] = replace(made, places=tuple(also_at), same_as=same_as)
        return CalledLayer(self, self.parts[attribute])

    def base(self, class_name: str, **changed: Any) -> CalledLayer:
        """The layer as its base class has it, with the layer's own config and weights.

        Those keys of the config that the function has read before, and the base class does not have, are left out.

        Args:
            class_name: The base class: "LSTM" for ``class ReversedLSTM(LSTM)``.
            changed: Arguments that ``__init__`` gives the base class in place of what the config says.
        """
        if BASE not in self.parts:
            unread = self.config.unread()
            config = {key: value for key, value in self._layer.config.items() if key != "name"} | changed
            made = self._hands.part(class_name, BASE, config)
            own = {key for key in unknown_keys(made) if key not in unread}
            fields = {key: value for key, value in made.config.items() if key not in own}
            self.parts[BASE] = replace(made, config=fields, is_base=True)
            self.config.ignore(*unread)
        return CalledLayer(self, self.parts[BASE])

    def sequence(
        self, attribute: str, *layers: tuple[str, Mapping[str, Any]], also_at: Sequence[str] = ()
    ) -> CalledLayer:
        """A Sequential that the layer holds.

        Args:
            attribute: The attribute that holds it.
            layers: The classes and arguments of its layers: ``("Dense", {"units": 8, "activation": "relu"})``.
            also_at: As for ``part``.
        """
        entries = [
            {"class_name": class_name, "config": {"name": f"{place}_{class_name}", **config}}
            for place, (class_name, config) in enumerate(layers)
        ]
        return self.part(attribute, "Sequential", also_at, layers=entries)

    def wrapped(self, key: str = "layer") -> CalledLayer:
        """The layer that stands in the config under a key, for a wrapper."""
        self.config.get(key, None)
        if key not in self._layer.inner:
            raise LayerError(f"its config has no layer {key!r}")
        definition = replace(self._layer.inner[key], name=key)
        return CalledLayer(self, self.parts.setdefault(key, definition))

    def argument(self, name: str, default: Any = None) -> Any:
        """A keyword argument of the call, a constant or a tensor."""
        value = self._arguments.pop(name, default)
        return self._inputs[value.index] if isinstance(value, Slot) else value

    def activate(self, x: Tensor, key: str = "activation") -> Tensor:
        """The activation function that the config names under a key, on a tensor."""
        raw = self.config.get(key, None)
        custom = CUSTOM.activation(str(raw.get("function"))) if isinstance(raw, Mapping) else None
        if custom is not None:
            with blamed(custom.origin):
                (y,) = _outputs(custom.function(self, x))
            return y
        (y,) = x.apply(Activated(activation=self.config.activation(key)))
        return y

    def draws(self) -> None:
        """Says that the layer is random at inference, too: go on with the mean, for users who ask for means."""
        self._hands.training.draws(_RANDOM)

    def constant(self, value: Numbers, dtype: str = "") -> Tensor:
        """Numbers as a tensor; of a small array."""
        (made,) = self._hands.emit(Constant.of(_nested(value)), [])
        if dtype and dtype != made.type.dtype:
            (made,) = self._hands.emit(CastTo(dtype=dtype), [made])
        return self._tensor(made)

    # --- what the assembler asks for

    def run(self, flows: Sequence[Flow], allowed: frozenset[str]) -> list[Flow]:
        """The outputs of the function, with their masks.

        Raises:
            LayerError: The layer, or one of its options, is not supported, or the function fails.
        """
        self._inputs = [self._tensor(flow.value, flow.mask) for flow in flows if flow.value is not None]
        named = {value.index for value in self._node.kwargs.values() if isinstance(value, Slot)}
        tensors = [tensor for place, tensor in enumerate(self._inputs) if place not in named]
        self._require_fit(tensors)
        with blamed(self._composed.origin):
            outputs = _outputs(self._composed.function(self, *tensors))
        refuse_unread(self.config, allowed)
        if self.roles and BASE in self.parts:
            raise LayerError(
                f"its plugin asks for weights ({', '.join(self.roles)}) beside those of its base class",
                "ask for all of them with layer.weight, and compute the layer with ops",
            )
        for name, value in self._arguments.items():
            if name != "training" or value:
                raise LayerError(f"it is called with {name}={str(value)[:40]}, which is not supported")
        return [Flow(output.value, self._mask(output, place)) for place, output in enumerate(outputs)]

    def call(self, layer: LayerDef, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Tensor | tuple[Tensor, ...]:
        """The outputs of a layer within this one."""
        given, mask = dict(kwargs), None
        inputs = [tensor for arg in args for tensor in (arg if isinstance(arg, list | tuple) else [arg])]
        if isinstance(given.get("mask"), Tensor):
            mask = Flow(given.pop("mask").value)
        for key, value in given.items():
            if isinstance(value, Tensor):
                inputs.append(value)
                given[key] = Slot(len(inputs) - 1)
        flows = [Flow(tensor.value, tensor.mask.value if tensor.mask is not None else None) for tensor in inputs]
        found = self._hands.apply(layer, Node((), None, given), flows, mask)
        if any(flow.value is None for flow in found):
            raise BlockedError(f"its layer {layer.name!r} is not supported")
        made = tuple(self._tensor(flow.value, flow.mask) for flow in found if flow.value is not None)
        return made if len(made) > 1 else made[0]

    def _require_fit(self, tensors: Sequence[Tensor]) -> None:
        """Refuses a call with other tensors than the layer's function takes."""
        signature = inspect.signature(self._composed.function)
        try:
            signature.bind(self, *tensors)
        except TypeError as error:
            named = [f"{key}=" for key, value in self._node.kwargs.items() if has_slots(value)]
            given = f"it is called with {len(tensors)} tensors" + f", beside {', '.join(named)}" * bool(named)
            raise LayerError(
                f"{given}, where {self._composed.origin} takes {signature}: {error}",
                "take a tensor that the call names with layer.argument(name)" if named else "",
            ) from error

    def _tensor(self, value: Value, mask: Value | None = None) -> Tensor:
        return Tensor(value, mask, self._hands.emit)

    def _mask(self, output: Tensor, place: int) -> Value | None:
        given = next((tensor.mask for tensor in self._inputs if tensor.mask is not None), None)
        if self._composed.mask == "carried":
            return given.value if given is not None and not place else None
        if self._composed.mask == "own":
            return output.mask.value if output.mask is not None else None
        if given is not None and not self._composed.mask:
            raise LayerError(
                "its input has a mask, and its plugin does not say what happens to it",
                'give @compose(..., mask="carried"), or "dropped" where compute_mask gives None, or "own"',
            )
        return None


@cache
def trace(composed: Composed) -> Callable[[TensorType], Body]:
    """What an activation function does to a tensor of a type, where it is no layer of its own in the graph."""
    return partial(_traced, composed)


def _traced(composed: Composed, type_: TensorType) -> Body:
    name = composed.name
    x = Value("<x>", type_)
    tracer = Tracer([x], name)

    def refuse(*_: Any) -> Any:
        raise LayerError(f"the activation function {name!r} calls a layer, which it cannot where it stands")

    call = CustomLayer(
        composed, LayerDef(name, name, {"name": name}), Node(()), name, Hands(tracer.emit, refuse, no_part)
    )
    with blamed(composed.origin):
        (y,) = _outputs(composed.function(call, Tensor(x, None, tracer.emit)))
    if call.roles or y.shape != type_.shape:
        raise LayerError(f"the activation function {name!r} has weights, or changes the shape, where it stands")
    return tracer.body([y.value])


@dataclass(frozen=True)
class CalledLayer:
    """A layer within a composed one, to be called on tensors as in Keras."""

    _owner: CustomLayer
    _layer: LayerDef

    def __call__(self, *inputs: Any, **arguments: Any) -> Tensor:
        """Its output, or several to be unpacked; ``mask=`` and other tensors go by name, as in Keras."""
        found: Any = self._owner.call(self._layer, inputs, arguments)
        return found  # type: ignore[no-any-return]


def _outputs(result: Any) -> Sequence[Tensor]:
    outputs = result if isinstance(result, list | tuple) else [result]
    if not outputs or not all(isinstance(output, Tensor) for output in outputs):
        kinds = ", ".join(type(output).__name__ for output in outputs)
        raise LayerError(f"its function returns {kinds or 'nothing'} where a tensor, or several, are needed")
    return outputs


def _nested(value: Any) -> Any:
    value = value.tolist() if hasattr(value, "tolist") else value
    return tuple(map(_nested, value)) if isinstance(value, list | tuple) else value


def shapes(roles: Mapping[str, tuple[int, ...]], last: set[str]) -> dict[str, Shape]:
    """Weight roles in Keras's order: all trainable ones, then the others."""
    return {role: shape for late in (False, True) for role, shape in roles.items() if (role in last) == late}
