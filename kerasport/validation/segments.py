"""The values inside of an ONNX model, group by group: the graph is cut into parts that are run one after another.

A part takes what the parts before it have left, and gives what is wanted of it and what the parts behind it need, so
that no node is run twice, and memory holds the weights and the values of one part at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from kerasport.validation.skeleton import Skeleton, as_input

if TYPE_CHECKING:
    import onnx

Array = NDArray[Any]


def run_in_parts(
    skeleton: Skeleton, inputs: Mapping[str, Array], wanted: Mapping[str, int], limit: int
) -> Iterator[dict[str, Array]]:
    """Yields the wanted values, in the order of the graph, those of one part together.

    Args:
        skeleton: The model.
        inputs: The graph's inputs by name.
        wanted: The values wanted, each with about how many bytes it takes.
        limit: How many bytes the weights and the wanted values of a part may take together; a single node may take
            more.
    """
    nodes = list(skeleton.proto.graph.node)
    reads = [_reads(node) for node in nodes]
    last_use = {name: index for index, names in enumerate(reads) for name in names}
    values = dict(inputs)
    for start, stop in _parts(skeleton, nodes, reads, wanted, limit):
        made = [name for node in nodes[start:stop] for name in node.output if name]
        needed = set[str]().union(*reads[start:stop]).difference(made)
        given = [name for name in made if name in wanted or last_use.get(name, 0) >= stop]
        results = _run(skeleton, nodes[start:stop], needed, given, values)
        values = {name: array for name, array in (values | results).items() if last_use.get(name, 0) >= stop}
        yield {name: array for name, array in results.items() if name in wanted}


def _parts(
    skeleton: Skeleton, nodes: list[onnx.NodeProto], reads: list[set[str]], wanted: Mapping[str, int], limit: int
) -> Iterator[tuple[int, int]]:
    """The first node of each part and the one behind its last, up to the node that gives the last wanted value."""
    end = max((i + 1 for i, node in enumerate(nodes) if any(name in wanted for name in node.output)), default=0)
    start, size, loaded = 0, 0, set[str]()
    for index in range(end):
        weights = reads[index] & skeleton.weights.keys()
        values = sum(wanted.get(name, 0) for name in nodes[index].output)
        cost = values + sum(skeleton.weights[name].nbytes for name in weights - loaded)
        if size + cost > limit and index > start:
            yield start, index
            start, size = index, values + sum(skeleton.weights[name].nbytes for name in weights)
            loaded = weights
        else:
            size += cost
            loaded |= weights
    if end:
        yield start, end


def _reads(node: onnx.NodeProto) -> set[str]:
    """What a node takes from the graph around it, the graphs inside of it included."""
    names = {name for name in node.input if name}
    for attribute in node.attribute:
        for graph in (*([attribute.g] if attribute.HasField("g") else ()), *attribute.graphs):
            inner = {value.name for value in (*graph.input, *graph.initializer)}
            inner |= {name for child in graph.node for name in child.output}
            outer = {value.name for value in graph.output}.union(*map(_reads, graph.node))
            names |= outer - inner
    return names


def _run(
    skeleton: Skeleton, nodes: list[onnx.NodeProto], needed: set[str], given: list[str], values: Mapping[str, Array]
) -> dict[str, Array]:
    """Runs a part of the graph; its weights are inputs, so that they are held once, and not packed for further runs."""
    from kerasport.runtime import Session

    session = Session(_part(skeleton, nodes, needed, given, values), optimize=False, once=True)
    feeds = [
        values[port.name] if port.name in values else skeleton.weights[port.name].read() for port in session.inputs
    ]
    return dict(zip(given, session.run(feeds, given), strict=True))


def _part(
    skeleton: Skeleton, nodes: list[onnx.NodeProto], needed: set[str], given: list[str], values: Mapping[str, Array]
) -> bytes:
    """A model of some of the nodes."""
    import onnx

    whole = skeleton.proto
    part = onnx.ModelProto(ir_version=whole.ir_version, opset_import=whole.opset_import, functions=whole.functions)
    part.graph.name = whole.graph.name
    part.graph.node.extend(nodes)
    part.graph.output.extend(onnx.ValueInfoProto(name=name) for name in given)
    for name in sorted(needed):
        if name in values:
            part.graph.input.append(_as_input(name, values[name]))
        elif name in skeleton.weights:
            part.graph.input.append(as_input(name, skeleton.weights[name]))
        elif name in skeleton.short:
            part.graph.initializer.append(skeleton.short[name])
    return bytes(part.SerializeToString())


def _as_input(name: str, array: Array) -> onnx.ValueInfoProto:
    """A value of which the type and the rank are known; its sizes need not be."""
    from onnx import TensorProto, helper

    kind = TensorProto.STRING if array.dtype.kind == "U" else helper.np_dtype_to_tensor_dtype(array.dtype)
    return helper.make_tensor_value_info(name, kind, [None] * array.ndim)
