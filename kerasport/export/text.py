"""TextVectorization in ONNX: strings are standardised, split, joined to n-grams and looked up."""

from __future__ import annotations

import numpy as np

from kerasport.errors import LayerError
from kerasport.export.builder import Scope
from kerasport.export.characters import vectorized
from kerasport.export.layout import Tensor
from kerasport.export.lookup import counted, look_up
from kerasport.export.ops import cast, slice_, squeeze
from kerasport.export.registry import EXPORT
from kerasport.export.texts import constant, empty_like, lowered, replaced, require_strings, run_of
from kerasport.layers import text
from kerasport.layers.base import TensorType
from kerasport.layers.hashes import STRINGS_HINT

_OTHER_BLANKS = text.BLANKS.replace(" ", "")


@EXPORT.register(text.TextVectorization)
def text_vectorization(spec: text.TextVectorization, b: Scope, x: Tensor) -> Tensor:
    """StringNormalizer, StringSplit and StringConcat; LabelEncoder; then Concat and Slice, or the encoding."""
    value, rank = b.logical(x), x.type.rank
    if rank == 2 and spec.split is not None:
        value, rank = squeeze(b, value, [1]), 1
    value = lowered(b, value, rank) if spec.lower else value
    value = replaced(b, value, text.PUNCTUATION, "", rank) if spec.strips else value
    if spec.split == "character" and spec.ngrams == (1,):
        return vectorized(spec, b, value, x.type.shape[0])
    tokens = _tokens(spec, b, value)
    runs = [_run(spec, b, tokens, width) for width in spec.ngrams]
    joined = b.op("Concat", *runs, axis=1) if len(runs) > 1 else runs[0]
    places = look_up(b, joined, spec.places, spec.oov_start)
    if spec.mode != "int":
        return counted(spec, b, places, b.tensor(places, TensorType((x.type.shape[0], None), "int64")))
    if len(runs) > 1 and spec.split is not None:
        places = _moved_up(b, joined, places)
    return b.tensor(places if spec.length is None else _cut(b, places, spec.length))


def _tokens(spec: text.TextVectorization, b: Scope, value: str) -> str:
    """(batch, tokens), with empty strings behind the last token of a text."""
    if spec.split is None:
        return value
    if spec.split == "character":
        what = f"ngrams={list(spec.ngrams)} with split='character' is not supported in ONNX, which knows no characters"
        raise LayerError(what, STRINGS_HINT)
    require_strings(b)
    return b.op_n("StringSplit", 2, replaced(b, value, _OTHER_BLANKS, " ", 1))[0]


def _run(spec: text.TextVectorization, b: Scope, tokens: str, width: int) -> str:
    """Runs of tokens; those that reach behind the last one of a text are empty."""
    if width == 1:
        return tokens
    run = run_of(b, tokens, width)
    if spec.split is None:
        return run
    last = slice_(b, tokens, 1, width - 1, (1 << 63) - 1)
    return b.op("Where", b.op("Equal", last, constant(b, "")), empty_like(b, run), run)


def _moved_up(b: Scope, tokens: str, places: str) -> str:
    """The places without gaps: those of empty tokens, which are 0, behind the others of a row."""
    kept = b.op("Not", b.op("Equal", tokens, constant(b, "")))
    width = b.op("Gather", b.op("Shape", tokens), b.constant(1, "tokens_axis"))
    number = b.op("Sub", b.op("CumSum", cast(b, kept, "int64"), b.constant(1, "axis")), b.constant(1, "one"))
    columns = b.op("Where", kept, number, width)
    zeros = b.op("Expand", b.constant(np.zeros((1, 1), np.int64), "padding"), b.op("Shape", tokens))
    more = b.op("Pad", zeros, b.constant([0, 0, 0, 1], "pads"))
    moved = b.op("ScatterElements", more, columns, places, axis=1)
    return slice_(b, moved, 1, 0, -1)


def _cut(b: Scope, places: str, length: int) -> str:
    """(batch, length): padded with 0, and cut."""
    rows = slice_(b, b.op("Shape", places), 0, 0, 1)
    shape = b.op("Concat", rows, b.constant([length], "length"), axis=0)
    zeros = b.op("Expand", b.constant(np.zeros(1, np.int64), "padding"), shape)
    return slice_(b, b.op("Concat", places, zeros, axis=1), 1, 0, length)
