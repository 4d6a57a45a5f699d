"""Containers: Sequential and functional models, nested in each other and in wrappers, as ModelDefs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from kerasport.dialect import activations, inbound, keras2
from kerasport.dialect.model import LayerDef, ModelDef, Node, TensorRef
from kerasport.dialect.writer import Writer
from kerasport.errors import DamagedFileError, NotAModelError

CONTAINERS = frozenset({"Sequential", "Functional", "Model", "Network", "Graph"})
_MAX_NESTING = 60
_ACTIVATIONS = ("activation", "recurrent_activation")


def canonical(config: Mapping[str, Any], writer: Writer) -> ModelDef:
    """The canonical form of a whole model's config.

    Raises:
        NotAModelError: The config is not one of a Sequential or functional model.
        DamagedFileError: The config contradicts itself.
    """
    name = str(config.get("class_name"))
    if not _is_container(config):
        raise NotAModelError(
            f"The saved model is of the class {name!r}, which has no layer graph in the file.",
            "Build the same model with the functional API or Sequential in Keras, load these weights, and save that.",
        )
    return _model(config, writer, 0)


def _is_container(raw: Mapping[str, Any]) -> bool:
    """By class, or, for a subclass of Model that Keras saved as a functional one, by content."""
    config = raw.get("config")
    if raw.get("class_name") == "Sequential":
        return isinstance(config, list | dict)
    return isinstance(config, dict) and isinstance(config.get("layers"), list) and "output_layers" in config


def _model(raw: Mapping[str, Any], writer: Writer, depth: int) -> ModelDef:
    if depth > _MAX_NESTING:
        raise DamagedFileError(f"Models are nested more than {_MAX_NESTING} deep.")
    if raw.get("class_name") == "Sequential" and "output_layers" not in raw["config"]:
        return _sequential(raw, writer, depth)
    return _functional(raw["config"], writer, depth)


def _functional(config: Mapping[str, Any], writer: Writer, depth: int) -> ModelDef:
    entries = [_layer(entry, _entry_name(entry), writer, depth) for entry in config["layers"]]
    _refuse_twins(config, [entry[0].name for entry in entries])
    inputs = list(inbound.references(config["input_layers"]))
    outputs = list(inbound.references(config["output_layers"]))
    renamer = _References(entries, [ref for _, ref in outputs])
    return ModelDef(
        name=str(config.get("name", "model")),
        layers=tuple(layer for entry in entries for layer in renamer.entry(entry)),
        inputs=tuple(ref for _, ref in inputs),
        outputs=tuple(renamer.reference(ref) for _, ref in outputs),
        input_names=tuple(ref.layer for _, ref in inputs),
        output_names=_unique([key or ref.layer for key, ref in outputs]),
        trainable=bool(config.get("trainable", True)),
    )


def _refuse_twins(config: Mapping[str, Any], names: list[str]) -> None:
    twins = [name for name in names if names.count(name) > 1] if len(set(names)) < len(names) else []
    if twins:
        raise DamagedFileError(f"Two layers of the model {config.get('name')!r} are named {twins[0]!r}.")


class _References:
    """Makes node indices positions in ``nodes``, and lets references go through split-off activations.

    Keras 2 counts a nested model's own construction as its node 0 and does not store it, so the indices
    of its stored calls start at 1.
    """

    def __init__(self, entries: list[list[LayerDef]], outputs: list[TensorRef]) -> None:
        layers = [entry[0] for entry in entries]
        used = [ref for layer in layers for node in layer.nodes for ref in node.inputs] + outputs
        highest: dict[str, int] = {}
        for ref in used:
            highest[ref.layer] = max(highest.get(ref.layer, 0), ref.node)
        self._first = {
            layer.name: 1
            for layer in layers
            if layer.model is not None and highest.get(layer.name, 0) >= len(layer.nodes) > 0
        }
        self._after = {entry[0].name: entry[1].name for entry in entries if len(entry) > 1}

    def reference(self, ref: TensorRef) -> TensorRef:
        """The canonical form of one reference."""
        layer = self._after.get(ref.layer, ref.layer)
        return TensorRef(layer, ref.node - self._first.get(ref.layer, 0), ref.tensor)

    def entry(self, entry: list[LayerDef]) -> list[LayerDef]:
        """A layer with canonical references, and the activation that was split off it."""
        nodes = tuple(
            Node(
                tuple(self.reference(ref) for ref in node.inputs),
                self.reference(node.mask) if node.mask else None,
                node.kwargs,
            )
            for node in entry[0].nodes
        )
        return [replace(entry[0], nodes=nodes), *entry[1:]]


def _sequential(raw: Mapping[str, Any], writer: Writer, depth: int) -> ModelDef:
    config = raw["config"]
    entries = config["layers"] if isinstance(config, dict) else config
    layers: list[LayerDef] = []
    for entry in entries:
        name = _entry_name(entry)
        for layer in _layer(entry, name, writer, depth):
            inputs = (TensorRef(layers[-1].name),) if layers else ()
            layers.append(replace(layer, nodes=(Node(inputs),)))
    if not layers:
        raise DamagedFileError("A Sequential model has no layers.")
    if layers[0].class_name != "InputLayer":
        built = config.get("build_input_shape") if isinstance(config, dict) else None
        layers[:1] = _with_input(layers[0], built, writer)
    settings = config if isinstance(config, dict) else {}
    first, last = layers[0].name, _entry_name(entries[-1])
    return ModelDef(
        name=str(settings.get("name") or "sequential"),
        layers=tuple(layers),
        inputs=(TensorRef(first),),
        outputs=(TensorRef(layers[-1].name),),
        input_names=(first,),
        output_names=(last,),
        trainable=bool(settings.get("trainable", True)),
    )


def _with_input(first: LayerDef, built: Any, writer: Writer) -> list[LayerDef]:
    """The InputLayer that Keras makes for a Sequential's first layer, and that layer fed by it."""
    name = f"{first.name}_input"
    shape = first.config.get("batch_shape") or built
    dtype = first.config.get("input_dtype") or ("int32" if first.class_name == "Embedding" else "float32")
    if shape is None and first.model is not None:
        inner = next(layer for layer in first.model.layers if layer.name == first.model.inputs[0].layer)
        shape, dtype = inner.config.get("batch_shape"), inner.config.get("dtype", dtype)
    if shape is None and first.inner:
        shape = next(iter(first.inner.values())).config.get("batch_shape")
    source = LayerDef(name, "InputLayer", {"name": name, "batch_shape": shape, "dtype": dtype}, (Node(()),))
    return [source, replace(first, nodes=(Node((TensorRef(name),)),))]


def _entry_name(entry: Mapping[str, Any]) -> str:
    config = entry.get("config")
    name = entry.get("name") or (config.get("name") if isinstance(config, dict) else None)
    return str(name or entry.get("class_name"))


def _layer(entry: Any, name: str, writer: Writer, depth: int) -> list[LayerDef]:
    """One entry of a model's layer list; two when its activation is a layer with weights."""
    if not isinstance(entry, dict) or not isinstance(entry.get("config"), dict | list):
        raise DamagedFileError(f"The config of layer {name!r} is not complete.")
    calls = inbound.nodes(entry.get("inbound_nodes", []), name)
    if entry["class_name"] in CONTAINERS or _is_container(entry):
        model = _model(entry, writer, depth + 1)
        return [LayerDef(name, "Model", {}, calls, model.trainable, model)]
    class_name = keras2.class_name(str(entry["class_name"]))
    config = keras2.upgrade(class_name, entry["config"], writer)
    inner = {key: _inner(config.pop(key), writer, depth + 1) for key in _wrapped(config)}
    layer = LayerDef(name, class_name, config, calls, bool(config.get("trainable", True)), None, inner)
    return _with_activation(layer, writer)


def _wrapped(config: Mapping[str, Any]) -> list[str]:
    """The keys of a config that hold whole layers."""
    return [
        key
        for key, value in config.items()
        if key in ("layer", "backward_layer", "cell") and isinstance(value, dict) and "class_name" in value
    ]


def _inner(entry: Mapping[str, Any], writer: Writer, depth: int) -> LayerDef:
    if depth > _MAX_NESTING:
        raise DamagedFileError(f"Layers are nested more than {_MAX_NESTING} deep.")
    name = _entry_name(entry)
    layers = _layer(entry, name, writer, depth)
    return layers[0]


def _with_activation(layer: LayerDef, writer: Writer) -> list[LayerDef]:
    config = dict(layer.config)
    value = config.get("activation")
    if activations.is_layer(value) and layer.class_name not in ("LSTM", "GRU", "SimpleRNN"):
        config["activation"] = {"function": "linear"}
        (after,) = _layer(value, f"{layer.name}/activation", writer, 0)
        nodes = tuple(Node((TensorRef(layer.name, index),)) for index in range(len(layer.nodes)))
        return [replace(layer, config=config), replace(after, nodes=nodes)]
    for key in _ACTIVATIONS:
        if key in config:
            config[key] = activations.activation(config[key], writer)
    return [replace(layer, config=config)]


def _unique(names: list[str]) -> tuple[str, ...]:
    """Keras's own way: a name that comes again gets _1, _2 ..."""
    seen: dict[str, int] = {}
    result = []
    for name in names:
        count = seen.get(name, 0)
        seen[name] = count + 1
        result.append(name if not count else f"{name}_{count}")
    return tuple(result)
