"""Spectrograms in ONNX: a Fourier transform as a Conv whose kernels are waves."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from kerasport.export.builder import Scope
from kerasport.export.layout import Tensor
from kerasport.export.operators import arctan2
from kerasport.export.ops import reshape, unsqueeze
from kerasport.export.registry import EXPORT
from kerasport.export.spatial import padding_attributes
from kerasport.layers import spectrograms
from kerasport.layers.spectrograms import EPSILON


@EXPORT.register(spectrograms.STFTSpectrogram)
def stft(spec: spectrograms.STFTSpectrogram, b: Scope, x: Tensor) -> Tensor:
    """A Conv for each part, over the channels as batches, and what the mode makes of these."""
    samples, channels = spec.sizes(x.type)
    value = b.arrange(x, (0, 1, 2) if spec.channels_first else (0, 2, 1))
    value = value if channels == 1 else reshape(b, value, [-1, 1, 0 if samples is None else samples])
    pads = spec.window.pads(samples, spec.padding)
    options = {"strides": [spec.frame_step], **padding_attributes(None if pads is None else [pads])}
    kernels = [b.initializer(b.weight(role).transpose(2, 1, 0), role) for role in spec.parts]
    parts = [b.op("Conv", value, kernel, kernel_shape=[spec.frame_length], **options) for kernel in kernels]
    return _arranged(spec, b, _of_mode(spec, b, *parts), channels or 1)


def _of_mode(spec: spectrograms.STFTSpectrogram, b: Scope, *parts: str) -> str:
    """From parts (batch * channels, frequencies, frames)."""
    if spec.mode in ("real", "imag"):
        return parts[0]
    real, imaginary = parts
    if spec.mode == "angle":
        zero = b.constant(0.0, "zero")  # a transform's imaginary zeros have no sign
        unsigned = b.op("Where", b.op("Equal", imaginary, zero), zero, imaginary)
        return arctan2(b, "float32", unsigned, real)
    if spec.mode == "stft":
        return b.op("Concat", real, imaginary, axis=1)
    power = b.op("Add", *(b.op("Mul", part, part) for part in parts))
    if spec.mode == "psd":
        factors = np.full((spec.frequencies, 1), 2, np.float32)
        factors[[0, -1]] = 1
        return b.op("Mul", power, b.constant(factors, "factors"))
    magnitude = b.op("Sqrt", b.op("Max", power, b.constant(EPSILON, "epsilon")))
    if spec.mode == "magnitude":
        return magnitude
    return b.op("Log", b.op("Max", magnitude, b.constant(EPSILON, "epsilon")))


def _arranged(spec: spectrograms.STFTSpectrogram, b: Scope, value: str, channels: int) -> Tensor:
    """(batch * channels, frequencies, frames) in the order that the layer gives."""
    found = spec.frequencies * (2 if spec.mode == "stft" else 1)
    if spec.expands:
        value = unsqueeze(b, value, [1]) if channels == 1 else _split(b, value, [channels, found])
        return b.tensor(value, perm=(0, 1, 3, 2) if spec.channels_first else (0, 3, 2, 1))
    if channels > 1:
        value = _split(b, value, [channels * found])
    return b.tensor(value, perm=(0, 1, 2) if spec.channels_first else (0, 2, 1))


def _split(b: Scope, value: str, middle: list[int]) -> str:
    """(batch * channels, frequencies, frames) as (batch, *middle, frames), whatever the number of frames."""
    frames = b.op("Slice", b.op("Shape", value), b.constant([2], "start"), b.constant([3], "end"))
    return b.op("Reshape", value, b.op("Concat", b.constant([-1, *middle], "sizes"), frames, axis=0))


@EXPORT.register(spectrograms.MelSpectrogram)
def mel(spec: spectrograms.MelSpectrogram, b: Scope, x: Tensor) -> Tensor:
    """Pad, Conv, the magnitudes, and MatMul with the bands."""
    value = b.logical(x)
    value = unsqueeze(b, value, [1]) if x.type.rank == 2 else reshape(b, value, [-1, 1, 0])
    half = spec.fft_length // 2
    value = b.op("Pad", value, b.constant([0, 0, half, 0, 0, half], "pads"), mode="reflect")
    waves = b.constant(_waves(spec), "waves")
    both = b.op("Conv", value, waves, kernel_shape=[spec.fft_length], strides=[spec.stride])
    parts = b.op_n("Split", 2, both, b.constant([half + 1] * 2, "sizes"), axis=1)
    power = b.op("Add", *(b.op("Mul", part, part) for part in parts))
    if spec.exponent != 2:
        power = b.op("Pow", power, b.constant(spec.exponent / 2, "exponent"))
    y = b.op("MatMul", b.constant(np.ascontiguousarray(spec.matrix().T), "bands"), power)
    if spec.decibels:
        y = _decibels(spec, b, y)
    return b.tensor(y if x.type.rank == 2 else _split(b, y, [x.type.shape[1] or 0, spec.bands]))


def _waves(spec: spectrograms.MelSpectrogram) -> NDArray[np.float32]:
    """Cosines, then sines, times the window, as kernels (2 * frequencies, 1, fft_length)."""
    steps = np.arange(spec.fft_length)
    turns = np.outer(np.arange(spec.fft_length // 2 + 1), steps) % spec.fft_length * (2 * np.pi / spec.fft_length)
    waves = np.concatenate([np.cos(turns), -np.sin(turns)]) * np.asarray(spec.window)
    return np.asarray(waves[:, None], np.float32)


def _decibels(spec: spectrograms.MelSpectrogram, b: Scope, y: str) -> str:
    loud = b.op(
        "Mul", b.op("Log", b.op("Max", y, b.constant(spec.least, "least"))), b.constant(10 / math.log(10), "ten")
    )
    if spec.reference != 1:
        loud = b.op("Sub", loud, b.constant(10 * math.log10(spec.reference), "reference"))
    floor = b.op("Sub", b.op("ReduceMax", loud, keepdims=0), b.constant(spec.range, "range"))
    return b.op("Max", loud, floor)
