"""What the Theano backend computes differently: its convolutions' kernels are flipped, and its "same" padding.

``border_mode="half"`` pads an extent ``e`` by ``e // 2`` on both sides; Keras drops what is then too much, so
that ``ceil(n / stride)`` positions are left. Pools of a size ``k`` start at ``-(k - 1)``, or at ``-(k - 2)`` where k
is odd (and above 1). TensorFlow pads as little as it can, evenly. See keras/backend/theano_backend.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from kerasport.dialect.storage import PLAIN, Storage, flipped
from kerasport.dialect.writer import Writer

Config = dict[str, Any]
_KERNELS = {
    **dict.fromkeys(("Conv1D", "Conv2D", "Conv3D", "Conv2DTranspose", "Conv3DTranspose"), ("kernel",)),
    "ConvLSTM2D": ("kernel", "recurrent_kernel"),
}

_COUNTED = ((2, 0, 4), (2, 1, 5))  # from and before which Keras the mean of a padded pool counts zeros


def storage(name: str) -> Storage:
    """That of a Keras 2 layer; Keras itself flips the kernels of depthwise convolutions."""
    roles = _KERNELS.get(name)
    return Storage(roles={role: partial(_flipped, role) for role in roles}) if roles else PLAIN


def _flipped(role: str, stored: Mapping[str, Any]) -> Any:
    return flipped(stored[role])


def upgrade(name: str, config: Config, writer: Writer) -> str:
    """Makes the backend's paddings explicit in a canonical config; gives the class's name."""
    if (change := _CHANGES.get(name)) is not None:
        change(config, int(name[name.rindex("D") - 1]), writer)
    return name


def numbers(value: Any, count: int) -> list[int]:
    """One number for each axis."""
    return [int(v) for v in value] if isinstance(value, list | tuple) else [int(value)] * count


def extents(config: Config, count: int) -> list[int]:
    """How far the kernel reaches along each axis, holes included."""
    dilations = numbers(config.get("dilation_rate", 1), count)
    return [(k - 1) * d + 1 for k, d in zip(numbers(config["kernel_size"], count), dilations, strict=True)]


def _convolution(config: Config, count: int, writer: Writer) -> None:
    if config.get("padding") == "same":
        config["padding"] = [[e // 2, (e - 1) // 2] for e in extents(config, count)]


def _separable(config: Config, count: int, writer: Writer) -> None:
    """Keras looks at the size of the pointwise kernel, 1, and drops nothing."""
    if config.get("padding") == "same":
        config["padding"] = [[e // 2, e // 2] for e in extents(config, count)]


def _conv_lstm(config: Config, count: int, writer: Writer) -> None:
    _convolution(config, count, writer)
    config["recurrent_padding"] = [[k // 2, (k - 1) // 2] for k in numbers(config["kernel_size"], count)]


def _transposed(config: Config, count: int, writer: Writer) -> None:
    """What is cut before each axis; for even kernels Keras then drops all but ``ceil(n / stride)`` positions."""
    if config.get("padding") == "same":
        config["cut_before"] = [e // 2 for e in extents(config, count)]
        config["shortened"] = [k % 2 == 0 for k in numbers(config["kernel_size"], count)]


def _average_pooling(config: Config, count: int, writer: Writer) -> None:
    """Pools of one and two axes counted their padding for some time."""
    _pooling(config, count, writer)
    if count < 3 and isinstance(config.get("padding"), list):
        config["counts_padding"] = _COUNTED[0] <= writer.version < _COUNTED[1]


def _pooling(config: Config, count: int, writer: Writer) -> None:
    if config.get("padding") == "same":
        sizes = numbers(config["pool_size"], count)
        starts = [k - 2 if k % 2 and (k > 1 or count == 3) else k - 1 for k in sizes]
        config["padding"] = [[start, k - 1 - start] for start, k in zip(starts, sizes, strict=True)]


_CHANGES: dict[str, Callable[[Config, int, Writer], None]] = {
    **dict.fromkeys(("Conv1D", "Conv2D", "Conv3D", "DepthwiseConv1D", "DepthwiseConv2D"), _convolution),
    **dict.fromkeys(("SeparableConv1D", "SeparableConv2D"), _separable),
    **dict.fromkeys(("Conv2DTranspose", "Conv3DTranspose"), _transposed),
    "ConvLSTM2D": _conv_lstm,
    **{f"MaxPooling{d}D": _pooling for d in (1, 2, 3)},
    **{f"AveragePooling{d}D": _average_pooling for d in (1, 2, 3)},
}
