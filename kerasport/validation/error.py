"""How far an array is from what it should be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
NOT_FINITE = "NaN or infinity in one and not in the other"
ROUNDING = "float32 has no more digits here: the reference's own error in it is as large"
OVERFLOW = "its values overflow float32, in Keras too"


@dataclass(frozen=True)
class Tolerance:
    """``|actual - expected| <= rtol * |expected| + atol * max|expected|``.

    Attributes:
        rtol: Relative to each value.
        atol: Relative to the largest value of the layer's output, which is what rounding scales with.
    """

    rtol: float = 1e-3
    atol: float = 1e-4


@dataclass(frozen=True)
class LayerError:
    """The error of one layer's output.

    Attributes:
        name: The layer's call.
        class_name: What the layer is.
        shape: The output's shape.
        max_abs: The largest absolute error.
        max_rel: The largest error relative to the output's largest value.
        mean_abs: The mean absolute error.
        passed: Whether all values are within tolerance.
        detail: Why not, when it is not a matter of numbers.
    """

    name: str
    class_name: str
    shape: tuple[int, ...]
    max_abs: float
    max_rel: float
    mean_abs: float
    passed: bool
    detail: str = ""


def measure(
    name: str, class_name: str, actual: Array, expected: Array, tolerance: Tolerance, slack: float = 0.0
) -> LayerError:
    """Compares two arrays in the logical layout. NaN and infinity must stand in the same places.

    Args:
        name: The layer's call.
        class_name: What the layer is.
        actual: ONNX Runtime's array.
        expected: The reference's.
        tolerance: What is allowed.
        slack: What is allowed beyond that; 1 where real numbers are cut to whole ones.
    """
    if actual.shape != expected.shape:
        detail = f"its shape is {actual.shape} where {expected.shape} is right"
        return LayerError(name, class_name, expected.shape, np.inf, np.inf, np.inf, passed=False, detail=detail)
    if "U" in (actual.dtype.kind, expected.dtype.kind):
        return _measured_strings(name, class_name, actual.astype("str"), expected.astype("str"))
    a, e = actual.astype(np.float64), expected.astype(np.float64)
    finite = np.isfinite(e)
    if not np.array_equal(np.isfinite(a), finite) or not np.array_equal(a[~finite], e[~finite], equal_nan=True):
        return LayerError(name, class_name, expected.shape, np.inf, np.inf, np.inf, passed=False, detail=NOT_FINITE)
    a, e = a[finite], e[finite]
    if not e.size:
        return LayerError(name, class_name, expected.shape, 0.0, 0.0, 0.0, passed=True)
    difference = np.abs(a - e)
    scale = float(np.abs(e).max())
    worst = float(difference.max())
    return LayerError(
        name=name,
        class_name=class_name,
        shape=expected.shape,
        max_abs=worst,
        max_rel=worst / scale if scale else worst,
        mean_abs=float(difference.mean()),
        passed=bool((difference <= tolerance.rtol * np.abs(e) + tolerance.atol * scale + slack).all()),
    )


def _measured_strings(name: str, class_name: str, actual: Array, expected: Array) -> LayerError:
    """Strings are the same or not; the error is 1 where one is not."""
    wrong = np.argwhere(actual != expected)
    if not len(wrong):
        return LayerError(name, class_name, expected.shape, 0.0, 0.0, 0.0, passed=True)
    place = tuple(int(index) for index in wrong[0])
    detail = f"at {place} it gives {str(actual[place])[:40]!r} where {str(expected[place])[:40]!r} is right"
    mean = len(wrong) / expected.size
    return LayerError(name, class_name, expected.shape, 1.0, 1.0, mean, passed=False, detail=detail)
