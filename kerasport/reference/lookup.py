"""Lookups of strings and numbers, with Python dictionaries."""

from __future__ import annotations

import numpy as np

from kerasport.layers import lookup
from kerasport.reference.categorical import encoded
from kerasport.reference.hashes import digest
from kerasport.reference.registry import REFERENCE, Array, Context


@REFERENCE.register(lookup.Lookup)
def lookup_(spec: lookup.Lookup, context: Context, x: Array) -> Array:
    """Places in the vocabulary; inverted, the vocabulary at the places."""
    if spec.invert:
        return _tokens_at(spec, x.astype(np.int64))
    return counted(spec, context, placed(spec, x))


def placed(spec: lookup.Vocabulary, x: Array) -> Array:
    """The places of tokens, each looked up for itself."""
    places = spec.places
    flat = [places[token] if token in places else _oov_place(spec, token) for token in x.ravel().tolist()]
    return np.array(flat, np.int64).reshape(x.shape)


def counted(spec: lookup.Vocabulary, context: Context, places: Array) -> Array:
    """The places as the spec's mode gives them."""
    y = encoded(spec, context, places)
    if spec.mode != "tf_idf":
        return y
    return np.asarray(y * context.weights.get("idf_weights", np.array(spec.idf or 1)), context.dtype)


def _oov_place(spec: lookup.Vocabulary, token: lookup.Token) -> int:
    if spec.oov_indices < 2:
        return spec.oov_start if spec.oov_indices else -1
    number = token if spec.oov_hash is None else digest(spec.oov_hash, str(token).encode())
    return int(number) % spec.oov_indices + spec.oov_start


def _tokens_at(spec: lookup.Lookup, x: Array) -> Array:
    tokens = dict(enumerate(spec.tokens, spec.token_start))
    if spec.mask_token is not None:
        tokens[0] = spec.mask_token
    flat = [tokens.get(place, spec.oov_token) for place in x.ravel().tolist()]
    return np.array(flat, "str" if spec.holds == "string" else np.int64).reshape(x.shape)
