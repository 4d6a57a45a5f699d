"""Layers that a function creates itself: those without weights, which are the same in each call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kerasport.errors import LayerError
from kerasport.lambdas.functions import Function
from kerasport.lambdas.values import Layer, Name, Tensor

if TYPE_CHECKING:
    from kerasport.lambdas.tensors import Tensors

# What the arguments are called that are given without a name, by class.
_PARAMETERS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("Add", "Average", "Flatten", "Maximum", "Minimum", "Multiply", "Subtract", "Masking"), ()),
    **{f"Global{kind}Pooling{n}D": () for kind in ("Average", "Max") for n in (1, 2, 3)},
    **{f"{kind}Pooling{n}D": ("pool_size", "strides", "padding") for kind in ("Average", "Max") for n in (1, 2, 3)},
    **{f"UpSampling{n}D": ("size",) for n in (1, 2, 3)},
    **{f"ZeroPadding{n}D": ("padding",) for n in (1, 2, 3)},
    **{f"Cropping{n}D": ("cropping",) for n in (1, 2, 3)},
    **{f"SpatialDropout{n}D": ("rate",) for n in (1, 2, 3)},
    **dict.fromkeys(("Dropout", "GaussianDropout", "AlphaDropout"), ("rate",)),
    **dict.fromkeys(("Softmax", "Concatenate"), ("axis",)),
    "Activation": ("activation",),
    "Dot": ("axes", "normalize"),
    "ELU": ("alpha",),
    "GaussianNoise": ("stddev",),
    "LeakyReLU": ("alpha",),
    "Permute": ("dims",),
    "ReLU": ("max_value", "negative_slope", "threshold"),
    "RepeatVector": ("n",),
    "Rescaling": ("scale", "offset"),
    "Reshape": ("target_shape",),
    "ThresholdedReLU": ("theta",),
}  # fmt: skip
_PREFIX = "keras.layers."


def is_known(name: str) -> bool:
    """Whether a name without a module is a layer's class."""
    return name in _PARAMETERS


def makes(function: Name) -> bool:
    """Whether a function is a layer's class."""
    name = function.path.removeprefix(_PREFIX)
    return name != function.path and name[:1].isupper()


def made(tensors: Tensors, function: Name, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Layer | Function:
    """A layer.

    Raises:
        LayerError: It is not supported, or not with these arguments.
    """
    from kerasport.assembly.parsing import no_part, parsed

    name = function.path.removeprefix(_PREFIX)
    if name == "Lambda" and args and isinstance(args[0], Function):
        return args[0]
    names = _PARAMETERS.get(name, ())
    if len(args) > len(names):
        raise LayerError(f"its function makes a layer {name} of arguments without names, which is not supported")
    given = dict(zip(names, args, strict=False)) | dict(kwargs)
    config = {key: _plain(value) for key, value in given.items() if key != "name"}
    return Layer(parsed((tensors.surroundings.part or no_part)(name, "layer", config), frozenset()))


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if not isinstance(value, str | int | float | None):
        raise LayerError("its function makes a layer by what is no plain constant")
    return value


def called(tensors: Tensors, layer: Layer, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """What a layer gives.

    Raises:
        LayerError: It has weights, or is called with more than tensors.
    """
    given = args[0] if len(args) == 1 and isinstance(args[0], list | tuple) else args
    values = [tensors.materialized(x) if not isinstance(x, Tensor) else x.value for x in given]
    spec = layer.spec.called_with({key: value for key, value in kwargs.items() if value is not None})
    spec.check_given(*(value.type for value in values))
    floats = spec.read_as_floats(len(values))
    values = [tensors.arguments.floating(value) if place in floats else value for place, value in enumerate(values)]
    types = [value.type for value in values]
    if spec.weights(*types):
        kind = type(spec).__name__
        raise LayerError(f"its function makes a layer {kind}, whose weights are not in the file")
    if spec.uses_mask:
        raise LayerError(f"its function calls a layer {type(spec).__name__}, which asks for masks")
    outputs = [Tensor(value) for value in tensors.arguments.emit_all(spec, *values)]
    return outputs if len(outputs) > 1 else outputs[0]
