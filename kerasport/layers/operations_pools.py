"""Pooling as operations, under Keras 3's names; TensorFlow's own under ``tf.`` names."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from itertools import product

from kerasport.errors import LayerError
from kerasport.layers.arguments import Arguments, Parser, Result, Step, register
from kerasport.layers.base import Value
from kerasport.layers.operations import binary, then
from kerasport.layers.operations_convolutions import is_channels_first, padding, spatial
from kerasport.layers.operators import GetItem
from kerasport.layers.pooling import (
    AdaptiveAveragePooling1D,
    AdaptiveAveragePooling2D,
    AdaptiveAveragePooling3D,
    AdaptiveMaxPooling1D,
    AdaptiveMaxPooling2D,
    AdaptiveMaxPooling3D,
    AdaptivePooling,
    AveragePooling1D,
    AveragePooling2D,
    AveragePooling3D,
    MaxPooling1D,
    MaxPooling2D,
    MaxPooling3D,
    Pooling,
)
from kerasport.layers.shaping import Pad
from kerasport.layers.spatial import Window

_FAR = 3e38  # beyond all values, and still a number with a kernel added
_POOLS: dict[bool, tuple[type[Pooling], ...]] = {
    True: (MaxPooling1D, MaxPooling2D, MaxPooling3D),
    False: (AveragePooling1D, AveragePooling2D, AveragePooling3D),
}
_ADAPTIVE: dict[bool, tuple[type[AdaptivePooling], ...]] = {
    True: (AdaptiveMaxPooling1D, AdaptiveMaxPooling2D, AdaptiveMaxPooling3D),
    False: (AdaptiveAveragePooling1D, AdaptiveAveragePooling2D, AdaptiveAveragePooling3D),
}


def _dimensions(x: Value) -> int:
    if not 3 <= x.type.rank <= 5:
        raise LayerError(f"pools over a tensor of rank {x.type.rank} are not supported")
    return x.type.rank - 2


def _pool(largest: bool) -> Parser:
    def parse(call: Arguments) -> Step:
        x = call.floating(call.tensor("inputs", 0))
        dimensions = _dimensions(x)
        size = spatial(call, "pool_size", dimensions)
        strides = size if call.get("strides") is None else spatial(call, "strides", dimensions)
        return _pooled(call, x, largest, size, strides)

    return parse


register("MaxPool")(_pool(largest=True))
register("AveragePool")(_pool(largest=False))


def _pooled(call: Arguments, x: Value, largest: bool, size: tuple[int, ...], strides: tuple[int, ...]) -> Step:
    pool = _POOLS[largest][len(size) - 1]
    first = is_channels_first(call)
    return Step(pool(channels_first=first, pool_size=size, strides=strides, **padding(call, len(size))), (x,))


def _adaptive(largest: bool) -> Parser:
    def parse(call: Arguments) -> Step:
        x = call.floating(call.tensor("inputs", 0))
        dimensions = _dimensions(x)
        pool, size = _ADAPTIVE[largest][dimensions - 1], spatial(call, "output_size", dimensions)
        return Step(pool(channels_first=is_channels_first(call), output_size=size), (x,))

    return parse


register("AdaptiveMaxPool")(_adaptive(largest=True))
register("AdaptiveAveragePool")(_adaptive(largest=False))


@register("tf.nn.pool")
def _any_pool(call: Arguments) -> Result:
    """Unlike the others, its strides are 1 by default, and its windows may have holes."""
    x, kind = call.floating(call.tensor("input", 0)), call.text("pooling_type", 2)
    size, strides, rates = (spatial(call, name, _dimensions(x)) for name in ("window_shape", "strides", "dilations"))
    if kind not in ("MAX", "AVG"):
        raise LayerError(f"pooling_type={kind!r} is not supported")
    if max(rates) == 1:
        return _pooled(call, x, kind == "MAX", size, strides)
    if padding(call, len(size)) != {"padding": "valid"} or is_channels_first(call) or max(strides) > 1:
        raise LayerError("a dilated pool with padding, strides, or channels first, is not supported")
    seen = taps(call, x, [Window(*sizes) for sizes in zip(size, strides, rates, strict=True)])
    if kind == "MAX":
        return reduce(lambda y, tap: then(call, binary(call, "maximum", y, tap)), seen)
    total = reduce(lambda y, tap: then(call, binary(call, "add", y, tap)), seen)
    return binary(call, "divide", total, float(len(seen)))


def taps(call: Arguments, x: Value, windows: Sequence[Window]) -> list[Value]:
    """What each position of the windows sees of channels-last data, for all windows at once."""
    whole, found = (None, None, None), []
    lengths = x.type.shape[1:-1]
    counts = [w.output_length(n, "valid") for w, n in zip(windows, lengths, strict=True)]
    if None in counts:
        raise LayerError("data of unknown size is not supported")
    for place in product(*(range(w.size) for w in windows)):
        offsets = [i * w.dilation for i, w in zip(place, windows, strict=True)]
        ends = [o + ((n or 1) - 1) * w.stride + 1 for o, w, n in zip(offsets, windows, counts, strict=True)]
        index = [(o, end, w.stride) for o, end, w in zip(offsets, ends, windows, strict=True)]
        found.append(call.emit(GetItem(index=(whole, *index, whole)), x))
    return found


def _surrounded(call: Arguments, x: Value, windows: Sequence[Window], name: str, value: float) -> Value:
    """Channels-last data with a value that no window takes, where the padding wants it."""
    edges = [w.pads(n, name) for w, n in zip(windows, x.type.shape[1:-1], strict=True)]
    known = [pair for pair in edges if pair is not None]
    return call.emit(Pad(pairs=((0, 0), *known, (0, 0)), value=value), x) if any(map(any, known)) else x


def _morphology(largest: bool) -> Parser:
    def parse(call: Arguments) -> Result:
        """The largest of ``x + kernel`` over each window, or the smallest of ``x - kernel`` turned around."""
        x, kernel = call.floating(call.tensor("input", 0)), call.floating(call.tensor("filters", 1))
        size = [dim or 0 for dim in kernel.type.shape[:-1]]
        strides, rates = spatial(call, "strides", 2), spatial(call, "dilations", 2)
        windows = [Window(*sizes) for sizes in zip(size, strides, rates, strict=True)]
        name = call.text("padding", 3).lower()
        x = _surrounded(call, x, windows, name, -_FAR if largest else _FAR)
        found: list[Value] = []
        for place, tap in zip(product(*map(range, size)), taps(call, x, windows), strict=True):
            turned = place if largest else tuple(n - 1 - i for n, i in zip(size, place, strict=True))
            weight = call.emit(GetItem(index=turned), kernel)
            found.append(then(call, binary(call, "add" if largest else "subtract", tap, weight)))
        function = "maximum" if largest else "minimum"
        return reduce(lambda y, tap: then(call, binary(call, function, y, tap)), found)

    return parse


register("tf.nn.dilation2d")(_morphology(largest=True))
register("tf.nn.erosion2d")(_morphology(largest=False))
