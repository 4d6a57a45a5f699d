"""Layers that change images based on histograms of their pixel values."""

from __future__ import annotations

from typing import ClassVar, Self

from kerasport.errors import LayerError
from kerasport.layers import LAYERS
from kerasport.layers.base import TensorType
from kerasport.layers.config import Config
from kerasport.layers.frozen import frozen
from kerasport.layers.spatial import Spatial

LEVELS = 256


@LAYERS.register("ContrastLimitedAdaptiveHistogramEqualization", limits="images of unknown size")
@frozen
class AdaptiveEqualization(Spatial):
    """Each pixel by the running histograms of the four tiles around it, weighed by its distance from their centres.

    The values, brought to [0, 255], are counted in each tile of each channel. What a count exceeds the limit by goes
    to all levels alike. A pixel of level v becomes ``(sum up to v - least) / (pixels of a tile - least) * 255``, where
    ``least`` is the count of level 0.

    Attributes:
        low: What 0 stands for.
        high: What 255 stands for.
        limit: The limit of a count, times the mean count; 0 for none.
        grid: The numbers of tiles (down, across); images are mirrored at their ends to fill the last ones.
    """

    dimensions: ClassVar[int] = 2
    low: float = 0.0
    high: float = 255.0
    limit: float = 4.0
    grid: tuple[int, int] = (8, 8)

    @classmethod
    def parse(cls, config: Config) -> Self:
        """Keras's keys: value_range, clip_limit, tile_grid_size, data_format."""
        value_range, grid = config.get("value_range", (0, 255)), config.integers("tile_grid_size", 2, (8, 8))
        if not isinstance(value_range, list | tuple) or len(value_range) != 2 or min(grid) < 1:
            raise LayerError(f"value_range={str(value_range)[:40]} or tile_grid_size={grid} is not supported")
        low, high = (float(value) for value in value_range)
        limit = config.number("clip_limit", 4.0)
        return cls(channels_first=config.channels_first(), low=low, high=high, limit=limit, grid=(grid[0], grid[1]))

    @property
    def scales(self) -> bool:
        """Whether values are brought to [0, 255] and back."""
        return (self.low, self.high) != (0.0, 255.0)

    def tiles(self, lengths: tuple[int, ...]) -> tuple[int, int]:
        """The height and width of a tile."""
        rows, columns = (-(-length // count) for length, count in zip(lengths, self.grid, strict=True))
        return rows, columns

    def infer(self, *inputs: TensorType) -> TensorType:
        """The input's type."""
        lengths = [length or 0 for length in self.lengths(inputs[0])]
        if 0 in lengths or self.channels(inputs[0]) is None:
            raise LayerError("images of unknown size are not supported")
        pairs = zip(self.tiles(tuple(lengths)), self.grid, lengths, strict=True)
        if any(size * count > 2 * length for size, count, length in pairs):
            raise LayerError(f"a grid of {self.grid} tiles is too fine for images of {lengths} pixels")
        return inputs[0]
