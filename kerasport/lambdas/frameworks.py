"""Calls of tf's and keras.ops' functions: binds their arguments by name and finds the operation."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kerasport.dialect import tensorflow
from kerasport.errors import LayerError
from kerasport.lambdas import vocabulary_ops, vocabulary_tensorflow

if TYPE_CHECKING:
    from kerasport.lambdas.tensors import Tensors

UNKNOWN = object()
_LABELS = ("name", "validate_args", "validate_indices", "use_locking")


def call(tensors: Tensors, module: str, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """What a function gives; ``UNKNOWN`` for one that is not in the tables.

    Raises:
        LayerError: The arguments are not its.
    """
    if module == "ops" or (module == "K" and name in vocabulary_ops.SIGNATURES):
        return _of_keras(tensors, name, args, kwargs) if name in vocabulary_ops.SIGNATURES else UNKNOWN
    if module == "tf" and name in vocabulary_tensorflow.SIGNATURES:
        return _of_tensorflow(tensors, name, args, kwargs)
    return UNKNOWN


def known(module: str) -> list[str]:
    """The functions that there are, for a suggestion."""
    from kerasport.lambdas import vocabulary_keras

    tables: dict[str, Sequence[Mapping[str, Any]]] = {
        "tf": (vocabulary_tensorflow.SIGNATURES, vocabulary_tensorflow.FUNCTIONS),
        "ops": (vocabulary_ops.SIGNATURES, vocabulary_ops.FUNCTIONS),
        "K": (vocabulary_keras.FUNCTIONS,),
    }
    return [f"{module}.{name}" for table in tables.get(module, ()) for name in table]


def _of_keras(tensors: Tensors, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    kind, parameters = vocabulary_ops.SIGNATURES[name]
    names = [parameter.partition("=")[0] for parameter in parameters]
    defaults = {key: _literal(text) for key, _, text in (parameter.partition("=") for parameter in parameters) if text}
    bound = defaults | _bound(f"ops.{name}", names, args, kwargs)
    first = bound.pop(names[0])
    return tensors.operation(kind, first, **bound)


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _of_tensorflow(tensors: Tensors, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    if name == "image.resize" and tensors.by_corners():
        name = "image.resize_images"
    canonical, parameters = vocabulary_tensorflow.SIGNATURES[name]
    bound = _bound(f"tf.{name}", parameters, args, kwargs)
    bound = {key: value for key, value in bound.items() if key not in _LABELS and value is not None}
    if parameters[0] not in bound:
        raise LayerError(f"its function calls tf.{name} without {parameters[0]!r}")
    first = bound.pop(parameters[0])
    kind, options = tensorflow.function(canonical, bound)
    return tensors.operation(kind, first, **options)


def _bound(label: str, names: Sequence[str], args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments by name, those that TensorFlow 1 named otherwise included."""
    if len(args) > len(names):
        raise LayerError(f"its function calls {label} with {len(args)} arguments")
    bound = dict(zip(names, args, strict=False))
    for key, value in kwargs.items():
        former = vocabulary_tensorflow.FORMER.get(key, key)
        now = former if former in names else key
        if now in _LABELS and now not in names:
            continue
        if now not in names or now in bound:
            raise LayerError(f"its function calls {label} with {key}=, which is not supported")
        bound[now] = value
    return bound
