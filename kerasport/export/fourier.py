"""Discrete Fourier transforms in ONNX: products with matrices of cosines and sines, in every opset."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasport.export.builder import Scope
from kerasport.export.layout import Tensor
from kerasport.export.registry import EXPORT
from kerasport.layers import fourier


@EXPORT.register(fourier.Fourier)
def transform(spec: fourier.Fourier, b: Scope, x: Tensor, *imaginary: Tensor) -> Tensor | tuple[Tensor, ...]:
    """MatMul."""
    real, imag = b.logical(x), b.logical(imaginary[0]) if imaginary else ""
    cosines, sines = _waves(spec)
    if spec.kind == "real":
        return b.tensor(_product(b, real, cosines)), b.tensor(_product(b, real, -sines))
    if spec.kind == "inverse_real":
        return b.tensor(b.op("Sub", _product(b, real, cosines), _product(b, imag, sines)))
    turn = sines if spec.kind == "inverse" else -sines
    first = b.op("Sub", _product(b, real, cosines), _product(b, imag, turn))
    second = b.op("Add", _product(b, real, turn), _product(b, imag, cosines))
    return b.tensor(first), b.tensor(second)


def _product(b: Scope, value: str, matrix: NDArray[Any]) -> str:
    return b.op("MatMul", value, b.constant(matrix.astype(np.float32), "waves"))


def _waves(spec: fourier.Fourier) -> tuple[NDArray[Any], NDArray[Any]]:
    """The matrices for the cosines and the sines, (values in, values out)."""
    rows = np.arange(spec.half if spec.kind == "inverse_real" else spec.length)
    columns = np.arange(spec.half if spec.kind == "real" else spec.length)
    # Whole turns are taken off before the angle is rounded.
    angles = 2 * np.pi / spec.length * (np.outer(rows, columns) % spec.length)
    weights = np.full(rows.shape, 1.0 / spec.length if spec.kind.startswith("inverse") else 1.0)
    if spec.kind == "inverse_real":
        # The other half has the same values, but for the first, and the middle of an even length.
        weights[1 : (spec.length + 1) // 2] *= 2
    return weights[:, None] * np.cos(angles), weights[:, None] * np.sin(angles)
