"""How far an array is from what it should be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
_BLOCK = 1 << 15  # numbers
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
        name: The layer's call, or the output.
        class_name: What the layer is; "output" for an output.
        shape: The output's shape.
        max_abs: The largest absolute error.
        max_rel: The largest error relative to the output's largest value.
        mean_abs: The mean absolute error.
        passed: Whether all values are within tolerance.
        detail: Why not, or why all the same, when it is not a matter of numbers.
        mean_rel: The mean error relative to the output's largest value.
        roundings: The largest error in units of what rounding to the layer's dtype explains.
        allowed: How many of these units are allowed; None where rtol and atol decide.
        just_passes: The tolerance, as rtol and atol alike, that would just pass.
        worst: Where the error is largest beside what is allowed.
        actual: What stands there; None where it is no number.
        expected: What should stand there.
        chained: The largest error relative to the largest value where the layer reads what the ONNX model's layers
            before it give, not the reference's values; None where that was not compared.
        folded: The layers that were folded into this one, and are judged with it.
        channels: How many channels the output has.
        dead: How many of them never changed.
    """

    name: str
    class_name: str
    shape: tuple[int, ...]
    max_abs: float
    max_rel: float
    mean_abs: float
    passed: bool
    detail: str = ""
    mean_rel: float = 0.0
    roundings: float = 0.0
    allowed: float | None = None
    just_passes: float = 0.0
    worst: tuple[int, ...] = ()
    actual: float | None = None
    expected: float | None = None
    chained: float | None = None
    folded: tuple[str, ...] = ()
    channels: int = 0
    dead: int = 0


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
    found = _Difference()
    for a, e in _blocks(actual, expected):
        if not found.add(a, e, tolerance.rtol):
            return LayerError(name, class_name, expected.shape, np.inf, np.inf, np.inf, passed=False, detail=NOT_FINITE)
    scale, worst = found.scale, found.worst
    return LayerError(
        name=name,
        class_name=class_name,
        shape=expected.shape,
        max_abs=worst,
        max_rel=worst / scale if scale else worst,
        mean_abs=found.total / found.count if found.count else 0.0,
        passed=found.excess <= tolerance.atol * scale + slack,
    )


@dataclass
class _Difference:
    """What is known of a difference, block by block.

    Attributes:
        scale: The largest absolute value expected.
        worst: The largest error.
        total: The sum of the errors.
        count: How many finite values there are.
        excess: How far an error is above what is allowed relative to its own value.
    """

    scale: float = 0.0
    worst: float = 0.0
    total: float = 0.0
    count: int = 0
    excess: float = 0.0

    def add(self, actual: Array, expected: Array, rtol: float) -> bool:
        """Takes a block in, unless other values are not finite in it than in what is expected."""
        size = np.abs(expected)
        with np.errstate(invalid="ignore"):  # infinity less infinity
            error = np.abs(actual - expected)
        if not np.isfinite(error.max(initial=0.0)):
            finite = np.isfinite(expected)
            if not np.array_equal(np.isfinite(actual), finite):
                return False
            if not np.array_equal(actual[~finite], expected[~finite], equal_nan=True):
                return False
            size, error = size[finite], error[finite]
        self.scale = max(self.scale, float(size.max(initial=0.0)))
        self.worst = max(self.worst, float(error.max(initial=0.0)))
        self.total += float(error.sum())
        self.count += error.size
        self.excess = max(self.excess, float((error - rtol * size).max(initial=0.0)))
        return True


def _blocks(actual: Array, expected: Array) -> Iterator[tuple[Array, Array]]:
    """Both arrays in float64: some samples at a time, or some rows of a sample."""
    row = max(prod(actual.shape[2:]), 1)
    if actual.size <= _BLOCK:
        pairs = [(actual[None], expected[None])]
    elif actual.ndim < 2 or row * actual.shape[1] <= _BLOCK:
        pairs, row = [(actual, expected)], max(prod(actual.shape[1:]), 1)
    else:
        pairs = list(zip(actual, expected, strict=True))
    step = max(_BLOCK // row, 1)
    for a, e in pairs:
        for start in range(0, len(a), step):
            part = slice(start, start + step)
            yield a[part].astype(np.float64, order="C"), e[part].astype(np.float64, copy=False)


def _measured_strings(name: str, class_name: str, actual: Array, expected: Array) -> LayerError:
    """Strings are the same or not; the error is 1 where one is not."""
    wrong = np.argwhere(actual != expected)
    if not len(wrong):
        return LayerError(name, class_name, expected.shape, 0.0, 0.0, 0.0, passed=True)
    place = tuple(int(index) for index in wrong[0])
    detail = f"at {place} it gives {str(actual[place])[:40]!r} where {str(expected[place])[:40]!r} is right"
    mean = len(wrong) / expected.size
    return LayerError(name, class_name, expected.shape, 1.0, 1.0, mean, passed=False, detail=detail)
