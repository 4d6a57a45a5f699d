"""The weight arrays of Keras 1 layers, and how they map to today's weights.

Kernels of ``dim_ordering="th"`` are (filters, in, *space); gates have arrays of their own; Theano's
convolutions go over a kernel backwards, whatever its ordering.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from kerasport.dialect.storage import (
    PLAIN,
    Arrays,
    Storage,
    flipped,
    joined,
    mapped,
    transposed,
    without_axis,
)
from kerasport.dialect.theano import numbers
from kerasport.dialect.writer import Writer
from kerasport.reader.weights import Weight

Config = Mapping[str, Any]
_CONVOLUTIONS = ("Convolution2D", "AtrousConvolution2D", "Convolution3D", "SeparableConvolution2D")
# The gates in the file's order, and in the order in which they stand in one array.
_GATES = {"LSTM": ("icfo", "ifco"), "ConvLSTM2D": ("icfo", "ifco"), "GRU": ("zrh", "zrh")}


def storage(name: str, config: Config, writer: Writer) -> Storage:
    """The storage of one layer.

    Args:
        name: Keras 1's class name.
        config: Its config as Keras 1 wrote it, ``dim_ordering`` filled in.
        writer: Its backend decides about the flips; its version what ``running_std`` is.
    """
    if name in ("Convolution1D", "AtrousConvolution1D"):
        return Storage(roles={"kernel": partial(_one_dimensional, config, writer)})
    if name in _CONVOLUTIONS:
        roles = ("depthwise_kernel", "pointwise_kernel") if name == "SeparableConvolution2D" else ("kernel",)
        return Storage(roles={role: partial(_kernel, config, writer, role) for role in roles})
    if name == "Deconvolution2D":
        return Storage(roles={"kernel": partial(_transposed_kernel, config, writer)})
    if name in _GATES:
        return _gated(name, config, writer)
    return _early(name, config, writer) if writer.version < (1, 2, 0) else PLAIN


def _early(name: str, config: Config, writer: Writer) -> Storage:
    """What was stored otherwise before Keras 1.2."""
    if name == "Highway" and config.get("bias", True):
        return Storage(names=("kernel", "bias", "carry_kernel", "carry_bias"))
    if name == "BatchNormalization" and config.get("mode", 1) == 0 and writer.version <= (1, 0, 7):
        return _deviations(float(config.get("epsilon", 1e-6)), writer)
    return PLAIN


_EARLIER = {"Conv2D": "Convolution2D", "Conv3D": "Convolution3D", "SeparableConv2D": "SeparableConvolution2D"}


def earlier(name: str, config: Config) -> tuple[str, Config]:
    """What Keras 1 called a Keras 2 layer, and what of its config says how Keras 1 stored its weights."""
    ordering = {"dim_ordering": "th" if config.get("data_format") == "channels_first" else "tf"}
    if name == "Conv1D":
        (length,) = numbers(config["kernel_size"], 1)
        return "Convolution1D", {"filter_length": length, "nb_filter": config.get("filters")}
    if name == "Conv2DTranspose":
        return "Deconvolution2D", ordering
    return _EARLIER.get(name, name), ordering


def _channels_first(config: Config) -> bool:
    return bool(config.get("dim_ordering") == "th")


def _one_dimensional(config: Config, writer: Writer, stored: Arrays) -> Weight:
    """(steps, 1, in, filters), or as the first versions had it (filters, in, steps, 1)."""
    kernel = stored["kernel"]
    if kernel.shape[:2] != (config.get("filter_length"), 1) or kernel.shape[-1] != config.get("nb_filter"):
        kernel = transposed(kernel, 2, 3, 1, 0)
    return _turned(without_axis(kernel, 1), writer)


def _kernel(config: Config, writer: Writer, role: str, stored: Arrays) -> Weight:
    return _turned(_in_order(config, stored[role]), writer)


def _in_order(config: Config, kernel: Weight) -> Weight:
    """(filters, in, *space) as (*space, in, filters)."""
    return transposed(kernel, *range(2, len(kernel.shape)), 1, 0) if _channels_first(config) else kernel


def _turned(kernel: Weight, writer: Writer) -> Weight:
    return flipped(kernel) if writer.backend == "theano" else kernel


def _transposed_kernel(config: Config, writer: Writer, stored: Arrays) -> Weight:
    """(*space, in, filters) as (*space, filters, in)."""
    return _turned(transposed(_in_order(config, stored["kernel"]), 0, 1, 3, 2), writer)


def _gated(name: str, config: Config, writer: Writer) -> Storage:
    if config.get("consume_less") == "gpu" and name != "ConvLSTM2D":
        return Storage(names=("kernel", "recurrent_kernel", "bias"))
    order, wanted = _GATES[name]
    roles: dict[str, Callable[[Arrays], Weight]] = {}
    for role, letter in (("kernel", "W"), ("recurrent_kernel", "U"), ("bias", "b")):
        parts = [f"{letter}_{gate}" for gate in wanted]
        convolves = name == "ConvLSTM2D" and role != "bias"
        roles[role] = partial(_joined, parts, config, writer) if convolves else partial(_joined, parts, None, writer)
    return Storage(tuple(f"{letter}_{gate}" for gate in order for letter in "WUb"), roles)


def _joined(parts: list[str], config: Config | None, writer: Writer, stored: Arrays) -> Weight:
    if config is None:
        return joined(stored[part] for part in parts)
    return joined(_turned(_in_order(config, stored[part]), writer) for part in parts)


def _deviations(epsilon: float, writer: Writer) -> Storage:
    """Keras up to 1.0.6, which told no version, divided by ``running_std + epsilon``.

    In 1.0.7 the same weight is a variance, but on Theano the division still is by ``sqrt(variance) + epsilon``; now it
    is by ``sqrt(variance + epsilon)``.
    """
    if writer.version < (1, 0, 7):
        return Storage(roles={"moving_variance": partial(_variance, epsilon, lambda deviation: deviation)})
    if writer.backend == "theano":
        return Storage(roles={"moving_variance": partial(_variance, epsilon, lambda variance: variance**0.5)})
    return PLAIN


def _variance(epsilon: float, deviation: Callable[[Any], Any], stored: Arrays) -> Weight:
    return mapped(stored["moving_variance"], "as a variance", lambda x: (deviation(x) + epsilon) ** 2 - epsilon)
