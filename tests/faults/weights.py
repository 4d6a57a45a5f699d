"""Faults in weights, made in the initializers of the ONNX model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

import numpy as np
import onnx

from tests.faults.fault import Site, kind, node_site
from tests.faults.subject import Array, Subject, attributes, give_constant, set_constant

# Gates in the order of ONNX's operators, and how many names they have.
_GATES = {"LSTM": "iofc", "GRU": "zrh"}
_BIAS_PLACES = {"Conv": 2, "ConvTranspose": 2, "Gemm": 2, "LSTM": 3, "GRU": 3, "RNN": 3, "LayerNormalization": 2}
_KERNEL_READERS = frozenset(["Conv", "ConvTranspose", "Gemm", "MatMul", "LSTM", "GRU", "RNN", "Einsum", "Scan"])


def _weights(subject: Subject) -> Iterator[tuple[str, Array]]:
    """The initializers of more than one floating-point number that a node reads."""
    for name, array in subject.constants.items():
        if array.dtype.kind == "f" and array.size > 1 and name in subject.readers:
            yield name, array


def _constant_site(subject: Subject, name: str, what: str, change: Callable[[Array, Random], Array]) -> Site:
    def make(rng: Random) -> tuple[onnx.ModelProto, frozenset[str]]:
        proto = subject.copy()
        array = subject.constants[name]
        set_constant(proto, name, np.asarray(change(array, rng), array.dtype))
        return proto, subject.layers_of_constant(name)

    return Site(f"{name}: {what}", make)


@kind("one weight off by 1 %")
def one_weight(subject: Subject) -> Iterator[Site]:
    """Any number of any weight that is not zero."""
    for name, array in _weights(subject):
        if array.any():
            yield _constant_site(subject, name, "one value times 1.01", _one_off)


def _one_off(array: Array, rng: Random) -> Array:
    changed = array.copy()
    changed.flat[rng.choice(np.flatnonzero(array).tolist())] *= np.float32(1.01)
    return changed


@kind("weights in half precision")
def half_precision(subject: Subject) -> Iterator[Site]:
    """Stored as float16, and read back."""
    for name, array in _weights(subject):
        if np.abs(array).max() < np.finfo(np.float16).max and (array != array.astype(np.float16)).any():
            yield _constant_site(subject, name, "rounded to float16", lambda a, _: a.astype(np.float16))


@kind("weights in eight bits")
def eight_bits(subject: Subject) -> Iterator[Site]:
    """Quantised to 255 steps over the range of a weight."""
    for name, array in _weights(subject):
        if array.any():
            yield _constant_site(subject, name, "in steps of 1/127 of the largest", _quantised)


def _quantised(array: Array, _: Random) -> Array:
    step = np.abs(array).max() / 127
    return np.asarray(np.round(array / step) * step)


@kind("kernel transposed")
def kernel_transposed(subject: Subject) -> Iterator[Site]:
    """Two axes of a kernel that are equally long changed places."""
    for name, array in _weights(subject):
        if not _KERNEL_READERS.isdisjoint(_operators(subject, name)):
            for a in range(array.ndim):
                for b in range(a + 1, array.ndim):
                    if array.shape[a] == array.shape[b] > 1:
                        yield _constant_site(subject, name, f"axes {a} and {b} swapped", _swapping(a, b))


def _operators(subject: Subject, name: str) -> set[str]:
    return {subject.proto.graph.node[index].op_type for index in subject.readers[name]}


def _swapping(a: int, b: int) -> Callable[[Array, Random], Array]:
    return lambda array, _: np.swapaxes(array, a, b)


@kind("kernel flipped")
def kernel_flipped(subject: Subject) -> Iterator[Site]:
    """A convolution taken for a correlation: every spatial axis of the kernel reversed."""
    for name, array in _weights(subject):
        if _operators(subject, name) & {"Conv", "ConvTranspose"} and max(array.shape[2:], default=1) > 1:
            yield _constant_site(subject, name, "spatial axes reversed", _flipped)


def _flipped(array: Array, _: Random) -> Array:
    return np.flip(array, tuple(range(2, array.ndim)))


@kind("bias dropped")
def bias_dropped(subject: Subject) -> Iterator[Site]:
    """Zeros in its place."""
    for name in _biases(subject):
        yield _constant_site(subject, name, "zero", lambda array, _: np.zeros_like(array))


def _biases(subject: Subject) -> Iterator[str]:
    found: dict[str, None] = {}
    for node in subject.proto.graph.node:
        place = _BIAS_PLACES.get(node.op_type)
        if place is not None and len(node.input) > place:
            found[node.input[place]] = None
        if node.op_type == "Add":
            found |= dict.fromkeys(name for name in node.input if name.rpartition("/")[2].startswith("bias"))
    yield from (name for name in found if name in subject.constants)


@kind("depthwise channels in another order")
def depthwise_order(subject: Subject) -> Iterator[Site]:
    """The kernel as (multiplier, channels) where (channels, multiplier) is right."""
    for index, node in enumerate(subject.proto.graph.node):
        groups = attributes(node).get("group", 1)
        kernel = subject.constants.get(node.input[1]) if node.op_type == "Conv" else None
        if kernel is not None and 1 < groups < kernel.shape[0] and kernel.shape[1] == 1:
            yield node_site(subject, index, "kernel in multiplier-major order", _reordering(1, kernel, groups))


def _reordering(place: int, kernel: Array, groups: int) -> Callable[[onnx.ModelProto, onnx.NodeProto, Random], None]:
    rows = np.arange(len(kernel)).reshape(groups, -1).T.ravel()
    return _giving(place, kernel[rows])


@kind("two gates swapped")
def gates_swapped(subject: Subject) -> Iterator[Site]:
    """Two gates of an LSTM or GRU, in the kernel, in the recurrent kernel and in the bias."""
    for index, node in enumerate(subject.proto.graph.node):
        gates = _GATES.get(node.op_type, "")
        for a in range(len(gates)):
            for b in range(a + 1, len(gates)):
                yield node_site(subject, index, f"gates {gates[a]} and {gates[b]} swapped", _gate_swap(subject, a, b))


@kind("two gates of one kernel swapped")
def gates_of_one_swapped(subject: Subject) -> Iterator[Site]:
    """Two gates, in the recurrent kernel alone."""
    for index, node in enumerate(subject.proto.graph.node):
        gates = _GATES.get(node.op_type, "")
        for a in range(1, len(gates)):
            what = f"gates {gates[0]} and {gates[a]} of the recurrent kernel swapped"
            yield node_site(subject, index, what, _gate_swap(subject, 0, a, (2,)))


def _gate_swap(
    subject: Subject, a: int, b: int, places: tuple[int, ...] = (1, 2, 3)
) -> Callable[[onnx.ModelProto, onnx.NodeProto, Random], None]:
    def change(proto: onnx.ModelProto, node: onnx.NodeProto, _: Random) -> None:
        count = len(_GATES[node.op_type])
        order = list(range(count))
        order[a], order[b] = order[b], order[a]
        for place in places:
            array = subject.constants.get(node.input[place]) if len(node.input) > place else None
            if array is not None:
                halves = 2 if place == 3 else 1
                blocks = array.reshape(len(array), halves, count, -1)
                give_constant(proto, node, place, blocks[:, :, order].reshape(array.shape))

    return change


@kind("weights of a neighbour")
def neighbours_weights(subject: Subject) -> Iterator[Site]:
    """Another layer's weights of the same shape."""
    ordered = list(_weights(subject))
    for index, node in enumerate(subject.proto.graph.node):
        for place, name in enumerate(node.input):
            mine = subject.constants.get(name)
            if mine is None or mine.dtype.kind != "f" or mine.size < 2:
                continue
            other = next((o for o, array in ordered if o != name and array.shape == mine.shape), None)
            if other is not None:
                change = _giving(place, subject.constants[other])
                yield node_site(subject, index, f"input {place} is {other}", change)


@kind("table shifted by one row")
def table_shifted(subject: Subject) -> Iterator[Site]:
    """An embedding's rows, each in the place of the next."""
    for name, array in _weights(subject):
        if array.ndim == 2 and "Gather" in _operators(subject, name):
            yield _constant_site(subject, name, "rows moved on by one", lambda a, _: np.roll(a, 1, axis=0))


@kind("directions swapped")
def directions_swapped(subject: Subject) -> Iterator[Site]:
    """The weights of the two directions of a bidirectional layer."""
    for index, node in enumerate(subject.proto.graph.node):
        if attributes(node).get("direction") == b"bidirectional":
            yield node_site(subject, index, "weights of both directions swapped", _direction_swap(subject))


def _direction_swap(subject: Subject) -> Callable[[onnx.ModelProto, onnx.NodeProto, Random], None]:
    def change(proto: onnx.ModelProto, node: onnx.NodeProto, _: Random) -> None:
        for place in (1, 2, 3):
            if len(node.input) > place and node.input[place] in subject.constants:
                give_constant(proto, node, place, subject.constants[node.input[place]][::-1])

    return change


@kind("broadcast on the wrong axis")
def broadcast_axis(subject: Subject) -> Iterator[Site]:
    """A constant for one axis goes with another axis, cut or repeated to its length."""
    for index, node in enumerate(subject.proto.graph.node):
        if node.op_type in {"Add", "Mul", "Sub", "Div", "PRelu"}:
            for place in (0, 1):
                vector = subject.constants.get(node.input[place])
                shape = subject.shapes.get(node.input[1 - place], ())
                if vector is not None and vector.size > 1 and vector.size == max(vector.shape):
                    yield from _other_axes(subject, index, place, vector, shape)


def _other_axes(
    subject: Subject, index: int, place: int, vector: Array, shape: tuple[int | None, ...]
) -> Iterator[Site]:
    own = len(shape) - (vector.ndim - vector.shape.index(vector.size))
    for axis in range(1, len(shape)):
        length = shape[axis]
        if axis != own and length is not None and length > 1:
            moved = np.resize(vector.ravel(), length).reshape([-1 if i == axis else 1 for i in range(len(shape))])
            what = f"input {place} along axis {axis} instead of {own}"
            yield node_site(subject, index, what, _giving(place, moved))


def _giving(place: int, array: Array) -> Callable[[onnx.ModelProto, onnx.NodeProto, Random], None]:
    return lambda proto, node, _: give_constant(proto, node, place, array)
