"""A graph as an ONNX model: every call translated, inputs and outputs under Keras's names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kerasport.errors import LayerError, Problem, UnsupportedModelError
from kerasport.export import opsets
from kerasport.export.arrays import Lazy
from kerasport.export.builder import Builder, Node, Scope
from kerasport.export.layout import Tensor, identity_perm
from kerasport.export.registry import EXPORT
from kerasport.graph import Call, Graph
from kerasport.layers.base import Value


@dataclass(frozen=True)
class OnnxModel:
    """An ONNX model whose weights are still lazy.

    Attributes:
        name: The graph's name.
        nodes: In topological order.
        inputs: ONNX input names with their types.
        outputs: ONNX output names with their types.
        initializers: By name, in order of first use.
        opset: The ONNX opset.
        layers: For each of the graph's values that stands in the model: the ONNX value and its stored order.
        states: For each output that carries a state to the next batch: the input that takes it there.
    """

    name: str
    nodes: tuple[Node, ...]
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    initializers: Mapping[str, Lazy]
    opset: int
    layers: Mapping[str, Tensor]
    states: Mapping[str, str]


def translate(graph: Graph, opset: int | None = None, fold: bool = True, track: bool = True) -> OnnxModel:
    """Translates a graph node by node; reads no weight values.

    Args:
        graph: With its weights bound.
        opset: 13 to the newest known; None for the default.
        fold: Whether layers may be folded into their neighbours; without, every layer keeps its own value.
        track: Whether values may stay in another axis order than Keras's; without, each layer's output is brought
            to Keras's order at once (the naive graph that the tracked one is tested against).

    Raises:
        OptionError: The opset cannot be written.
        UnsupportedModelError: Some layers cannot be expressed in ONNX, or not in this opset.
    """
    builder = Builder(graph, opsets.checked(opset), fold)
    for value in graph.inputs:
        builder.unique(value.name)
        builder.hold(value.name, Tensor(value.name, value.type, identity_perm(value.type.rank)))
    problems: dict[str, Problem] = {}
    for call in graph.calls:
        results = _translated(builder, call, problems)
        for value, tensor in zip(call.outputs, results, strict=True):
            perm = tensor.perm if track else identity_perm(value.type.rank)
            name = builder.arrange(tensor, perm, call.name)
            builder.hold(value.name, Tensor(name, value.type, perm))
    if problems:
        raise UnsupportedModelError(list(problems.values()))
    renamed = _name_outputs(builder)
    nodes = _live(builder.nodes, [value.name for value in renamed])
    public = dict(zip(graph.output_names, (value.name for value in renamed), strict=True))
    used = {name for node in nodes for name in node.reads}
    produced = used | {name for node in nodes for name in node.outputs}
    return OnnxModel(
        name=graph.name,
        nodes=tuple(nodes),
        inputs=graph.inputs,
        outputs=tuple(renamed),
        initializers={name: array for name, array in builder.initializers.items() if name in used},
        opset=builder.opset,
        layers={name: tensor for name, tensor in builder.tensors.items() if tensor.name in produced},
        states={public[state.output]: state.input for state in graph.states},
    )


def _translated(builder: Builder, call: Call, problems: dict[str, Problem]) -> tuple[Tensor, ...]:
    """What a call gives; where it cannot be expressed, why not, and stand-ins so that all such calls are found."""
    inputs = (builder.tensors[value.name] for value in call.inputs)
    try:
        result = EXPORT[type(call.spec)](call.spec, Scope(builder, call), *inputs)
    except LayerError as error:
        problems.setdefault(call.layer, Problem(call.layer, error.what, error.hint))
        result = tuple(Tensor(value.name, value.type, identity_perm(value.type.rank)) for value in call.outputs)
    return result if isinstance(result, tuple) else (result,)


def _name_outputs(builder: Builder) -> list[Value]:
    """Gives the output values Keras's names; an output that is an input, or another output, is copied."""
    outputs: list[Value] = []
    taken = {value.name for value in builder.graph.inputs}
    for value, wanted in zip(builder.graph.outputs, builder.graph.output_names, strict=True):
        name = builder.arrange(builder.tensors[value.name], identity_perm(value.type.rank), wanted)
        if name in taken or builder.producer(name) is None:
            (name,) = builder.add("Identity", wanted, [name], 1, {})
        public = wanted if wanted not in taken else builder.unique(f"{wanted}_output")
        _rename(builder, name, public)
        taken |= {name, public}
        outputs.append(Value(public, value.type))
    return outputs


def _rename(builder: Builder, old: str, new: str) -> None:
    for node in builder.nodes:
        node.inputs = [new if name == old else name for name in node.inputs]
        node.outputs = [new if name == old else name for name in node.outputs]
    producer = builder.producer(old)
    if producer is not None:
        builder.forward(old, new)
    builder.tensors = {
        key: Tensor(new, tensor.type, tensor.perm) if tensor.name == old else tensor
        for key, tensor in builder.tensors.items()
    }


def _live(nodes: list[Node], outputs: list[str]) -> list[Node]:
    """The nodes that the outputs need."""
    needed = set(outputs)
    kept: list[Node] = []
    for node in reversed(nodes):
        if any(name in needed for name in node.outputs):
            kept.append(node)
            needed.update(node.reads)
    return kept[::-1]
