"""Image operations, under Keras 3's names; TensorFlow's own under ``tf.`` names."""

from __future__ import annotations

from kerasport.errors import LayerError
from kerasport.layers.arguments import Arguments, Step, register
from kerasport.layers.base import Value
from kerasport.layers.operations import binary, then, unary
from kerasport.layers.operations_axes import reduced, variance
from kerasport.layers.operations_colors import as_before, as_fractions, is_whole, on_images
from kerasport.layers.operations_shapes import WHOLE, flipped, moved
from kerasport.layers.operators import GetItem
from kerasport.layers.ops import Unchanged
from kerasport.layers.shaping import Pad


def _images(call: Arguments, name: str = "images") -> Value:
    x = call.tensor(name, 0)
    if x.type.rank not in (3, 4):
        raise LayerError(f"images of rank {x.type.rank} are not supported")
    return x


def _space(x: Value) -> tuple[int, int]:
    """The axes of height and width."""
    return x.type.rank - 3, x.type.rank - 2


@register("tf.image.flip_left_right")
def _flip_left_right(call: Arguments) -> Step:
    return flipped(_images(call), (-2,))


@register("tf.image.flip_up_down")
def _flip_up_down(call: Arguments) -> Step:
    return flipped(_images(call), (-3,))


def _transposed(x: Value) -> Step:
    rank = x.type.rank
    return moved(x, (*range(rank - 3), rank - 2, rank - 3, rank - 1))


@register("tf.image.transpose")
def _transpose(call: Arguments) -> Step:
    return _transposed(_images(call))


@register("tf.image.rot90")
def _rot90(call: Arguments) -> Step:
    x, turns = _images(call), call.integer("k", 1, 1) % 4
    if turns == 2:
        return flipped(x, (-3, -2))
    if turns == 0:
        return Step(Unchanged(), (x,))
    if turns == 1:
        return _transposed(then(call, flipped(x, (-2,))))
    return flipped(then(call, _transposed(x)), (-2,))


def _cut(x: Value, top: int, left: int, height: int, width: int) -> Step:
    before = [WHOLE] * (x.type.rank - 3)
    return Step(GetItem(index=(*before, (top, top + height, None), (left, left + width, None))), (x,))


def _known_space(x: Value) -> tuple[int, int]:
    height, width = (x.type.shape[axis] for axis in _space(x))
    if height is None or width is None:
        raise LayerError("images of unknown size are not supported")
    return height, width


def _edged(x: Value, rows: tuple[int, int], columns: tuple[int, int]) -> Step:
    return Step(Pad(pairs=(*[(0, 0)] * (x.type.rank - 3), rows, columns, (0, 0))), (x,))


def _edges(call: Arguments, x: Value, what: str) -> list[tuple[int, int]]:
    """What goes before and after height and width, of which two numbers of before, after and the result are given."""
    found = []
    sides = (("top", "bottom", "height"), ("left", "right", "width"))
    for (first, last, name), length in zip(sides, _known_space(x), strict=True):
        before, after, target = call.get(f"{first}_{what}"), call.get(f"{last}_{what}"), call.get(f"target_{name}")
        change = None if target is None else target - length if what == "padding" else length - target
        if before is None and change is not None and after is not None:
            before = change - after
        if after is None and change is not None and before is not None:
            after = change - before
        found.append((int(before or 0), int(after or 0)))
    return found


@on_images("PadImages")
def _pad_images(call: Arguments, x: Value) -> Step:
    rows, columns = _edges(call, x, "padding")
    return _edged(x, rows, columns)


@on_images("CropImages")
def _crop_images(call: Arguments, x: Value) -> Step:
    (top, bottom), (left, right) = _edges(call, x, "cropping")
    height, width = _known_space(x)
    return _cut(x, top, left, height - top - bottom, width - left - right)


@register("tf.image.pad_to_bounding_box")
def _pad_to_box(call: Arguments) -> Step:
    x = call.tensor("image", 0)
    top, left = call.integer("offset_height", 1), call.integer("offset_width", 2)
    height, width = _known_space(x)
    rows, columns = call.integer("target_height", 3), call.integer("target_width", 4)
    return _edged(x, (top, rows - top - height), (left, columns - left - width))


@register("tf.image.crop_to_bounding_box")
def _crop_to_box(call: Arguments) -> Step:
    x = call.tensor("image", 0)
    names = ("offset_height", "offset_width", "target_height", "target_width")
    return _cut(x, *(call.integer(name, i) for i, name in enumerate(names, 1)))


@register("tf.image.central_crop")
def _central_crop(call: Arguments) -> Step:
    x, share = call.tensor("image", 0), call.number("central_fraction", 1)
    starts = [int((length - length * share) / 2) for length in _known_space(x)]
    sizes = [length - 2 * start for length, start in zip(_known_space(x), starts, strict=True)]
    return _cut(x, *starts, *sizes)


@register("tf.image.resize_with_crop_or_pad")
def _crop_or_pad(call: Arguments) -> Step:
    x = call.tensor("image", 0)
    targets = [call.integer(f"target_{name}", i) for i, name in enumerate(("height", "width"), 1)]
    pairs = list(zip(_known_space(x), targets, strict=True))
    starts = [max((length - target) // 2, 0) for length, target in pairs]
    cut = then(call, _cut(x, *starts, *(min(pair) for pair in pairs)))
    before = [max((target - length) // 2, 0) for length, target in pairs]
    after = [max(t - n, 0) - b for (n, t), b in zip(pairs, before, strict=True)]
    return _edged(cut, (before[0], after[0]), (before[1], after[1]))


@register("tf.image.per_image_standardization")
def _standardization(call: Arguments) -> Step:
    """In floating point; TensorFlow up to 2.4 brought integers back to their type."""
    x, returns = call.tensor("image", 0), call.text("integers", default="float")
    if is_whole(x) and returns == "unknown":
        raise LayerError("what this version of TensorFlow makes of whole numbers is not known", "cast them to float32")
    y = as_fractions(call, x) if returns == "fractions" else call.floating(x)
    axes, (height, width) = (-3, -2, -1), _known_space(x)
    mean = then(call, reduced(call, "mean", y, axes, keepdims=True))
    deviation = then(call, unary(call, "sqrt", then(call, variance(call, y, axes, keepdims=True))))
    floor = float(height * width * (x.type.shape[-1] or 1)) ** -0.5
    centered = then(call, binary(call, "subtract", y, mean))
    result = binary(call, "divide", centered, then(call, binary(call, "maximum", deviation, floor)))
    return as_before(call, result, x.type.dtype) if returns == "fractions" else result
