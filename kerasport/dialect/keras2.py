"""Keras 2 and tf.keras configs in the canonical (Keras 3) form; version-dependent defaults become explicit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kerasport.dialect.policies import stored
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
    "ConvRNN2D": "ConvLSTM2D",
    "LSTMV2": "LSTM",
    "GRUV2": "GRU",
    "GroupedQueryAttention": "GroupQueryAttention",
    "Custom>CustomScaleLayer": "CustomScaleLayer",  # of keras.applications, registered like a user's own
    "TFDConcat": "Concatenate",  # Keras 3's FeatureSpace
    "TFDIdentity": "Identity",
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
    if (form := stored(name, config, writer)) is not None:
        config["stored"] = form
    if (change := _CHANGES.get(name)) is not None:
        change(config, writer)
    return config


def _leaky_relu(config: Config, writer: Writer) -> None:
    if "alpha" in config:
        config["negative_slope"] = config.pop("alpha")
    config.setdefault("negative_slope", 0.3)


def _recurrent(config: Config, writer: Writer) -> None:
    """A masked step's output: before Keras 2.3 the state, else the output before it, which starts at zero.

    Theano's loop always had the output before it.
    """
    early = not writer.tensorflow and writer.version < (2, 3, 0) and writer.backend != "theano"
    state = early and not config.get("unroll")
    config["masked_output"] = "state" if state else "output"


def _lstm(config: Config, writer: Writer) -> None:
    _recurrent(config, writer)
    _lstm_cell(config, writer)


def _gru(config: Config, writer: Writer) -> None:
    _recurrent(config, writer)
    _gru_cell(config, writer)


def _lstm_cell(config: Config, writer: Writer) -> None:
    config.setdefault("recurrent_activation", "hard_sigmoid" if writer.version < (2, 3, 0) else "sigmoid")


def _conv_lstm(config: Config, writer: Writer) -> None:
    """Keras 2.2's ConvRNN2D holds a ConvLSTM2DCell, which has the rest of a ConvLSTM2D's options."""
    cell = config.get("cell")
    if isinstance(cell, dict) and cell.get("class_name") == "ConvLSTM2DCell":
        del config["cell"]
        for key, value in cell.get("config", {}).items():
            config.setdefault(key, value)
    _lstm_cell(config, writer)


def _gru_cell(config: Config, writer: Writer) -> None:
    _lstm_cell(config, writer)
    config.setdefault("reset_after", writer.keras3 or (writer.tensorflow and writer.version >= (2, 2, 4)))


def _merge(config: Config, writer: Writer) -> None:
    """How masks merge: up to Keras 3.3 all that there are must be true, later any, and none must be missing."""
    config["mask_rule"] = "or" if writer.version >= (3, 4, 0) else "and"


def _dot(config: Config, writer: Writer) -> None:
    """Before Keras 2.3, TensorFlow took all axes but the last two for batch axes; the norm's floor differs, too."""
    config["batch_axes"] = writer.version < (2, 3, 0) and writer.backend in ("", "tensorflow")
    config["floor"] = 1e-7 if writer.keras3 else 1e-6


def _softmax(config: Config, writer: Writer) -> None:
    """TensorFlow 2.4's Softmax was the first to use its mask; from Keras 3.10 on it also zeroes what is masked."""
    known = writer.version >= (2, 4, 0) and (writer.tensorflow or writer.keras3)
    config["masked"] = "zeroed" if writer.version >= (3, 10, 0) else "lowered" if known else "ignored"


def _unit_normalization(config: Config, writer: Writer) -> None:
    config["floor"] = 1e-12 if writer.version >= (3, 6, 0) else 1e-6


def _layer_normalization(config: Config, writer: Writer) -> None:
    """From some release after Keras 3.10 on, whole numbers give whole numbers."""
    config["cuts_integers"] = writer.version >= (3, 11, 0)


def _group_normalization(config: Config, writer: Writer) -> None:
    """From some release after Keras 3.3 on, whole numbers give whole numbers."""
    _keeps_mask(config, writer)
    config["cuts_integers"] = writer.version >= (3, 4, 0)


def _spectral_normalization(config: Config, writer: Writer) -> None:
    config["casts"] = writer.keras3


def _keeps_mask(config: Config, writer: Writer) -> None:
    config["keeps_mask"] = writer.keras3


def _normalization(config: Config, writer: Writer) -> None:
    """TensorFlow 2.2's first version divides by the deviation even where that is 0."""
    _keeps_mask(config, writer)
    config["floor"] = 1e-7 if writer.version >= (2, 4, 0) else 0.0


def resizing(config: Config, writer: Writer) -> None:
    """Keras 3 keeps integers; at first it cut their fractions off."""
    config["integers"] = "float" if not writer.keras3 else "rounded" if writer.version >= (3, 6, 0) else "truncated"


def _category_encoding(config: Config, writer: Writer) -> None:
    """Names of tf.keras 2.4; Keras 3 to 3.3 keeps an axis of size 1 beside a one-hot axis."""
    if "max_tokens" in config:
        config["num_tokens"] = config.pop("max_tokens")
    config["squeezes"] = not writer.keras3 or writer.version >= (3, 4, 0)


def _discretization(config: Config, writer: Writer) -> None:
    """tf.keras up to 2.5 called the boundaries bins, and put a value on one of them below it.

    Keras 3 to 3.3 encodes what stands along the last axis, and not along axis 1.
    """
    _category_encoding(config, writer)
    config["from_last"] = writer.keras3 and writer.version < (3, 4)
    config["includes_bound"] = "bins" not in config
    if "bins" in config:
        config["bin_boundaries"] = config.pop("bins")


def _vocabulary(config: Config, writer: Writer) -> None:
    """Encodings are whole numbers in Keras 3, as the places are."""
    config["encoded"] = "int64" if writer.keras3 else "float32"


_NO_SALT = 0xDECAFCAFFE


def _hashing(config: Config, writer: Writer) -> None:
    """Fractions were hashed as decimal texts before they were cut off.

    TensorFlow up to 2.5 writes a key where no salt was given, and computes without one (until it reads its own file).
    """
    if writer.version < (2, 6, 0) and config.get("salt") == [_NO_SALT, _NO_SALT]:
        config["salt"] = None
    config["cuts"] = writer.version >= (3, 12, 0)


def _random_crop(config: Config, writer: Writer) -> None:
    """What it does at inference: TensorFlow up to 2.6 resized and cropped, Keras 3.6 and 3.7 miss the middle."""
    stages = {(2, 7, 0): "resize_and_crop", (3, 6, 0): "crop_and_resize", (3, 8, 0): "crop_beside_centre"}
    config["inference"] = next((what for end, what in stages.items() if writer.version < end), "nothing")


def _bidirectional(config: Config, writer: Writer) -> None:
    """Keras 2 outside TensorFlow never updates the states of its layers, stateful or not.

    TensorFlow 2.2 reverses the second axis of time-major sequences, too: the batch.
    """
    config["reverses_time"] = not writer.tensorflow or writer.version >= (2, 4, 0)
    config["carries_states"] = writer.keras3 or writer.tensorflow or writer.keras1
    config["zero_output_for_mask"] = writer.keras3 or writer.tensorflow


def _time_distributed(config: Config, writer: Writer) -> None:
    """Whose mask the output has: the wrapped layer's; in Keras 3 the input's, before tf.keras for fixed batches too.

    In Keras 1 it is the input's as well.
    """
    of_input = writer.keras3 or writer.keras1
    config["mask_rule"] = "input" if of_input else "layer" if writer.tensorflow else "free_batch"


def _up_sampling(config: Config, writer: Writer) -> None:
    config["cuts_integers"] = writer.keras3
    # TensorFlow 1's resize_bilinear, which Keras used up to 2.3 and tf.keras up to 1.12, samples from the corners.
    config["half_pixel"] = writer.keras3 or (writer.tensorflow and writer.version >= (2, 2, 4))


def _separable(config: Config, writer: Writer) -> None:
    """Keras up to 2.0.8 saved a dilation that it never used."""
    if not writer.tensorflow and not writer.keras1 and writer.version < (2, 0, 9):
        config["dilation_rate"] = 1


def _stacked_cells(config: Config, writer: Writer) -> None:
    """Keras up to 2.2.2 listed the states from the last cell to the first, without an option for it."""
    config.setdefault("reverse_state_order", not writer.tensorflow and writer.version < (2, 2, 3))


def _attention(config: Config, writer: Writer) -> None:
    """Whose mask the output has; before Keras 3.4 the mask of a list of inputs was lost."""
    explicit = not writer.keras3 or writer.version >= (3, 11, 0)
    config["exact_scores"] = _is_float64(config)
    config["output_mask"] = "given" if explicit else "implicit" if writer.version >= (3, 4, 0) else "none"


def _groups(config: Config, writer: Writer) -> None:
    _softmax(config, writer)
    config["exact_scores"] = _is_float64(config) and writer.version < (3, 10, 0)


def _is_float64(config: Config) -> bool:
    policy = config.get("dtype")
    return "float64" in (policy, policy.get("config", {}).get("name") if isinstance(policy, dict) else None)


def _heads(config: Config, writer: Writer) -> None:
    """Masks: none before TensorFlow 2.10; Keras 3.8 takes them off its inputs."""
    _groups(config, writer)
    config["implicit_masks"] = writer.version >= (2, 10, 0)
    config["takes_masks"] = writer.version >= (3, 8, 0)


def _cached_heads(config: Config, writer: Writer) -> None:
    """Those of keras-hub look at no masks but those that they are given."""
    _groups(config, writer)
    config["implicit_masks"] = config["takes_masks"] = False


_MERGES = ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate")


def _locally_connected_1d(config: Config, writer: Writer) -> None:
    """Outside TensorFlow the data format of this layer is written, but not read."""
    if not writer.tensorflow:
        config["data_format"] = "channels_last"


_CHANGES: dict[str, Callable[[Config, Writer], None]] = {
    "LeakyReLU": _leaky_relu,
    **dict.fromkeys((f"{package}>CachedMultiHeadAttention" for package in ("keras_hub", "keras_nlp")), _cached_heads),
    "SimpleRNN": _recurrent,
    "RNN": _recurrent,
    "LSTM": _lstm,
    "LSTMCell": _lstm_cell,
    "PeepholeLSTMCell": _lstm_cell,
    "GRU": _gru,
    "GRUCell": _gru_cell,
    **dict.fromkeys(_CONV_LSTMS, _conv_lstm),
    "CuDNNLSTM": _recurrent,
    "CuDNNGRU": _recurrent,
    "Bidirectional": _bidirectional,
    "Resizing": resizing,
    "RandomCrop": _random_crop,
    "CategoryEncoding": _category_encoding,
    "Discretization": _discretization,
    **dict.fromkeys(("StringLookup", "IntegerLookup", "TextVectorization"), _vocabulary),
    "Hashing": _hashing,
    "TimeDistributed": _time_distributed,
    "UpSampling2D": _up_sampling,
    "SeparableConv2D": _separable,
    "StackedRNNCells": _stacked_cells,
    "LocallyConnected1D": _locally_connected_1d,
    **dict.fromkeys(_MERGES, _merge),
    "Dot": _dot,
    "Softmax": _softmax,
    **dict.fromkeys(ATTENTION, _attention),
    "MultiHeadAttention": _heads,
    "GroupQueryAttention": _groups,
    "UnitNormalization": _unit_normalization,
    "LayerNormalization": _layer_normalization,
    "GroupNormalization": _group_normalization,
    "SpectralNormalization": _spectral_normalization,
    "Rescaling": _keeps_mask,
    "Normalization": _normalization,
}
