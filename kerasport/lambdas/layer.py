"""The call of a Lambda layer: its function applied to the tensors of the call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from shlex import quote
from typing import Any

from kerasport.dialect.model import LayerDef
from kerasport.errors import LayerError
from kerasport.lambdas import shapes
from kerasport.lambdas.constants import is_array, shown
from kerasport.lambdas.functions import Effort, Function
from kerasport.lambdas.reading import read
from kerasport.lambdas.stored import StoredFunction
from kerasport.lambdas.tensors import Tensors
from kerasport.lambdas.values import Shape, Tensor
from kerasport.layers.arguments import Arguments, Step, operation
from kerasport.layers.base import MISFITS, Value
from kerasport.layers.ops import Unchanged


def called(
    layer: LayerDef, call: Arguments, masks: Sequence[Value | None], name: str
) -> tuple[Sequence[Step | Value], Value | None]:
    """What the outputs of a Lambda are, or those of an operation, and their mask.

    Raises:
        LayerError: It is not supported, or not with these arguments.
    """
    if layer.class_name == "Lambda":
        return steps(layer.config, call, masks, name)
    return operation(layer.class_name, call), None


def steps(
    config: Mapping[str, Any], call: Arguments, masks: Sequence[Value | None], name: str
) -> tuple[list[Step], Value | None]:
    """What a Lambda's outputs are, and their mask.

    Args:
        config: Its config in canonical form.
        call: The call.
        masks: The masks of the call's tensors.
        name: The layer's full name.

    Raises:
        LayerError: Its function does what is not supported; the error shows the function.
    """
    try:
        function, text = read(config["function"])
    except LayerError as error:
        raise LayerError(error.what, _way_on(error.hint, config, name)) from error
    try:
        outputs, mask = _outputs(function, config, call, masks)
    except LayerError as error:
        raise LayerError(f"{error.what}; the function is {text}", _way_on(error.hint, config, name)) from error
    except (*MISFITS, RecursionError) as error:
        what = f"its function fails on inputs of shape {', '.join(str(x.type.shape) for x in call.inputs)}: {error}"
        raise LayerError(f"{what}; the function is {text}", _way_on("", config, name)) from error
    return [Step(Unchanged(), (output,)) for output in outputs], mask


def _way_on(hint: str, config: Mapping[str, Any], name: str) -> str:
    written = f"give its function as text: {config['surroundings'].command} --lambda {quote(f'{name}=x * 2')}"
    return f"{hint}; or {written}" if hint else written


def _outputs(
    function: Function, config: Mapping[str, Any], call: Arguments, masks: Sequence[Value | None]
) -> tuple[list[Value], Value | None]:
    tensors = Tensors(call, Effort(), config["surroundings"])
    inputs = [Tensor(value) for value in call.inputs]
    given = dict(config.get("arguments") or {})
    if config["function"].written:
        given = {key: value for key, value in given.items() if key in function.parameters.all_names()}
    if "mask" in function.parameters.all_names():
        found = [None if mask is None else Tensor(mask) for mask in masks]
        given.setdefault("mask", found[0] if len(found) == 1 else found)
    if "training" in function.parameters.all_names():
        given.setdefault("training", False)
    first = inputs[0] if len(inputs) == 1 else inputs
    result = tensors.call(function, (first,), given)
    listed = isinstance(result, list | tuple) and not isinstance(result, Shape)
    outputs = [_output(tensors, item) for item in (result if listed else [result])]
    if config["function"].written:
        return outputs, None
    mask = _mask(tensors, config, first, masks)
    outputs[:1] = [shapes.agreed(tensors, output, config.get("output_shape"), inputs) for output in outputs[:1]]
    return outputs, mask


def _mask(tensors: Tensors, config: Mapping[str, Any], first: Any, masks: Sequence[Value | None]) -> Value | None:
    """The mask that a Lambda makes of its inputs and their masks, a Merge of Keras 1 of the masks alone; or none."""
    if config.get("mask") is None:
        return None
    found = [None if value is None else Tensor(value) for value in masks]
    given = found[0] if len(found) == 1 else found
    if config.get("mask_of_masks") and found.count(None) == len(found):
        return None
    made = tensors.call(read(config["mask"])[0], (given,) if config.get("mask_of_masks") else (first, given), {})
    if made is None:
        return None
    if not isinstance(made, Tensor) or made.value.type.dtype != "bool":
        raise LayerError("its option mask makes what is no mask, but numbers")
    return made.value


def _output(tensors: Tensors, item: Any) -> Value:
    if isinstance(item, Tensor):
        return item.value
    if isinstance(item, bool | int | float) or is_array(item):
        return tensors.materialized(item)
    raise LayerError(f"its function gives {shown(item)} and no tensor")


def described(function: StoredFunction) -> str:
    """A function's text, or why there is none."""
    try:
        return read(function)[1]
    except LayerError as error:
        return error.what
