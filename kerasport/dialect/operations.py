"""Operations that stand as layers in a model's config: Keras 3's, and the TensorFlow calls that tf.keras records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from kerasport.dialect import inbound
from kerasport.dialect.model import LayerDef, Node
from kerasport.dialect.writer import Writer
from kerasport.layers.operations import Slot, names

# tf.keras's names of functions and raw TensorFlow operators -> Keras 3's operations.
_FUNCTIONS = {
    "__operators__.add": "Add",
    "math.add": "Add",
    "math.subtract": "Subtract",
    "math.multiply": "Multiply",
    "math.truediv": "Divide",
    "math.divide": "Divide",
    "math.pow": "Power",
    "math.maximum": "Maximum",
    "math.minimum": "Minimum",
    "math.equal": "Equal",
    "math.not_equal": "NotEqual",
    "math.greater": "Greater",
    "math.greater_equal": "GreaterEqual",
    "math.less": "Less",
    "math.less_equal": "LessEqual",
    "math.logical_and": "LogicalAnd",
    "math.logical_or": "LogicalOr",
    "math.logical_xor": "LogicalXor",
    "math.logical_not": "LogicalNot",
    "math.reduce_any": "Any",
    "expand_dims": "ExpandDims",
    "zeros_like": "ZerosLike",
    "ones_like": "OnesLike",
    "cast": "Cast",
    "concat": "Concatenate",
}
_RAW = {
    "AddV2": "Add",
    "Add": "Add",
    "Sub": "Subtract",
    "Mul": "Multiply",
    "RealDiv": "Divide",
    "Pow": "Power",
    "Maximum": "Maximum",
    "Minimum": "Minimum",
}
# The second operand's name in TensorFlow's signatures.
_OPERANDS = ("y",)


def is_operation(entry: Mapping[str, Any], writer: Writer) -> bool:
    """Whether an entry of a layer list is an operation; in Keras 3 only layers have the config key ``trainable``."""
    name, config = entry["class_name"], entry["config"]
    if name in ("TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer"):
        return True
    if not writer.keras3 or "inbound_nodes" not in entry or "trainable" in config or "batch_shape" in config:
        return False
    return name in names() or "dtype" not in config  # some layers drop ``trainable``, but not their dtype


def operation(entry: Mapping[str, Any], name: str) -> LayerDef:
    """An operation under Keras 3's name, its calls' constants and tensors in ``Node.args`` and ``Node.kwargs``."""
    kind, config = str(entry["class_name"]), dict(entry["config"])
    nodes = inbound.operation_nodes(entry["inbound_nodes"], name)
    if kind == "TFOpLambda":
        function = str(config.get("function"))
        nodes = tuple(_operands(node) for node in nodes)
        kind, config = _FUNCTIONS.get(function, f"tf.{function}"), {}
    elif kind == "SlicingOpLambda":
        nodes = tuple(replace(node, args=(*node.args, node.kwargs.get("slice_spec")), kwargs={}) for node in nodes)
        kind, config = "GetItem", {}
    elif kind == "TensorFlowOpLayer":
        raw = config.get("node_def", {})
        nodes = tuple(_with_constants(node, raw, config.get("constants", {})) for node in nodes)
        kind, config = _RAW.get(str(raw.get("op")), f"tf.raw_ops.{raw.get('op')}"), {}
    config.pop("name", None)
    return LayerDef(name, kind, config, nodes, saved_class=str(entry["class_name"]), operation=True)


def _operands(node: Node) -> Node:
    operands = [node.kwargs[key] for key in _OPERANDS if key in node.kwargs]
    rest = {k: v for k, v in node.kwargs.items() if k not in (*_OPERANDS, "name") and v is not None}
    return replace(node, args=(*node.args, *operands), kwargs=rest)


def _with_constants(node: Node, raw: Mapping[str, Any], constants: Mapping[str, Any]) -> Node:
    """The arguments of a recorded TensorFlow operator: tensors in order, with its constants at their places."""
    tensors = iter(range(len(node.inputs)))
    count = len(node.inputs) + len(constants)
    args = [constants[str(i)] if str(i) in constants else Slot(next(tensors)) for i in range(count)]
    return replace(node, args=tuple(args), kwargs={})
