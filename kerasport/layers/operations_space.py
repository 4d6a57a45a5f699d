"""Operations that move pixels between space, channels and batch, under Keras 3's names; TensorFlow's under ``tf.``."""

from __future__ import annotations

import math

from kerasport.errors import LayerError
from kerasport.layers.arguments import Arguments, Parser, Step, register
from kerasport.layers.base import Value
from kerasport.layers.operations import then
from kerasport.layers.operations_convolutions import is_channels_first
from kerasport.layers.operations_shapes import moved
from kerasport.layers.operators import GetItem
from kerasport.layers.pixels import BlockShuffle
from kerasport.layers.shaping import Pad, Reshape


def _shuffle(to_space: bool) -> Parser:
    def parse(call: Arguments) -> Step:
        block, first = call.integer("block_size", 1), is_channels_first(call, 2)
        return Step(BlockShuffle(block=block, to_space=to_space, channels_first=first), (call.tensor("x", 0),))

    return parse


register("DepthToSpace")(_shuffle(to_space=True))
register("SpaceToDepth")(_shuffle(to_space=False))


def _blocks(call: Arguments, x: Value) -> tuple[tuple[int, ...], list[int]]:
    """The sizes of a block, one for each axis behind the batch, and the sizes of all axes behind the batch."""
    blocks = call.integers("block_shape", 1)
    rest = [dim or 0 for dim in x.type.shape[1:]]
    if 0 in rest or len(blocks) > len(rest):
        raise LayerError(f"blocks of {list(blocks)} of a tensor of shape {x.type.shape} are not supported")
    return blocks, rest


def _pairs(call: Arguments, name: str) -> list[tuple[int, int]]:
    raw = call.get(name, 2)
    if not isinstance(raw, list | tuple) or not all(isinstance(n, int) for pair in raw for n in pair):
        raise LayerError(f"{name}={str(raw)[:60]} is not supported")
    return [(before, after) for before, after in raw]


@register("tf.space_to_batch_nd")
def _space_to_batch(call: Arguments) -> Step:
    """Places of a block become parts of the batch, the part of a place in front of that of the next one."""
    x, pairs = call.tensor("input", 0), _pairs(call, "paddings")
    if any(map(any, pairs)):
        x = call.emit(Pad(pairs=((0, 0), *pairs, *[(0, 0)] * (x.type.rank - 1 - len(pairs)))), x)
    blocks, rest = _blocks(call, x)
    n = len(blocks)
    if any(length % block for length, block in zip(rest, blocks, strict=False)):
        raise LayerError(f"axes of {rest[:n]} cannot be divided into blocks of {list(blocks)}")
    counts = [length // block for length, block in zip(rest, blocks, strict=False)]
    split = [size for pair in zip(counts, blocks, strict=True) for size in pair]
    y = call.emit(Reshape(shape=(-1, *split, *rest[n:])), x)
    places, others = range(2, 2 * n + 1, 2), range(2 * n + 1, y.type.rank)
    y = then(call, moved(y, (*places, 0, *range(1, 2 * n, 2), *others)))
    return Step(Reshape(shape=(-1, *counts, *rest[n:])), (y,))


@register("tf.batch_to_space_nd")
def _batch_to_space(call: Arguments) -> Step:
    """The other way round; then some places at the edges are cut off."""
    x, pairs = call.tensor("input", 0), _pairs(call, "crops")
    blocks, rest = _blocks(call, x)
    n, batch = len(blocks), x.type.shape[0]
    parts = -1 if batch is None else batch // math.prod(blocks)
    y = call.emit(Reshape(shape=(*blocks, parts, *rest)), x)
    order = [axis for i in range(n) for axis in (n + 1 + i, i)]
    y = then(call, moved(y, (n, *order, *range(2 * n + 1, y.type.rank))))
    whole = [length * block for length, block in zip(rest, blocks, strict=False)]
    y = call.emit(Reshape(shape=(parts, *whole, *rest[n:])), y)
    inner = [(before, length - after, None) for (before, after), length in zip(pairs, whole, strict=True)]
    return Step(GetItem(index=((None, None, None), *inner)), (y,))
