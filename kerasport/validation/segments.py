"""Intermediate values of an ONNX model, computed in groups: the graph is cut into parts that run in turn.

A part takes what the parts before it have left, and gives what is wanted of it and what the parts behind it need, so
that no node is run twice, and memory holds the weights and the values of one part at a time.

Two graphs are run so. In the one, nodes read what the nodes before them give. In the other, every layer is on its own:
the values that stand for layers' outputs are inputs for their readers, and what the layers themselves give has another
name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from kerasport.errors import InputError
from kerasport.onnxfile.protobuf import serialize
from kerasport.validation.skeleton import Skeleton, as_input

if TYPE_CHECKING:
    import onnx

    from kerasport.runtime.sessions import Session

Array = NDArray[Any]
_Key = tuple[tuple[str, ...], tuple[int, ...]]
_OWN = "alone::"


def cut(skeleton: Skeleton, wanted: Mapping[str, int], limit: int) -> list[Part]:
    """Cuts a graph, up to the node that gives the last wanted value.

    Args:
        skeleton: The model.
        wanted: The values that stand for layers' outputs, each with about how many bytes it takes.
        limit: How many bytes the weights and the wanted values of a part may take together; a single node may take
            more.
    """
    nodes = list(skeleton.proto.graph.node)
    reads = [_reads(node) for node in nodes]
    last_use = {name: index for index, names in enumerate(reads) for name in names}
    return [
        Part(skeleton, nodes[start:stop], set[str]().union(*reads[start:stop]), _later(last_use, stop), wanted.keys())
        for start, stop in _places(skeleton, nodes, reads, wanted, limit)
    ]


def _later(last_use: Mapping[str, int], stop: int) -> frozenset[str]:
    return frozenset(name for name, index in last_use.items() if index >= stop)


def _places(
    skeleton: Skeleton, nodes: list[onnx.NodeProto], reads: list[set[str]], wanted: Mapping[str, int], limit: int
) -> Iterator[tuple[int, int]]:
    """The first node of each part and the one behind its last."""
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


@dataclass
class Part:
    """Some of the nodes of a model.

    Attributes:
        skeleton: The model.
        nodes: Its nodes, in order.
        reads: What they read: weights, values of the parts before, and their own.
        later: What is read behind this part.
        placed: The values that stand for layers' outputs.
    """

    skeleton: Skeleton
    nodes: list[onnx.NodeProto]
    reads: set[str]
    later: frozenset[str]
    placed: Collection[str]
    _sessions: dict[_Key, Session] = field(default_factory=dict)

    @cached_property
    def made(self) -> list[str]:
        """What the nodes give."""
        return [name for node in self.nodes for name in node.output if name]

    @cached_property
    def layers(self) -> list[str]:
        """The layers' outputs that the nodes give."""
        return [name for name in self.made if name in self.placed]

    @cached_property
    def layers_read(self) -> list[str]:
        """The layers' outputs that the nodes read, their own and those of the parts before."""
        return sorted(name for name in self.reads if name in self.placed)

    def run_chained(self, values: Mapping[str, Array]) -> dict[str, Array]:
        """Runs the nodes as they are.

        Args:
            values: The graph's inputs, and what the parts before have left.

        Returns:
            The layers' outputs, and what later parts read.
        """
        given = [name for name in self.made if name in self.placed or name in self.later]
        return self._run(self.nodes, self.reads.difference(self.made), given, values)

    def run_alone(self, values: Mapping[str, Array]) -> dict[str, Array]:
        """Runs the nodes so that every layer reads what it is given.

        Args:
            values: The graph's inputs, the layers' outputs that are read, and what else the parts before have left.

        Returns:
            The layers' outputs, and what else later parts read.

        Raises:
            FileError, InputError: ONNX Runtime cannot.
        """
        given = {_OWN + name: name for name in self.layers}
        kept = {name: name for name in self.made if name not in self.placed}
        carried = {name: name for name in kept if name in self.later}
        nodes = [self._renamed(node) for node in self.nodes]
        results = self._run(nodes, self.reads - kept.keys(), [*given, *carried], values)
        return {(given | carried)[name]: array for name, array in results.items()}

    def layer(self, name: str) -> Part:
        """The nodes that give one layer's output from those of others."""
        needed, kept = {name}, list[Any]()
        for node in reversed(self.nodes):
            if needed & set(node.output):
                kept.append(node)
                needed |= {read for read in _reads(node) if read not in self.placed}
        reads = set[str]().union(*map(_reads, kept))
        return Part(self.skeleton, kept[::-1], reads, frozenset(), self.placed)

    def as_model(self, name: str, values: Mapping[str, Array]) -> tuple[onnx.ModelProto, str]:
        """A model of its own that gives one layer's output as ``run_alone`` does, and how that is called in it.

        Args:
            name: The layer's output.
            values: As for ``run_alone``.
        """
        import onnx

        needed = self.reads.difference(name for name in self.made if name not in self.placed)
        nodes = [self._renamed(node) for node in self.nodes]
        model = part_model(self.skeleton, nodes, needed, [_OWN + name], values)
        return onnx.ModelProto.FromString(model), _OWN + name

    def _renamed(self, node: onnx.NodeProto) -> onnx.NodeProto:
        import onnx

        if not any(name in self.placed for name in node.output):
            return node
        renamed = onnx.NodeProto()
        renamed.CopyFrom(node)
        renamed.output[:] = [_OWN + name if name in self.placed else name for name in node.output]
        return renamed

    def _run(
        self, nodes: list[onnx.NodeProto], needed: set[str], given: list[str], values: Mapping[str, Array]
    ) -> dict[str, Array]:
        """Weights are inputs, so that they are held once, and not packed for further runs."""
        from kerasport.runtime.sessions import Session

        if not given:
            return {}
        lost = next((n for n in needed if n not in values and not self.skeleton.holds(n)), None)
        if lost is not None:
            raise InputError(f"it reads {lost}, which could not be computed")
        lists = sorted(name for name in needed & values.keys() if _is_list(values[name]))
        key = tuple(given), tuple(len(values[name]) for name in lists)
        if key not in self._sessions:
            model = part_model(self.skeleton, nodes, needed, given, values)
            self._sessions[key] = Session(model, optimize=False, once=True)
        session = self._sessions[key]
        feeds = [
            values[port.name] if port.name in values else self.skeleton.weights[port.name].read()
            for port in session.inputs
        ]
        return dict(zip(given, session.run(feeds, given), strict=True))


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


def part_model(
    skeleton: Skeleton, nodes: list[onnx.NodeProto], needed: set[str], given: list[str], values: Mapping[str, Array]
) -> bytes:
    """A model of some of the nodes.

    Args:
        skeleton: The whole model.
        nodes: The nodes.
        needed: What they read that they do not give.
        given: What is wanted of them.
        values: What is fed: only types and ranks are looked at.
    """
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
    return serialize(part)


def _as_input(name: str, array: Array) -> onnx.ValueInfoProto:
    """A value of which the type and the rank are known; its sizes need not be, but for a list of sizes."""
    from onnx import TensorProto, helper

    kind = TensorProto.STRING if array.dtype.kind == "U" else helper.np_dtype_to_tensor_dtype(array.dtype)
    return helper.make_tensor_value_info(name, kind, array.shape if _is_list(array) else [None] * array.ndim)


def _is_list(array: Array) -> bool:
    """Whether it may be a shape, of which operators want to know how long it is."""
    return array.ndim == 1 and array.dtype.kind == "i"
