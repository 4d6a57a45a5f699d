"""Spectrograms in NumPy."""

from __future__ import annotations

import math

import numpy as np

from kerasport.layers import spectrograms
from kerasport.layers.spectrograms import EPSILON
from kerasport.reference.registry import REFERENCE, Array, Context
from kerasport.reference.spatial import same_padding


@REFERENCE.register(spectrograms.STFTSpectrogram)
def stft(spec: spectrograms.STFTSpectrogram, context: Context, x: Array) -> Array:
    """Frames, their products with the kernels, and what the mode makes of these."""
    sounds = x if spec.channels_first else np.swapaxes(x, 1, 2)
    frames = _frames(sounds, spec.frame_length, spec.frame_step, spec.padding == "same")
    parts = {role: frames @ context.weights[role][:, 0] for role in spec.parts}
    y = np.moveaxis(_of_mode(spec.mode, *parts.values()), 2, 3)  # (batch, channels, frequencies, frames)
    if spec.expands:
        return np.moveaxis(y, 3, 2) if spec.channels_first else y.transpose(0, 3, 2, 1)
    joined = y.reshape(len(y), -1, y.shape[3])
    return joined if spec.channels_first else np.swapaxes(joined, 1, 2)


def _frames(x: Array, length: int, step: int, same: bool) -> Array:
    """(..., samples) to (..., frames, length)."""
    if same:
        pads = same_padding(x.shape[-1], math.ceil(x.shape[-1] / step), length, step)
        x = np.pad(x, [(0, 0)] * (x.ndim - 1) + [pads])
    return np.lib.stride_tricks.sliding_window_view(x, length, axis=-1)[..., ::step, :]


def _of_mode(mode: str, *parts: Array) -> Array:
    if mode in ("real", "imag"):
        return parts[0]
    real, imaginary = parts
    if mode == "angle":
        return np.asarray(np.arctan2(imaginary, real))
    if mode == "stft":
        return np.concatenate([real, imaginary], axis=-1)
    power = real**2 + imaginary**2
    if mode == "psd":
        power[..., 1:-1] *= 2
        return np.asarray(power)
    magnitude = np.sqrt(np.maximum(power, EPSILON))
    return np.asarray(magnitude if mode == "magnitude" else np.log(np.maximum(magnitude, EPSILON)))


@REFERENCE.register(spectrograms.MelSpectrogram)
def mel(spec: spectrograms.MelSpectrogram, context: Context, x: Array) -> Array:
    """The fast Fourier transform of each frame, bands, decibels."""
    half = spec.fft_length // 2
    if half >= x.shape[-1]:
        raise ValueError(f"{half} samples cannot be mirrored of {x.shape[-1]}")
    mirrored = np.pad(x, [(0, 0)] * (x.ndim - 1) + [(half, half)], mode="reflect")
    frames = _frames(mirrored, spec.fft_length, spec.stride, same=False)
    power = np.abs(np.fft.rfft(frames * np.asarray(spec.window))) ** spec.exponent
    y = np.swapaxes(power @ spec.matrix(), -1, -2).astype(x.dtype)
    if spec.decibels:
        y = 10 * np.log10(np.maximum(y, spec.least)) - 10 * math.log10(spec.reference)
        y = np.maximum(y, y.max() - spec.range)
    return np.asarray(y, x.dtype)
