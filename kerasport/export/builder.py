"""Builds the ONNX graph, tracking the layout of every value.

Layout is tracked: a Tensor says in which order its logical (Keras) axes are stored. Convolutions ask for
the channels-first order, elementwise layers pass on what they get, and only what needs the logical order
makes it materialise, once.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from kerasport.export.arrays import Lazy, from_array, from_weight
from kerasport.export.images import wanted_orders
from kerasport.export.layout import (
    Flattened,
    Form,
    Perm,
    Tensor,
    alignment,
    common_perm,
    identity_perm,
    inverse,
    order_between,
    reshaping,
)
from kerasport.graph import Call, Graph
from kerasport.layers.base import TensorType

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass
class Node:
    """One ONNX node."""

    op: str
    name: str
    inputs: list[str]
    outputs: list[str]
    attributes: dict[str, Any] = field(default_factory=dict)
    domain: str = ""

    @property
    def reads(self) -> list[str]:
        """The names that it needs: its inputs and what its subgraphs read from outside."""
        graphs = [value for value in self.attributes.values() if isinstance(value, Subgraph)]
        return [*self.inputs, *(name for graph in graphs for name in graph.captured)]


@dataclass
class Subgraph:
    """The body of a loop, as a node's attribute.

    Attributes:
        nodes: In topological order.
        inputs: What the loop gives it, with types whose first dimensions may be unknown.
        outputs: What it gives the loop.
        captured: The initializers of the graph around it that it reads.
    """

    nodes: list[Node]
    inputs: list[tuple[str, TensorType]]
    outputs: list[tuple[str, TensorType]]
    captured: list[str]


class Builder:
    """Collects nodes and lazy initializers for one graph.

    Args:
        graph: The graph to translate.
        opset: The ONNX opset to write for.
        fold: Whether layers may be folded into their neighbours.

    Attributes:
        opset_matters: Whether the nodes may be others in another opset, as a translation has asked for it.
    """

    def __init__(self, graph: Graph, opset: int, fold: bool = True) -> None:
        self.graph = graph
        self.opset = opset
        self.opset_matters = False
        self.fold = fold
        self.nodes: list[Node] = []
        self.initializers: dict[str, Lazy] = {}
        self.tensors: dict[str, Tensor] = {}
        self.flattened: dict[str, Flattened] = {}
        # Values that are others without some axes of size 1.
        self.squeezed: dict[str, Tensor] = {}
        self._initializer_names: dict[object, str] = {}
        self._names: set[str] = set()
        self._arranged: dict[tuple[str, Perm], str] = {}
        self._shared: dict[object, list[str]] = {}
        self.forms: dict[str, Form] = {}
        self._producers: dict[str, Node] = {}
        self._readers: Counter[str] = Counter()
        self._holders: defaultdict[str, list[str]] = defaultdict(list)
        self.uses = Counter(value.name for call in graph.calls for value in (*call.inputs, *call.masks) if value)
        self.uses.update(value.name for value in graph.outputs)
        self._calls: defaultdict[str, list[Call]] = defaultdict(list)
        for call in graph.calls:
            for value in call.inputs:
                self._calls[value.name].append(call)

    def unique(self, name: str) -> str:
        """The name, or the name with a number behind it where it is taken."""
        candidate, count = name, 0
        while candidate in self._names:
            count += 1
            candidate = f"{name}_{count}"
        self._names.add(candidate)
        return candidate

    def add(self, op: str, scope: str, inputs: Sequence[str], outputs: int, attributes: dict[str, Any]) -> list[str]:
        """Adds a node named after its layer; its (first) output has the node's name. ``domain`` may be an attribute."""
        name = self.unique(f"{scope}/{op}")
        names = [name] + [self.unique(f"{name}:{index}") for index in range(1, outputs)]
        given = {k: v for k, v in attributes.items() if v is not None and k != "domain"}
        node = Node(op, name, list(inputs), names, given, attributes.get("domain", ""))
        self.nodes.append(node)
        self._producers.update(dict.fromkeys(names, node))
        self._readers.update(node.reads)
        return names

    def share(self, op: str, scope: str, inputs: Sequence[str], outputs: int, attributes: dict[str, Any]) -> list[str]:
        """Like ``add``, but a node that stands there already with equal inputs and attributes is used again."""
        key = (op, tuple(inputs), outputs, repr(sorted(attributes.items())))
        if key not in self._shared:
            self._shared[key] = self.add(op, scope, inputs, outputs, attributes)
        return self._shared[key]

    @contextmanager
    def body(self) -> Iterator[list[Node]]:
        """Collects the nodes of a subgraph apart."""
        outer, self.nodes = self.nodes, []
        try:
            yield self.nodes
        finally:
            self.nodes = outer

    def within(self, graph: Graph) -> Builder:
        """A builder for a subgraph: its nodes go where this one's go, its initializers are the whole graph's."""
        self.opset_matters = True  # for all that is known here
        inner = Builder(graph, self.opset, fold=False)
        inner.nodes, inner.initializers, inner._initializer_names = (
            self.nodes,
            self.initializers,
            self._initializer_names,
        )
        inner._names = self._names
        return inner

    def producer(self, name: str) -> Node | None:
        """The node that gives a value; None for inputs and initializers."""
        return self._producers.get(name)

    def hold(self, value: str, tensor: Tensor) -> None:
        """Notes in which tensor a value of the graph is."""
        self.tensors[value] = tensor
        self._holders[tensor.name].append(value)

    def holders(self, name: str) -> list[str]:
        """The graph's values that are in one ONNX value."""
        return [value for value in self._holders[name] if value in self.tensors]

    def calls_that_read(self, value: str) -> Sequence[Call]:
        """The calls that one of the graph's values is an input of."""
        return self._calls[value]

    def readers(self, name: str) -> int:
        """How many inputs of nodes a value is so far."""
        return self._readers[name]

    def forward(self, old: str, new: str) -> None:
        """Lets the builder know a value under its new name."""
        self._producers[new] = self._producers[old]
        self._names.add(new)
        for (name, order), arranged in list(self._arranged.items()):
            if old in (name, arranged):
                self._arranged[new if name == old else name, order] = new if arranged == old else arranged

    def initializer(self, array: Lazy, name: str) -> str:
        """The name of an initializer with this content, added under ``name`` if there is none yet."""
        known = self._initializer_names.get(array.key)
        if known is None:
            known = self._initializer_names[array.key] = self.unique(name)
            self.initializers[known] = array
        return known

    def arrange(self, tensor: Tensor, perm: Perm, scope: str) -> str:
        """The value stored in another order; one Transpose per value and order, or none."""
        order = order_between(tensor.perm, perm)
        if order == identity_perm(len(order)):
            return tensor.name
        key = (tensor.name, order)
        if key not in self._arranged:
            self._arranged[key] = self._reshaped(tensor, perm, scope) or self._transposed(tensor, order, scope)
            self._arranged[self._arranged[key], inverse(order)] = tensor.name
        return self._arranged[key]

    def _transposed(self, tensor: Tensor, order: Perm, scope: str) -> str:
        return self.add("Transpose", scope, [tensor.name], 1, {"perm": list(order)})[0]

    def _reshaped(self, tensor: Tensor, perm: Perm, scope: str) -> str:
        """Where only axes of size 1 move, a Reshape, of what a Reshape before it had if possible; else ""."""
        sizes = reshaping(tensor.type.shape, tensor.perm, perm)
        if sizes is None:
            return ""
        source, node = tensor.name, self.producer(tensor.name)
        dims = [tensor.type.shape[axis] for axis in perm[1:]]
        if node is not None and node.op == "Reshape" and None not in dims and tensor.perm[0] == perm[0] == 0:
            source, sizes = node.inputs[0], [0, *(dim or 0 for dim in dims)]
        shape = self.initializer(from_array(np.array(sizes, np.int64)), f"{scope}/shape")
        return self.add("Reshape", scope, [source, shape], 1, {})[0]


class Scope:
    """What a translation gets: the builder under one call's name, with its weights and masks.

    Attributes:
        masks: The inputs' masks, aligned with them; empty unless the spec uses masks.
    """

    def __init__(self, builder: Builder, call: Call) -> None:
        self.builder = builder
        self.call = call
        self.side = ""
        self.masks = tuple(builder.tensors[mask.name] if mask else None for mask in call.masks)

    def under(self, side: str) -> Scope:
        """The same scope for one of several wrapped layers, whose weights have its name before their roles."""
        scope = Scope(self.builder, self.call)
        scope.side = self.side + side
        return scope

    @property
    def opset(self) -> int:
        """The opset to write for."""
        self.builder.opset_matters = True
        return self.builder.opset

    @property
    def mask(self) -> Tensor | None:
        """The mask of the first input."""
        return self.masks[0] if self.masks else None

    @property
    def output_type(self) -> TensorType:
        """The logical type of the call's first output."""
        return self.call.outputs[0].type

    # --- nodes

    def op(self, op: str, *inputs: str, **attributes: Any) -> str:
        """Adds a node with one output and gives the output's name; "" is an input left out."""
        return self.builder.add(op, self.call.name, _trimmed(inputs), 1, attributes)[0]

    def op_n(self, op: str, outputs: int, *inputs: str, **attributes: Any) -> list[str]:
        """Adds a node with several outputs."""
        return self.builder.add(op, self.call.name, _trimmed(inputs), outputs, attributes)

    def once(self, op: str, *inputs: str, **attributes: Any) -> str:
        """Like ``op``, but the same operator on the same inputs is one node, whichever layers ask for it."""
        return self.once_n(op, 1, *inputs, **attributes)[0]

    def once_n(self, op: str, outputs: int, *inputs: str, **attributes: Any) -> list[str]:
        """Like ``once``, for a node with several outputs."""
        return self.builder.share(op, self.call.name, _trimmed(inputs), outputs, attributes)

    def tensor(self, name: str, type_: TensorType | None = None, perm: Perm | None = None) -> Tensor:
        """A Tensor for a value; by default of the call's output type, in logical order."""
        type_ = type_ or self.output_type
        return Tensor(name, type_, identity_perm(type_.rank) if perm is None else perm)

    # --- constants

    def weight(self, role: str) -> Lazy:
        """A weight of the layer, lazy."""
        return from_weight(self.builder.graph.weights_of(self.call)[self.side + role])

    def initializer(self, array: Lazy, role: str) -> str:
        """An initializer named after the layer and role."""
        return self.builder.initializer(array, f"{self.call.layer}/{self.side}{role}")

    def constant(self, value: NDArray[Any] | Sequence[int] | float | int, name: str = "const") -> str:
        """A small constant: integers become int64, floats float32; arrays keep their dtype."""
        if not isinstance(value, np.ndarray):
            value = np.array(value, np.float32 if isinstance(value, float) else np.int64)
        return self.builder.initializer(from_array(value), f"{self.call.layer}/{name}")

    # --- layout

    def logical(self, tensor: Tensor) -> str:
        """The value in Keras's axis order."""
        return self.arrange(tensor, identity_perm(tensor.type.rank))

    def arrange(self, tensor: Tensor, perm: Perm) -> str:
        """The value in a given order."""
        return self.builder.arrange(tensor, perm, self.call.name)

    def aligned(self, array: Lazy, axes: Sequence[int], like: Tensor) -> Lazy:
        """An array whose axes are these logical axes of ``like``, shaped to broadcast against its stored form."""
        order, shape = alignment(axes, array.shape, like.perm)
        moved = array.transpose(*order) if order != identity_perm(len(order)) else array
        return moved.reshape(*shape) if moved.shape != shape else moved

    def common(self, tensors: Sequence[Tensor]) -> tuple[list[str], Perm]:
        """All tensors (of equal rank) in one order, for which the fewest Transposes are needed."""
        perm = self.meeting(tensors)
        return [self.arrange(tensor, perm) for tensor in tensors], perm

    def meeting(self, tensors: Sequence[Tensor]) -> Perm:
        """The order of one of the tensors (of equal rank) in which the fewest Transposes are needed.

        Those with no more than one axis longer than 1 behind the batch are moved by a Reshape, which costs nothing.
        """
        large = [tensor.perm for tensor in tensors if sum(dim != 1 for dim in tensor.type.shape[1:]) > 1]
        perms = large or [tensor.perm for tensor in tensors]
        return perms[0] if len(set(perms)) == 1 else common_perm(perms, self.wanted(len(perms[0])))

    def wanted(self, rank: int) -> list[Perm]:
        """The orders that the layers behind want the call's output of this rank in."""
        output = self.call.outputs[0].name
        return wanted_orders(self.builder.graph, self.builder.calls_that_read, output, rank)

    # --- folding

    def sole_user(self, index: int = 0) -> bool:
        """Whether this call is the only one that reads its input ``index``, and it is no output of the model."""
        return self.builder.uses[self.call.inputs[index].name] == 1


def _trimmed(inputs: Sequence[str]) -> list[str]:
    names = list(inputs)
    while names and not names[-1]:
        names.pop()
    return names
