"""Operations that move values between channels and spatial axes, and resizing to a computed size."""

from __future__ import annotations

from kerasport.errors import LayerError
from kerasport.layers.base import TensorType
from kerasport.layers.frozen import frozen
from kerasport.layers.ops import Op
from kerasport.layers.shaping import given_shape


@frozen
class BlockShuffle(Op):
    """Channels become blocks of pixels, or the other way round.

    Channel ``(i * block + j) * c + k`` of a pixel and channel k of the pixel (i, j) of its block are the same.

    Attributes:
        block: The height and width of a block.
        to_space: Whether channels become pixels.
        channels_first: Whether the channels are right behind the batch.
    """

    block: int
    to_space: bool
    channels_first: bool = False

    def infer(self, *inputs: TensorType) -> TensorType:
        """Height and width times the block, the channels divided by its size, or the other way round."""
        x = inputs[0]
        if x.rank != 4:
            raise LayerError(f"its input has {x.rank} axes where 4 are needed")
        channel_axis = 1 if self.channels_first else 3
        shape = list(x.shape)
        for axis in range(1, 4):
            dim = x.shape[axis]
            factor = self.block**2 if axis == channel_axis else self.block
            grows = self.to_space != (axis == channel_axis)
            if dim is not None and not grows and dim % factor:
                raise LayerError(f"an axis of {dim} cannot be divided by {factor}")
            shape[axis] = None if dim is None else dim * factor if grows else dim // factor
        return x.with_shape(shape)


@frozen
class ResizeTo(Op):
    """Images resized to the (height, width) that the second input gives.

    Pixel i of the result samples the input at ``(i + 0.5) * length / size - 0.5`` if "centers" are aligned, at
    ``i * length / size`` if "starts" are, and at ``i * (length - 1) / (size - 1)`` if "corners" are.

    Attributes:
        nearest: Whether the nearest pixel is taken, at a tie the later one, and with "starts" the pixel before; else
            the two around are weighed.
        aligned: "centers", "starts" or "corners".
    """

    nearest: bool = False
    aligned: str = "centers"

    def sampled_axes(self, rank: int) -> tuple[int, ...]:
        """Height and width, unless the nearest pixel is taken."""
        return () if self.nearest else (1, 2)

    def infer(self, *inputs: TensorType) -> TensorType:
        """The new height and width."""
        x, size = inputs
        if x.rank != 4 or size.shape != (2,):
            raise LayerError(f"images of rank {x.rank} cannot be resized to {size.shape} numbers")
        height, width = given_shape(size)
        return x.with_shape((x.shape[0], height, width, x.shape[3]))


@frozen
class LegacyResize(Op):
    """Images resized as TensorFlow 1 did.

    Pixel i of the result samples the input at ``i * length / size``. "bicubic" weighs by Keys's kernel with
    ``a = -0.75``, read from a table with 1024 steps a pixel, and takes the edge for what is beyond it.

    Attributes:
        size: The new (height, width).
        method: "bilinear", "bicubic", or "nearest", which takes the pixel before, or with align_corners the nearest.
        align_corners: Whether it samples at ``i * (length - 1) / (size - 1)`` instead.
    """

    size: tuple[int, int]
    method: str
    align_corners: bool = False

    def sampled_axes(self, rank: int) -> tuple[int, ...]:
        """Height and width, unless a pixel is taken as it is."""
        return () if self.method == "nearest" else (1, 2)

    def infer(self, *inputs: TensorType) -> TensorType:
        """The new height and width."""
        x = inputs[0]
        if x.rank != 4 or min(self.size) < 1:
            raise LayerError(f"images of rank {x.rank} cannot be resized to {self.size}")
        return x.with_shape((x.shape[0], *self.size, x.shape[3]))

    def moves(self, length: int, size: int) -> bool:
        """Whether the corners are aligned along an axis; a single new pixel has none."""
        return self.align_corners and size > 1
