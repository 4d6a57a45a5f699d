"""What the CNTK backend computes differently: the position of windows, and the outputs of a recurrence.

CNTK's automatic padding puts the centres of the windows evenly over an axis, where TensorFlow spreads the windows
themselves. A depthwise convolution takes its dilation for a stride. From Keras 2.2.3 on a recurrence gives the last
state for the output, which is an LSTM's cell state. See keras/backend/cntk_backend.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kerasport.dialect.theano import numbers
from kerasport.dialect.writer import Writer

Config = dict[str, Any]


def upgrade(name: str, config: Config, writer: Writer) -> str:
    """Makes the backend's arithmetic explicit in a canonical config; gives the class's name.

    Where CNTK reads the first channel for all of them, the name says so.
    """
    if (what := _one_channel(name, config)) is not None:
        return f"{name} ({what}, on CNTK)"
    if (change := _CHANGES.get(name)) is not None:
        change(config, writer)
    return name


def _one_channel(name: str, config: Config) -> str | None:
    """What keeps a convolution from having kernels for each channel: CNTK pads even kernels in another way."""
    if name == "SeparableConv2D" and max(numbers(config.get("dilation_rate", 1), 2)) > 1:
        return "dilated"
    even = any(k % 2 == 0 for k in numbers(config.get("kernel_size", 1), 1))
    per_channel = name.startswith(("Depthwise", "Separable"))
    return "of an even size with padding" if per_channel and even and config.get("padding") == "same" else None


def _windows(config: Config, writer: Writer) -> None:
    if config.get("padding") == "same":
        config["padding"] = "centered"


def _depthwise(config: Config, writer: Writer) -> None:
    _windows(config, writer)
    dilations = numbers(config.get("dilation_rate", 1), 2)
    if max(dilations) > 1:
        config["strides"], config["dilation_rate"] = dilations, 1


def _transposed(config: Config, writer: Writer) -> None:
    """It undoes the convolution from the output to the input, whose windows are centred."""
    if config.get("padding") != "same":
        return
    kernel, added = config["kernel_size"], config.get("output_padding")
    strides = numbers(config.get("strides", 1), len(kernel))
    # Per axis the output's length less 1, but for multiples of the stride.
    ends = [-1] * len(kernel)
    if added is not None:
        ends = [k - 1 - k // 2 * 2 + more for k, more in zip(kernel, numbers(added, len(kernel)), strict=True)]
    axes = zip(kernel, strides, ends, strict=True)
    config["cut_before"] = [(k - 1) // 2 - end % stride // 2 for k, stride, end in axes]


def _recurrent(config: Config, writer: Writer) -> None:
    if not config.get("unroll"):
        config["gives_last_state"] = writer.version >= (2, 2, 3)


def _conv_lstm(config: Config, writer: Writer) -> None:
    _windows(config, writer)
    _recurrent(config, writer)


_CHANGES: dict[str, Callable[[Config, Writer], None]] = {
    **{f"Conv{d}D": _windows for d in (1, 2, 3)},
    **{f"{kind}Pooling{d}D": _windows for kind in ("Max", "Average") for d in (1, 2, 3)},
    **dict.fromkeys(("SeparableConv1D", "SeparableConv2D"), _windows),
    "DepthwiseConv2D": _depthwise,
    **dict.fromkeys(("Conv2DTranspose", "Conv3DTranspose"), _transposed),
    **dict.fromkeys(("SimpleRNN", "LSTM", "GRU", "RNN"), _recurrent),
    "ConvLSTM2D": _conv_lstm,
}
