"""Operations that move values between channels and space, in ONNX."""

from __future__ import annotations

from kerasport.export.builder import Scope, Tensor, channels_first_perm, identity_perm
from kerasport.export.ops import cast, slice_
from kerasport.export.registry import EXPORT
from kerasport.layers import pixels


@EXPORT.register(pixels.BlockShuffle)
def block_shuffle(spec: pixels.BlockShuffle, b: Scope, x: Tensor) -> Tensor:
    """DepthToSpace, SpaceToDepth, in the order of channels that TensorFlow has."""
    perm = identity_perm(4) if spec.channels_first else channels_first_perm(4)
    op = "DepthToSpace" if spec.to_space else "SpaceToDepth"
    return b.tensor(b.op(op, b.arrange(x, perm), blocksize=spec.block), perm=perm)


@EXPORT.register(pixels.ResizeTo)
def resize_to(spec: pixels.ResizeTo, b: Scope, x: Tensor, size: Tensor) -> Tensor:
    """Resize to the batch and channels of the input and the size given."""
    perm = channels_first_perm(4)
    value = b.arrange(x, perm)
    head = slice_(b, b.once("Shape", value), 0, 0, 2)
    sizes = b.op("Concat", head, cast(b, size.name, "int64"), axis=0)
    mode = {"mode": "nearest", "nearest_mode": "round_prefer_ceil"} if spec.nearest else {"mode": "linear"}
    name = b.op("Resize", value, "", "", sizes, coordinate_transformation_mode="half_pixel", **mode)
    return b.tensor(name, perm=perm)
