"""Linear algebra over the last two axes, by LAPACK through NumPy."""

from __future__ import annotations

import numpy as np

from kerasport.layers import matrices
from kerasport.reference.registry import REFERENCE, Array, Context


@REFERENCE.register(matrices.Solve)
def solve(spec: matrices.Solve, context: Context, a: Array, b: Array) -> Array:
    """``np.linalg.solve``."""
    return np.asarray(np.linalg.solve(a, b))


@REFERENCE.register(matrices.Determinant)
def determinant(spec: matrices.Determinant, context: Context, x: Array) -> tuple[Array, Array]:
    """``np.linalg.slogdet``."""
    sign, logarithm = np.linalg.slogdet(x)
    return np.asarray(sign), np.asarray(logarithm)


@REFERENCE.register(matrices.Cholesky)
def cholesky(spec: matrices.Cholesky, context: Context, x: Array) -> Array:
    """``np.linalg.cholesky``; NaN for matrices that are not positive definite."""
    return np.stack([_factor(matrix) for matrix in x.reshape(-1, *x.shape[-2:])]).reshape(x.shape)


def _factor(matrix: Array) -> Array:
    try:
        return np.asarray(np.linalg.cholesky(matrix))
    except np.linalg.LinAlgError:
        return np.full_like(matrix, np.nan)


@REFERENCE.register(matrices.SingularValues)
def singular_values(spec: matrices.SingularValues, context: Context, x: Array) -> Array:
    """``np.linalg.svd``."""
    return np.asarray(np.linalg.svd(x, compute_uv=False))


@REFERENCE.register(matrices.PseudoInverse)
def pseudo_inverse(spec: matrices.PseudoInverse, context: Context, x: Array) -> Array:
    """``np.linalg.pinv``."""
    return np.asarray(np.linalg.pinv(x, spec.cutoff))


@REFERENCE.register(matrices.Qr)
def qr(spec: matrices.Qr, context: Context, x: Array) -> tuple[Array, Array]:
    """``np.linalg.qr``."""
    q, r = np.linalg.qr(x, "complete" if spec.complete else "reduced")
    return np.asarray(q), np.asarray(r)
