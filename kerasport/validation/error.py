"""Measures the error of an array, in units of what rounding explains."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
_BLOCK = 1 << 15  # numbers
_SMALLEST = float(np.finfo(np.float32).tiny)
# The unit of a channel is at least this part of the unit of the largest one, and of a channel of which few values are
# seen more: what is near zero is a difference, often.
_QUIET = 2.0**-10
NOT_FINITE = "NaN or infinity in one and not in the other"
ROUNDING = "float32 has no more digits here: the reference's own error in it is as large"
OVERFLOW = "its values overflow float32, in Keras too"


@dataclass(frozen=True)
class Tolerance:
    """The allowed error.

    Without numbers, a layer's own error may be as large as a few roundings explain (``Unit``), and the error of
    outputs, accumulated over a chain of layers, ``|actual - expected| <= 1e-3 * |expected| + 1e-4 * max|expected|``.

    Attributes:
        rtol: Tolerance relative to each value; None for the default.
        atol: Tolerance relative to the largest value of the layer's output; None for the default.
        roundings: How many units of rounding a layer's own error may always have.
        noises: The allowed multiple of what float32 does to the reference, if that is more.
    """

    rtol: float | None = None
    atol: float | None = None
    roundings: float = 4.0
    noises: float = 24.0

    @property
    def by_numbers(self) -> bool:
        """Whether rtol and atol decide for layers, too."""
        return self.rtol is not None or self.atol is not None

    def limit(self, dtype: np.dtype[Any] = np.dtype(np.float32)) -> Limit:  # noqa: B008 (immutable)
        """What is allowed by rtol and atol for values that are computed in some dtype."""
        if self.by_numbers:
            return Limit(rtol=self.rtol or 0.0, atol=self.atol or 0.0)
        if dtype == np.float16:
            return Limit(rtol=2e-2, atol=2e-2)
        return Limit(rtol=1e-3, atol=1e-4)


@dataclass(frozen=True)
class Limit:
    """What error of one array is allowed: ``rtol * |expected| + atol * max|expected| + roundings * unit + slack``.

    Attributes:
        rtol: Relative to each value.
        atol: Relative to the largest value.
        roundings: In units.
        unit: What rounding explains in each channel (the last axis): shape (channels,), or ().
        slack: What is allowed beyond; 1 where real numbers are cut to whole ones.
    """

    rtol: float = 0.0
    atol: float = 0.0
    roundings: float = 0.0
    unit: Array = field(default_factory=lambda: np.zeros(()))
    slack: float = 0.0

    def with_noise(self, noise: Array, factor: float) -> Limit:
        """The limit where also some times an error of each channel is allowed, if that is more than the units.

        Args:
            noise: The error: shape (channels,), or ().
            factor: How many times that.
        """
        scale = factor / self.roundings if self.roundings else 0.0
        return replace(self, unit=np.maximum(self.unit, scale * noise))


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
        allowed: How many of these units are allowed; None where none are, or rtol and atol decide.
        just_passes: The tolerance, as rtol and atol alike, that would just pass.
        worst: Where the error is largest beside what is allowed.
        actual: What stands there; None where it is no number.
        expected: What should stand there.
        chained: The largest error relative to the largest value where the layer reads what the ONNX model's layers
            before it give, not the reference's values; None where that was not compared.
        folded: The layers that were folded into this one, and are judged with it.
        channels: How many channels the output has.
        dead: How many of them never changed.
        idle: What else no input has reached in it, in words: sides of its activation, gates, what it joins.
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
    idle: tuple[str, ...] = ()

    @property
    def asleep(self) -> str:
        """What no input has changed or reached in it, in words; "" for nothing."""
        return ", ".join([*([f"{self.dead} of {self.channels} channels"] if self.dead else []), *self.idle])


@dataclass(frozen=True)
class Measured:
    """A comparison of two arrays.

    Attributes:
        entry: The error.
        errors: The largest error of each channel in which it is not within the limit: shape (channels,), or ().
    """

    entry: LayerError
    errors: Array = field(default_factory=lambda: np.zeros(()))


def unit(expected: Array, length: int) -> Array:
    """What rounding explains in each channel: ``u * sqrt(length) * max|expected|``, where u is 2**-24 for float32.

    Each of ``length`` additions rounds to half a unit in the last place, up or down, so that errors add up like a
    random walk (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., section 2.8).

    Args:
        expected: The layer's output, channels last.
        length: How many numbers are added up for one value.

    Returns:
        Shape (channels,); () for an output without axes.
    """
    largest = _largest(expected)
    seen = max(expected.size // max(largest.size, 1), 1)
    quiet = max(_QUIET, 0.5 / seen)
    floor = max(float(largest.max(initial=0.0)) * quiet, _SMALLEST)
    half = float(np.finfo(expected.dtype).eps) / 2
    return np.asarray(half * length**0.5 * np.maximum(largest, floor))


def noise(single: Array, double: Array) -> Array:
    """What rounding has done to a layer that was computed in float32: its largest error in each channel.

    A channel in which chance has left no error has the mean one.

    Returns:
        Shape (channels,); () for an output without axes.
    """
    with np.errstate(invalid="ignore"):
        error = np.abs(single.astype(np.float64) - double)
    error = np.where(np.isfinite(error), error, 0.0)
    mean = float(np.sqrt((error * error).mean())) if error.size else 0.0
    return np.maximum(_largest(error), mean)


def _largest(array: Array) -> Array:
    """The largest finite absolute value of each channel."""
    axes = tuple(range(array.ndim - 1))
    high, low = array.max(axis=axes, initial=0.0), array.min(axis=axes, initial=0.0)
    largest = np.asarray(np.maximum(high, -low), np.float64)
    if np.isfinite(largest).all():
        return largest
    return np.asarray(np.where(np.isfinite(array), np.abs(array), 0.0).max(axis=axes, initial=0.0), np.float64)


def measure(name: str, class_name: str, actual: Array, expected: Array, limit: Limit) -> Measured:
    """Compares two arrays in the logical layout. NaN and infinity must stand in the same places.

    Args:
        name: The layer's call.
        class_name: What the layer is.
        actual: ONNX Runtime's array.
        expected: The reference's.
        limit: What is allowed.
    """
    if actual.shape != expected.shape:
        detail = f"its shape is {actual.shape} where {expected.shape} is right"
        return Measured(failed(name, class_name, expected.shape, detail))
    if "U" in (actual.dtype.kind, expected.dtype.kind):
        return Measured(_measured_strings(name, class_name, actual.astype("str"), expected.astype("str")))
    scale = float(_largest(expected).max(initial=0.0)) if expected.dtype.kind == "f" else _whole_scale(expected)
    found = _Difference(limit, scale, (0,) * expected.ndim, np.zeros(expected.shape[-1:]))
    for place, a, e in _blocks(actual, expected):
        if not found.add(place, a, e):
            return Measured(failed(name, class_name, expected.shape, NOT_FINITE))
    mean = found.total / found.count if found.count else 0.0
    entry = LayerError(
        name=name,
        class_name=class_name,
        shape=expected.shape,
        max_abs=found.worst,
        max_rel=found.worst / scale if scale else found.worst,
        mean_abs=mean,
        mean_rel=mean / scale if scale else mean,
        passed=found.ratio <= 1.0,
        roundings=found.ratio * limit.roundings,
        allowed=limit.roundings or None,
        just_passes=found.needed,
        worst=found.place if found.count else (),
        actual=float(actual[found.place]) if found.count else None,
        expected=float(expected[found.place]) if found.count else None,
    )
    return Measured(entry, found.errors)


def _whole_scale(expected: Array) -> float:
    return float(max(abs(int(expected.max(initial=0))), abs(int(expected.min(initial=0)))))


def failed(name: str, class_name: str, shape: tuple[int, ...], detail: str) -> LayerError:
    """The entry of what cannot be compared."""
    return LayerError(name, class_name, shape, np.inf, np.inf, np.inf, passed=False, detail=detail)


@dataclass
class _Difference:
    """What is known of a difference, block by block.

    Attributes:
        limit: What is allowed.
        scale: The largest absolute value expected.
        place: Where the error is largest beside what is allowed.
        errors: The largest error of each channel where it is more than what is allowed.
        ratio: The error there, over what is allowed.
        worst: The largest error.
        needed: The tolerance, as rtol and atol alike, that would just pass.
        total: The sum of the errors.
        count: How many finite values there are.
    """

    limit: Limit
    scale: float
    place: tuple[int, ...]
    errors: Array
    ratio: float = 0.0
    worst: float = 0.0
    needed: float = 0.0
    total: float = 0.0
    count: int = 0

    def add(self, place: tuple[int, ...], actual: Array, expected: Array) -> bool:
        """Takes a block in that begins at a place, unless other values are not finite in it than expected."""
        with np.errstate(invalid="ignore"):  # infinity less infinity
            error = np.abs(actual - expected)
        finite: Array | None = None
        if not np.isfinite(error.max(initial=0.0)):
            finite = np.isfinite(expected)
            if not np.array_equal(np.isfinite(actual), finite):
                return False
            if not np.array_equal(actual[~finite], expected[~finite], equal_nan=True):
                return False
            error, expected = np.where(finite, error, 0.0), np.where(finite, expected, 0.0)
        self.count += error.size if finite is None else int(finite.sum())
        largest = float(error.max(initial=0.0))
        if not largest:
            return True
        self.worst = max(self.worst, largest)
        self.total += float(error.sum())
        size = np.abs(expected)
        self.needed = max(self.needed, float((error / (size + self.scale + _SMALLEST)).max()))
        ratio = error / self._allowed(size)
        index = int(ratio.argmax())
        if ratio.flat[index] > 1.0:
            self.errors = np.maximum(self.errors, error.max(axis=tuple(range(error.ndim - 1)), initial=0.0))
        if ratio.flat[index] > self.ratio:
            self.ratio = float(ratio.flat[index])
            inner = np.unravel_index(index, ratio.shape)
            missing = len(place) - ratio.ndim
            self.place = (*place[:missing], *(int(a) + b for a, b in zip(inner, place[missing:], strict=True)))
        return True

    def _allowed(self, size: Array) -> Array:
        limit = self.limit
        allowed = limit.roundings * limit.unit + limit.atol * self.scale + limit.slack + _SMALLEST
        return np.asarray(allowed + limit.rtol * size if limit.rtol else allowed)


def _blocks(actual: Array, expected: Array) -> Iterator[tuple[tuple[int, ...], Array, Array]]:
    """Both arrays in float64, some samples at a time, or some rows of a sample, and where each block begins."""
    row = max(prod(actual.shape[2:]), 1)
    nowhere = (0,) * actual.ndim
    if actual.size <= _BLOCK:
        yield nowhere, _double(actual), _double(expected)
        return
    if actual.ndim < 2 or row * actual.shape[1] <= _BLOCK:
        step = max(_BLOCK // max(prod(actual.shape[1:]), 1), 1)
        for start in range(0, len(actual), step):
            part = slice(start, start + step)
            yield (start, *nowhere[1:]), _double(actual[part]), _double(expected[part])
        return
    step = max(_BLOCK // row, 1)
    for sample, (a, e) in enumerate(zip(actual, expected, strict=True)):
        for start in range(0, len(a), step):
            part = slice(start, start + step)
            yield (sample, start, *nowhere[2:]), _double(a[part]), _double(e[part])


def _double(array: Array) -> Array:
    return array.astype(np.float64, order="C", copy=False)


def _measured_strings(name: str, class_name: str, actual: Array, expected: Array) -> LayerError:
    """Strings are the same or not; the error is 1 where one is not."""
    wrong = np.argwhere(actual != expected)
    if not len(wrong):
        return LayerError(name, class_name, expected.shape, 0.0, 0.0, 0.0, passed=True)
    place = tuple(int(index) for index in wrong[0])
    detail = f"at {place} it gives {str(actual[place])[:40]!r} where {str(expected[place])[:40]!r} is right"
    mean = len(wrong) / expected.size
    return LayerError(
        name, class_name, expected.shape, 1.0, 1.0, mean, passed=False, detail=detail, mean_rel=mean, worst=place
    )
