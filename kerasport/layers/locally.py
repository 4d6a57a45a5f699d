"""Locally connected layers: convolutions with a separate kernel for each output position."""

from __future__ import annotations

from math import prod
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from kerasport.errors import LayerError
from kerasport.layers import LAYERS
from kerasport.layers.base import Dim, Shape, TensorType
from kerasport.layers.config import Config
from kerasport.layers.conv import Convolution
from kerasport.layers.frozen import frozen


@frozen
class LocallyConnected(Convolution):
    """``y[o] = activation(sum over taps t, channels c of x[o * stride + t, c] * kernel[o, t, c] + bias[o])``.

    Attributes:
        filters: The channels of the output.
        implementation: How the kernel is stored: 1 (positions, taps * channels, filters); 2 (*input, *output), of
            which what is not connected does not count; 3 what is connected, in the order of output, then input.
    """

    filters: int
    implementation: int = 1

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's keys: filters, implementation and those of convolutions."""
        implementation = config.integer("implementation", 1)
        if implementation not in (1, 2, 3):
            raise LayerError(f"implementation={implementation} is not supported")
        options: dict[str, Any] = cls.options(config)
        if options["padding"] != "valid" and implementation == 1:
            raise LayerError(f"padding={options['padding']!r} is not supported with implementation=1")
        return cls(filters=config.integer("filters"), implementation=implementation, **options)

    def sizes(self, x: TensorType) -> tuple[tuple[int, ...], tuple[int, ...], int]:
        """The spatial sizes of input and output, and the channels.

        Raises:
            LayerError: They are not known.
        """
        lengths, channels = self.lengths(x), self.channels(x)
        found = [*lengths, *self.output_lengths(lengths), channels]
        known = [dim for dim in found if dim is not None]
        if len(known) < len(found):
            raise LayerError(f"its input has the shape {x.shape} where all sizes but the batch must be known")
        n = self.dimensions
        return tuple(known[:n]), tuple(known[n : 2 * n]), known[-1]

    def connected(self, lengths: tuple[int, ...]) -> NDArray[np.int64]:
        """For each output position and tap, in row-major order, the input's position; -1 outside.

        "same" centres each window on ``o * stride``, unlike that of convolutions.
        """
        flat, inside = np.zeros((1, 1), np.int64), np.ones((1, 1), bool)
        for length, window in zip(lengths, self.windows, strict=True):
            count = window.output_length(length, self.padding) or 0
            start = window.size // 2 if self.padding == "same" else 0
            seen = np.arange(count)[:, None] * window.stride + np.arange(window.size) - start
            rows, columns = flat.shape[0] * count, flat.shape[1] * window.size
            flat = (flat[:, None, :, None] * length + seen[None, :, None, :]).reshape(rows, columns)
            within = (seen >= 0) & (seen < length)
            inside = (inside[:, None, :, None] & within[None, :, None, :]).reshape(rows, columns)
        return np.where(inside, flat, -1)

    def weights(self, *inputs: TensorType) -> dict[str, Shape]:
        """Kernel, and bias (*output, filters)."""
        lengths, outputs, channels = self.sizes(inputs[0])
        taps = prod(self.kernel_size) * channels
        roles: dict[str, Shape] = {"kernel": (prod(outputs), taps, self.filters)}
        if self.implementation == 2:
            seen, made = (channels,), (self.filters,)
            first = self.channels_first
            roles["kernel"] = (
                *(seen + lengths if first else lengths + seen),
                *(made + outputs if first else outputs + made),
            )
        if self.implementation == 3:
            count = int((self.connected(lengths) >= 0).sum())
            roles["kernel"] = (count * channels * self.filters,)
        return roles | ({"bias": (*outputs, self.filters)} if self.use_bias else {})

    def output_channels(self, channels: Dim) -> Dim:
        """The filters."""
        return self.filters


@LAYERS.register("LocallyConnected1D")
class LocallyConnected1D(LocallyConnected):
    """Over (batch, steps, channels)."""

    dimensions: ClassVar[int] = 1


@LAYERS.register("LocallyConnected2D")
class LocallyConnected2D(LocallyConnected):
    """Over (batch, height, width, channels)."""

    dimensions: ClassVar[int] = 2
