"""Models saved as ``multi_gpu_model`` returns them: replicas of one model, each on a slice of the batch.

    input ─┬─► Lambda(get_slice, i=0, parts=2) ─► model ─┬─► Concatenate(axis=0)
           └─► Lambda(get_slice, i=1, parts=2) ─► model ─┘

The parts make up the batch, so that all of it is what the model computes of the whole batch at once.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, replace

from kerasport.dialect.model import LayerDef, ModelDef, Node, TensorRef
from kerasport.lambdas.stored import StoredFunction

_SLICER = "get_slice"


@dataclass(frozen=True)
class _Part:
    """The ``index``-th of ``parts`` parts of a batch."""

    source: TensorRef
    index: int
    parts: int


def joined(model: ModelDef) -> ModelDef:
    """The model with one call of the replicated model in place of its replicas; any other model as it is."""
    parts = {TensorRef(layer.name): part for layer in model.layers if (part := _part(layer)) is not None}
    layers = {layer.name: layer for layer in model.layers}
    merges = [layers[ref.layer] for ref in model.outputs if ref.layer in layers]
    outputs = [_replicated(merge, layers, parts) for merge in merges] if parts else []
    if not outputs or len({found and found[:2] for found in outputs}) > 1 or outputs[0] is None:
        return model
    name, sources, _ = outputs[0]
    dropped = {ref.layer for ref in parts} | {merge.name for merge in merges}
    kept = [layer for layer in model.layers if layer.name not in dropped]
    if any(layer.name != name and layer.class_name != "InputLayer" for layer in kept):
        return model
    return replace(
        model,
        layers=tuple(replace(layer, nodes=(Node(sources),)) if layer.name == name else layer for layer in kept),
        outputs=tuple(TensorRef(name, 0, found[2]) for found in outputs if found),
    )


def _part(layer: LayerDef) -> _Part | None:
    """What a Lambda cuts out of the batch; None if it is not the one of ``multi_gpu_model``."""
    arguments = layer.config.get("arguments")
    if layer.class_name != "Lambda" or not isinstance(arguments, dict) or set(arguments) != {"i", "parts"}:
        return None
    if not _names_slicer(layer.config["function"]) or len(layer.nodes) != 1 or len(layer.nodes[0].inputs) != 1:
        return None
    return _Part(layer.nodes[0].inputs[0], arguments["i"], arguments["parts"])


def _names_slicer(function: StoredFunction) -> bool:
    """Whether a saved function, by name or as marshalled code, which is not unmarshalled, is called as that one is."""
    code = function.code or function.name
    try:
        return _SLICER in code or _SLICER.encode() in base64.b64decode(code)
    except (binascii.Error, ValueError):
        return False


def _replicated(
    merge: LayerDef, layers: dict[str, LayerDef], parts: dict[TensorRef, _Part]
) -> tuple[str, tuple[TensorRef, ...], int] | None:
    """The model whose replicas a Concatenate joins, what they get the parts of, and which output of theirs it joins."""
    if merge.class_name != "Concatenate" or merge.config.get("axis") != 0 or len(merge.nodes) != 1:
        return None
    refs = merge.nodes[0].inputs
    inner = layers.get(refs[0].layer) if refs else None
    if (
        inner is None
        or inner.model is None
        or {(ref.layer, ref.tensor) for ref in refs} != {(inner.name, refs[0].tensor)}
    ):
        return None
    whole: set[tuple[TensorRef, ...]] = set()
    for index, ref in enumerate(refs):
        found = [parts.get(source) for source in inner.nodes[ref.node].inputs] if ref.node < len(inner.nodes) else []
        if not found or any(part is None or (part.index, part.parts) != (index, len(refs)) for part in found):
            return None
        whole.add(tuple(part.source for part in found if part))
    return (inner.name, whole.pop(), refs[0].tensor) if len(whole) == 1 else None
