"""Why a fault cannot change any result: what is proved here was never a fault, and need not be detected."""

from __future__ import annotations

from math import ceil

import numpy as np
import onnx

from kerasport.graph import Call
from kerasport.layers import activation, attention, conv, conv_lstm, core, normalization, preprocessing, recurrent
from kerasport.layers.base import Spec, Value
from kerasport.layers.functions import Function, function
from tests.faults.subject import Array, Subject, attributes, placed

SAME_FILE = "the file is the same: the altered values are equal to the right ones"
ROUNDING = "the weights differ by one unit in their last place at most, which float32's own rounding does as well"
PADDING_ONLY = "the altered weights only ever meet padding"
FIRST_STEP = "there is one step, and the state before it is zero"
ONE_STEP = "there is one step: its order does not matter"
NO_PADS = "nothing is padded"
EVEN_PADS = "both sides are padded alike, or not at all"
ONE_POSITION = "the window has one position"
ONE_OUTPUT = "there is one window, which a stride does not move"
ALL_COUNT = "the mask leaves out nothing"
UNREAD = "what stands in masked steps is read only by layers that leave out these steps"
REPEATED = "all steps are equal: their order does not matter"
ZEROS_FIRST = "padded steps are zeros and come first, and without biases they leave a zero state as it is"
ONE_VALUE = "one value is merged with itself"
UNIFORM = "it is one number, along whichever axis"
POSITIVE = "both functions are the same above zero, where all that it reads is"
SAME_FUNCTION = "both functions are the same for these parameters"
SHIFT = "it adds one number to everything that a softmax is taken over, which takes it out again"
KEY_BIAS = "it adds one number to all scores of a query, which their softmax takes out again"
UNSEEN_EPSILON = "the other epsilon changes the scale by less than computing that in float32 rounds"
EVEN = "only functions read it that give the same for a number and its negative"
_POSITIVE = frozenset(["relu6", "softplus", "sigmoid", "hard_sigmoid", "softmax", "exponential"])
_EVEN = frozenset(["Abs", "Cos", "Cosh", "ReduceL1", "ReduceL2", "ReduceSumSquare"])


def proved(subject: Subject, faulty: onnx.ModelProto) -> str:
    """Why a faulty model computes what the faultless one does; "" where that is not proved."""
    before, after = _without_weights(subject.proto), _without_weights(faulty)
    if before != after:
        return ""
    changed = _changed(subject, faulty)
    if not changed:
        return SAME_FILE
    if all(_last_place(subject.constants[name], array) for name, array in changed.items()):
        return ROUNDING
    if all(_one_number(subject, name, array) for name, array in changed.items()):
        return UNIFORM
    reasons = {_meets_nothing(subject, name, array) for name, array in changed.items()}
    return reasons.pop() if len(reasons) == 1 else ""


def _without_weights(proto: onnx.ModelProto) -> list[bytes]:
    """The nodes, where a constant that one node was given of its own has the name that it had before."""
    nodes = []
    for node in proto.graph.node:
        plain = onnx.NodeProto()
        plain.CopyFrom(node)
        plain.input[:] = [name.removesuffix(f"/of {node.name}") for name in node.input]
        nodes.append(plain.SerializeToString(deterministic=True))
    return nodes


def _changed(subject: Subject, faulty: onnx.ModelProto) -> dict[str, Array]:
    """The initializers with other values, under the names that they have in the faultless model."""
    found: dict[str, Array] = {}
    read = {name for node in faulty.graph.node for name in node.input}
    for tensor in faulty.graph.initializer:
        name = tensor.name.partition("/of ")[0]
        array = onnx.numpy_helper.to_array(tensor)
        if name not in subject.constants or (tensor.name not in read and "/of " in tensor.name):
            continue
        mine = subject.constants[name]
        if mine.shape != array.shape or mine.tobytes() != array.tobytes():
            found[name] = array
    return found


def _one_number(subject: Subject, name: str, other: Array) -> bool:
    """Whether both hold nothing but the same number, so that it does not matter along which axis."""
    mine = subject.constants[name]
    nodes = [subject.proto.graph.node[index] for index in subject.readers[name]]
    spreads = all(node.op_type in {"Add", "Mul", "Sub", "Div", "PRelu"} for node in nodes)
    return (
        (mine.size == other.size or spreads)
        and mine.size > 0
        and bool((mine == mine.flat[0]).all() and (other == mine.flat[0]).all())
    )


def _last_place(mine: Array, other: Array) -> bool:
    if mine.shape != other.shape or mine.dtype != np.float32:
        return False
    return bool((np.abs(mine - other) <= np.spacing(np.abs(mine))).all())


def _meets_nothing(subject: Subject, name: str, array: Array) -> str:
    """The reason, where every reader of an initializer multiplies what has changed of it by zero."""
    mine = subject.constants[name]
    if mine.shape != array.shape:
        return ""
    changed = mine != array
    reasons = set()
    for index in subject.readers[name]:
        node = subject.proto.graph.node[index]
        places = [place for place, read in enumerate(node.input) if read == name]
        if node.op_type in {"Conv", "ConvTranspose"} and places == [1]:
            reasons.add("" if (changed & ~_only_padding(subject, node, array.shape)).any() else PADDING_ONLY)
        elif node.op_type in {"LSTM", "GRU", "RNN"} and places:
            reasons.add("" if (changed & ~_unused_at_first(subject, node, places[0], array)).any() else FIRST_STEP)
        elif node.op_type == "Add" and name.endswith("_bias"):
            reasons.add("" if (changed & ~_of_keys(subject, subject.call_of(node), name, array)).any() else KEY_BIAS)
        elif (
            node.op_type in {"Conv", "ConvTranspose"}
            and places == [2]
            and _softmax_of_each_channel(subject.call_of(node))
        ):
            reasons.add(SHIFT)
        elif node.op_type == "Scan" and name.endswith("recurrent_kernel"):
            reasons.add("" if (changed & ~_beyond(subject.call_of(node), array.shape)).any() else PADDING_ONLY)
        else:
            reasons.add("")
    return reasons.pop() if len(reasons) == 1 else ""


def _only_padding(subject: Subject, node: onnx.NodeProto, shape: tuple[int, ...]) -> Array:
    """Which of a kernel's positions never meet a value: shape ``(1, 1, *size)``."""
    given, lengths = attributes(node), subject.shapes.get(node.input[0], ())[2:]
    outputs = subject.shapes.get(node.output[0], ())[2:]
    never = np.zeros((1, 1, *shape[2:]), bool)
    if node.op_type != "Conv" or "auto_pad" in given or None in (*lengths, *outputs) or not lengths:
        return never
    count = len(lengths)
    pads, strides = given.get("pads", [0] * 2 * count), given.get("strides", [1] * count)
    dilations = given.get("dilations", [1] * count)
    for axis, (length, made) in enumerate(zip(lengths, outputs, strict=True)):
        for tap in range(shape[2 + axis]):
            places = (o * strides[axis] - pads[axis] + tap * dilations[axis] for o in range(made or 0))
            if not any(0 <= place < (length or 0) for place in places):
                never.swapaxes(0, 2 + axis)[tap] = True
    return never


def _unused_at_first(subject: Subject, node: onnx.NodeProto, place: int, array: Array) -> Array:
    """Which weights multiply a state that is zero, as before a first step that is the only one."""
    unused = np.zeros(array.shape, bool)
    if not one_step(subject, list(subject.proto.graph.node).index(node)):
        return unused
    given = [name for name in node.input[5:7] if name]
    if place == 2 and not given:
        return ~unused
    if place in {1, 3} and node.op_type == "LSTM" and not given:
        blocks = unused.reshape(len(array), 2 if place == 3 else 1, 4, -1)
        blocks[:, :, 2] = True
        return blocks.reshape(array.shape)
    return unused


def _of_keys(subject: Subject, call: Call | None, name: str, array: Array) -> Array:
    """Which numbers of the bias of several projections, ``query_key_bias``, are those of keys, or of unread values."""
    found = np.zeros(array.shape, bool)
    spec = call.spec if call else None
    if isinstance(spec, attention.MultiHeadAttention):
        widths = {"query": spec.heads * spec.key_dim, "key": spec.groups * spec.key_dim}
        widths["value"] = spec.groups * spec.value_dim
        parts = [part for part in name.rpartition("/")[2].split("_") if part in widths]
        free = {"key"} if call and _is_read(subject, call.outputs[0].name) else {"key", "value"}
        if sum(widths[part] for part in parts) == array.size:
            found.reshape(-1)[:] = np.concatenate([np.full(widths[part], part in free) for part in parts])
    return found


def _is_read(subject: Subject, value: str) -> bool:
    read = {each.name for call in subject.graph.calls for each in (*call.inputs, *call.masks) if each}
    return value in read | {each.name for each in subject.graph.outputs}


def _softmax_of_each_channel(call: Call | None) -> bool:
    """Whether a convolution's activation is a softmax along space, so that a channel's bias is the same for all."""
    spec = call.spec if call else None
    if call is None or not isinstance(spec, conv.Convolution) or spec.activation.name != "softmax":
        return False
    rank = call.outputs[0].type.rank
    return int(spec.activation["axis"]) % rank != spec.channel_axis(rank)


def _beyond(call: Call | None, shape: tuple[int, ...]) -> Array:
    """Which positions of a ConvLSTM's recurrent kernel, (filters, in, *size), only ever meet the padding of a state."""
    never = np.zeros((1, 1, *shape[2:]), bool)
    if call is None or not isinstance(call.spec, conv_lstm.ConvLSTM):
        return never
    state = call.spec.recurrence.lengths(call.outputs[0].type.with_shape(_without_time(call)))
    for axis, length in enumerate(state):
        taps = np.arange(shape[2 + axis]) - (shape[2 + axis] - 1) // 2
        never.swapaxes(0, 2 + axis)[np.abs(taps) >= (length or np.inf)] = True
    return never


def _without_time(call: Call) -> tuple[int | None, ...]:
    shape = call.outputs[0].type.shape
    return (shape[0], *shape[2:]) if getattr(call.spec, "return_sequences", False) else shape


def one_step(subject: Subject, index: int) -> str:
    """Whether a recurrent operator has one step."""
    shape = subject.shapes.get(subject.proto.graph.node[index].input[0], (None,))
    return ONE_STEP if shape[0] == 1 else ""


def one_step_without_recurrent_bias(subject: Subject, index: int) -> str:
    """Whether the reset gate multiplies nothing but zeros."""
    node = subject.proto.graph.node[index]
    bias = subject.constants.get(node.input[3]) if len(node.input) > 3 else None
    free = bias is None or not bias.reshape(len(bias), 2, 3, -1)[:, 1, 2].any()
    alone = not any(node.input[5:6])
    return FIRST_STEP if alone and free and one_step(subject, index) else ""


def same_function(one: Function, other: Function) -> str:
    """Whether a leaky ReLU leaks nothing, or a CELU is an ELU."""
    leaky = (one.name, other.name) == ("leaky_relu", "relu") and not one["negative_slope"]
    celu = (one.name, other.name) == ("celu", "elu") and one["alpha"] == other["alpha"] == 1
    return SAME_FUNCTION if leaky or celu else ""


def same_above_zero(subject: Subject, call: Call, f: Function) -> str:
    """Whether a function's parameters matter below zero only, and its layer reads what another has made positive."""
    value = call.inputs[0].name if isinstance(call.spec, activation.Activation) else ""
    while value in subject.producers and subject.producers[value].spec.moves_values:
        value = subject.producers[value].inputs[0].name
    made = subject.producers.get(value)
    last = made.spec.last_function if made is not None else None
    positive = last is not None and (last.name in _POSITIVE or last == function("relu"))
    return POSITIVE if positive and f.name in {"leaky_relu", "elu", "celu"} else ""


def epsilon_below_rounding(subject: Subject, call: Call, other: float) -> str:
    """Whether ``1 / sqrt(variance + epsilon)`` is the same but for its rounding: 0.5, 1 and 1 of a half unit."""
    stored = subject.graph.weights_of(call)
    if not isinstance(call.spec, normalization.BatchNormalization) or "moving_variance" not in stored:
        return ""
    variance = np.asarray(stored["moving_variance"].read(), np.float64)
    change = np.abs(np.sqrt((variance + other) / (variance + call.spec.epsilon)) - 1)
    return UNSEEN_EPSILON if (change <= 2.5 * 2.0**-24).all() else ""


def one_number(spec: Spec) -> str:
    """Whether a normalisation has the same statistics for all channels."""
    if not isinstance(spec, preprocessing.Normalization) or spec.mean is None or spec.variance is None:
        return ""
    return UNIFORM if len(np.unique(spec.mean)) == len(np.unique(spec.variance)) == 1 else ""


def nothing_padded(subject: Subject, index: int) -> str:
    """Whether a pool has no padding."""
    given = attributes(subject.proto.graph.node[index])
    if any(given.get("pads", [])):
        return ""
    return NO_PADS if given.get("auto_pad", b"NOTSET") in {b"NOTSET", b"VALID"} or _total(subject, index) == 0 else ""


def no_odd_padding(subject: Subject, index: int) -> str:
    """Whether auto_pad pads both sides alike."""
    total = _total(subject, index)
    return EVEN_PADS if total is not None and not total % 2 else ""


def _total(subject: Subject, index: int) -> int | None:
    """The sum of what auto_pad pads over all axes where it is 0 for all; else 1, or None where it is unknown."""
    node = subject.proto.graph.node[index]
    given, lengths = attributes(node), subject.shapes.get(node.input[0], (None,) * 3)[2:]
    sizes = given.get("kernel_shape", [])
    odd = 0
    for axis, (length, size) in enumerate(zip(lengths, sizes, strict=False)):
        stride, dilation = (given.get(key, [1] * len(sizes))[axis] for key in ("strides", "dilations"))
        extent = (size - 1) * dilation + 1
        if length is None:
            return None
        odd += max((ceil(length / stride) - 1) * stride + extent - length, 0) % 2
    return odd


def window_of_one(subject: Subject, index: int) -> str:
    """Whether a pool or a reduction has one value to choose from."""
    node = subject.proto.graph.node[index]
    given, shape = attributes(node), subject.shapes.get(node.input[0], ())
    if "kernel_shape" in given:
        return ONE_POSITION if set(given["kernel_shape"]) == {1} else ""
    axes = subject.constants.get(node.input[1]) if len(node.input) > 1 else None
    if node.op_type.startswith("Reduce") and axes is None:
        return ""
    over = shape[2:] if axes is None else [shape[axis] for axis in axes.tolist()] if shape else []
    return ONE_POSITION if over and all(length == 1 for length in over) else ""


def only_evenly_read(subject: Subject, node: onnx.NodeProto) -> str:
    """Whether all that reads a node's result, which is no layer's, gives the same for its negative."""
    name = node.output[0]
    if name in placed(subject.proto).values():
        return ""
    readers = [subject.proto.graph.node[index] for index in subject.readers.get(name, ())]
    even = all(
        reader.op_type in _EVEN or (reader.op_type in {"Mul", "Div"} and list(reader.input) == [name] * 2)
        for reader in readers
    )
    return EVEN if readers and even and name not in {v.name for v in subject.proto.graph.output} else ""


def nothing_masked(subject: Subject, mask: Value | None) -> str:
    """Whether a mask is true everywhere."""
    return ALL_COUNT if mask is not None and _true(subject, mask.name) else ""


def _true(subject: Subject, name: str) -> bool:
    call = subject.producers.get(name)
    if call is None:
        return False
    kind, given = type(call.spec).__name__, [value.name for value in call.inputs]
    if kind == "FilledLike":
        return bool(getattr(call.spec, "value", 0.0))
    some = any(_true(subject, value) for value in given)
    if kind == "Logical" and getattr(call.spec, "function", "") == "or":
        return some
    if kind == "ReduceAny" and call.inputs[0].name in subject.producers:
        joined = subject.producers[call.inputs[0].name]
        if type(joined.spec).__name__ == "Join":  # of features, of which one that counts is enough
            along_features = getattr(joined.spec, "axis", 0) in {-1, joined.outputs[0].type.rank - 1}
            return along_features and any(_true(subject, value.name) for value in joined.inputs)
    return kind in {"ExpandDims", "ReduceAny"} and some


def masked_steps_unread(subject: Subject, call: Call) -> str:
    """Whether a sequence is read by recurrent layers with the same mask only."""
    name, mask = call.outputs[0].name, call.masks[0] if call.masks else None
    readers = [each for each in subject.graph.calls if name in {value.name for value in each.inputs}]
    if mask is None or not readers or name in {value.name for value in subject.graph.outputs}:
        return ""
    alike = all(
        isinstance(each.spec, recurrent.Recurrent) and each.spec.masked and each.masks and each.masks[0] == mask
        and each.inputs[0].name == name
        for each in readers
    )  # fmt: skip
    return UNREAD if alike else ""


def later_steps_unread(subject: Subject, node: onnx.NodeProto) -> str:
    """Whether what a recurrent operator gives is read, but for an axis, only by others that stop at the same step."""
    nodes, lengths = subject.proto.graph.node, node.input[4]
    readers = [nodes[index] for index in subject.readers.get(node.output[0], ())]
    if any(reader.op_type != "Squeeze" for reader in readers) or not subject.readers.keys().isdisjoint(node.output[1:]):
        return ""
    values = {name for reader in readers for name in reader.output}
    behind = [nodes[index] for name in values for index in subject.readers.get(name, ())]
    stopping = all(
        each.op_type in {"LSTM", "GRU", "RNN"} and len(each.input) > 4 and each.input[4] == lengths for each in behind
    )
    return UNREAD if stopping and behind and values.isdisjoint(v.name for v in subject.proto.graph.output) else ""


def zeros_first(subject: Subject, node: onnx.NodeProto, call: Call | None) -> str:
    """Whether a recurrent operator that reads backwards meets padded steps first, with nothing but zeros."""
    given = [name for name in (*node.input[3:4], *node.input[5:]) if name]
    made = subject.producers.get(call.inputs[0].name) if call else None
    if made is None or not isinstance(made.spec, core.Masking) or given or call is None or not call.masks[0]:
        return ""
    reads: str | None = call.masks[0].name  # back to what the mask is made of
    while reads in subject.producers and reads != made.inputs[0].name:
        reads = subject.producers[reads].inputs[0].name
    return ZEROS_FIRST if reads == made.inputs[0].name else ""


def order_of_steps(subject: Subject, call: Call | None) -> str:
    """Whether a layer over steps has one step only, or reads the same numbers at each step."""
    if call is None:
        return ""
    if call.inputs[0].type.shape[1] == 1:
        return ONE_STEP
    made = subject.producers.get(call.inputs[0].name)
    return REPEATED if made is not None and isinstance(made.spec, core.RepeatVector) and not any(call.masks) else ""
