"""Faults in the nodes of the ONNX model: attributes, and the small constants that are attributes in older opsets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any

import numpy as np
import onnx

from tests.faults import proofs
from tests.faults.fault import Site, kind, node_site
from tests.faults.pixels import same_pixels
from tests.faults.subject import Subject, attributes, give_constant, set_attribute

_Change = Callable[[onnx.ModelProto, onnx.NodeProto, Random], None]
_SIDES = {b"SAME_UPPER": "SAME_LOWER", b"SAME_LOWER": "SAME_UPPER"}
_LAST = 1 << 40
_OTHER_POOLS = {
    "MaxPool": "AveragePool",
    "AveragePool": "MaxPool",
    "GlobalAveragePool": "GlobalMaxPool",
    "ReduceMean": "ReduceMax",
    "ReduceMax": "ReduceMean",
}


def _nodes(subject: Subject, *operators: str) -> Iterator[tuple[int, onnx.NodeProto, dict[str, Any]]]:
    for index, node in enumerate(subject.proto.graph.node):
        if node.op_type in operators:
            yield index, node, dict(attributes(node))


def _setting(**values: Any) -> _Change:
    def change(_: onnx.ModelProto, node: onnx.NodeProto, __: Random) -> None:
        for name, value in values.items():
            set_attribute(node, name, value)

    return change


@kind("padding on the other side")
def padding_side(subject: Subject) -> Iterator[Site]:
    """One position of padding at the end instead of the start, or the other way round."""
    for index, _, given in _nodes(subject, "Conv", "ConvTranspose", "MaxPool", "AveragePool"):
        pads, auto = given.get("pads", []), given.get("auto_pad", b"")
        if auto in _SIDES:
            reason = proofs.no_odd_padding(subject, index)
            yield node_site(subject, index, f"auto_pad is {_SIDES[auto]}", _setting(auto_pad=_SIDES[auto]), reason)
        for moved, what in _moved(pads):
            yield node_site(subject, index, what, _setting(pads=moved))
    for index, node, _ in _nodes(subject, "Pad"):
        amounts = subject.constants.get(node.input[1]) if len(node.input) > 1 else None
        for moved, what in _moved([] if amounts is None else amounts.tolist()):
            yield node_site(subject, index, what, _constant(1, moved))


def _moved(pads: Sequence[int]) -> Iterator[tuple[list[int], str]]:
    """The pads with one of an axis on its other side."""
    half = len(pads) // 2
    for axis in range(half):
        source, target = (axis, half + axis) if pads[axis] > pads[half + axis] else (half + axis, axis)
        if pads[source] > 0:
            moved = list(pads)
            moved[source] -= 1
            moved[target] += 1
            yield moved, f"pads {list(pads)} are {moved}"


def _constant(place: int, values: Sequence[int]) -> _Change:
    return lambda proto, node, _: give_constant(proto, node, place, np.array(values, np.int64))


@kind("slice off by one")
def slice_off(subject: Subject) -> Iterator[Site]:
    """Where a part begins and ends, or which one is taken."""
    for index, node, _ in _nodes(subject, "Slice"):
        starts, ends = (subject.constants.get(node.input[place]) for place in (1, 2))
        axes = subject.constants.get(node.input[3]) if len(node.input) > 3 else None
        shape = subject.shapes.get(node.input[0])
        if starts is None or ends is None or axes is None or shape is None or len(node.input) > 4:
            continue
        for i, axis in enumerate(axes.tolist()):
            yield from _shifted(subject, index, (starts.tolist(), ends.tolist()), i, shape[axis])
    for index, node, given in _nodes(subject, "Gather"):
        place, shape = subject.constants.get(node.input[1]), subject.shapes.get(node.input[0])
        length = shape[given.get("axis", 0)] if shape else None
        if place is not None and place.size == 1 and length and node.input[0] not in subject.constants and length > 1:
            other = (place + 1) % length
            change = _array(1, other)
            yield node_site(subject, index, f"takes {other.tolist()} instead of {place.tolist()}", change)


def _array(place: int, values: np.ndarray[Any, Any]) -> _Change:
    return lambda proto, node, _: give_constant(proto, node, place, values)


def _shifted(
    subject: Subject, index: int, given: tuple[list[int], list[int]], i: int, length: int | None
) -> Iterator[Site]:
    starts, ends = given
    for step in (1, -1):
        start, end = starts[i] + step, ends[i] + step
        whole = length is not None and abs(ends[i]) < _LAST
        inside = start >= 0 and end <= (length or 0) if starts[i] >= 0 and ends[i] > 0 else start < end < 0
        if whole and inside:

            def change(proto: onnx.ModelProto, node: onnx.NodeProto, _: Random, pair: Any = (start, end)) -> None:
                for place, values, value in zip((1, 2), given, pair, strict=True):
                    moved = [*values[:i], value, *values[i + 1 :]]
                    give_constant(proto, node, place, np.array(moved, np.int64))

            yield node_site(subject, index, f"from {start} to {end} instead of {starts[i]} to {ends[i]}", change)


@kind("pooling divisor")
def pooling_divisor(subject: Subject) -> Iterator[Site]:
    """Padding counted in the mean, or not."""
    for index, _, given in _nodes(subject, "AveragePool"):
        other = 1 - given.get("count_include_pad", 0)
        reason = proofs.nothing_padded(subject, index)
        yield node_site(subject, index, f"count_include_pad is {other}", _setting(count_include_pad=other), reason)


@kind("another pooling")
def other_pooling(subject: Subject) -> Iterator[Site]:
    """The largest value instead of the mean, or the mean instead of the largest value."""
    for index, node, _ in _nodes(subject, *_OTHER_POOLS):
        other = _OTHER_POOLS[node.op_type]
        reason = proofs.window_of_one(subject, index)
        if len(node.output) == 1 and node.input[0] in subject.floats:
            yield node_site(subject, index, f"{other} instead of {node.op_type}", _operator(other), reason)


def _operator(name: str) -> _Change:
    def change(_: onnx.ModelProto, node: onnx.NodeProto, __: Random) -> None:
        node.op_type = name
        set_attribute(node, "count_include_pad", None)

    return change


@kind("resize coordinates")
def resize_coordinates(subject: Subject) -> Iterator[Site]:
    """Pixels have their places at their corners, at their centres, or stretched so that corners meet."""
    for index, _, given in _nodes(subject, "Resize"):
        mode = given.get("coordinate_transformation_mode", b"half_pixel").decode()
        for other in ("half_pixel", "asymmetric", "align_corners"):
            if other != mode and not (other == "half_pixel" and mode == "pytorch_half_pixel"):
                reason = same_pixels(subject, index, {"coordinate_transformation_mode": other})
                change = _setting(coordinate_transformation_mode=other)
                yield node_site(subject, index, f"{other} instead of {mode}", change, reason)


@kind("resize rounding")
def resize_rounding(subject: Subject) -> Iterator[Site]:
    """Which pixel is the nearest."""
    for index, _, given in _nodes(subject, "Resize"):
        if given.get("mode", b"nearest") == b"nearest":
            mode = given.get("nearest_mode", b"round_prefer_floor").decode()
            for other in ("floor", "ceil", "round_prefer_floor"):
                if other != mode:
                    reason = same_pixels(subject, index, {"nearest_mode": other})
                    yield node_site(subject, index, f"{other} instead of {mode}", _setting(nearest_mode=other), reason)


@kind("resize interpolation")
def resize_interpolation(subject: Subject) -> Iterator[Site]:
    """The nearest pixel instead of a linear mixture, or the other way round."""
    for index, _, given in _nodes(subject, "Resize"):
        other = "linear" if given.get("mode", b"nearest") == b"nearest" else "nearest"
        if len(subject.shapes.get(subject.proto.graph.node[index].input[0], ())) > 4:  # ONNX Runtime has no such
            continue
        yield node_site(subject, index, f"mode is {other}", _setting(mode=other))


@kind("GRU reset order")
def gru_reset_order(subject: Subject) -> Iterator[Site]:
    """The reset gate before or behind the recurrent kernel."""
    for index, _, given in _nodes(subject, "GRU"):
        other = 1 - given.get("linear_before_reset", 0)
        reason = proofs.one_step_without_recurrent_bias(subject, index)
        yield node_site(subject, index, f"linear_before_reset is {other}", _setting(linear_before_reset=other), reason)


@kind("sequence reversed")
def direction_reversed(subject: Subject) -> Iterator[Site]:
    """A recurrent operator that runs the other way."""
    for index, node, given in _nodes(subject, "LSTM", "GRU", "RNN"):
        direction = given.get("direction", b"forward")
        if direction != b"bidirectional":
            other = "reverse" if direction == b"forward" else "forward"
            reason = proofs.one_step(subject, index)
            if node.output[0] not in subject.readers:  # the last states only
                reason = reason or proofs.order_of_steps(subject, subject.call_of(node))
            yield node_site(subject, index, f"direction is {other}", _setting(direction=other), reason)


@kind("lengths of sequences ignored")
def lengths_ignored(subject: Subject) -> Iterator[Site]:
    """Padded steps count, as if sequence_lens were not given."""
    for index, node, given in _nodes(subject, "LSTM", "GRU", "RNN"):
        if len(node.input) > 4 and node.input[4]:
            call = subject.call_of(node)
            mask = call.masks[0] if call and call.masks else None
            reason = proofs.nothing_masked(subject, mask)
            if given.get("direction", b"forward") == b"forward":
                reason = reason or proofs.later_steps_unread(subject, node)
            elif given["direction"] == b"reverse":
                reason = reason or proofs.zeros_first(subject, node, call)
            yield node_site(subject, index, "sequence_lens is left out", _without(4), reason)


@kind("initial state dropped")
def initial_state_dropped(subject: Subject) -> Iterator[Site]:
    """Zeros instead of what is given."""
    for index, node, _ in _nodes(subject, "LSTM", "GRU", "RNN"):
        for place, name in ((5, "initial_h"), (6, "initial_c")):
            if len(node.input) > place and node.input[place]:
                yield node_site(subject, index, f"{name} is left out", _without(place))


def _without(place: int) -> _Change:
    def change(_: onnx.ModelProto, node: onnx.NodeProto, __: Random) -> None:
        node.input[place] = ""

    return change


@kind("states swapped")
def states_swapped(subject: Subject) -> Iterator[Site]:
    """An LSTM's h and c, as they are given or as they are taken."""
    for index, node, _ in _nodes(subject, "LSTM"):
        if len(node.input) > 6 and node.input[5] and node.input[6]:
            yield node_site(subject, index, "initial_h and initial_c swapped", _swapped_inputs(5, 6))
        if len(node.output) > 2 and node.output[1] in subject.readers and node.output[2] in subject.readers:
            yield node_site(subject, index, "Y_h and Y_c swapped", _swap_outputs)


def _swapped_inputs(a: int, b: int) -> _Change:
    def change(_: onnx.ModelProto, node: onnx.NodeProto, __: Random) -> None:
        node.input[a], node.input[b] = node.input[b], node.input[a]

    return change


def _swap_outputs(_: onnx.ModelProto, node: onnx.NodeProto, __: Random) -> None:
    node.output[1], node.output[2] = node.output[2], node.output[1]


@kind("operands swapped")
def operands_swapped(subject: Subject) -> Iterator[Site]:
    """The second less the first."""
    for index, node, _ in _nodes(subject, "Sub", "Div", "Pow"):
        if all(name in subject.shapes for name in node.input) and subject.shapes[node.input[0]]:
            reason = proofs.only_evenly_read(subject, node) if node.op_type == "Sub" else ""
            yield node_site(subject, index, "inputs swapped", _swapped_inputs(0, 1), reason)


@kind("concatenated in another order")
def concat_order(subject: Subject) -> Iterator[Site]:
    """Two of the values that are joined."""
    for index, node, _ in _nodes(subject, "Concat"):
        for place in range(len(node.input) - 1):
            if node.input[place] != node.input[place + 1] and not _is_shape(subject, node):
                yield node_site(subject, index, f"inputs {place} and {place + 1}", _swapped_inputs(place, place + 1))


def _is_shape(subject: Subject, node: onnx.NodeProto) -> bool:
    return len(subject.shapes.get(node.output[0], (0,))) < 2


@kind("wrong axis")
def wrong_axis(subject: Subject) -> Iterator[Site]:
    """Another axis for what leaves the shape as it is."""
    for index, node, given in _nodes(subject, "Softmax", "LogSoftmax", "CumSum", "Hardmax"):
        rank = len(subject.shapes.get(node.input[0], ()))
        if node.op_type == "CumSum":
            continue
        axis = given.get("axis", -1) % max(rank, 1)
        for other in range(1, rank):
            if other != axis:
                yield node_site(subject, index, f"axis {other} instead of {axis}", _setting(axis=other))


@kind("reduced over the wrong axis")
def reduced_axis(subject: Subject) -> Iterator[Site]:
    """Another axis of the same length."""
    for index, node, _ in _nodes(subject, "ReduceMean", "ReduceSum", "ReduceMax", "ReduceL2", "ReduceProd"):
        axes = subject.constants.get(node.input[1]) if len(node.input) > 1 else None
        shape = subject.shapes.get(node.input[0])
        if axes is None or not shape:
            continue
        own = [axis % len(shape) for axis in axes.tolist()]
        for i, axis in enumerate(own):
            for other, length in enumerate(shape):
                if other not in own and length == shape[axis] and length != 1:
                    moved = [*own[:i], other, *own[i + 1 :]]
                    yield node_site(subject, index, f"axes {moved} instead of {own}", _constant(1, moved))


@kind("permuted otherwise")
def permuted(subject: Subject) -> Iterator[Site]:
    """Two axes of the same length in each other's place."""
    for index, node, given in _nodes(subject, "Transpose"):
        shape, perm = subject.shapes.get(node.input[0]), list(given.get("perm", []))
        for a in range(1, len(perm)):
            for b in range(1, a):
                if shape and shape[perm[a]] == shape[perm[b]] and shape[perm[a]] not in {None, 1}:
                    other = list(perm)
                    other[a], other[b] = other[b], other[a]
                    yield node_site(subject, index, f"perm {other} instead of {perm}", _setting(perm=other))
