"""Operations that sample images at computed points, under Keras 3's names; TensorFlow's own under ``tf.`` names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import product
from typing import Any

import numpy as np

from kerasport.errors import LayerError
from kerasport.layers.arguments import Arguments, Step, literal, register
from kerasport.layers.base import Value
from kerasport.layers.operations import binary, choice, then, unary
from kerasport.layers.operations_colors import on_images
from kerasport.layers.operations_shapes import length_of
from kerasport.layers.operators import ExpandDims, GetItem
from kerasport.layers.ops import CastTo, Logical
from kerasport.layers.products import Gather
from kerasport.layers.shaping import Reshape
from kerasport.layers.slots import has_slots

_WHOLE = (None, None, None)


@dataclass(frozen=True)
class _Reader:
    """Arithmetic on values, written shortly."""

    call: Arguments

    def do(self, name: str, left: Any, right: Any) -> Value:
        """A function of two operands."""
        return then(self.call, binary(self.call, name, left, right))

    def of(self, name: str, x: Value, *parameters: float) -> Value:
        """A function of one."""
        return then(self.call, unary(self.call, name, x, *parameters))

    def either(self, condition: Value, yes: Any, no: Any) -> Value:
        """One of two."""
        return then(self.call, choice(self.call, condition, yes, no))

    def both(self, conditions: Sequence[Value]) -> Value:
        """Whether all are true."""
        return reduce(lambda x, y: self.call.emit(Logical(function="and"), x, y), conditions)

    def total(self, terms: Sequence[Value]) -> Value:
        """The sum."""
        return reduce(lambda x, y: self.do("add", x, y), terms)

    def rounded(self, x: Value) -> Value:
        """To the nearest whole number, halves away from zero."""
        return self.do("multiply", self.of("sign", x), self.of("floor", self.do("add", self.of("abs", x), 0.5)))


@dataclass(frozen=True)
class _Edges:
    """What lies beyond the edges.

    Attributes:
        mode: "constant", or how a point is brought inside: "nearest", "reflect" or "wrap".
        value: The constant.
    """

    mode: str
    value: float = 0.0

    def inside(self, r: _Reader, x: Value, length: int) -> Value:
        """A coordinate brought inside by TensorFlow's rules (image_ops.h)."""
        if self.mode == "constant":
            return x
        if self.mode == "reflect" and length > 1:  # the edge itself is repeated
            turn = r.do("mod", x, 2.0 * length)
            x = r.either(r.do("less", turn, float(length)), turn, r.do("subtract", 2.0 * length - 1, turn))
        elif self.mode == "wrap" and length > 1:
            over = r.of("floor", r.do("divide", x, length - 1.0))
            under = r.do("add", r.of("floor", r.do("divide", r.of("negative", x), length - 1.0)), 1.0)
            high = r.do("subtract", x, r.do("multiply", over, float(length)))
            low = r.do("add", x, r.do("multiply", under, float(length)))
            x = r.either(r.do("greater", x, length - 1.0), high, r.either(r.do("less", x, 0.0), low, x))
        return r.of("clip", x, 0.0, length - 1.0)


def _read(r: _Reader, x: Value, places: Sequence[Value], lengths: Sequence[int], edges: _Edges) -> Value:
    """The pixels of images at places (batch or 1, rows, columns), given as the numbers of their lines and columns."""
    line, column = (r.of("clip", place, 0.0, n - 1.0) for place, n in zip(places, lengths, strict=True))
    index = r.call.cast(r.do("add", r.do("multiply", line, float(lengths[1])), column), "int32")
    flat = r.call.emit(Reshape(shape=(-1, lengths[0] * lengths[1], x.type.shape[-1] or -1)), x)
    if index.type.shape[0] == 1:
        found = r.call.emit(Gather(axis=1), flat, r.call.emit(GetItem(index=(0,)), index))
    else:
        found = r.call.emit(Gather(axis=1, batch_axes=1), flat, index)
    if edges.mode != "constant":
        return found
    tests = [r.do("equal", place, kept) for place, kept in zip(places, (line, column), strict=True)]
    inside = r.call.emit(ExpandDims(axes=(-1,)), r.both(tests))
    return r.either(inside, found, edges.value)


def _sampled(r: _Reader, x: Value, points: Sequence[Value], nearest: bool, edges: _Edges) -> Value:
    """Images at points (batch or 1, rows, columns), given as lines and columns."""
    height, width = x.type.shape[1:3]
    if height is None or width is None:
        raise LayerError("images of unknown size are not supported")
    lengths = (height, width)
    inside = [edges.inside(r, point, n) for point, n in zip(points, lengths, strict=True)]
    if nearest:
        return _read(r, x, [r.rounded(point) for point in inside], lengths, edges)
    first = [r.of("floor", point) for point in inside]
    shares = [r.call.emit(ExpandDims(axes=(-1,)), r.do("subtract", a, b)) for a, b in zip(inside, first, strict=True)]
    terms = []
    for step in product((0, 1), repeat=2):
        places = [r.do("add", place, float(s)) if s else place for place, s in zip(first, step, strict=True)]
        weights = [share if s else r.do("subtract", 1.0, share) for share, s in zip(shares, step, strict=True)]
        pixels = _read(r, x, places, lengths, edges)
        terms.append(r.do("multiply", pixels, r.do("multiply", *weights)))
    return r.total(terms)


def _projected(r: _Reader, transform: Value, size: tuple[int, int]) -> list[Value]:
    """Where the pixels of a size come from, as lines and columns, by rows (a0, a1, a2, b0, b1, b2, c0, c1)."""
    lines, columns = (grid.tolist() for grid in np.meshgrid(*map(np.arange, map(float, size)), indexing="ij"))
    line, column = r.call.value([lines]), r.call.value([columns])
    parts = [r.call.emit(GetItem(index=(_WHOLE, (i, i + 1, None), None)), transform) for i in range(8)]

    def at(first: int) -> Value:
        return r.total([r.do("multiply", column, parts[first]), r.do("multiply", line, parts[first + 1])])

    depth = r.do("add", at(6), 1.0)
    x, y = (r.do("divide", r.do("add", at(first), parts[first + 2]), depth) for first in (0, 3))
    return [y, x]


def _transformed(call: Arguments, x: Value, transform: Value, edges: _Edges) -> Value:
    r, how = _Reader(call), call.text("interpolation", None, "bilinear").lower()
    modes = ("constant", "nearest", "reflect", "wrap")
    if how not in ("bilinear", "nearest") or edges.mode not in modes or x.type.rank != 4:
        raise LayerError(f"interpolation={how!r} with {edges.mode!r} of images of rank {x.type.rank} is not supported")
    if transform.type.rank == 1:
        transform = call.emit(ExpandDims(axes=(0,)), transform)
    height, width = x.type.shape[1:3]
    points = _projected(r, transform, (height or 0, width or 0))
    return _sampled(r, call.floating(x), points, how == "nearest", edges)


@on_images("AffineTransform")
def _affine(call: Arguments, x: Value) -> Value:
    edges = _Edges(call.text("fill_mode", None, "constant"), float(call.get("fill_value", default=0) or 0))
    return _transformed(call, x, call.floating(call.tensor("transform", 1)), edges)


@on_images("PerspectiveTransform")
def _perspective(call: Arguments, x: Value) -> Value:
    """By the transformation that takes four points to where four others are."""
    raw = [call.get(f"{name}_points", i) for i, name in enumerate(("start", "end"), 1)]
    if has_slots(raw):
        raise LayerError("points that are computed are not supported", "give them as constants")
    start, end = (np.asarray(literal(points), np.float64).reshape(-1, 4, 2) for points in raw)
    rows = [_homography(*pair).tolist() for pair in zip(start, end, strict=True)]
    return _transformed(call, x, call.value(rows), _Edges("constant", float(call.get("fill_value", default=0) or 0)))


def _homography(start: Any, end: Any) -> Any:
    """The eight numbers of the projection that takes each end to its start."""
    equations, wanted = [], []
    for (x, y), (u, v) in zip(start, end, strict=True):
        equations += [[u, v, 1, 0, 0, 0, -x * u, -x * v], [0, 0, 0, u, v, 1, -y * u, -y * v]]
        wanted += [x, y]
    try:
        return np.linalg.solve(np.array(equations), np.array(wanted))
    except np.linalg.LinAlgError as error:
        raise LayerError("its points lie on a line, which makes no transformation") from error


@register("tf.image.crop_and_resize")
def _crop_and_resize(call: Arguments) -> Step:
    """Boxes (y1, x1, y2, x2) in parts of the images, each sampled at as many points; beyond the image a constant."""
    r, x, boxes = _Reader(call), call.floating(call.tensor("image", 0)), call.floating(call.tensor("boxes", 1))
    chosen, size = call.tensor("box_indices", 2), call.integers("crop_size", 3)
    how, value = call.text("method", 4, "bilinear"), call.number("extrapolation_value", 5, 0.0)
    lengths = [dim or 0 for dim in x.type.shape[1:3]]
    if how not in ("bilinear", "nearest") or x.type.rank != 4 or 0 in lengths:
        raise LayerError(f"method={how!r} of images of shape {x.type.shape} is not supported")
    ends = [call.emit(GetItem(index=(_WHOLE, (i, i + 1, None))), boxes) for i in range(4)]
    axes = [_along_box(r, ends[i], ends[i + 2], lengths[i], size[i]) for i in (0, 1)]
    line, column = (call.emit(ExpandDims(axes=(2 - i,)), axis) for i, axis in enumerate(axes))
    points = [r.do("add", line, r.do("multiply", column, 0.0)), r.do("add", column, r.do("multiply", line, 0.0))]
    images = call.emit(Gather(axis=0), x, chosen)
    found = _sampled(r, images, points, how == "nearest", _Edges("nearest"))
    tests = [r.do(test, point, limit) for point, n in zip(points, lengths, strict=True)
             for test, limit in (("greater_equal", 0.0), ("less_equal", n - 1.0))]  # fmt: skip
    return choice(call, call.emit(ExpandDims(axes=(-1,)), r.both(tests)), found, value)


def _along_box(r: _Reader, start: Value, end: Value, length: int, count: int) -> Value:
    """The points (boxes, count) from one end of each box to the other; a single one is in the middle."""
    if count == 1:
        return r.do("multiply", r.do("add", start, end), 0.5 * (length - 1))
    step = r.do("divide", r.do("multiply", r.do("subtract", end, start), length - 1.0), count - 1.0)
    steps = r.do("multiply", step, tuple(float(i) for i in range(count)))
    return r.do("add", r.do("multiply", start, length - 1.0), steps)


@register("MapCoordinates")
def _map_coordinates(call: Arguments) -> Step:
    """A whole tensor, its batch an axis as the others, read at points (axis, ...)."""
    r, x, points = _Reader(call), call.tensor("inputs", 0), call.floating(call.tensor("coordinates", 1))
    order, mode = call.integer("order"), call.text("fill_mode", None, "constant")
    value, lengths = float(call.get("fill_value", default=0) or 0), _lengths(call, x)
    if order not in (0, 1) or points.type.shape[0] not in (None, len(lengths)):
        raise LayerError(f"order={order} with points of shape {points.type.shape} is not supported")
    flat = call.emit(Reshape(shape=(-1,)), call.floating(x))
    along = [call.emit(GetItem(index=(i,)), points) for i in range(len(lengths))]
    axes = [_neighbours(r, place, order) for place in along]
    terms = []
    for nodes in product(*axes):
        places = [_brought_inside(r, place, n, mode) for (place, _), n in zip(nodes, lengths, strict=True)]
        weights = [weight for _, weight in nodes if weight is not None]
        index = r.call.cast(_flat_index(r, places, lengths), "int32")
        found = call.emit(Gather(axis=0), flat, index)
        if mode == "constant":
            inside = [r.do("equal", place, kept) for (place, _), kept in zip(nodes, places, strict=True)]
            found = r.either(r.both(inside), found, value)
        terms.append(reduce(lambda y, weight: r.do("multiply", y, weight), weights, found))
    total = r.total(terms)
    return Step(CastTo(dtype=x.type.dtype), (total if x.type.dtype.startswith("float") else r.of("round", total),))


def _neighbours(r: _Reader, place: Value, order: int) -> list[tuple[Value, Value | None]]:
    """The whole numbers around a coordinate, with their weights."""
    if not order:
        return [(r.of("round", place), None)]
    lower = r.of("floor", place)
    share = r.do("subtract", place, lower)
    return [(lower, r.do("subtract", 1.0, share)), (r.do("add", lower, 1.0), share)]


def _lengths(call: Arguments, x: Value) -> list[Any]:
    """The sizes of all axes: numbers, or computed ones of axes whose size is not known."""
    return [call.floating(length_of(call, x, i)) if n is None else float(n) for i, n in enumerate(x.type.shape)]


def _brought_inside(r: _Reader, x: Value, length: Any, mode: str) -> Value:
    """By the rules of Keras's TensorFlow backend, in which "mirror" and "reflect" differ from SciPy's."""
    if mode == "wrap":
        return r.do("mod", x, length)
    if mode in ("mirror", "reflect"):
        twice = r.do("multiply", length, 2.0) if isinstance(length, Value) else 2 * length
        turn = r.do("mod", r.of("abs", x), twice)
        back = r.do("subtract", twice, turn)
        back = r.do("subtract", back, 1.0) if mode == "reflect" else back
        x = r.either(r.do("less", turn, length), turn, back)
    elif mode not in ("constant", "nearest"):
        raise LayerError(f"fill_mode={mode!r} is not supported")
    last = r.do("subtract", length, 1.0) if isinstance(length, Value) else length - 1
    return r.do("maximum", r.do("minimum", x, last), 0.0)


def _flat_index(r: _Reader, places: Sequence[Value], lengths: Sequence[Any]) -> Value:
    """Counted through all axes, the last one fastest."""
    index = places[0]
    for place, length in zip(places[1:], lengths[1:], strict=True):
        index = r.do("add", r.do("multiply", index, length), place)
    return index
