"""Hashing, HashedCrossing and CategoryCrossing, value by value."""

from __future__ import annotations

from itertools import product

import numpy as np

from kerasport.layers import hashing
from kerasport.reference.categorical import encoded
from kerasport.reference.hashes import crossed, digest, fingerprint
from kerasport.reference.registry import REFERENCE, Array, Context

_SEED = 0xDECAFCAFFE


@REFERENCE.register(hashing.Hashing)
def hashing_(spec: hashing.Hashing, context: Context, x: Array) -> Array:
    """The hash of each value's text, by its remainder."""
    values = (x.astype(np.int64) if x.dtype.kind == "f" else x).ravel().tolist()
    bins = [digest(spec.hash, str(value).encode()) % spec.bins for value in values]
    if spec.mask is not None:
        bins = [0 if value == spec.mask else bin_ + 1 for value, bin_ in zip(values, bins, strict=True)]
    return encoded(spec, context, np.array(bins, np.int64).reshape(x.shape))


@REFERENCE.register(hashing.HashedCrossing)
def hashed_crossing(spec: hashing.HashedCrossing, context: Context, *inputs: Array) -> Array:
    """One hash after the other; a number is its own."""
    result = [_SEED] * inputs[0].size
    for x in inputs:
        hashes = (fingerprint(v.encode()) if isinstance(v, str) else v % (1 << 64) for v in x.ravel().tolist())
        result = [crossed(before, value) for before, value in zip(result, hashes, strict=True)]
    bins = np.array([value % spec.depth for value in result], np.int64)
    return encoded(spec, context, bins.reshape(inputs[0].shape))


@REFERENCE.register(hashing.CategoryCrossing)
def category_crossing(spec: hashing.CategoryCrossing, context: Context, *inputs: Array) -> Array:
    """Every value of the first input with every one of the second, and so on, the last one's fastest."""
    groups = spec.groups(len(inputs))
    joined = [
        [spec.separator.join(map(str, values)) for group in groups for values in product(*(row[i] for i in group))]
        for row in zip(*(x.tolist() for x in inputs), strict=True)
    ]
    width = sum(int(np.prod([inputs[i].shape[1] for i in group])) for group in groups)
    return np.array(joined, "str").reshape(len(inputs[0]), width)
