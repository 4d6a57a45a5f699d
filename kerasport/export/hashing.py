"""Hashing, HashedCrossing and CategoryCrossing of integers in ONNX, through their decimal digits."""

from __future__ import annotations

import numpy as np

from kerasport.errors import LayerError
from kerasport.export.builder import Scope
from kerasport.export.categorical import as_dtype, encoded
from kerasport.export.hashes import crossed, remainder_of_digits
from kerasport.export.layout import Tensor
from kerasport.export.ops import ONNX_TYPES, reshape, unsqueeze
from kerasport.export.registry import EXPORT
from kerasport.export.texts import concatenated, constant
from kerasport.export.words import Word
from kerasport.export.words import constant as word
from kerasport.layers import hashing
from kerasport.layers.hashes import STRINGS_HINT

_SEED = 0xDECAFCAFFE


@EXPORT.register(hashing.Hashing)
def hashing_(spec: hashing.Hashing, b: Scope, x: Tensor) -> Tensor:
    """The digits' hash, its remainder, and Where for the mask."""
    _refuse_strings(x)
    value = as_dtype(b, x, "int64")
    bins = remainder_of_digits(b, value, spec.hash, spec.bins)
    if spec.mask is not None:
        masked = b.op("Equal", value, b.constant(np.array(spec.mask, np.int64), "mask_value"))
        bins = b.op("Where", masked, b.constant(0, "masked"), b.op("Add", bins, b.constant(1, "first_bin")))
    return encoded(spec, b, bins, x)


@EXPORT.register(hashing.HashedCrossing)
def hashed_crossing(spec: hashing.HashedCrossing, b: Scope, *inputs: Tensor) -> Tensor:
    """One number after the other into the hash, and its remainder."""
    _refuse_strings(*inputs)
    if b.opset < 18:
        raise LayerError("a hash needs the operators on bits of opset 18", "choose --opset 18 or a newer one")
    result = word(b, _SEED)
    for x in inputs:
        result = crossed(result, Word(b, as_dtype(b, x, "int64")))
    return encoded(spec, b, result.remainder(spec.depth), inputs[0])


def _refuse_strings(*inputs: Tensor) -> None:
    if any(x.type.dtype == "string" for x in inputs):
        raise LayerError("it hashes strings, but ONNX has no operator for the bytes of a string", STRINGS_HINT)


@EXPORT.register(hashing.CategoryCrossing)
def category_crossing(spec: hashing.CategoryCrossing, b: Scope, *inputs: Tensor) -> Tensor:
    """StringConcat of the texts, each input's on an axis of its own."""
    texts = [_text(b, x) for x in inputs]
    parts = [_joined(spec, b, [texts[index] for index in group]) for group in spec.groups(len(texts))]
    return b.tensor(b.op("Concat", *parts, axis=1) if len(parts) > 1 else parts[0])


def _joined(spec: hashing.CategoryCrossing, b: Scope, texts: list[str]) -> str:
    """Every string of the first with every one of the others, the last one's fastest."""
    result = texts[0]
    for text in texts[1:]:
        left = concatenated(b, unsqueeze(b, result, [2]), constant(b, spec.separator))
        result = reshape(b, concatenated(b, left, unsqueeze(b, text, [1])), [0, -1])
    return result


def _text(b: Scope, x: Tensor) -> str:
    value = b.logical(x)
    return value if x.type.dtype == "string" else b.op("Cast", value, to=ONNX_TYPES["string"])
