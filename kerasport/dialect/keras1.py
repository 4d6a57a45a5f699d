"""Keras 1 configs in the form of Keras 2: renamed keys and classes, other notations for padding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kerasport.dialect.theano import extents
from kerasport.dialect.writer import Writer

Config = dict[str, Any]
_CLASSES = {"AtrousConvolution1D": "Conv1D", "AtrousConvolution2D": "Conv2D", "TimeDistributedDense": "Dense"}
_KEYS = {
    "nb_filter": "filters",
    "bias": "use_bias",
    "border_mode": "padding",
    "subsample": "strides",
    "subsample_length": "strides",
    "atrous_rate": "dilation_rate",
    "inner_activation": "recurrent_activation",
    "pool_length": "pool_size",
    "stride": "strides",
    "length": "size",
    "p": "rate",
    "sigma": "stddev",
}
_KERNELS = (("filter_length",), ("nb_row", "nb_col"), ("kernel_dim1", "kernel_dim2", "kernel_dim3"))
_TRAINING = frozenset(
    ["dropout_W", "dropout_U", "consume_less", "input_length", "weights", "cache_enabled", "transform_bias"]
)
_MODES = {"sum": "Add", "mul": "Multiply", "ave": "Average", "max": "Maximum", "concat": "Concatenate", "dot": "Dot"}
# By the keys that tell Keras's own classes from others of their names.
_LEGACY = {"Merge": "mode_type", "MaxoutDense": "nb_feature", "Highway": "W_constraint"}
_ORDERINGS = {"th": "channels_first", "tf": "channels_last"}
_SIDES = {1: (("left_pad", "right_pad"),), 2: (("top_pad", "bottom_pad"), ("left_pad", "right_pad"))}


def is_legacy(name: str, config: Config, writer: Writer) -> bool:
    """Whether Keras 2 has the layer in ``keras.legacy``, where it writes what Keras 1 wrote."""
    return not writer.tensorflow and not writer.keras3 and _LEGACY.get(name) in config


def upgrade(name: str, config: Config, writer: Writer) -> tuple[str, Config]:
    """The Keras 2 class of one layer and its config, copied."""
    config = {_KEYS.get(key, key): value for key, value in config.items() if not _is_for_training(key)}
    if "dim_ordering" in config:
        ordering = config.pop("dim_ordering")
        config["data_format"] = _ORDERINGS.get(ordering, ordering)
    for keys in _KERNELS:
        if keys[0] in config:
            config["kernel_size"] = [config.pop(key) for key in keys]
    if name in _UNITS:
        config["units"] = config.pop("output_dim", None)
    if config.get("padding") == "full":
        config["padding"] = [[e - 1, e - 1] for e in extents(config, len(config["kernel_size"]))]
    if name == "Merge":
        return _merge(config)
    if (change := _CHANGES.get(name)) is not None:
        change(config, writer)
    if name == "BatchNormalization" and (mode := config.pop("mode", 0)):
        # There mode 2, too, divides by sqrt(variance) + epsilon.
        early = mode == 2 and writer.backend == "theano" and writer.version <= (1, 0, 7)
        return f"BatchNormalization (mode {mode}{', of Keras 1.0.7 on Theano' if early else ''})", config
    return _CLASSES.get(name, name), config


def _is_for_training(key: str) -> bool:
    return key in _TRAINING or key == "init" or key.endswith(("_init", "_regularizer", "_constraint"))


def _merge(config: Config) -> tuple[str, Config]:
    """A class for each mode; a function is a Lambda's."""
    if config.get("mode_type", "raw") != "raw":
        return "Lambda", _merging_lambda(config)
    mode, merged = config["mode"], {"name": config.get("name")}
    if mode == "concat":
        merged["axis"] = config.get("concat_axis", -1)
    if mode in ("dot", "cos"):
        merged["axes"] = config.get("dot_axes", -1)
    return _MODES.get(mode, f"Merge ({mode})"), merged


def _merging_lambda(config: Config) -> Config:
    """The config of the Lambda that does the same; what makes its mask is given masks alone."""
    kept = ("name", "output_shape", "output_shape_type", "arguments")
    merged = {"function": config["mode"], "function_type": config["mode_type"]}
    masks = {"mask": config.get("output_mask"), "mask_type": config.get("output_mask_type"), "mask_of_masks": True}
    return {**{key: config[key] for key in kept if key in config}, **merged, **masks}


def _input(config: Config, writer: Writer) -> None:
    config["dtype"] = config.pop("input_dtype", None) or "float32"


def _embedding(config: Config, writer: Writer) -> None:
    config.pop("dropout", None)


def _batch_normalization(config: Config, writer: Writer) -> None:
    config.setdefault("epsilon", 1e-6)


def _padding(count: int, config: Config, writer: Writer) -> None:
    """A dict of sides; numbers for each axis; in two dimensions also four numbers."""
    padding = config.get("padding", 1)
    if isinstance(padding, dict):
        config["padding"] = [[padding.get(side, 0) for side in pair] for pair in _SIDES[count]]
    elif isinstance(padding, list) and len(padding) == 2 * count:
        config["padding"] = [padding[2 * axis : 2 * axis + 2] for axis in range(count)]


def _shared_axes(config: Config, writer: Writer) -> None:
    """Which axes share a parameter is in the weights' shapes alone."""
    config["shared_axes"] = "stored"


def _s_relu(config: Config, writer: Writer) -> None:
    """Theano's relu limits the part below zero, too."""
    _shared_axes(config, writer)
    config["limits_left"] = writer.backend == "theano"


def _deconvolution(config: Config, writer: Writer) -> None:
    shape = list(config.pop("output_shape"))
    config["output_size"] = shape[2:] if config.get("data_format") == "channels_first" else shape[1:-1]


_UNITS = frozenset({"Dense", "TimeDistributedDense", "MaxoutDense", "SimpleRNN", "LSTM", "GRU"})
_CHANGES: dict[str, Callable[[Config, Writer], None]] = {
    "InputLayer": _input,
    "Embedding": _embedding,
    "BatchNormalization": _batch_normalization,
    "ZeroPadding1D": lambda config, writer: _padding(1, config, writer),
    "ZeroPadding2D": lambda config, writer: _padding(2, config, writer),
    "PReLU": _shared_axes,
    "ParametricSoftplus": _shared_axes,
    "SReLU": _s_relu,
    "Deconvolution2D": _deconvolution,
}
