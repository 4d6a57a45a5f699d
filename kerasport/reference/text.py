"""TextVectorization, with Python strings."""

from __future__ import annotations

import re

import numpy as np

from kerasport.layers import text
from kerasport.reference.lookup import counted, placed
from kerasport.reference.registry import REFERENCE, Array, Context

_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_NOTHING = dict.fromkeys(map(ord, text.PUNCTUATION))


@REFERENCE.register(text.TextVectorization)
def text_vectorization(spec: text.TextVectorization, context: Context, x: Array) -> Array:
    """The tokens of each text, and their places; a row is as long as the longest, or as the spec says."""
    rows = [_runs(spec, _tokens(spec, np.atleast_1d(row).tolist())) for row in x]
    if spec.mode == "int" and spec.length is not None:
        rows = [row[: spec.length] for row in rows]
    longest = max(map(len, rows), default=0)
    width = spec.length or longest if spec.mode == "int" else longest
    padded = np.full((len(rows), width), "", dtype="O")
    for index, row in enumerate(rows):
        padded[index, : len(row)] = row
    return counted(spec, context, placed(spec, padded))


def _tokens(spec: text.TextVectorization, texts: list[str]) -> list[str]:
    standard = [_standard(spec, value) for value in texts]
    if spec.split is None:
        return standard
    return list(standard[0]) if spec.split == "character" else re.findall(f"[^{text.BLANKS}]+", standard[0])


def _standard(spec: text.TextVectorization, value: str) -> str:
    value = value.translate(_LOWER) if spec.lower else value
    return value.translate(_NOTHING) if spec.strips else value


def _runs(spec: text.TextVectorization, tokens: list[str]) -> list[str]:
    return [
        " ".join(tokens[start : start + width]) for width in spec.ngrams for start in range(len(tokens) - width + 1)
    ]
