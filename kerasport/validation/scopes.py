"""Locates the layers of a Keras model in another converter's ONNX model, by name.

TensorFlow's values are called ``model/conv2d/Relu:0``, by the layer in whose scope they are computed, and converters
keep these names for what they translate. What a layer gives is the last value of its scope, if its shape is right. What
was found so is a guess: a converter may have moved the layer's last step elsewhere.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from kerasport.graph import Graph
from kerasport.layers.base import Value
from kerasport.runtime.sessions import Port
from kerasport.validation.axes import Perm, best_perm, certain_perm, channels_first
from kerasport.validation.foreign import same_kind
from kerasport.validation.place import Place

if TYPE_CHECKING:
    import onnx

Path = tuple[str, ...]
# How often a Keras enters the scope of a layer: Keras 2 once, Keras 3 twice.
TIMES_ENTERED = (1, 2)
# What a converter adds of its own is numbered: model/conv2d/Conv2D__6:0.
_INSERTED = re.compile(r"__\d+$")
_NAME = re.compile(r"([^:]*)(?::\d+)?")
# Operators that tell how their output is stored, and those that keep the order of their input.
_CHANNELS_FIRST = (
    *("AveragePool", "BatchNormalization", "Conv", "ConvTranspose", "GlobalAveragePool", "GlobalMaxPool"),
    *("InstanceNormalization", "LpPool", "MaxPool"),
)
_KEEPING = (
    *("Abs", "Add", "Cast", "Clip", "Concat", "Div", "Dropout", "Elu", "Erf", "Exp", "HardSigmoid", "HardSwish"),
    *("Identity", "LeakyRelu", "Max", "Mean", "Min", "Mul", "Neg", "PRelu", "Pad", "Pow", "Reciprocal", "Relu"),
    *("Resize", "Selu", "Sigmoid", "Softplus", "Softsign", "Sqrt", "Sub", "Sum", "Tanh", "Upsample"),
)


def places_by_name(
    graph: Graph, nodes: Sequence[onnx.NodeProto], ports: Mapping[str, Port], inputs: Mapping[str, Perm | None]
) -> dict[str, Place]:
    """Where layers' outputs stand, for those of which the name and the shape leave no doubt.

    Args:
        graph: The Keras model.
        nodes: Those of the ONNX model, in order.
        ports: The shapes and dtypes of its values, as far as known.
        inputs: The stored order of its inputs, None for Keras's own.
    """
    candidates = _last_in_scope(_best_paths(graph, nodes), nodes)
    orders = _orders(nodes, ports, inputs) if not _is_channels_first(graph) else {}
    found: dict[str, Place] = {}
    for call in graph.calls:
        value = call.outputs[0]
        for name in candidates.get(value.name, ()):
            perm = _perm(value, ports[name], orders.get(name)) if name in ports else None
            if perm is not None:
                found[value.name] = Place(name, None if perm == tuple(range(len(perm))) else perm, ports[name].dtype)
                break
    return found


def _best_paths(graph: Graph, nodes: Sequence[onnx.NodeProto]) -> dict[Path, str]:
    """The scopes of layers, numbered as by the Keras for which more of them are there."""
    parts = {part for node in nodes for name in node.output for part in name.split("/")[:-1]}

    def count(paths: Mapping[Path, str]) -> int:
        return sum(path[-1] in parts for path in paths)

    return max((_paths(graph, entered) for entered in TIMES_ENTERED), key=count)


def _paths(graph: Graph, entered: int) -> dict[Path, str]:
    """The layers by their scopes, as TensorFlow numbers them; those whose numbers depend on the order are left out.

    Args:
        graph: The Keras model.
        entered: How often the scope of a layer is entered; the last time counts.
    """
    scopes = _Scopes(entered)
    calls = Counter(call.layer for call in graph.calls)
    shared = {name for name, count in calls.items() if count > 1}
    numbered = {call.layer for call in graph.calls for name in shared if re.fullmatch(rf"{name}_\d+", call.layer)}
    found = {scopes.enter(tuple(call.layer.split("/"))): call for call in graph.calls}
    return {
        path: call.outputs[0].name
        for path, call in found.items()
        if call.layer not in shared | numbered and len(call.outputs) == 1
    }


class _Scopes:
    """TensorFlow's name scopes: one that is entered again is numbered.

    Args:
        entered: How often each scope is entered.
    """

    def __init__(self, entered: int) -> None:
        self._entered = entered
        self._used: Counter[Path] = Counter()
        self._models: dict[Path, Path] = {}

    def enter(self, layer: Path) -> Path:
        """The scope of a layer, within that of its models."""
        outer = layer[:-1]
        if outer and outer not in self._models:
            self._models[outer] = self.enter(outer)
        for _ in range(self._entered):
            path = self._unique((*self._models.get(outer, ()), layer[-1]))
        return path

    def _unique(self, path: Path) -> Path:
        *outer, name = path
        number = self._used[path]
        self._used[path] += 1
        while number and path in self._used:
            path, number = (*outer, f"{name}_{number}"), number + 1
        self._used[path] = max(self._used[path], 1)
        return path


def _last_in_scope(paths: Mapping[Path, str], nodes: Sequence[onnx.NodeProto]) -> dict[str, list[str]]:
    """The values that are computed in each layer's scope, the last one first."""
    made: dict[str, str] = {}
    found: dict[str, list[str]] = {}
    for node in nodes:
        for name in node.output:
            layer = layer_of(name, paths)
            if layer is None or (_is_inserted(name) and not any(made.get(read) == layer for read in node.input)):
                continue
            made[name] = layer
            found.setdefault(layer, []).insert(0, name)
    return found


def layer_of(name: str, paths: Mapping[Path, str]) -> str | None:
    """The layer in whose scope a value is; the outermost where several are around it.

    Args:
        name: Of the ONNX value.
        paths: The layers by their scopes.
    """
    match = _NAME.fullmatch(name)
    parts = tuple(match[1].split("/")) if match else ()
    for start in range(len(parts) - 1):
        for stop in range(len(parts) - 1, start, -1):
            if parts[start:stop] in paths:
                return paths[parts[start:stop]]
    return None


def _is_inserted(name: str) -> bool:
    return _INSERTED.search(name.partition(":")[0]) is not None


def _perm(value: Value, port: Port, order: bool | None) -> Perm | None:
    """The stored order of a value, by its shape, or else by what computes it; None for another value than Keras's."""
    if not same_kind(value, port):
        return None
    perm = certain_perm(value.type.shape, port.shape)
    if perm is not None or order is None or best_perm(value.type.shape, port.shape) is None:
        return perm
    return channels_first(value.type.rank) if order else tuple(range(value.type.rank))


def _is_channels_first(graph: Graph) -> bool:
    return any(getattr(call.spec, "channels_first", False) for call in graph.calls)


def _orders(
    nodes: Sequence[onnx.NodeProto], ports: Mapping[str, Port], inputs: Mapping[str, Perm | None]
) -> dict[str, bool]:
    """Whether values are channels-first, as far as the operators tell that make them."""
    found = {name: perm is not None for name, perm in inputs.items()}
    for node in nodes:
        order = _order(node, ports, found)
        if order is not None:
            found.update(dict.fromkeys(node.output, order))
    return found


def _order(node: onnx.NodeProto, ports: Mapping[str, Port], found: Mapping[str, bool]) -> bool | None:
    if node.op_type in _CHANNELS_FIRST:
        return True
    if node.op_type == "Transpose":
        perm = tuple(next((attribute.ints for attribute in node.attribute if attribute.name == "perm"), ()))
        known = found.get(node.input[0])
        turned = {False: channels_first(len(perm)), True: _channels_last(len(perm))}
        return not known if known is not None and perm == turned[known] else None
    if node.op_type in _KEEPING:
        return next(_orders_of_inputs(node, ports, found), None)
    return None


def _orders_of_inputs(node: onnx.NodeProto, ports: Mapping[str, Port], found: Mapping[str, bool]) -> Iterator[bool]:
    """The known orders of those inputs that have the output's rank."""
    for name in node.input:
        known = name in found and name in ports and node.output[0] in ports
        if known and len(ports[name].shape) == len(ports[node.output[0]].shape):
            yield found[name]


def _channels_last(rank: int) -> Perm:
    return (0, *range(2, rank), 1) if rank > 1 else (0,)
