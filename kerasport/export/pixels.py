"""Operations that move values between channels and spatial axes, in ONNX."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kerasport.errors import LayerError
from kerasport.export.builder import Scope
from kerasport.export.layout import Tensor, channels_first_perm, identity_perm
from kerasport.export.ops import cast, slice_
from kerasport.export.registry import EXPORT
from kerasport.export.resampling import TABLE_STEPS
from kerasport.export.spatial import weighted
from kerasport.layers import pixels


@EXPORT.register(pixels.BlockShuffle)
def block_shuffle(spec: pixels.BlockShuffle, b: Scope, x: Tensor) -> Tensor:
    """DepthToSpace, SpaceToDepth, in the order of channels that TensorFlow has."""
    perm = identity_perm(4) if spec.channels_first else channels_first_perm(4)
    op = "DepthToSpace" if spec.to_space else "SpaceToDepth"
    return b.tensor(b.op(op, b.arrange(x, perm), blocksize=spec.block), perm=perm)


@EXPORT.register(pixels.ResizeTo)
def resize_to(spec: pixels.ResizeTo, b: Scope, x: Tensor, size: Tensor) -> Tensor:
    """Resize to the batch and channels of the input and the size given; Gather for the nearest as in TensorFlow 1."""
    if spec.nearest and spec.aligned != "centers":
        row = cast(b, size.name, "int64")
        return _gathered(b, x, [_entry(b, row, place) for place in (0, 1)], spec.aligned == "corners")
    perm = channels_first_perm(4)
    value = b.arrange(x, perm)
    head = slice_(b, b.once("Shape", value), 0, 0, 2)
    sizes = b.op("Concat", head, cast(b, size.name, "int64"), axis=0)
    mode = {"mode": "nearest", "nearest_mode": "round_prefer_ceil"} if spec.nearest else {"mode": "linear"}
    name = b.op("Resize", value, "", "", sizes, coordinate_transformation_mode=_COORDINATES[spec.aligned], **mode)
    return b.tensor(name, perm=perm)


_COORDINATES = {"centers": "half_pixel", "starts": "asymmetric", "corners": "align_corners"}


def _entry(b: Scope, row: str, place: int) -> str:
    return b.op("Gather", row, b.constant(place, "place"), axis=0)


def _gathered(b: Scope, x: Tensor, sizes: Sequence[str], corners: bool) -> Tensor:
    """The pixels that are nearest, or before, for images or sizes that are not known."""
    name, shape = x.name, b.once("Shape", x.name)
    for axis, size in zip((1, 2), sizes, strict=True):
        place = x.stored_axis(axis)
        name = b.op("Gather", name, _taken(b, _entry(b, shape, place), size, corners), axis=place)
    return b.tensor(name, perm=x.perm)


def _taken(b: Scope, length: str, size: str, corners: bool) -> str:
    """The number of the pixel that each new one is, computed in TensorFlow's own precision."""
    one = b.constant(1, "one")
    last = b.op("Sub", length, one)
    span, steps = (last, b.op("Max", b.op("Sub", size, one), one)) if corners else (length, size)
    scale = b.op("Div", cast(b, span, "float32"), cast(b, steps, "float32"))
    points = b.op("Mul", cast(b, b.op("Range", b.constant(0, "start"), size, one), "float32"), scale)
    if corners:
        points = b.op("Add", points, b.constant(0.5, "half"))
    return b.op("Min", cast(b, b.op("Floor", points), "int64"), last)


@EXPORT.register(pixels.LegacyResize)
def legacy_resize(spec: pixels.LegacyResize, b: Scope, x: Tensor) -> Tensor:
    """Gather for the nearest, Resize for bilinear, Einsum with weights for bicubic."""
    if spec.method == "bilinear":
        return _bilinear(spec, b, x)
    height, width = x.type.shape[1:3]
    if spec.method == "nearest" and (height is None or width is None):
        return _gathered(b, x, [b.constant(size, "size") for size in spec.size], spec.align_corners)
    if height is None or width is None:
        raise LayerError(f"resizing by {spec.method!r} as in TensorFlow 1 is not supported for images of unknown size")
    axes = list(zip((1, 2), (height, width), spec.size, strict=True))
    if spec.method == "nearest":
        name = x.name
        for axis, length, size in axes:
            name = b.op("Gather", name, b.constant(_nearest(spec, length, size), "pixels"), axis=x.stored_axis(axis))
        return b.tensor(name, perm=x.perm)
    matrices = {axis: _cubic_matrix(spec, length, size) for axis, length, size in axes}
    return b.tensor(weighted(b, x, matrices), perm=x.perm)


def _bilinear(spec: pixels.LegacyResize, b: Scope, x: Tensor) -> Tensor:
    perm = channels_first_perm(4)
    value = b.arrange(x, perm)
    head = slice_(b, b.once("Shape", value), 0, 0, 2)
    sizes = b.op("Concat", head, b.constant(spec.size, "size"), axis=0)
    mode = "align_corners" if spec.align_corners else "asymmetric"
    name = b.op("Resize", value, "", "", sizes, mode="linear", coordinate_transformation_mode=mode)
    return b.tensor(name, perm=perm)


def _points(spec: pixels.LegacyResize, length: int, size: int) -> NDArray[np.float32]:
    """Where the new pixels lie among the old ones, in TensorFlow's own precision."""
    moves = spec.moves(length, size)
    scale = np.float32(length - 1) / np.float32(size - 1) if moves else np.float32(length) / np.float32(size)
    return np.asarray(np.arange(size, dtype=np.float32) * scale)


def _nearest(spec: pixels.LegacyResize, length: int, size: int) -> NDArray[np.int64]:
    shift = np.float32(0.5 if spec.align_corners else 0.0)
    return np.asarray(np.minimum(np.floor(_points(spec, length, size) + shift).astype(np.int64), length - 1))


def _cubic_matrix(spec: pixels.LegacyResize, length: int, size: int) -> NDArray[np.float32]:
    """The weight (new pixel, old pixel); that of pixels beyond the edges goes to the edges."""
    points, matrix = _points(spec, length, size), np.zeros((size, length))
    first = np.floor(points).astype(np.int64)
    share = np.rint((points - first) * TABLE_STEPS) / TABLE_STEPS
    for tap in range(-1, 3):
        near = np.abs(share - tap)
        inner = (1.25 * near - 2.25) * near**2 + 1
        outer = ((-0.75 * near + 3.75) * near - 6) * near + 3
        weights = np.where(near <= 1, inner, outer)
        np.add.at(matrix, (np.arange(size), np.clip(first + tap, 0, length - 1)), weights)
    return matrix.astype(np.float32)
