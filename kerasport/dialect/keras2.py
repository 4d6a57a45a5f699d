"""Keras 2 and tf.keras configs brought to the canonical (Keras 3) form; versions' defaults made explicit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kerasport.dialect.writer import Writer

Config = dict[str, Any]
_RENAMED_CLASSES = {
    "Convolution1D": "Conv1D",
    "Convolution2D": "Conv2D",
    "Convolution3D": "Conv3D",
    "Convolution1DTranspose": "Conv1DTranspose",
    "Convolution2DTranspose": "Conv2DTranspose",
    "Convolution3DTranspose": "Conv3DTranspose",
    "SeparableConvolution1D": "SeparableConv1D",
    "SeparableConvolution2D": "SeparableConv2D",
    "DepthwiseConvolution1D": "DepthwiseConv1D",
    "DepthwiseConvolution2D": "DepthwiseConv2D",
    "Deconvolution2D": "Conv2DTranspose",
    "Deconvolution3D": "Conv3DTranspose",
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
    "SyncBatchNormalization": "BatchNormalization",
    "LSTMV2": "LSTM",
    "GRUV2": "GRU",
} | {
    f"{short}Pool{d}D": f"{long}Pooling{d}D"
    for d in (1, 2, 3)
    for short, long in {
        "Max": "Max", "Avg": "Average", "GlobalMax": "GlobalMax", "GlobalAvg": "GlobalAverage",
    }.items()
}  # fmt: skip


def class_name(name: str) -> str:
    """The canonical name of a class; registered names lose Keras's own package prefix."""
    name = name.removeprefix("keras.layers>").removeprefix("Keras>")
    return _RENAMED_CLASSES.get(name, name)


def upgrade(name: str, config: Config, writer: Writer) -> Config:
    """A copy of one layer's config in canonical form."""
    config = dict(config)
    if "batch_input_shape" in config:
        config.setdefault("batch_shape", config.pop("batch_input_shape"))
    if (change := _CHANGES.get(name)) is not None:
        change(config, writer)
    return config


def _leaky_relu(config: Config, writer: Writer) -> None:
    if "alpha" in config:
        config["negative_slope"] = config.pop("alpha")
    config.setdefault("negative_slope", 0.3)


def _recurrent(config: Config, writer: Writer) -> None:
    config.setdefault("recurrent_activation", "hard_sigmoid" if writer.version < (2, 3, 0) else "sigmoid")


def _gru(config: Config, writer: Writer) -> None:
    _recurrent(config, writer)
    config.setdefault("reset_after", writer.keras3 or (writer.tensorflow and writer.version >= (2, 2, 4)))


def _merge(config: Config, writer: Writer) -> None:
    config["mask_rule"] = "or" if writer.keras3 else "and"


def _bidirectional(config: Config, writer: Writer) -> None:
    config["zero_output_for_mask"] = writer.keras3 or writer.tensorflow


_MERGES = ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate")
_CHANGES: dict[str, Callable[[Config, Writer], None]] = {
    "LeakyReLU": _leaky_relu,
    "LSTM": _recurrent,
    "GRU": _gru,
    "Bidirectional": _bidirectional,
    **dict.fromkeys(_MERGES, _merge),
}
