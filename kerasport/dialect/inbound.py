"""Every form of ``inbound_nodes``, ``input_layers`` and ``output_layers``, read as tensor references."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kerasport.dialect.model import Node, TensorRef
from kerasport.errors import DamagedFileError


def nodes(raw: Any, layer: str) -> tuple[Node, ...]:
    """The calls of one layer.

    Keras 1 and 2 write a node as a list of ``[layer, node, tensor]`` or ``[layer, node, tensor, kwargs]``
    (tf.keras may leave out the outer list for one input); Keras 3 as ``{"args": ..., "kwargs": ...}``.
    """
    if not isinstance(raw, list):
        raise DamagedFileError(f"The inbound nodes of layer {layer!r} are not a list.")
    return tuple(_keras3_node(node) if isinstance(node, dict) else _keras2_node(node, layer) for node in raw)


def references(raw: Any) -> Iterator[tuple[str | None, TensorRef]]:
    """The (key or None, reference) of a model's inputs or outputs: one triple, a list, a dict, or nested ones."""
    if isinstance(raw, dict):
        for key, value in raw.items():
            yield from ((key, reference) for _, reference in references(value))
    elif _is_triple(raw):
        yield None, _reference(raw)
    elif isinstance(raw, list):
        for item in raw:
            yield from references(item)
    else:
        raise DamagedFileError(f"The model's inputs or outputs hold {str(raw)[:60]!r} where a tensor is needed.")


def _is_triple(raw: Any) -> bool:
    return isinstance(raw, list) and 3 <= len(raw) <= 4 and isinstance(raw[0], str) and isinstance(raw[1], int)


def _reference(raw: list[Any]) -> TensorRef:
    return TensorRef(raw[0], int(raw[1]), int(raw[2]))


def _keras2_node(raw: Any, layer: str) -> Node:
    if _is_triple(raw):
        raw = [raw]
    if isinstance(raw, dict):
        raw = list(raw.values())
    if not isinstance(raw, list) or not all(_is_triple(entry) for entry in raw):
        raise DamagedFileError(f"An inbound node of layer {layer!r} is {str(raw)[:60]!r}.")
    kwargs = dict(raw[0][3] or {}) if raw and len(raw[0]) == 4 else {}
    tensors = {key: _tensors(value) for key, value in kwargs.items()}
    return _node([_reference(entry) for entry in raw], kwargs, tensors)


def _keras3_node(raw: Mapping[str, Any]) -> Node:
    args, kwargs = raw.get("args", []), dict(raw.get("kwargs") or {})
    tensors = {key: _tensors(value) for key, value in kwargs.items()}
    constants = [arg for arg in args if not _tensors(arg)]
    if constants:
        kwargs["args"] = [None if _tensors(arg) else arg for arg in args]
    return _node(_tensors(args), kwargs, tensors)


def _node(inputs: list[TensorRef], kwargs: dict[str, Any], tensors: Mapping[str, list[TensorRef]]) -> Node:
    """States given by keyword follow the inputs; the mask stands apart; the rest must be constants."""
    states = tensors.get("initial_state") or []
    mask = next(iter(tensors.get("mask") or []), None)
    inputs = inputs + [state for state in states if state not in inputs]
    rest = {key: value for key, value in kwargs.items() if key not in ("initial_state", "mask") and value is not None}
    return Node(tuple(inputs), mask, rest)


def _tensors(raw: Any) -> list[TensorRef]:
    """All tensor references in a nested argument, in order."""
    if isinstance(raw, dict):
        if raw.get("class_name") == "__keras_tensor__":
            return [_reference(raw["config"]["keras_history"])]
        return [tensor for value in raw.values() for tensor in _tensors(value)]
    if _is_triple(raw):
        return [_reference(raw)]
    if isinstance(raw, list):
        return [tensor for value in raw for tensor in _tensors(value)]
    return []
