"""Discrete Fourier transforms, fast ones, in NumPy."""

from __future__ import annotations

import numpy as np

from kerasport.layers import fourier
from kerasport.reference.registry import REFERENCE, Array, Context, Result


@REFERENCE.register(fourier.Fourier)
def transform(spec: fourier.Fourier, context: Context, x: Array, *imaginary: Array) -> Result:
    """``np.fft``."""
    if spec.kind == "real":
        y = np.fft.rfft(x)
    elif spec.kind == "inverse_real":
        return np.fft.irfft(x + 1j * imaginary[0], spec.length).astype(x.dtype)
    else:
        y = (np.fft.fft if spec.kind == "complex" else np.fft.ifft)(x + 1j * imaginary[0])
    return y.real.astype(x.dtype), y.imag.astype(x.dtype)
