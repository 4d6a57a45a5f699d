"""ReversibleEmbedding in NumPy."""

from __future__ import annotations

import numpy as np

from kerasport.layers import reversible
from kerasport.reference import stored
from kerasport.reference.registry import REFERENCE, Array, Context


@REFERENCE.register(reversible.ReversibleEmbedding)
def reversible_embedding(spec: reversible.ReversibleEmbedding, context: Context, x: Array) -> Array:
    """Rows of the table; in reverse the products with all of them, bounded."""
    if not spec.reverse:
        return stored.kernel(spec.stored, spec.layout, context)[x.astype(np.int64)]
    value = stored.rounded(spec.stored, context, x, (-1,))
    if spec.tied:
        scores = np.einsum("...d,nd->...n", value, stored.kernel(spec.stored, spec.layout, context), optimize=True)
    else:
        scores = value @ stored.kernel(spec.reverse_stored, spec.reverse_layout, context)
    return scores if spec.cap is None else np.asarray(spec.cap * np.tanh(scores / spec.cap))
