"""Helper functions for definitions in ``vocabulary_keras`` that do not fit in one expression."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from kerasport.errors import LayerError
from kerasport.lambdas.functions import Function
from kerasport.lambdas.values import Scope, Shape, Tensor, words
from kerasport.layers.base import normalize_axis

if TYPE_CHECKING:
    from kerasport.lambdas.tensors import Tensors

NAMES = words(
    "backend batch_dot bias_add called carried channels constant dimshuffle folded image_format is_channels_first"
    " known_shape mapped pair random_mean resize_images scanned scope spatial_padding static_shape switch"
)
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_FIRST = ("channels_first", "th")


def batch_dot(tensors: Tensors, x: Tensor, y: Tensor, axes: Any) -> Any:
    """The products of each sample's values, summed over one axis of each."""
    ranks = len(x.shape), len(y.shape)
    if min(ranks) > 3:
        raise LayerError("K.batch_dot of two tensors of four axes is not the same in all Kerases", "use tf.matmul")
    if axes is None:
        axes = (ranks[0] - 1, ranks[1] - 1 if ranks[1] == 2 else ranks[1] - 2)
    pair_ = (axes, axes) if isinstance(axes, int) else tuple(axes)
    if len(pair_) != 2 or not all(isinstance(axis, int) for axis in pair_):
        raise LayerError(f"axes={str(axes)[:40]} of batch_dot is not supported")
    left, right = (normalize_axis(axis, rank) for axis, rank in zip(pair_, ranks, strict=True))
    first = list(_LETTERS[: ranks[0]])
    second = [first[0], *_LETTERS[ranks[0] : ranks[0] + ranks[1] - 1]]
    second[right] = first[left]
    rest = [letter for letter in (*first, *second[1:]) if letter != first[left]]
    result = tensors.operation("Einsum", x, y, subscripts=f"{''.join(first)},{''.join(second)}->{''.join(rest)}")
    return tensors.operation("ExpandDims", result, axis=-1) if len(rest) == 1 else result


def switch(tensors: Tensors, condition: Any, then: Any, other: Any) -> Any:
    """One of two, by a condition with fewer axes than they, or as many."""
    if not isinstance(condition, Tensor):
        return called(tensors, then if tensors.truth(condition) else other)
    then, other = called(tensors, then), called(tensors, other)
    rank = max(len(side.shape) for side in (then, other, condition) if isinstance(side, Tensor))
    missing = rank - len(condition.shape)
    if missing and condition.shape:
        condition = tensors.operation("ExpandDims", condition, axis=list(range(-missing, 0)))
    return tensors.operation("Where", condition, then, other)


def called(tensors: Tensors, value: Any) -> Any:
    """What a function of nothing gives; anything else as it is."""
    return tensors.call(value, (), {}) if isinstance(value, Function) else value


def scope(_: Tensors, name: Any = None) -> Scope:
    """What ``with`` enters for the names of what is made within."""
    return Scope(name if isinstance(name, str) else "scope")


def constant(tensors: Tensors, value: Any, dtype: Any = None, shape: Any = None) -> Any:
    """A tensor of constants."""
    return tensors.constant(value, dtype, shape)


def static_shape(_: Tensors, x: Any) -> Any:
    """A tensor's shape as a tuple."""
    if not isinstance(x, Tensor):
        raise LayerError("its function asks for the shape of what is no tensor")
    return Shape(x.shape)


def image_format(tensors: Tensors) -> str:
    """Keras's setting, which the file does not say: as the model's layers have it."""
    if not tensors.surroundings.data_format:
        raise LayerError("its function asks for Keras's image_data_format(), which the file does not say")
    return tensors.surroundings.data_format


def backend(tensors: Tensors) -> str:
    """The backend's name."""
    return tensors.surroundings.backend or "tensorflow"


def is_channels_first(tensors: Tensors, given: Any) -> bool:
    """Whether channels stand before the places."""
    return (given or image_format(tensors)) in _FIRST


def channels(_: Tensors, numbers: list[float], first: bool) -> Any:
    """A number for each channel of an image, or of a batch of them."""
    return [[[number]] for number in numbers] if first else numbers


def pair(_: Tensors, padding: Any) -> list[Any]:
    """What is put before and behind an axis."""
    return [padding, padding] if isinstance(padding, int) else list(padding)


def spatial_padding(tensors: Tensors, x: Tensor, padding: Any, given: Any) -> Any:
    """Zeros around an image or a volume."""
    around = [pair(tensors, edge) for edge in padding]
    first = is_channels_first(tensors, given)
    pairs = [[0, 0], *[[0, 0]] * first, *around, *[[0, 0]] * (not first)]
    return tensors.operation("Pad", x, pad_width=pairs)


def resize_images(tensors: Tensors, x: Tensor, height: int, width: int, given: Any, interpolation: str) -> Any:
    """An image that is larger by whole factors."""
    first = is_channels_first(tensors, given)
    if interpolation == "nearest":
        rows = tensors.operation("Repeat", x, height, axis=2 if first else 1)
        return tensors.operation("Repeat", rows, width, axis=3 if first else 2)
    last = tensors.operation("Transpose", x, axes=[0, 2, 3, 1]) if first else x
    rows, columns = last.shape[1:3]
    if interpolation != "bilinear" or rows is None or columns is None:
        raise LayerError(f"K.resize_images by {interpolation!r} is not supported here")
    kind = "tf.compat.v1.image.resize_bilinear" if tensors.by_corners() else "tf.image.resize"
    resized = tensors.operation(kind, last, [rows * height, columns * width])
    return tensors.operation("Transpose", resized, axes=[0, 3, 1, 2]) if first else resized


def bias_add(tensors: Tensors, x: Tensor, bias: Any, given: Any) -> Any:
    """One number for each channel added."""
    if len(x.shape) > 2 and is_channels_first(tensors, given):
        bias = tensors.operation("Reshape", bias, shape=[-1, *[1] * (len(x.shape) - 2)])
    return tensors.binary("+", x, bias)


def dimshuffle(tensors: Tensors, x: Tensor, order: Sequence[Any]) -> Any:
    """Theano's: axes in another order, new ones of size 1, those of size 1 dropped."""
    kept = [axis for axis in order if axis != "x"]
    dropped = [axis for axis in range(len(x.shape)) if axis not in kept]
    result: Any = x
    if dropped:
        result = tensors.operation("Squeeze", result, axis=dropped)
    places = [sorted(kept).index(axis) for axis in kept]
    if places != sorted(places):
        result = tensors.operation("Transpose", result, axes=places)
    fresh = [place for place, axis in enumerate(order) if axis == "x"]
    return tensors.operation("ExpandDims", result, axis=fresh) if fresh else result


def random_mean(tensors: Tensors, mean: Any) -> Any:
    """What random numbers are on average, where the user takes that for them."""
    if not tensors.surroundings.mean:
        raise tensors.random("a distribution")
    return mean


def known_shape(tensors: Tensors, x: Any) -> Any:
    """A tensor's shape as a tuple, its unknown sizes as tensors."""
    shape = static_shape(tensors, x)
    if None not in shape:
        return shape
    row = tensors.operation("tf.shape", x)
    sizes = [tensors.subscript(row, place) if dim is None else dim for place, dim in enumerate(shape)]
    return tuple(sizes)
