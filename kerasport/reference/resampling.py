"""Zero padding, cropping and upsampling, in NumPy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from kerasport.layers import resampling
from kerasport.reference.registry import REFERENCE, Array, Context
from kerasport.reference.spatial import channels_last, padded, restored


@REFERENCE.register(resampling.ZeroPadding1D, resampling.ZeroPadding2D, resampling.ZeroPadding3D)
def zero_padding(spec: resampling.ZeroPadding, context: Context, x: Array) -> Array:
    """Zeros around the data."""
    return restored(spec, padded(channels_last(spec, x), spec.padding), x)


@REFERENCE.register(resampling.Cropping1D, resampling.Cropping2D, resampling.Cropping3D)
def cropping(spec: resampling.Cropping, context: Context, x: Array) -> Array:
    """A slice of each spatial axis."""
    cut = dict(zip(spec.space(x.ndim), spec.cropping, strict=True))
    slices = [slice(cut[i][0], n - cut[i][1]) if i in cut else slice(None) for i, n in enumerate(x.shape)]
    return x[tuple(slices)]


@REFERENCE.register(resampling.UpSampling1D, resampling.UpSampling2D, resampling.UpSampling3D)
def up_sampling(spec: resampling.UpSampling, context: Context, x: Array) -> Array:
    """Repetition, or an interpolation axis after axis."""
    for axis, factor in zip(spec.space(x.ndim), spec.size, strict=True):
        if spec.repeats:
            x = np.repeat(x, factor, axis)
        else:
            x = np.moveaxis(_interpolated(spec, np.moveaxis(x, axis, 0), factor), 0, axis)
    return x


def _interpolated(spec: resampling.UpSampling, x: Array, factor: int) -> Array:
    """The first axis resampled: tap by tap, the pixels around each point, weighed by their distance.

    Pixels beyond the edges count for nothing; unless the spec says that they are zero, the weights of the others are
    scaled to a sum of 1.
    """
    kernel, radius = KERNELS[spec.interpolation]
    steps = np.arange(len(x) * factor)
    points = (steps + 0.5) / factor - 0.5 if spec.half_pixel else steps / factor
    if spec.interpolation == "bicubic":  # TensorFlow's table of weights has 1024 steps a pixel
        points = np.round(points * 1024) / 1024
    first = np.ceil(points - radius).astype(int)
    y = np.zeros((len(points), *x.shape[1:]), x.dtype)
    total = np.zeros(len(points))
    for tap in range(int(2 * radius) + 1):
        pixels = first + tap
        weights = np.where((pixels >= 0) & (pixels < len(x)), kernel(np.abs(points - pixels)), 0.0)
        total += weights
        y += weights.reshape(-1, *[1] * (x.ndim - 1)).astype(x.dtype) * x[np.clip(pixels, 0, len(x) - 1)]
    return y if spec.fades else np.asarray(y / total.reshape(-1, *[1] * (x.ndim - 1)).astype(x.dtype))


def _cubic(distance: Array, b: float, c: float) -> Array:
    """Mitchell and Netravali's family of cubics, https://doi.org/10.1145/54852.378514, equation 8."""
    near = ((12 - 9 * b - 6 * c) * distance**3 + (-18 + 12 * b + 6 * c) * distance**2 + 6 - 2 * b) / 6
    far = -(b + 6 * c) * distance**3 + (6 * b + 30 * c) * distance**2 - (12 * b + 48 * c) * distance + 8 * b + 24 * c
    return np.where(distance < 1, near, np.where(distance < 2, far / 6, 0.0))


def _lanczos(distance: Array, radius: int) -> Array:
    return np.where(distance < radius, np.sinc(distance) * np.sinc(distance / radius), 0.0)


def _gaussian(distance: Array) -> Array:
    return np.where(distance < 1.5, np.exp(-2 * distance**2), 0.0)


# A function of the distance in pixels, and how far it reaches.
KERNELS: dict[str, tuple[Callable[[Array], Array], float]] = {
    "bilinear": (lambda distance: np.maximum(1 - distance, 0), 1),
    "bicubic": (lambda distance: _cubic(distance, 0, 0.5), 2),
    "mitchellcubic": (lambda distance: _cubic(distance, 1 / 3, 1 / 3), 2),
    "gaussian": (_gaussian, 1.5),
    "lanczos3": (lambda distance: _lanczos(distance, 3), 3),
    "lanczos5": (lambda distance: _lanczos(distance, 5), 5),
}
