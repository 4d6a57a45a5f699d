"""Image filters over the neighbours of each pixel, under Keras 3's names; TensorFlow's own under ``tf.`` names."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kerasport.errors import LayerError
from kerasport.layers.arguments import Arguments, Parser, Step, register
from kerasport.layers.base import Value
from kerasport.layers.conv import DepthwiseConv2D
from kerasport.layers.kernels import Convolved
from kerasport.layers.operations import binary, then, unary
from kerasport.layers.operations_axes import reduced
from kerasport.layers.operations_colors import on_images
from kerasport.layers.operations_convolutions import is_channels_first
from kerasport.layers.operations_shapes import moved
from kerasport.layers.operators import ExpandDims
from kerasport.layers.shaping import Pad, Reshape, Squeeze

_SOBEL = np.array([[-1, -2, -1], [0, 0, 0], [1, 2, 1]])  # along the height; turned, along the width


def _filtered(call: Arguments, x: Value, kernel: NDArray[np.float64], padding: str) -> Value:
    """Each channel with kernels (height, width, multiplier) of its own, all alike."""
    channels = x.type.shape[-1]
    if channels is None:
        raise LayerError("images of an unknown number of channels are not supported")
    height, width, multiplier = kernel.shape
    layer = DepthwiseConv2D(
        kernel_size=(height, width), strides=(1, 1), dilations=(1, 1), padding=padding, use_bias=False,
        depth_multiplier=multiplier,
    )  # fmt: skip
    for_all = np.repeat(kernel[:, :, None], channels, axis=2)
    return call.emit(Convolved(layer=layer), x, call.value(for_all.tolist()))


@on_images("GaussianBlur")
def _gaussian_blur(call: Arguments, x: Value) -> Step | Value:
    if x.type.rank == 3:
        return Step(Squeeze(axes=(0,)), (_blurred(call, call.emit(ExpandDims(axes=(0,)), x)),))
    return _blurred(call, x)


def _blurred(call: Arguments, x: Value) -> Value:
    """With zeros beyond the edges. Keras has the kernel's axes the wrong way round, and its shape as asked."""
    size = call.integers("kernel_size", default=(3, 3))
    sigma = call.get("sigma", default=(1.0, 1.0))
    rows = [_gaussian(n, float(s)) for n, s in zip(size, sigma, strict=True)]
    return _filtered(call, call.floating(x), np.outer(rows[1], rows[0]).reshape(*size, 1), "same")


def _gaussian(size: int, sigma: float) -> NDArray[np.float64]:
    weights = np.exp(-0.5 * ((np.arange(size) - (size - 1) / 2) / sigma) ** 2)
    return np.asarray(weights / weights.sum())


@on_images("SobelEdges")
def _sobel_edges(call: Arguments, x: Value) -> Step:
    """(batch, height, width, channels, 2), the slopes down and to the right."""
    if x.type.rank != 4:
        raise LayerError(f"images of rank {x.type.rank} are not supported")
    mirrored = call.emit(Pad(pairs=((0, 0), (1, 1), (1, 1), (0, 0)), mode="reflect"), call.floating(x))
    y = _filtered(call, mirrored, np.stack([_SOBEL, _SOBEL.T], -1).astype(float), "valid")
    shape = [-1 if dim is None else dim for dim in (*x.type.shape, 2)]
    if shape.count(-1) > 1:
        raise LayerError("images of unknown size are not supported")
    return Step(Reshape(shape=tuple(shape)), (y,))


def _similarity(first: str, second: str) -> Parser:
    def parse(call: Arguments) -> Step:
        """The mean over all places and channels of the structural similarity, for each image."""
        x, y = (call.floating(call.tensor(name, i)) for i, name in enumerate((first, second)))
        if x.type.rank != 4 or y.type.rank != 4:
            raise LayerError(f"images of rank {x.type.rank} are not supported")
        if is_channels_first(call):
            x, y = (then(call, moved(image, (0, 2, 3, 1))) for image in (x, y))
        row = _gaussian(call.integer("filter_size", default=11), call.number("filter_sigma", default=1.5))
        places = _similar(call, x, y, np.outer(row, row)[..., None])
        return reduced(call, "mean", places, (1, 2, 3))

    return parse


register("SSIM")(_similarity("image1", "image2"))
register("tf.image.ssim")(_similarity("img1", "img2"))


def _similar(call: Arguments, x: Value, y: Value, kernel: NDArray[np.float64]) -> Value:
    """``(2 mx my + c1) (2 cov + c2) / ((mx^2 + my^2 + c1) (vx + vy + c2))`` of weighted moments at each place."""

    def do(name: str, left: Value, right: Value | float) -> Value:
        return then(call, binary(call, name, left, right))

    def mean(image: Value) -> Value:
        return _filtered(call, image, kernel, "valid")

    largest = call.number("max_val", 2, 1.0)
    c1, c2 = ((call.number(name, default=d) * largest) ** 2 for name, d in (("k1", 0.01), ("k2", 0.03)))
    mx, my = mean(x), mean(y)
    squares = do("add", *(then(call, unary(call, "square", m)) for m in (mx, my)))
    both = do("multiply", mx, my)
    covariance = do("subtract", mean(do("multiply", x, y)), both)
    power = mean(do("add", *(then(call, unary(call, "square", image)) for image in (x, y))))
    spread = do("subtract", power, squares)
    above = do("multiply", *(do("add", do("multiply", v, 2.0), c) for v, c in ((both, c1), (covariance, c2))))
    below = do("multiply", do("add", squares, c1), do("add", spread, c2))
    return do("divide", above, below)
