"""Keras 2 and tf.keras configs brought to the canonical (Keras 3) form; versions' defaults made explicit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kerasport.dialect.writer import Writer

Config = dict[str, Any]
_MASKED_SINCE_KERAS3 = frozenset({"Rescaling", "Identity", "Normalization", "GroupNormalization"})
_CONV_LSTMS = ("ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D")
RECURRENT = frozenset({"SimpleRNN", "LSTM", "GRU", "RNN", "Bidirectional", *_CONV_LSTMS})
ATTENTION = ("Attention", "AdditiveAttention")
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
    "GroupedQueryAttention": "GroupQueryAttention",
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


def drops_mask(name: str, writer: Writer) -> bool:
    """Whether a layer that passes its mask on in other versions does not in the writer's.

    Before Keras 3 some layers said nothing of masks; ReLU up to TensorFlow 2.4 misspelt what it said; Keras 3.0
    to 3.3 look for the mask of a list of tensors at the list, which has none.
    """
    if name in _MERGES:
        return writer.keras3 and writer.version < (3, 4, 0)
    if name == "ReLU":
        return writer.tensorflow and writer.version < (2, 5, 0)
    return name in _MASKED_SINCE_KERAS3 and not writer.keras3


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
    """A masked step's output: before Keras 2.3 the state, else the output before it, which starts at zero."""
    state = not writer.tensorflow and writer.version < (2, 3, 0) and not config.get("unroll")
    config["masked_output"] = "state" if state else "output"


def _lstm(config: Config, writer: Writer) -> None:
    _recurrent(config, writer)
    _lstm_cell(config, writer)


def _gru(config: Config, writer: Writer) -> None:
    _recurrent(config, writer)
    _gru_cell(config, writer)


def _lstm_cell(config: Config, writer: Writer) -> None:
    config.setdefault("recurrent_activation", "hard_sigmoid" if writer.version < (2, 3, 0) else "sigmoid")


def _gru_cell(config: Config, writer: Writer) -> None:
    _lstm_cell(config, writer)
    config.setdefault("reset_after", writer.keras3 or (writer.tensorflow and writer.version >= (2, 2, 4)))


def _merge(config: Config, writer: Writer) -> None:
    """How masks merge: up to Keras 3.3 all that there are must be true, later any, and none must be missing."""
    config["mask_rule"] = "or" if writer.version >= (3, 4, 0) else "and"


def _dot(config: Config, writer: Writer) -> None:
    """Before Keras 2.3, the axes before the last two are batch axes; the norm's floor is TensorFlow's or epsilon."""
    config["batch_axes"] = writer.version < (2, 3, 0) and writer.backend != "theano"
    config["floor"] = 1e-7 if writer.keras3 else 1e-6


def _softmax(config: Config, writer: Writer) -> None:
    """TensorFlow 2.4's Softmax was the first to use its mask; from Keras 3.10 on it also zeroes what is masked."""
    known = writer.version >= (2, 4, 0) and (writer.tensorflow or writer.keras3)
    config["masked"] = "zeroed" if writer.version >= (3, 10, 0) else "lowered" if known else "ignored"


def _unit_normalization(config: Config, writer: Writer) -> None:
    config["floor"] = 1e-12 if writer.version >= (3, 6, 0) else 1e-6


def _keeps_mask(config: Config, writer: Writer) -> None:
    config["keeps_mask"] = writer.keras3


def _normalization(config: Config, writer: Writer) -> None:
    """TensorFlow 2.2's first version divides by the deviation even where that is 0."""
    _keeps_mask(config, writer)
    config["floor"] = 1e-7 if writer.version >= (2, 4, 0) else 0.0


def _bidirectional(config: Config, writer: Writer) -> None:
    config["zero_output_for_mask"] = writer.keras3 or writer.tensorflow


def _time_distributed(config: Config, writer: Writer) -> None:
    """Whose mask the output has: the wrapped layer's; in Keras 3 the input's, before tf.keras for fixed batches too."""
    config["mask_rule"] = "input" if writer.keras3 else "layer" if writer.tensorflow else "free_batch"


def _up_sampling(config: Config, writer: Writer) -> None:
    # TensorFlow 1's resize_bilinear, which Keras used up to 2.3 and tf.keras up to 1.12, samples from the corners.
    config["half_pixel"] = writer.keras3 or (writer.tensorflow and writer.version >= (2, 2, 4))


def _attention(config: Config, writer: Writer) -> None:
    """Whose mask the output has; before Keras 3.4 the mask of a list of inputs was lost."""
    explicit = not writer.keras3 or writer.version >= (3, 11, 0)
    config["output_mask"] = "given" if explicit else "implicit" if writer.version >= (3, 4, 0) else "none"


def _heads(config: Config, writer: Writer) -> None:
    """Masks: none before TensorFlow 2.10; Keras 3.8 takes them off its inputs."""
    _softmax(config, writer)
    config["implicit_masks"] = writer.version >= (2, 10, 0)
    config["takes_masks"] = writer.version >= (3, 8, 0)


_MERGES = ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate")
_CHANGES: dict[str, Callable[[Config, Writer], None]] = {
    "LeakyReLU": _leaky_relu,
    "SimpleRNN": _recurrent,
    "RNN": _recurrent,
    "LSTM": _lstm,
    "LSTMCell": _lstm_cell,
    "GRU": _gru,
    "GRUCell": _gru_cell,
    **dict.fromkeys(_CONV_LSTMS, _lstm_cell),
    "CuDNNLSTM": _recurrent,
    "CuDNNGRU": _recurrent,
    "Bidirectional": _bidirectional,
    "TimeDistributed": _time_distributed,
    "UpSampling2D": _up_sampling,
    **dict.fromkeys(_MERGES, _merge),
    "Dot": _dot,
    "Softmax": _softmax,
    **dict.fromkeys(ATTENTION, _attention),
    "MultiHeadAttention": _heads,
    "GroupQueryAttention": _softmax,
    "UnitNormalization": _unit_normalization,
    "GroupNormalization": _keeps_mask,
    "Rescaling": _keeps_mask,
    "Normalization": _normalization,
}
