"""Containers as ModelDefs: Sequential and functional models, nested in each other and in wrappers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from kerasport import ecosystem
from kerasport.custom import models
from kerasport.custom.registry import CUSTOM
from kerasport.dialect import (
    activations,
    backends,
    constants,
    functions,
    inbound,
    keras1,
    keras1_storage,
    keras2,
    normalized,
    operations,
    orderings,
    ownership,
    policies,
    pruned,
    quantiles,
    replicas,
    sequential,
)
from kerasport.dialect.model import LayerDef, ModelDef, Node, TensorRef
from kerasport.dialect.references import References
from kerasport.dialect.storage import Storage, beside
from kerasport.dialect.writer import Writer
from kerasport.errors import DamagedFileError, NotAModelError
from kerasport.layers import LAYERS

CONTAINERS = frozenset({"Sequential", "Functional", "Model", "Network", "Graph"})
_MAX_NESTING = 60
_End = tuple[str | None, TensorRef]
_ACTIVATIONS = ("activation", "recurrent_activation")
# The layers whose activation is not what they do last.
_INSIDE = frozenset(
    ["LSTM", "GRU", "SimpleRNN", "LSTMCell", "GRUCell", "SimpleRNNCell", "PeepholeLSTMCell"]
) | frozenset(["ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "Highway"])


def readings(config: Mapping[str, Any], writer: Writer, groups: Collection[str] = ()) -> Iterator[ModelDef]:
    """The canonical form; where Keras 1 leaves something out, one for each way to read the config, likeliest first.

    Args:
        config: A whole model's config.
        writer: Who wrote it.
        groups: The names under which the file has the layers' weights.

    Raises:
        NotAModelError: The config is not one of a Sequential or functional model.
        DamagedFileError: The config contradicts itself.
    """
    try:
        config = models.built(ownership.qualified(config))
        for whole in orderings.readings(config, writer) if writer.keras1 and _is_container(config) else [config]:
            model = canonical(whole, writer, groups)
            yield model
            yield from policies.with_hidden_forms(model, writer)
    except RecursionError as error:
        raise DamagedFileError("The model's config is nested too deeply.") from error


def canonical(config: Mapping[str, Any], writer: Writer, groups: Collection[str] = ()) -> ModelDef:
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
    return functions.placed(activations.of_packages(_model(sequential.named(config, groups), writer, 0), writer))


def part(class_name: str, name: str, config: Mapping[str, Any], writer: Writer) -> LayerDef:
    """A layer that another one holds, from the arguments that it is made with."""
    return _inner({"class_name": class_name, "config": {"name": name, **config}}, writer, 0)


def _is_container(raw: Mapping[str, Any]) -> bool:
    """By class, or, for a subclass that Keras saved as a functional model or as a Sequential, by content."""
    config = raw.get("config")
    if ownership.is_sequential(raw):
        return True
    return isinstance(config, dict) and isinstance(config.get("layers"), list) and "output_layers" in config


def _model(raw: Mapping[str, Any], writer: Writer, depth: int) -> ModelDef:
    if depth > _MAX_NESTING:
        raise DamagedFileError(f"Models are nested more than {_MAX_NESTING} deep.")
    if ownership.is_sequential(raw) and "output_layers" not in raw["config"]:
        return _sequential(raw, writer, depth)
    return _functional(raw["config"], writer, depth)


def _functional(config: Mapping[str, Any], writer: Writer, depth: int) -> ModelDef:
    entries = [layers for entry in config["layers"] for layers in _with_constants(entry, writer, depth)]
    _refuse_twins(config, [entry[0].name for entry in entries])
    inputs = list(inbound.references(config["input_layers"]))
    outputs = list(inbound.references(config["output_layers"]))
    layers = {layer.name: layer for entry in entries for layer in entry}
    _require_ends(config, layers, inputs, outputs)
    if writer.keras1:
        inputs = [(key, _behind_identities(ref, layers)) for key, ref in inputs]
    _shape_cut_inputs(config, entries, [ref for _, ref in inputs])
    references = References(entries, [ref for _, ref in outputs], writer)
    model = ModelDef(
        name=str(config.get("name") or "model"),
        layers=tuple(layer for entry in entries for layer in references.entry(entry)),
        inputs=tuple(ref for _, ref in inputs),
        outputs=tuple(references.output(ref) for _, ref in outputs),
        input_names=tuple(ref.layer for _, ref in inputs),
        output_names=_unique([key or ref.layer for key, ref in outputs]),
        trainable=bool(config.get("trainable", True)),
    )
    return replicas.joined(model)


def _behind_identities(ref: TensorRef, layers: Mapping[str, LayerDef]) -> TensorRef:
    """Keras 1 names as input the last layer that gives the very tensor it gets, as a Dropout of rate 0 there does."""
    for _ in layers:
        nodes = layers[ref.layer].nodes if ref.layer in layers else ()
        if not 0 <= ref.node < len(nodes) or len(nodes[ref.node].inputs) != 1:
            break
        (ref,) = nodes[ref.node].inputs
    return ref


def _with_constants(entry: Any, writer: Writer, depth: int) -> list[list[LayerDef]]:
    """One entry of a model's layer list, behind the constants that its layer is called with."""
    entry, given = constants.apart(entry, _entry_name(entry), writer)
    return [*([layer] for layer in given), _layer(entry, _entry_name(entry), writer, depth)]


def _shape_cut_inputs(config: Mapping[str, Any], entries: list[list[LayerDef]], inputs: list[TensorRef]) -> None:
    """Keras 3.0 names as input the layer behind which a model was cut; its readers note the tensor's shape."""
    cut = {ref.layer: ref for ref in inputs}
    for index, (layer, *rest) in enumerate(entries):
        if layer.name in cut and layer.class_name != "InputLayer":
            shape = inbound.shape_of(cut[layer.name], [entry.get("inbound_nodes") for entry in config["layers"]])
            entries[index] = [replace(layer, config={**layer.config, "batch_shape": shape}), *rest]


def _refuse_twins(config: Mapping[str, Any], names: list[str]) -> None:
    name, count = Counter(names).most_common(1)[0] if names else ("", 0)
    if count > 1:
        raise DamagedFileError(f"Two layers of the model {config.get('name')!r} are named {name!r}.")


def _require_ends(
    config: Mapping[str, Any], names: Collection[str], inputs: Sequence[_End], outputs: Sequence[_End]
) -> None:
    missing = [f"no {what}" for what, found in (("layers", names), ("outputs", outputs)) if not found]
    missing += [f"the input {ref.layer!r}, which is none of its layers" for _, ref in inputs if ref.layer not in names]
    if missing:
        raise DamagedFileError(f"The model {config.get('name')!r} has {missing[0]}.")


def _sequential(raw: Mapping[str, Any], writer: Writer, depth: int) -> ModelDef:
    config = raw["config"]
    entries = config["layers"] if isinstance(config, dict) else config
    layers, inputs = _branches(entries, writer, depth)
    for entry in entries[1 if inputs else 0 :]:
        name = _entry_name(entry)
        for place, layer in enumerate(_layer(entry, name, writer, depth)):
            shape = inbound.built_shape(entry) if not place else None  # behind it stands its activation
            source = (TensorRef(layers[-1].name, shape=shape),) if layers else ()
            layers.append(replace(layer, nodes=(Node(source),)))
    if not layers:
        raise DamagedFileError("A Sequential model has no layers.")
    if layers[0].class_name != "InputLayer" and not inputs:
        built = config.get("build_input_shape") if isinstance(config, dict) else None
        layers[:1] = _with_input(layers[0], built, writer)
    settings = config if isinstance(config, dict) else {}
    inputs, last = inputs or [TensorRef(layers[0].name)], _entry_name(entries[-1])
    return ModelDef(
        name=str(settings.get("name") or "sequential"),
        layers=tuple(layers),
        inputs=tuple(inputs),
        outputs=(TensorRef(layers[-1].name),),
        input_names=tuple(ref.layer for ref in inputs),
        output_names=(last,),
        trainable=bool(settings.get("trainable", True)),
    )


def _branches(entries: list[Any], writer: Writer, depth: int) -> tuple[list[LayerDef], list[TensorRef]]:
    """The layers of the models that a Keras 1 Merge at the head joins, and it; and their inputs. One is there once."""
    models = [_model(branch, writer, depth + 1) for branch in sequential.branches(entries)]
    if not models:
        return [], []
    layers = list({layer.name: layer for model in models for layer in model.layers}.values())
    inputs = list(dict.fromkeys(ref for model in models for ref in model.inputs))
    head = entries[0]["config"]
    entry = {"class_name": "Merge", "config": {key: value for key, value in head.items() if key != "layers"}}
    (merge,) = _layer(entry, _entry_name(entry), writer, depth)
    return [*layers, replace(merge, nodes=(Node(tuple(model.outputs[0] for model in models)),))], inputs


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
    config = {"name": name, "batch_shape": shape, "dtype": dtype}
    source = LayerDef(name, "InputLayer", config, (Node(()),), saved_class="InputLayer")
    return [source, replace(first, nodes=(Node((TensorRef(name),)),))]


def _entry_name(entry: Mapping[str, Any]) -> str:
    config = entry.get("config")
    name = entry.get("name") or (config.get("name") if isinstance(config, dict) else None)
    return str(name or entry.get("class_name"))


def _layer(entry: Any, name: str, writer: Writer, depth: int) -> list[LayerDef]:
    """One entry of a model's layer list; two when its activation is a layer with weights."""
    if not isinstance(entry, dict) or not isinstance(entry.get("config"), dict | list):
        raise DamagedFileError(f"The config of layer {name!r} is not complete.")
    if entry["class_name"] == "Pipeline":
        return [
            LayerDef(
                name,
                "Model",
                {},
                _calls(entry, name, writer),
                True,
                _pipeline(entry, name, writer, depth + 1),
                "Pipeline",
            )
        ]
    if operations.is_operation(entry, writer):
        return [operations.operation(entry, name, writer)]
    calls = _calls(entry, name, writer)
    if entry["class_name"] in CONTAINERS or _is_container(entry):
        model = _model(entry, writer, depth + 1)
        return [LayerDef(name, "Model", {}, calls, model.trainable, model, _python_class(entry))]
    class_name, config = _upgraded(str(entry["class_name"]), entry["config"], writer)
    inner = {key: _inner(wrapped, writer, depth + 1) for key, wrapped in _wrapped(config).items()}
    config = {key: value for key, value in config.items() if key not in inner and key != "cells"}
    if writer.keras3 and class_name in keras2.RECURRENT:
        calls = tuple(_without_implicit_mask(call) for call in calls)
    trainable = bool(config.get("trainable", True))
    if class_name == "BatchNormalization" and writer.tensorflow and not trainable:
        calls = tuple(replace(call, kwargs={**call.kwargs, "training": False}) for call in calls)  # as tf.keras does
    layer = LayerDef(
        name=name,
        class_name=class_name,
        config=config,
        nodes=calls,
        trainable=trainable,
        saved_class=_python_class(entry),
        drops_mask=keras2.drops_mask(class_name, writer),
        inner=inner,
        operation=class_name == "Lambda",
        storage=_storage(entry, class_name, writer, inner),
    )
    own = CUSTOM.replaces(class_name)
    return _with_activation(layer if own else pruned.unwrapped(normalized.unwrapped(layer)), writer)


def _pipeline(entry: Mapping[str, Any], name: str, writer: Writer, depth: int) -> ModelDef:
    """A Pipeline's layers as a model, one behind the other."""
    if depth > _MAX_NESTING:
        raise DamagedFileError(f"Layers are nested more than {_MAX_NESTING} deep.")
    source = f"{name}_input"
    layers = [LayerDef(source, "InputLayer", {}, (Node(()),), saved_class="InputLayer")]
    parts = entry["config"].get("layers") or []
    for part, own in zip(parts, _unique([source, *map(_entry_name, parts)])[1:], strict=True):  # Keras takes twins
        for layer in _layer(part, own, writer, depth):
            layers.append(replace(layer, nodes=(Node((TensorRef(layers[-1].name),)),)))
    _refuse_twins({"name": name}, [layer.name for layer in layers])
    last = layers[-1].name
    return ModelDef(name, tuple(layers), (TensorRef(source),), (TensorRef(last),), (source,), (last,))


def _upgraded(name: str, config: dict[str, Any], writer: Writer) -> tuple[str, dict[str, Any]]:
    """The canonical class and config of one layer; those of a class that is not Keras's as they are."""
    if writer.keras3 and config.get("autocast") is True:  # Layer's own default, written for a class without an __init__
        config = {key: value for key, value in config.items() if key != "autocast"}
    name = name if CUSTOM.replaces(name) else ecosystem.named(name, config.keys())
    if CUSTOM.replaces(name):
        return name, config
    if keras1.is_legacy(name, config, writer) or (writer.keras1 and name in operations.known_classes()):
        name, config = keras1.upgrade(name, config, writer)
    name = keras2.class_name(name)
    config = keras2.upgrade(name, config, writer)
    if name == "Lambda":
        functions.upgrade(config, writer, partial(part, writer=writer))
    return backends.upgrade(name, config, writer), config


def _storage(entry: Mapping[str, Any], name: str, writer: Writer, inner: Mapping[str, LayerDef]) -> Storage:
    """How the file has the weights of one layer, of the canonical class ``name``, those that it wraps included."""
    if "layer" in inner and name == "Bidirectional":
        back = inner.get("backward_layer", inner["layer"])
        return beside({"forward/": inner["layer"].storage, "backward/": back.storage})
    stored = writer.of_weights
    if not stored.keras1:
        return quantiles.summarized(name, entry["config"]) or backends.storage(name, stored)
    if writer.keras1:
        return keras1_storage.storage(str(entry["class_name"]), entry["config"], stored)
    return keras1_storage.storage(*keras1_storage.earlier(name, entry["config"]), stored)


def _python_class(entry: Mapping[str, Any]) -> str:
    """The class's own name, without the package it was registered in."""
    name = str(entry["class_name"]).rpartition(">")[2]
    return {"GroupQueryAttention": "GroupedQueryAttention"}.get(name, name)  # exported under another name


def _wrapped(config: Mapping[str, Any]) -> dict[str, Any]:
    """The whole layers within a config, by key; the cells of a stack as ``cells/0``, ``cells/1`` ..."""
    cells = config.get("cells")
    candidates = {key: config.get(key) for key in ("layer", "backward_layer", "cell")} | (
        {f"cells/{index}": cell for index, cell in enumerate(cells)} if isinstance(cells, list) else {}
    )
    return {key: value for key, value in candidates.items() if isinstance(value, dict) and "class_name" in value}


def _calls(entry: Mapping[str, Any], name: str, writer: Writer) -> tuple[Node, ...]:
    nodes = inbound.nodes(entry.get("inbound_nodes", []), name, str(entry["class_name"]))
    calls = inbound.with_shape(nodes, entry)
    return tuple(map(_without_training, calls)) if writer.keras3 else calls


def _without_implicit_mask(call: Node) -> Node:
    """Keras 3 looks for a mask on its own only where a layer gets one tensor, so not beside initial states."""
    if call.mask or len(call.inputs) < 2:
        return call
    return replace(call, kwargs={**call.kwargs, "mask": False})


def _without_training(call: Node) -> Node:
    """Keras 3 saves the default of a layer's ``training`` as if it were given; its predict() says False to all."""
    return replace(call, kwargs={key: value for key, value in call.kwargs.items() if key != "training"})


def _inner(entry: Mapping[str, Any], writer: Writer, depth: int) -> LayerDef:
    if depth > _MAX_NESTING:
        raise DamagedFileError(f"Layers are nested more than {_MAX_NESTING} deep.")
    name = _entry_name(entry)
    layers = _layer(entry, name, writer, depth)
    if len(layers) > 1:  # a wrapper holds one layer, which has its activation within, or refuses it
        held = activations.activation(entry["config"]["activation"], writer)
        return replace(layers[0], config={**layers[0].config, "activation": held})
    return layers[0]


def _with_activation(layer: LayerDef, writer: Writer) -> list[LayerDef]:
    config = dict(layer.config)
    value = config.get("activation")
    entry = activations.as_layer(value, writer)
    for key in _ACTIVATIONS:
        if key in config:
            config[key] = activations.activation(config[key], writer)
    own = CUSTOM.replaces(layer.class_name) or layer.class_name not in LAYERS
    if entry is not None and not own and layer.class_name not in _INSIDE:
        config["activation"] = {"function": "linear"}
        (after,) = _layer(entry, f"{layer.name}/activation", writer, 0)
        nodes = tuple(Node((TensorRef(layer.name, index),)) for index in range(len(layer.nodes)))
        return [replace(layer, config=config), replace(after, nodes=nodes, activation_of=layer.name)]
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
