"""Every form of ``inbound_nodes``, ``input_layers`` and ``output_layers``, read as tensor references."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from kerasport.dialect.keras2 import ATTENTION, RECURRENT
from kerasport.dialect.model import Node, TensorRef
from kerasport.errors import DamagedFileError
from kerasport.layers.slots import Slot

# What tensors given by position are, behind the first: Keras 3 writes no names for them. "" is one more input.
_POSITIONS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("GlobalAveragePooling1D", "Softmax", *ATTENTION), ("mask",)),
    **dict.fromkeys(RECURRENT, ("initial_state", "mask")),
    **dict.fromkeys(
        ("MultiHeadAttention", "GroupQueryAttention"),
        ("", "", "query_mask", "value_mask", "key_mask", "attention_mask"),
    ),
}


def nodes(raw: Any, layer: str, class_name: str = "") -> tuple[Node, ...]:
    """The calls of one layer.

    Keras 1 and 2 write a node as a list of ``[layer, node, tensor]`` or ``[layer, node, tensor, kwargs]``
    (tf.keras may leave out the outer list for one input); Keras 3 as ``{"args": ..., "kwargs": ...}``.

    Args:
        raw: What the file has.
        layer: The layer's name, for messages.
        class_name: Its class: whether it takes a list of masks, one for each input, which stay an argument.
    """
    if not isinstance(raw, list):
        raise DamagedFileError(f"The inbound nodes of layer {layer!r} are not a list.")
    lists_masks = class_name in ATTENTION
    found = [
        _keras3_node(node, _POSITIONS.get(class_name, ()), lists_masks)
        if isinstance(node, dict) and "args" in node
        else _keras2_node(node, layer, lists_masks)
        for node in raw
    ]
    return tuple(found)


def operation_nodes(raw: Any, name: str) -> tuple[Node, ...]:
    """The calls of an operation, whose arguments are constants, tensors, and lists of them in any order.

    Keras 3 writes them as a layer's; tf.keras as ``[layer, node, tensor, kwargs]``, in lists where the first
    argument is a list, and as ``["_CONSTANT_VALUE", -1, value, kwargs]`` where it is a constant.
    """
    if not isinstance(raw, list):
        raise DamagedFileError(f"The inbound nodes of operation {name!r} are not a list.")
    return tuple(_operation_node(node) for node in raw)


def references(raw: Any) -> Iterator[tuple[str | None, TensorRef]]:
    """The (key or None, reference) of a model's inputs or outputs: one triple, a list, a dict, or nested ones.

    Keras flattens a dict in the order of its sorted keys, whatever order the file has them in.
    """
    if isinstance(raw, dict):
        for key, value in sorted(raw.items()):
            yield from ((key, reference) for _, reference in references(value))
    elif is_triple(raw):
        yield None, _reference(raw)
    elif isinstance(raw, list):
        for item in raw:
            yield from references(item)
    else:
        raise DamagedFileError(f"The model's inputs or outputs hold {str(raw)[:60]!r} where a tensor is needed.")


def _operation_node(raw: Any) -> Node:
    inputs: list[TensorRef] = []
    if isinstance(raw, dict):
        args = [_with_slots(arg, inputs) for arg in raw.get("args", [])]
        kwargs = {key: _with_slots(value, inputs) for key, value in (raw.get("kwargs") or {}).items()}
        return Node(tuple(inputs), None, kwargs, tuple(args))
    first = raw[0] if isinstance(raw, list) and len(raw) == 1 else raw
    arg = _with_slots(first, inputs)
    kwargs = {key: _with_slots(value, inputs) for key, value in _keywords(first).items()}
    return Node(tuple(inputs), None, kwargs, (arg,))


def _keywords(raw: Any) -> dict[str, Any]:
    """The keyword arguments that tf.keras writes behind an operation's first tensor."""
    if is_triple(raw):
        return dict(raw[3]) if len(raw) == 4 and raw[3] else {}
    return _keywords(raw[0]) if isinstance(raw, list) and raw else {}


def _with_slots(raw: Any, inputs: list[TensorRef]) -> Any:
    """An argument with a Slot for each tensor, which is put into ``inputs``; constants become plain values."""
    if is_triple(raw) and raw[0] == "_CONSTANT_VALUE":
        return raw[2]
    if is_triple(raw) or (isinstance(raw, dict) and raw.get("class_name") == "__keras_tensor__"):
        inputs += _tensors(raw)
        return Slot(len(inputs) - 1)
    if isinstance(raw, list):
        return [_with_slots(item, inputs) for item in raw]
    constant = _constant(raw) if isinstance(raw, dict) else raw
    if isinstance(constant, slice):
        return slice(*(_with_slots(part, inputs) for part in (constant.start, constant.stop, constant.step)))
    return constant


def _constant(raw: Mapping[str, Any]) -> Any:
    """Keras's wrapped constants: arrays, slices, the ellipsis; what is not known stays as it is."""
    kind, config = raw.get("class_name"), raw.get("config")
    if kind == "__ellipsis__":
        return Ellipsis
    array = array_of(raw)
    if array is not None:
        return array
    if kind == "__slice__" and isinstance(config, dict):
        return slice(config.get("start"), config.get("stop"), config.get("step"))
    if set(raw) == {"start", "stop", "step"}:
        return slice(raw["start"], raw["stop"], raw["step"])
    return raw


def array_of(raw: Mapping[str, Any]) -> Any:
    """What Keras 3 wrapped as a constant array, None for anything else."""
    config = raw.get("config")
    return (
        config.get("value")
        if raw.get("class_name") in ("__numpy__", "__tensor__") and isinstance(config, dict)
        else None
    )


def is_triple(raw: Any) -> bool:
    """Whether it is a reference, ``[layer, node, tensor]``, maybe with a call's keyword arguments behind it."""
    return isinstance(raw, list) and 3 <= len(raw) <= 4 and isinstance(raw[0], str) and isinstance(raw[1], int)


def _reference(raw: list[Any]) -> TensorRef:
    return TensorRef(raw[0], int(raw[1]), int(raw[2]))


def _keras2_node(raw: Any, layer: str, lists_masks: bool) -> Node:
    if is_triple(raw):
        raw = [raw]
    if isinstance(raw, dict):
        raw = [entry for _, entry in sorted(raw.items())]
    if isinstance(raw, list):
        raw = list(_flattened(raw))
    if not isinstance(raw, list) or not all(is_triple(entry) for entry in raw):
        raise DamagedFileError(f"An inbound node of layer {layer!r} is {str(raw)[:60]!r}.")
    kwargs = dict(raw[0][3] or {}) if raw and len(raw[0]) == 4 else {}
    return _node([_reference(entry) for entry in raw], kwargs, lists_masks)


def _flattened(raw: list[Any]) -> Iterator[Any]:
    """The entries of a node; states of stacked cells are in lists of their own."""
    for entry in raw:
        if isinstance(entry, list) and not is_triple(entry) and entry:
            yield from _flattened(entry)
        else:
            yield entry


def _keras3_node(raw: Mapping[str, Any], positions: tuple[str, ...], lists_masks: bool) -> Node:
    args, kwargs = raw.get("args", []), dict(raw.get("kwargs") or {})
    if not args and "inputs" in kwargs:
        args = [kwargs.pop("inputs")]
    names = dict(enumerate(positions, start=1))
    kwargs |= {names[place]: arg for place, arg in enumerate(args) if names.get(place)}
    args = [arg for place, arg in enumerate(args) if not names.get(place)]
    constants = [arg for arg in args if not _tensors(arg)]
    if constants:
        kwargs["args"] = [None if _tensors(arg) else arg for arg in args]
    return _node(_tensors(args), kwargs, lists_masks)


def _node(inputs: list[TensorRef], kwargs: dict[str, Any], lists_masks: bool) -> Node:
    """States given by keyword follow the inputs, then other tensors, which leave a Slot; the mask stands apart."""
    states = _tensors(kwargs.pop("initial_state", None))
    mask = None if lists_masks else next(iter(_tensors(kwargs.pop("mask", None))), None)
    inputs = inputs + [state for state in states if state not in inputs]
    rest = {
        key: _with_slots(value, inputs) if _tensors(value) else value
        for key, value in kwargs.items()
        if value is not None
    }
    return Node(tuple(inputs), mask, rest)


def _tensors(raw: Any) -> list[TensorRef]:
    """All tensor references in a nested argument, in order."""
    if isinstance(raw, dict):
        if raw.get("class_name") == "__keras_tensor__":
            told = raw["config"]
            ref = _reference(told["keras_history"])
            return [replace(ref, shape=told.get("shape"), dtype=str(told.get("dtype") or ""))]
        return [tensor for _, value in sorted(raw.items()) for tensor in _tensors(value)]
    if is_triple(raw):
        return [_reference(raw)]
    if isinstance(raw, list):
        return [tensor for value in raw for tensor in _tensors(value)]
    return []


def shape_of(ref: TensorRef, raw: Any) -> list[int | None] | None:
    """The shape that Keras 3 notes beside a reference, looked for anywhere in inbound nodes."""
    if isinstance(raw, dict):
        config = raw.get("config")
        if raw.get("class_name") == "__keras_tensor__" and isinstance(config, dict):
            return config.get("shape") if _reference(config["keras_history"]) == ref else None
        raw = list(raw.values())
    if isinstance(raw, list):
        return next((shape for value in raw if (shape := shape_of(ref, value)) is not None), None)
    return None


def built_shape(entry: Mapping[str, Any]) -> Any:
    """The shape that a layer was built for, as Keras notes it since 2.13; None where it does not."""
    built = entry.get("build_config")
    return built.get("input_shape") if isinstance(built, dict) else None


def with_shape(calls: tuple[Node, ...], entry: Mapping[str, Any]) -> tuple[Node, ...]:
    """The only call of a layer on one tensor, with the shape that the layer was built for where none is noted yet."""
    if [len(call.inputs) for call in calls] != [1] or calls[0].inputs[0].shape is not None:
        return calls
    return (replace(calls[0], inputs=(replace(calls[0].inputs[0], shape=built_shape(entry)),)),)
