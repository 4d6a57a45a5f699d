"""Every way in which a Keras writes an activation, as ``{"function": name, parameter: value}``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from kerasport.custom.registry import CUSTOM
from kerasport.dialect.model import LayerDef, ModelDef, below, each
from kerasport.dialect.writer import Writer
from kerasport.layers.functions import FUNCTIONS

_ALIASES = {
    "swish": "silu",
    "hard_swish": "hard_silu",
    "exp": "exponential",
    "None": "linear",
    "softmax_v2": "softmax",  # the names that TensorFlow's own functions have in Python
    "log_softmax_v2": "log_softmax",
}
# Those of tensorflow-addons and of keras-hub, with their defaults, that Keras 3 has too.
_OTHERS: dict[str, dict[str, Any]] = {
    "keras_hub>gelu_approximate": {"function": "gelu", "approximate": 1.0},
    "keras_nlp>gelu_approximate": {"function": "gelu", "approximate": 1.0},
    "Addons>gelu": {"function": "gelu", "approximate": 1.0},
    "Addons>mish": {"function": "mish"},
    "Addons>hardshrink": {"function": "hard_shrink"},
    "Addons>softshrink": {"function": "soft_shrink"},
    "Addons>tanhshrink": {"function": "tanh_shrink"},
}
# tf.keras resolves the names of layer classes too, with the layer's defaults.
_LAYERS: dict[str, dict[str, Any]] = {
    "LeakyReLU": {"function": "leaky_relu", "negative_slope": 0.3},
    "ReLU": {"function": "relu"},
    "ELU": {"function": "elu"},
    "Softmax": {"function": "softmax"},
    "ThresholdedReLU": {"function": "thresholded_relu"},
}
_NAMED = _LAYERS | _OTHERS
# Names that only the user's own functions had before a Keras has taken them, and that did not mean one thing: gelu was
# computed by erf, as Keras does since 2.4, or by tanh; in keras-bert by either. What else a Keras has taken later meant
# the same before: swish (efficientnet's), mish, relu6 and hard_swish (of keras.applications), tf.nn's leaky_relu.
_FORMERLY_OWN = {"gelu": (2, 4)}
_OWN = "Custom>"  # as Keras marks what is registered without a package
# Classes that tell keras-bert and keras-gpt-2, and what their gelu is: on tf.keras keras-bert has TensorFlow's erf.
_BERT, _GPT = frozenset(["TokenEmbedding", "EmbeddingSimilarity"]), frozenset(["EmbeddingRet", "EmbeddingSim"])
_KEYS = {
    "LeakyReLU": {"alpha": "negative_slope", "negative_slope": "negative_slope"},
    "ReLU": {"max_value": "max_value", "negative_slope": "negative_slope", "threshold": "threshold"},
    "ELU": {"alpha": "alpha"},
    "Softmax": {"axis": "axis"},
    "ThresholdedReLU": {"theta": "theta"},
}


def activation(value: Any, writer: Writer) -> Any:
    """The canonical form; what is not recognised stays as it is and is refused by the layer.

    Args:
        value: A name, a serialised function, a serialised stateless activation layer, or None.
        writer: Decides hard_sigmoid's slope: 0.2 before Keras 3, 1/6 from it on.
    """
    if isinstance(value, Mapping):
        return _serialised(value, writer)
    if not isinstance(value, str):
        return value
    if value in _NAMED:
        return dict(_NAMED[value])
    if _is_own(value, writer):
        return {"function": _OWN + value}
    name = _ALIASES.get(value, value)
    if name == "hard_sigmoid" and not writer.keras3:
        return {"function": name, "slope": 0.2, "offset": 0.5}
    return {"function": name}


def _is_own(name: str, writer: Writer) -> bool:
    return name in _FORMERLY_OWN and writer.version < _FORMERLY_OWN[name]


def of_packages(model: ModelDef, writer: Writer) -> ModelDef:
    """The model, with the gelu of the package that its layers are known to be from."""
    classes = {layer.class_name for _, layer in below(model, "")}
    if not classes & (_BERT | _GPT):
        return model
    approximate = float(bool(classes & _GPT) or not writer.tensorflow)
    return each(model, "", lambda _, layer: _with_gelu(layer, {"function": "gelu", "approximate": approximate}))


def _with_gelu(layer: LayerDef, gelu: Mapping[str, Any]) -> LayerDef:
    if layer.config.get("activation") != {"function": f"{_OWN}gelu"} or CUSTOM.activation("gelu") is not None:
        return layer
    return replace(layer, config={**layer.config, "activation": gelu})


def as_layer(value: Any, writer: Writer) -> Mapping[str, Any] | None:
    """The layer that an activation must become: one with weights of its own (PReLU), or not Keras's; else None."""
    name = _name(value)
    custom = name and (CUSTOM.replaces(name) or not _is_kerass(name) or _is_own(name, writer))
    if name == "PReLU" or (custom and CUSTOM.activation(name) is not None):
        return {"class_name": name, "config": {"name": name}}
    return value if isinstance(value, Mapping) and value.get("class_name") == "PReLU" else None


def _name(value: Any) -> str:
    """The name of a function that stands alone, "" for anything else."""
    if isinstance(value, Mapping) and value.get("class_name") == "function":
        value = value.get("config")
    return value if isinstance(value, str) else ""


def _is_kerass(name: str) -> bool:
    name = name.removeprefix("Keras>").removeprefix("keras.activations>")
    return name in FUNCTIONS or name in _ALIASES or name in _NAMED


def _serialised(value: Mapping[str, Any], writer: Writer) -> Any:
    name, config = value.get("class_name"), value.get("config")
    if name == "function" and isinstance(config, str):
        return activation(config.removeprefix("Keras>").removeprefix("keras.activations>"), writer)
    if name == "Activation" and isinstance(config, Mapping):
        return activation(config.get("activation"), writer)
    if name not in _LAYERS or not isinstance(config, Mapping):
        return value
    renamed = {_KEYS[name][key]: number for key, number in config.items() if key in _KEYS[name]}
    return _LAYERS[name] | {key: _plain(number) for key, number in renamed.items() if number is not None}


def _plain(number: Any) -> Any:
    """NumPy's 0-d arrays are written as dicts, and some numbers as one-item lists."""
    if isinstance(number, Mapping):
        number = number.get("value", number)
    return number[0] if isinstance(number, list) and len(number) == 1 else number
