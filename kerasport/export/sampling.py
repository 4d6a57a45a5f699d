"""The weights for resizing images, computed at run time if the sizes are unknown."""

from __future__ import annotations

import math

import numpy as np

from kerasport.export.builder import Scope
from kerasport.export.layout import Tensor
from kerasport.export.ops import reduce
from kerasport.export.resampling import KERNELS, TABLE_STEPS


def matrix_by_shape(b: Scope, x: Tensor, axis: int, size: int, interpolation: str, antialias: bool) -> str:
    """What each old pixel of a logical axis counts for each new one, (size, length), with a sum of 1 each."""
    length = b.op("Gather", b.once("Shape", x.name), b.constant(x.stored_axis(axis), "axis"))
    pixels = _float(b, b.op("Range", b.constant(0, "start"), length, b.constant(1, "step")))
    step = b.op("Div", _float(b, length), b.constant(float(size), "size"))
    if interpolation == "area":
        weights = _shared(b, pixels, step, size)
    else:
        weights = _by_distance(b, pixels, step, size, interpolation, antialias)
    return b.op("Div", weights, reduce(b, "ReduceSum", weights, [1], keepdims=True))


def _float(b: Scope, value: str) -> str:
    return b.op("Cast", value, to=1)


def _shared(b: Scope, pixels: str, step: str, size: int) -> str:
    """How much of each old pixel lies in each new one."""
    ends = [b.op("Mul", b.constant(np.arange(first, size + first, dtype=np.float32)[:, None], "edges"), step)
            for first in (0, 1)]  # fmt: skip
    last = b.op("Min", ends[1], b.op("Add", pixels, b.constant(1.0, "one")))
    return b.op("Max", b.op("Sub", last, b.op("Max", ends[0], pixels)), b.constant(0.0, "zero"))


def _by_distance(b: Scope, pixels: str, step: str, size: int, interpolation: str, antialias: bool) -> str:
    centres = b.constant((np.arange(size, dtype=np.float32) + np.float32(0.5))[:, None], "centres")
    points = b.op("Sub", b.op("Mul", centres, step), b.constant(0.5, "half"))
    if interpolation == "bicubic" and not antialias:
        whole, steps = b.op("Floor", points), b.constant(float(TABLE_STEPS), "steps")
        share = b.op("Div", b.op("Round", b.op("Mul", b.op("Sub", points, whole), steps)), steps)
        points = b.op("Add", whole, share)
    distance = b.op("Abs", b.op("Sub", points, pixels))
    if antialias:
        distance = b.op("Div", distance, b.op("Max", step, b.constant(1.0, "one")))
    radius = 1.0 if interpolation == "bilinear" else KERNELS[interpolation][0]
    inside = b.op("Less", distance, b.constant(radius, "radius"))
    return b.op("Where", inside, _kernel(b, interpolation, distance), b.constant(0.0, "zero"))


def _kernel(b: Scope, interpolation: str, x: str) -> str:
    """The weight by distance, within the radius; see ``resampling.KERNELS``."""
    if interpolation == "bilinear":
        return b.op("Sub", b.constant(1.0, "one"), x)
    if interpolation == "gaussian":
        return b.op("Exp", b.op("Mul", b.op("Mul", x, x), b.constant(-2.0, "spread")))
    if interpolation.startswith("lanczos"):
        radius = float(interpolation[-1])
        angle = b.op("Mul", b.op("Max", x, b.constant(1e-6, "least")), b.constant(math.pi, "pi"))
        narrow = b.op("Div", angle, b.constant(radius, "radius"))
        waves = b.op("Mul", b.op("Sin", angle), b.op("Sin", narrow))
        return b.op("Div", waves, b.op("Mul", angle, narrow))
    near, far = {
        "bicubic": ((1.5, -2.5, 0.0, 1.0), (-0.5, 2.5, -4.0, 2.0)),
        "mitchellcubic": ((7 / 6, -2.0, 0.0, 8 / 9), (-7 / 18, 2.0, -10 / 3, 16 / 9)),
    }[interpolation]
    return b.op("Where", b.op("Less", x, b.constant(1.0, "one")), _polynomial(b, x, near), _polynomial(b, x, far))


def _polynomial(b: Scope, x: str, coefficients: tuple[float, ...]) -> str:
    """By Horner's rule, the highest power first."""
    first, *rest = (b.constant(float(c), "coefficient") for c in coefficients)
    y = first
    for coefficient in rest:
        y = b.op("Add", b.op("Mul", y, x), coefficient)
    return y
