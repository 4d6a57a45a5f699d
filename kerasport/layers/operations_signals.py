"""Signal operations: Fourier transforms and framing; under Keras 3's names, TensorFlow's own under ``tf.`` names."""

from __future__ import annotations

from typing import Any

import numpy as np

from kerasport.errors import LayerError
from kerasport.layers.arguments import Arguments, Parser, Result, Step, register
from kerasport.layers.base import Value
from kerasport.layers.fourier import Fourier
from kerasport.layers.operations import combined, then
from kerasport.layers.operations_axes import total
from kerasport.layers.operations_shapes import counted, length_of
from kerasport.layers.operators import ExpandDims, GetItem, Join
from kerasport.layers.products import Gather
from kerasport.layers.shaping import Pad, Reshape, Transpose


def _pair(call: Arguments) -> list[Value]:
    """The real and the imaginary parts."""
    parts = [call.floating(x) for x in call.tensors("x", 0)]
    if len(parts) != 2:
        raise LayerError(f"{len(parts)} tensors where a real and an imaginary part are needed")
    return parts


def _size(x: Value) -> int:
    size = x.type.shape[-1] if x.type.rank else None
    if size is None:
        raise LayerError("a Fourier transform of an unknown number of values is not supported")
    return size


def _fitted(call: Arguments, x: Value, length: int) -> Value:
    """The last axis cut, or filled up with zeros."""
    size = _size(x)
    if length < size:
        return call.emit(GetItem(index=(Ellipsis, (None, length, None))), x)
    pairs = ((0, 0),) * (x.type.rank - 1) + ((0, length - size),)
    return call.emit(Pad(pairs=pairs), x) if length > size else x


def _complex(kind: str, axes: int) -> Parser:
    def parse(call: Arguments) -> Result:
        parts = _pair(call)
        for _ in range(axes - 1):
            parts = _across(call, kind, parts)
        return Step(Fourier(length=_size(parts[0]), kind=kind), tuple(parts))

    return parse


def _across(call: Arguments, kind: str, parts: list[Value]) -> list[Value]:
    """The transform along the last axis but one."""
    rank = parts[0].type.rank
    order = Transpose(perm=(*range(rank - 2), rank - 1, rank - 2))
    turned = [call.emit(order, part) for part in parts]
    found = call.emit_all(Fourier(length=_size(turned[0]), kind=kind), *turned)
    return [call.emit(order, part) for part in found]


register("FFT")(_complex("complex", 1))
register("FFT2")(_complex("complex", 2))
register("IFFT2")(_complex("inverse", 2))


@register("RFFT")
def _rfft(call: Arguments) -> Result:
    x, length = call.floating(call.tensor("x", 0)), call.get("fft_length", 1)
    length = _size(x) if length is None else call.integer("fft_length", 1)
    return Step(Fourier(length=length, kind="real"), (_fitted(call, x, length),))


@register("IRFFT")
def _irfft(call: Arguments) -> Step:
    parts, given = _pair(call), call.get("fft_length", 1)
    length = 2 * (_size(parts[0]) - 1) if given is None else call.integer("fft_length", 1)
    return inverse_real(call, parts, length)


def inverse_real(call: Arguments, parts: list[Value], length: int) -> Step:
    """The real values of a length that half a transform tells."""
    fitted = tuple(_fitted(call, part, length // 2 + 1) for part in parts)
    return Step(Fourier(length=length, kind="inverse_real"), fitted)


# --- frames


@register("ExtractSequences")
def _extract_sequences(call: Arguments) -> Step:
    return framed(call, call.tensor("x", 0), call.integer("sequence_length", 1), call.integer("sequence_stride", 2))


def framed(call: Arguments, x: Value, length: int, step: int) -> Step:
    """All whole frames of a length, each a step after the one before, in the place of the last axis."""
    size = x.type.shape[-1]
    within = list(range(length))
    if size is not None:
        count = max((size - length) // step + 1, 0)
        return Step(Gather(axis=-1), (x, call.value([[i * step + place for place in within] for i in range(count)])))
    room = combined(call, "subtract", length_of(call, x, x.type.rank - 1), length)
    count_of = combined(call, "add", combined(call, "floor_divide", room, step), 1)
    starts = combined(call, "multiply", counted(call, count_of), step)
    return Step(Gather(axis=-1), (x, combined(call, "add", call.emit(ExpandDims(axes=(-1,)), starts), tuple(within))))


def window_of(raw: Any, length: int, whole: int) -> np.ndarray[Any, Any] | None:
    """A window in the middle of as many values as a transform has; None for none."""
    if raw is None:
        return None
    if raw in ("hann", "hamming"):
        low = 0.5 if raw == "hann" else 0.54
        found = low - (1 - low) * np.cos(2 * np.pi * np.arange(length) / length)
    elif isinstance(raw, list | tuple) and len(raw) == length:
        found = np.asarray(raw, np.float64)
    else:
        raise LayerError(f"window={str(raw)[:60]} is not supported")
    left = (whole - length) // 2
    return np.pad(found, (left, whole - length - left))


def _lengths(call: Arguments) -> tuple[int, int, int]:
    length, step, whole = (call.integer(name) for name in ("sequence_length", "sequence_stride", "fft_length"))
    if whole < length or step < 1:
        raise LayerError(f"fft_length={whole} and sequence_length={length} are not supported")
    return length, step, whole


@register("STFT")
def _stft(call: Arguments) -> Result:
    x, (length, step, whole) = call.floating(call.tensor("x", 0)), _lengths(call)
    if call.get("center", default=True):
        pairs = ((0, 0),) * (x.type.rank - 1) + ((whole // 2, whole // 2),)
        x = call.emit(Pad(pairs=pairs, mode="reflect"), x)
    frames = then(call, framed(call, x, whole, step))
    window = window_of(call.get("window", default="hann"), length, whole)
    if window is not None:
        frames = combined(call, "multiply", frames, tuple(window.tolist()))
    return Step(Fourier(length=whole, kind="real"), (frames,))


@register("ISTFT")
def _istft(call: Arguments) -> Step:
    parts, (length, step, whole) = _pair(call), _lengths(call)
    frames = then(call, inverse_real(call, parts, whole))
    window = window_of(call.get("window", default="hann"), length, whole)
    if window is not None:
        frames = combined(call, "multiply", frames, tuple(_inverse_window(window, step).tolist()))
    x, centered, wanted = overlapped(call, frames, step), call.get("center", default=True), call.get("length")
    start = whole // 2 if centered else 0
    stop = start + call.integer("length") if wanted is not None else -(whole // 2) if centered else None
    return Step(GetItem(index=(Ellipsis, (start, stop, None))), (x,))


def _inverse_window(window: np.ndarray[Any, Any], step: int) -> np.ndarray[Any, Any]:
    """The window by the sum of all windows' squares that overlap it."""
    parts = -(-len(window) // step)
    squares = np.pad(window**2, (0, parts * step - len(window))).reshape(parts, step).sum(axis=0)
    return np.asarray(window / np.tile(squares, parts)[: len(window)])


def overlapped(call: Arguments, frames: Value, step: int) -> Value:
    """The sum of frames, (..., frames, values), each put a step after the one before.

    The frames are cut into parts of a step's length, so that what is summed stands in the same row of a table.
    """
    count, size = frames.type.shape[-2:]
    if count is None or size is None:
        raise LayerError("an unknown number of frames is not supported")
    rank, parts = frames.type.rank, -(-size // step)
    filled = _fitted(call, frames, parts * step)
    rows: list[Value] = []
    for part in range(parts):
        piece = call.emit(GetItem(index=(Ellipsis, (part * step, (part + 1) * step, None))), filled)
        pairs = ((0, 0),) * (rank - 2) + ((part, parts - 1 - part), (0, 0))
        rows.append(call.emit(ExpandDims(axes=(0,)), call.emit(Pad(pairs=pairs), piece)))
    table = total(call, "sum", call.emit(Join(axis=0), *rows), (0,))
    leading = [-1 if dim is None else dim for dim in table.type.shape[:-2]]
    if leading.count(-1) > 1:
        raise LayerError(f"frames of the shape {frames.type.shape} are not supported")
    flat = call.emit(Reshape(shape=(*leading, (count + parts - 1) * step)), table)
    return _fitted(call, flat, size + step * (count - 1))
