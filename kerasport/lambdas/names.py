"""The usual meaning of global names in a function: modules by their usual names, and their contents."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from kerasport.errors import LayerError
from kerasport.lambdas import inner_layers
from kerasport.lambdas.values import Name, words

# What a name without a module is; "python." stands for Python's own.
_ROOTS = {
    **{name: name for name in ("K", "tf", "keras", "np", "math", "ops", "theano", "T", "functools", "random")},
    "backend": "K", "KB": "K", "kb": "K", "k": "K", "Kb": "K", "tensorflow": "tf", "tf1": "tf", "tf2": "tf",
    "keras_backend": "K", "KTF": "K", "imagenet_utils": "imagenet", "numpy": "np", "tt": "T",
    "tensor": "T", "activations": "keras.activations", "reduce": "python.reduce", "knp": "ops",
    "tf_keras": "keras", "ktf": "tf", "ks": "keras", "tfk": "keras", "layers": "keras.layers", "kl": "keras.layers",
    "KL": "keras.layers", "tfkl": "keras.layers", "partial": "python.partial", "losses": "keras.losses",
}  # fmt: skip
_BUILTINS = words(
    "abs all any bool dict enumerate filter float int isinstance len list map max min pow print range reversed"
    " round set slice sorted str sum super tuple xrange zip type"
)
# Places that are others', the longest first.
_SAME = {
    "tf.keras.backend": "K", "keras.backend": "K", "tf.keras.ops": "ops", "keras.ops": "ops", "tf.keras": "keras",
    "theano.tensor": "T", "K.tf": "tf", "K.T": "T", "ops.numpy": "ops", "ops.nn": "ops", "ops.math": "ops",
    "ops.core": "ops", "tf.compat.v1": "v1", "tf.compat.v2": "tf",
    "keras.applications.imagenet_utils": "imagenet", "tf.python.keras.backend": "K",
    "tf.contrib.keras": "keras", "K.activations": "keras.activations", "keras.src.backend": "K",
    "K.tensorflow_backend": "K", "functools.reduce": "python.reduce",
    "functools.partial": "python.partial", "tf.experimental.numpy": "ops",
}  # fmt: skip
# What is another function in TensorFlow 1, with the modules on the way there.
_OF_VERSION_1 = ("v1.image", "v1.image.resize")
_FORMER = words(
    "tf.image.resize_images tf.image.resize_bilinear tf.image.resize_nearest_neighbor tf.image.resize_bicubic"
    " tf.image.resize_area"
)
_VERSION = re.compile(r"_v[12]$")
DTYPES = frozenset(
    ["bool", "string", *(f"{kind}{bits}" for kind in ("int", "uint", "float") for bits in (8, 16, 32, 64)), "bfloat16"]
)
_CONSTANTS: dict[str, Any] = {
    "np.newaxis": None, "tf.newaxis": None, "ops.newaxis": None, "math.pi": 3.141592653589793,
    "np.pi": 3.141592653589793, "math.e": 2.718281828459045, "np.e": 2.718281828459045, "math.inf": float("inf"),
    "np.inf": float("inf"), "np.nan": float("nan"), "ops.pi": 3.141592653589793, "np.float_": "float64",
    "tf.image.ResizeMethod.BILINEAR": "bilinear", "tf.image.ResizeMethod.NEAREST_NEIGHBOR": "nearest",
    "tf.image.ResizeMethod.BICUBIC": "bicubic", "tf.image.ResizeMethod.AREA": "area",
    "tf.image.ResizeMethod.LANCZOS3": "lanczos3", "tf.image.ResizeMethod.GAUSSIAN": "gaussian",
}  # fmt: skip


def root(name: str) -> Any:
    """What a global name usually is; None where it may be anything."""
    if name in ("True", "False", "None"):  # names in Python 2
        return {"True": True, "False": False}.get(name)
    if name in _BUILTINS:
        return Name(f"python.{name}")
    if inner_layers.is_known(name):
        return Name(f"keras.layers.{name}")
    return Name(_ROOTS[name]) if name in _ROOTS else None


def member(module: Name, name: str) -> Any:
    """What a module has under a name: a constant, or a name again."""
    path = f"{module.path}.{name}"
    path = _SAME.get(path, path)
    if path.startswith("v1.") and path not in _OF_VERSION_1:
        return member(Name("tf" + module.path.removeprefix("v1")), name)
    head, _, last = path.rpartition(".")
    if head in ("np", "tf", "tf.dtypes", "T", "ops") and last in DTYPES:
        return Name(f"dtype.{last}")
    return _CONSTANTS[path] if path in _CONSTANTS else Name(path)


def is_former(module: Name, found: Any) -> bool:
    """Whether it was in a module of TensorFlow 1, and was another function than what has replaced it."""
    return isinstance(found, Name) and found.path in _FORMER and not module.path.startswith("v1")


def method(name: str) -> Name | None:
    """The function that a tensor has as a method."""
    from kerasport.lambdas.vocabulary_keras import THEANO

    return Name(f"T.{name}") if name in THEANO else None


def text_of(value: Any) -> Any:
    """A dtype or Python's type as its name; anything else as it is.

    Raises:
        LayerError: It is a function.
    """
    if not isinstance(value, Name):
        return value
    kind, _, name = value.path.rpartition(".")
    if kind == "dtype":
        return name
    if value.path in ("python.int", "python.float", "python.bool"):
        return {"int": "int32", "float": "float32"}.get(name, name)
    what = f"its function uses {value.label!r} as a value, which is not in the file"
    raise LayerError(what, "write the function as text with its value in it")


@cache
def definition(path: str) -> str | None:
    """The function under a path, in the subset that ``source`` reads; None where there is none such."""
    from kerasport.lambdas import vocabulary_keras, vocabulary_ops, vocabulary_tensorflow

    head, _, name = path.partition(".")
    tables = {
        "K": vocabulary_keras.FUNCTIONS,
        "T": vocabulary_keras.THEANO,
        "tf": vocabulary_tensorflow.FUNCTIONS,
        "ops": vocabulary_ops.FUNCTIONS,
    }
    if path.startswith("keras.activations."):
        return vocabulary_keras.ACTIVATIONS.get(path.removeprefix("keras.activations."))
    if path in vocabulary_keras.OTHERS:
        return vocabulary_keras.OTHERS[path]
    return tables.get(head, {}).get(name)


def place(module: str, name: str) -> Name | None:
    """A function of Keras's or TensorFlow's own by the module where it is; None for any other."""
    parts = [part for part in module.replace("_tf_keras.", "").split(".") if part not in ("src", "legacy", "python")]
    if not parts or parts[0] not in ("keras", "tensorflow", "tf_keras") or not name.isidentifier():
        return None
    if "applications" in parts:
        return Name(f"keras.applications.{parts[-1]}.{name}")
    if parts[0] == "tensorflow" and "keras" not in parts:
        return of_tensorflow(name)
    modules = {"backend": "K", "ops": "ops", "activations": "keras.activations"}
    return next((Name(f"{modules[part]}.{name}") for part in parts if part in modules), None)


def of_tensorflow(name: str) -> Name:
    """The public function that has a name in TensorFlow's own code, such as ``reduce_sum_v1`` or ``neg``."""
    from kerasport.lambdas import frameworks

    public = _VERSION.sub("", "negative" if name == "neg" else name)
    known = frameworks.known("tf")
    paths = [f"tf.{module}{public}" for module in ("", "nn.", "math.", "image.", "linalg.")]
    return Name(next((path for path in paths if path in known), paths[0]))
