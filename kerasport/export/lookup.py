"""Lookups of strings and numbers, in ONNX."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from kerasport.errors import LayerError
from kerasport.export.builder import Scope
from kerasport.export.categorical import as_dtype, encoded
from kerasport.export.hashes import remainder_of_digits
from kerasport.export.layout import Tensor
from kerasport.export.registry import EXPORT
from kerasport.layers import lookup
from kerasport.layers.hashes import STRINGS_HINT

_NO_PLACE = -2  # not what a masked token gets in any mode
_KINDS = {int: "int64s", str: "strings"}


@EXPORT.register(lookup.Lookup)
def lookup_(spec: lookup.Lookup, b: Scope, x: Tensor) -> Tensor:
    """LabelEncoder; what it does not know gets its remainder, or a hash's."""
    value = b.logical(x) if x.type.dtype == "string" else as_dtype(b, x, "int64")
    if spec.invert:
        tokens = dict(enumerate(spec.tokens, spec.token_start))
        masked = {} if spec.mask_token is None else {0: spec.mask_token}
        return b.tensor(look_up(b, value, tokens | masked, spec.oov_token))
    if spec.oov_indices < 2:
        return counted(spec, b, look_up(b, value, spec.places, spec.oov_start if spec.oov_indices else -1), x)
    found = look_up(b, value, spec.places, _NO_PLACE)
    rest = _remainder(spec, b, value, x.type.dtype)
    if spec.oov_start:
        rest = b.op("Add", rest, b.constant(spec.oov_start, "oov_start"))
    found = b.op("Where", b.op("Equal", found, b.constant(_NO_PLACE, "unknown")), rest, found)
    return counted(spec, b, found, x)


def _remainder(spec: lookup.Lookup, b: Scope, value: str, dtype: str) -> str:
    if dtype == "string":
        what = f"num_oov_indices={spec.oov_indices} needs the hash of a string, for which ONNX has no operator"
        raise LayerError(what, STRINGS_HINT)
    if spec.oov_hash is None:
        return b.op("Mod", value, b.constant(spec.oov_indices, "oov_indices"))
    return remainder_of_digits(b, value, spec.oov_hash, spec.oov_indices)


def counted(spec: lookup.Vocabulary, b: Scope, places: str, x: Tensor, *weights: Tensor) -> Tensor:
    """The places as the spec's mode gives them; weights say how often each place counts."""
    y = encoded(spec, b, places, x, *weights)
    if spec.mode != "tf_idf":
        return y
    if spec.idf is None:
        return b.tensor(b.op("Mul", y.name, b.initializer(b.weight("idf_weights"), "idf_weights")))
    return b.tensor(b.op("Mul", y.name, b.constant(np.array(spec.idf, np.float32), "idf_weights")))


def look_up(
    b: Scope,
    value: str,
    table: Mapping[lookup.Token, lookup.Token] | Mapping[int, lookup.Token] | Mapping[str, int],
    default: lookup.Token,
) -> str:
    """LabelEncoder over whole numbers or strings, to either."""
    key, entry = (_KINDS[type(next(iter(part)))] for part in (table, table.values()))
    entries = {f"keys_{key}": list(table), f"values_{entry}": list(table.values())}
    return b.op("LabelEncoder", value, domain="ai.onnx.ml", **entries, **{f"default_{entry[:-1]}": default})
