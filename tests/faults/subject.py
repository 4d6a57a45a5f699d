"""A golden on which faults are tried: its graph of specs, its faultless ONNX model, and what stands where in it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from kerasport.conversion import metadata
from kerasport.export import translate
from kerasport.export.writer import to_bytes
from kerasport.graph import Call, Graph
from kerasport.loading import LoadedModel, load
from tests.goldens import Golden

Array = NDArray[Any]


class Subject:
    """An exported golden.

    Args:
        name: The golden's name.
        model: The open model; faults are judged against it.

    Attributes:
        proto: The faultless ONNX model. Never changed.
    """

    def __init__(self, name: str, model: LoadedModel) -> None:
        self.name, self.model, self.graph = name, model, model.graph
        self.proto = self.exported(model.graph)

    def exported(self, graph: Graph) -> onnx.ModelProto:
        """A graph as an ONNX model, as ``convert`` writes it."""
        translated = translate(graph)
        return onnx.load_model_from_string(to_bytes(translated, metadata(self.model, translated)))

    def copy(self) -> onnx.ModelProto:
        """The faultless model, to be changed."""
        proto = onnx.ModelProto()
        proto.CopyFrom(self.proto)
        return proto

    # --- the ONNX model

    @cached_property
    def constants(self) -> dict[str, Array]:
        """The values of the initializers."""
        return {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in self.proto.graph.initializer}

    @cached_property
    def readers(self) -> dict[str, list[int]]:
        """Which nodes, by their places, read a value; a loop reads what its body reads."""
        found: defaultdict[str, list[int]] = defaultdict(list)
        for index, node in enumerate(self.proto.graph.node):
            for name in dict.fromkeys(_reads(node)):
                found[name].append(index)
        return dict(found)

    @cached_property
    def shapes(self) -> dict[str, tuple[int | None, ...]]:
        """The stored shapes of the values as far as shape inference finds them; None where a size is unknown."""
        known = {name: array.shape for name, array in self.constants.items()}
        return known | {
            value.name: tuple(
                dim.dim_value if dim.HasField("dim_value") else None for dim in value.type.tensor_type.shape.dim
            )
            for value in self._inferred
            if value.type.tensor_type.HasField("shape")
        }

    @cached_property
    def floats(self) -> frozenset[str]:
        """The values that are float32."""
        inferred = {v.name for v in self._inferred if v.type.tensor_type.elem_type == onnx.TensorProto.FLOAT}
        return frozenset(inferred | {name for name, array in self.constants.items() if array.dtype == np.float32})

    @cached_property
    def _inferred(self) -> list[onnx.ValueInfoProto]:
        graph = onnx.shape_inference.infer_shapes(self.proto, data_prop=True).graph
        return [*graph.input, *graph.value_info, *graph.output]

    def layers_of_nodes(self, indices: Iterable[int]) -> frozenset[str]:
        """The layers that nodes belong to: those that stand where the nodes' results first are a layer's output.

        Nodes behind the last layer, which bring an output to Keras's axis order, belong to ``output <name>``.
        """
        outputs = {value.name for value in self.proto.graph.output}
        found: set[str] = set()
        pending, seen = list(indices), set[int]()
        while pending:
            index = pending.pop()
            if index in seen:
                continue
            seen.add(index)
            for name in self.proto.graph.node[index].output:
                if name in self._holders:
                    found |= set(self._holders[name])
                    continue
                pending += self.readers.get(name, [])
                if name in outputs:
                    found.add(f"output {name}")
        return frozenset(found)

    def layers_of_constant(self, name: str) -> frozenset[str]:
        """The layers that read an initializer."""
        return self.layers_of_nodes(self.readers.get(name, ()))

    @cached_property
    def _holders(self) -> dict[str, list[str]]:
        """The layers by the ONNX values that they stand in; a fault in an input's order shows in its readers."""
        holders: defaultdict[str, list[str]] = defaultdict(list)
        for value, name in placed(self.proto).items():
            if value in self.producers:
                holders[name].append(value)
        return dict(holders)

    # --- the graph of specs

    def call_of(self, node: onnx.NodeProto) -> Call | None:
        """The call that a node was made for, by its name."""
        calls = [call for call in self.graph.calls if node.name.startswith(f"{call.name}/")]
        return max(calls, key=lambda call: len(call.name), default=None)

    @cached_property
    def producers(self) -> dict[str, Call]:
        """The calls by the values that they give."""
        return {value.name: call for call in self.graph.calls for value in call.outputs}


def placed(proto: onnx.ModelProto) -> dict[str, str]:
    """The ONNX values that the layers' outputs stand in."""
    properties = {entry.key: entry.value for entry in proto.metadata_props}
    produced = {name for node in proto.graph.node for name in node.output}
    layers = json.loads(properties["kerasport.layers"])
    return {value: place[0] for value, place in layers.items() if place[0] in produced}


def layers_of_calls(graph: Graph, proto: onnx.ModelProto, calls: Collection[Call]) -> frozenset[str]:
    """The layers that may be named for calls: themselves, or those that they were folded into."""
    places, found = placed(proto), set[str]()
    pending, seen = [value.name for call in calls for value in call.outputs], set[str]()
    while pending:
        name = pending.pop()
        found.add(name)
        if name in places or name in seen:
            continue
        seen.add(name)
        for call in graph.calls:
            if any(value is not None and value.name == name for value in (*call.inputs, *call.masks)):
                pending += [value.name for value in call.outputs]
    return frozenset(found)


@contextmanager
def opened(golden: Golden, folder: Path) -> Iterator[Subject]:
    """A golden, unpacked into a folder and exported."""
    with load(golden.model(folder), weights=golden.weights(folder), backend=golden.backend) as model:
        yield Subject(golden.name, model)


def attributes(node: onnx.NodeProto) -> Mapping[str, Any]:
    """A node's attributes as Python values."""
    return {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}


def set_attribute(node: onnx.NodeProto, name: str, value: Any) -> None:
    """Sets an attribute, or removes it with None."""
    kept = [attribute for attribute in node.attribute if attribute.name != name]
    del node.attribute[:]
    node.attribute.extend(kept)
    if value is not None:
        node.attribute.append(onnx.helper.make_attribute(name, value))


def set_constant(proto: onnx.ModelProto, name: str, array: Array) -> None:
    """Gives an initializer other values."""
    tensor = next(tensor for tensor in proto.graph.initializer if tensor.name == name)
    tensor.CopyFrom(onnx.numpy_helper.from_array(np.asarray(array, order="C"), name))


def give_constant(proto: onnx.ModelProto, node: onnx.NodeProto, place: int, array: Array) -> None:
    """Gives one input of one node a constant of its own."""
    name = f"{node.input[place]}/of {node.name}"
    proto.graph.initializer.append(onnx.numpy_helper.from_array(np.asarray(array, order="C"), name))
    node.input[place] = name


def _reads(node: onnx.NodeProto) -> Iterator[str]:
    yield from (name for name in node.input if name)
    for attribute in node.attribute:
        for graph in (*([attribute.g] if attribute.HasField("g") else ()), *attribute.graphs):
            for inner in graph.node:
                yield from _reads(inner)
