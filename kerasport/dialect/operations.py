"""Operations that appear as layers in a model's config: Keras 3's, and TensorFlow calls recorded by tf.keras."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from kerasport.dialect import inbound, keras2, tensorflow
from kerasport.dialect.model import LayerDef, Node
from kerasport.dialect.writer import Writer
from kerasport.layers import LAYERS
from kerasport.layers.slots import Slot

# What tf.keras records. The methods and properties are those of ragged and sparse tensors.
RECORDED = ("TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer", "ClassMethod", "InstanceMethod", "InstanceProperty")
_LAYERS = ("keras.layers", "keras.src.layers")


def is_operation(entry: Mapping[str, Any], writer: Writer) -> bool:
    """Whether an entry of a layer list is an operation.

    Keras 3 notes the module ``keras.layers`` with its layers. Where a file does not say: only layers have the config
    key ``trainable``, which some drop, but not their dtype. A config from which a user, or a tool, has taken both still
    is a layer's if there is no operation of that name.
    """
    name, config = entry["class_name"], entry["config"]
    if name in RECORDED:
        return True
    if ">" in name:  # a class that is not Keras's: a layer whose config says as little as an operation's
        return False
    if not writer.keras3 or "inbound_nodes" not in entry or "trainable" in config or "batch_shape" in config:
        return False
    if str(entry.get("module")).startswith(_LAYERS):
        return False
    if "dtype" not in config and name not in LAYERS and name not in known_classes():
        return True
    from kerasport.layers.arguments import names

    return name in names()


@cache
def known_classes() -> frozenset[str]:
    """Every layer class that some Keras has."""
    from kerasport import inventory

    return frozenset(inventory.layers())


def operation(entry: Mapping[str, Any], name: str, writer: Writer) -> LayerDef:
    """An operation under Keras 3's name, its calls' constants and tensors in ``Node.args`` and ``Node.kwargs``."""
    kind, config = str(entry["class_name"]), dict(entry["config"])
    nodes = inbound.operation_nodes(entry["inbound_nodes"], name)
    if kind == "SlicingOpLambda" and config.get("function") not in (None, "__operators__.getitem"):
        kind = "TFOpLambda"  # a mask stands in the brackets
    if kind == "TFOpLambda":
        kind, nodes = _function(str(config.get("function")), nodes)
        config = {"integers": _standardized(writer)} if kind == "tf.image.per_image_standardization" else {}
    elif kind in ("ClassMethod", "InstanceMethod", "InstanceProperty"):
        kind, config = f"tf.{config.get('cls_symbol') or 'RaggedTensor'}", {}
    elif kind == "SlicingOpLambda":
        nodes = tuple(replace(node, args=(*node.args, node.kwargs.get("slice_spec")), kwargs={}) for node in nodes)
        kind, config = "GetItem", {}
    elif kind == "TensorFlowOpLayer":
        kind, nodes = _operator(config, nodes)
        config = {}
    elif kind == "Resize":
        keras2.resizing(config, writer)
    elif kind == "MapCoordinates" and writer.version < (3, 12) and config.get("fill_mode") in ("mirror", "reflect"):
        config["fill_mode"] += " of this version of Keras"  # which differ from the later ones
    elif kind == "Einsum":
        config["by_appearance"] = writer.version >= (3, 1)
    config.pop("name", None)
    return LayerDef(name, kind, config, nodes, saved_class=str(entry["class_name"]), operation=True)


def _standardized(writer: Writer) -> str:
    """What becomes of whole numbers: fractions of the largest one and back, or floats; unmeasured between."""
    return "fractions" if writer.version < (2, 5) else "float" if writer.version >= (2, 10) else "unknown"


def _function(function: str, nodes: tuple[Node, ...]) -> tuple[str, tuple[Node, ...]]:
    kind, renamed = "", []
    for node in nodes:
        kind, kwargs = tensorflow.function(function, node.kwargs)
        renamed.append(replace(node, kwargs={key: value for key, value in kwargs.items() if value is not None}))
    return kind, tuple(renamed)


def _operator(config: Mapping[str, Any], nodes: tuple[Node, ...]) -> tuple[str, tuple[Node, ...]]:
    recorded, constants = config.get("node_def", {}), config.get("constants", {})
    recorded = json.loads(recorded) if isinstance(recorded, str) else recorded
    kind, renamed = "", []
    for node in nodes:
        kind, kwargs = tensorflow.raw(recorded, _with_constants(node, constants))
        renamed.append(replace(node, args=(), kwargs=kwargs))
    return kind, tuple(renamed)


def _with_constants(node: Node, constants: Mapping[str, Any]) -> list[Any]:
    """The arguments of a recorded TensorFlow operator: tensors in order, with its constants at their places."""
    tensors = iter(range(len(node.inputs)))
    count = len(node.inputs) + len(constants)
    return [constants[str(i)] if str(i) in constants else Slot(next(tensors)) for i in range(count)]
