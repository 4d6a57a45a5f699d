"""Translates a graph to an ONNX model, with inputs and outputs under Keras's names."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from kerasport.errors import LayerError, Problem, UnsupportedModelError
from kerasport.export import opsets
from kerasport.export.arrays import Lazy
from kerasport.export.builder import Builder, Node, Scope
from kerasport.export.images import chosen_inputs, image_inputs
from kerasport.export.layout import Perm, Tensor, channels_first_perm, identity_perm
from kerasport.export.registry import EXPORT
from kerasport.graph import Call, Graph
from kerasport.layers.base import MISFITS, TensorType, Value


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
        layers: For each of the graph's values that stands in the model: the ONNX value and how it is stored there.
        states: For each output that carries a state to the next batch: the input that takes it there.
        orders: For each input and output that is not in Keras's axis order: the order in which it is stored.
    """

    name: str
    nodes: tuple[Node, ...]
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    initializers: Mapping[str, Lazy]
    opset: int
    layers: Mapping[str, Tensor]
    states: Mapping[str, str]
    orders: Mapping[str, Perm] = field(default_factory=dict)


def translate(
    graph: Graph,
    opset: int | None = None,
    fold: bool = True,
    track: bool = True,
    inputs_as_nchw: bool | Collection[str] = False,
    outputs_as_nchw: bool = False,
) -> OnnxModel:
    """Translates a graph node by node; reads no weight values.

    Args:
        graph: With its weights bound.
        opset: 13 to the newest known; None for the default, or an older one that is faster.
        fold: Whether layers may be folded into their neighbours; without, every layer keeps its own value.
        track: Whether values may stay in another axis order than Keras's; without, each layer's output is brought
            to Keras's order at once (the naive graph that the tracked one is tested against).
        inputs_as_nchw: The inputs that the model takes channels-first: their names, or True for all images.
        outputs_as_nchw: Whether outputs that are channels-first within the model are given so.

    Raises:
        OptionError: The opset cannot be written, or there are no such inputs.
        UnsupportedModelError: Some layers cannot be expressed in ONNX, or not in this opset.
    """
    options = track, inputs_as_nchw, outputs_as_nchw
    builder = Builder(graph, opsets.checked(opset), fold)
    model = _translated_by(builder, *options)
    if opset is not None or all(node.op != "AveragePool" for node in model.nodes):
        return model
    if not builder.opset_matters:
        return replace(model, opset=opsets.BLOCKED_POOLS)
    return _with_fast_pools(model, Builder(graph, opsets.BLOCKED_POOLS, fold), *options)


def untranslatable(graph: Graph, opset: int | None = None, bound: bool = True) -> list[Problem]:
    """Which layers cannot be expressed in ONNX, or not in an opset.

    Args:
        graph: Of a whole model, or of as much of it as could be assembled.
        opset: 13 to the newest known; None for the default.
        bound: Whether its weights are bound; otherwise layers with weights are taken for good.

    Raises:
        OptionError: The opset cannot be written.
    """
    return list(_translate_calls(Builder(graph, opsets.checked(opset)), {}, track=True, bound=bound).values())


def _with_fast_pools(model: OnnxModel, builder: Builder, *options: Any) -> OnnxModel:
    """The model in the last opset whose AveragePool ONNX Runtime computes in blocks of channels, if no larger there.

    From opset 19 on it takes five times as long, and NASNetMobile as a whole 1.2 times.
    """
    try:
        older = _translated_by(builder, *options)
    except UnsupportedModelError:
        return model
    return older if len(older.nodes) <= len(model.nodes) else model


def _translated_by(
    builder: Builder, track: bool, inputs_as_nchw: bool | Collection[str], outputs_as_nchw: bool
) -> OnnxModel:
    graph = builder.graph
    orders = {name: _channels_first(graph, name) for name in chosen_inputs(graph, inputs_as_nchw)}
    problems = _translate_calls(builder, orders, track)
    if problems:
        raise UnsupportedModelError(list(problems.values()))
    renamed = _name_outputs(builder, orders, outputs_as_nchw)
    nodes = _live(builder.nodes, [value.name for value in renamed])
    public = dict(zip(graph.output_names, (value.name for value in renamed), strict=True))
    used = {name for node in nodes for name in node.reads}
    produced = used | {name for node in nodes for name in node.outputs}
    return OnnxModel(
        name=graph.name,
        nodes=tuple(nodes),
        inputs=tuple(_stored(value, orders.get(value.name)) for value in graph.inputs),
        outputs=tuple(renamed),
        initializers={name: array for name, array in builder.initializers.items() if name in used},
        opset=builder.opset,
        layers=dict(_standing(builder, produced)),
        states={public[state.output]: state.input for state in graph.states},
        orders=orders,
    )


def _translate_calls(
    builder: Builder, orders: Mapping[str, Perm], track: bool, bound: bool = True
) -> dict[str, Problem]:
    """Translates all calls, with ``bound`` only where no weights are needed; gives what cannot be, by layer."""
    problems: dict[str, Problem] = {}
    graph = builder.graph
    _hold_inputs(builder, orders, image_inputs(graph) if track else [])
    for call in graph.calls:
        known = bound or call.layer not in graph.layers or not graph.layers[call.layer].roles
        results = _translated(builder, call, problems) if known else _stand_ins(call)
        for value, tensor in zip(call.outputs, results, strict=True):
            perm = tensor.perm if track else identity_perm(value.type.rank)
            name = builder.arrange(tensor, perm, call.name)
            builder.hold(value.name, Tensor(name, value.type, perm))
    return problems


def _standing(builder: Builder, produced: Collection[str]) -> Iterator[tuple[str, Tensor]]:
    """Where the graph's values stand, be it in the form that their readers have taken in place of their own."""
    for name, tensor in builder.tensors.items():
        form = builder.forms.get(tensor.name)
        if tensor.name in produced:
            yield name, tensor
        elif form is not None and form.name in produced:
            yield name, form.of(tensor)


def _channels_first(graph: Graph, name: str) -> Perm:
    (rank,) = (value.type.rank for value in graph.inputs if value.name == name)
    return channels_first_perm(rank)


def _hold_inputs(builder: Builder, orders: Mapping[str, Perm], images: Collection[str]) -> None:
    """Notes the inputs; images are brought to the order of convolutions before anything else reads them."""
    for value in builder.graph.inputs:
        builder.unique(value.name)
        rank = value.type.rank
        tensor = Tensor(value.name, value.type, orders.get(value.name, identity_perm(rank)))
        if value.name in images:
            order = channels_first_perm(rank)
            tensor = Tensor(builder.arrange(tensor, order, value.name), value.type, order)
        builder.hold(value.name, tensor)


def _stored(value: Value, order: Perm | None) -> Value:
    """An input or output as the ONNX model has it."""
    return value if order is None else Value(value.name, _in_order(value.type, order))


def _in_order(type_: TensorType, order: Perm) -> TensorType:
    return type_.with_shape([type_.shape[axis] for axis in order])


def _translated(builder: Builder, call: Call, problems: dict[str, Problem]) -> tuple[Tensor, ...]:
    """What a call gives; where it cannot be expressed, why not, and stand-ins so that all such calls are found."""
    inputs = (builder.tensors[value.name] for value in call.inputs)
    try:
        result = EXPORT[type(call.spec)](call.spec, Scope(builder, call), *inputs)
    except LayerError as error:
        problems.setdefault(call.layer, Problem(call.layer, error.what, error.hint))
        result = _stand_ins(call)
    except MISFITS as error:
        what = f"its options do not fit its input: {type(error).__name__}: {error}"
        problems.setdefault(call.layer, Problem(call.layer, what, ""))
        result = _stand_ins(call)
    return result if isinstance(result, tuple) else (result,)


def _stand_ins(call: Call) -> tuple[Tensor, ...]:
    return tuple(Tensor(value.name, value.type, identity_perm(value.type.rank)) for value in call.outputs)


def _name_outputs(builder: Builder, orders: dict[str, Perm], as_nchw: bool) -> list[Value]:
    """Gives the output values Keras's names; an output that is an input, or another output, is copied.

    Those that stay channels-first are noted in ``orders``.
    """
    outputs: list[Value] = []
    taken = {value.name for value in builder.graph.inputs}
    for value, wanted in zip(builder.graph.outputs, builder.graph.output_names, strict=True):
        tensor = builder.tensors[value.name]
        stays = as_nchw and tensor.type.rank > 2 and tensor.perm == channels_first_perm(tensor.type.rank)
        order = tensor.perm if stays else identity_perm(tensor.type.rank)
        name = builder.arrange(tensor, order, wanted)
        if name in taken or builder.producer(name) is None:
            (name,) = builder.add("Identity", wanted, [name], 1, {})
        public = wanted if wanted not in taken else builder.unique(f"{wanted}_output")
        _rename(builder, name, public)
        taken |= {name, public}
        outputs.append(_stored(Value(public, value.type), order if stays else None))
        if stays:
            orders[public] = order
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
