"""From a layer's canonical definition to its spec; every key of the config must be accounted for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from kerasport.custom.registry import CUSTOM, Composed, Custom, CustomModelClass
from kerasport.dialect.model import LayerDef
from kerasport.ecosystem.refused import refusal as ecosystem_refusal
from kerasport.errors import LayerError, UnknownError
from kerasport.layers import LAYERS, refused
from kerasport.layers.base import Spec, TensorType
from kerasport.layers.config import Config
from kerasport.layers.functions import FUNCTIONS, Function
from kerasport.layers.registry import Entry

if TYPE_CHECKING:
    from kerasport.ecosystem.undecided import Undecided

# Makes the canonical definition of a layer from its class, its name and its config.
Part = Callable[[str, str, Mapping[str, Any]], LayerDef]
_QUANTIZED_HINT = "save the model before model.quantize()"


def no_part(class_name: str, name: str, config: Mapping[str, Any]) -> LayerDef:
    """Where it is not known which Keras wrote the model: no layers within composed ones."""
    raise LayerError(f"it holds a layer {class_name!r}, whose version of Keras is not known")


def parsed(layer: LayerDef, allowed: frozenset[str]) -> Spec:
    """The spec of a layer, with those of the layers that it wraps.

    Args:
        layer: The layer.
        allowed: Config keys to accept unread, as ``key`` or ``Class.key``.

    Raises:
        LayerError: The class, or one of its options, is not supported.
    """
    spec, config = _read(layer, allowed)
    refuse_unread(config, allowed)
    return spec


def unknown_keys(layer: LayerDef) -> frozenset[str]:
    """The keys of a layer's config that its class does not have.

    Raises:
        LayerError: The class, or one of its options, is not supported.
    """
    return frozenset(_read(layer, frozenset())[1].unread())


def _read(layer: LayerDef, allowed: frozenset[str]) -> tuple[Spec, Config]:
    """The spec of a layer, and its config with what was read of it."""
    entry = _entry(layer.class_name)
    if layer.config.get("stored") and not entry.spec.quantizable:
        raise LayerError(f"its weights are quantised ({layer.config['stored']['mode']})", _QUANTIZED_HINT)
    inner = {name: _held(layer, definition, allowed) for name, definition in layer.inner.items()}
    config = Config(_with_functions(layer.config), entry.ignored, inner, layer.class_name)
    return entry.spec.parse(config), config


def _with_functions(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """A config with those activation functions in it that plugins have."""
    return {key: _function(value) or value for key, value in config.items()}


def _function(value: Any) -> Function | None:
    if not isinstance(value, Mapping) or set(value) != {"function"}:
        return None
    name = str(value["function"])
    found = CUSTOM.activation(name) if CUSTOM.replaces(name) or name not in FUNCTIONS else None
    if found is None:
        return None
    from kerasport.custom.composing import trace

    traced = trace(found)
    traced(TensorType((None, 2)))  # which tells whether it can stand in a layer
    return Function(f"{name} of {found.origin}", trace=traced)


def _held(wrapper: LayerDef, layer: LayerDef, allowed: frozenset[str]) -> Spec:
    """The spec of a layer that another one holds."""
    if isinstance(CUSTOM.find(layer.class_name), Composed | CustomModelClass):
        what = f"the layer class {layer.class_name!r} is composed of others, which {wrapper.class_name} does not take"
        raise UnknownError(what, name=wrapper.class_name)
    return parsed(layer, allowed)


def _entry(name: str) -> Entry:
    custom = CUSTOM.find(name)
    entry = custom.entry if isinstance(custom, Custom) else LAYERS.get(name)
    if entry is not None:
        return entry
    refusal = refused.LAYERS.get(name) or ecosystem_refusal(name)
    if refusal is not None:
        raise refusal.error(f"the layer class {name!r}")
    undecided = _undecided(name)
    if undecided is not None:
        bare = name.rpartition(">")[2]
        raise UnknownError(f"the layer class {bare!r} {undecided.why}", name=bare)
    nearest = LAYERS.nearest(name)
    hint = f"the nearest supported layer is {nearest}" if nearest else ""
    raise UnknownError(f"the layer class {name!r} is not supported", hint, name=name)


def _undecided(name: str) -> Undecided | None:
    from kerasport.ecosystem import undecided

    return undecided.LAYERS.get(name)


def refuse_unread(config: Config, allowed: frozenset[str]) -> None:
    """Accepts no key that was neither read, nor excused, nor allowed.

    Raises:
        LayerError: There is one.
    """
    for name, value in config.unread().items():
        if not {name, f"{config.class_name}.{name}"} & allowed:
            raise LayerError(
                f"the option {name!r} ({str(value)[:40]}) of {config.class_name} is not known",
                "if it does not change predictions, allow it",
                f"--allow-key {config.class_name}.{name}",
            )
