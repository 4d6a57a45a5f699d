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


def called(layer: LayerDef, call: Arguments, masks: Sequence[Value | None], name: str) -> Sequence[Step | Value]:
    """What the outputs of a Lambda are, or those of an operation.

    Raises:
        LayerError: It is not supported, or not with these arguments.
    """
    if layer.class_name == "Lambda":
        return steps(layer.config, call, masks, name)
    return operation(layer.class_name, call)


def steps(config: Mapping[str, Any], call: Arguments, masks: Sequence[Value | None], name: str) -> list[Step]:
    """What a Lambda's outputs are.

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
        outputs = _outputs(function, config, call, masks)
    except LayerError as error:
        raise LayerError(f"{error.what}; the function is {text}", _way_on(error.hint, config, name)) from error
    except (*MISFITS, RecursionError) as error:
        what = f"its function fails on inputs of shape {', '.join(str(x.type.shape) for x in call.inputs)}: {error}"
        raise LayerError(f"{what}; the function is {text}", _way_on("", config, name)) from error
    return [Step(Unchanged(), (output,)) for output in outputs]


def _way_on(hint: str, config: Mapping[str, Any], name: str) -> str:
    written = f"give its function as text: {config['surroundings'].command} --lambda {quote(f'{name}=x * 2')}"
    return f"{hint}; or {written}" if hint else written


def _outputs(
    function: Function, config: Mapping[str, Any], call: Arguments, masks: Sequence[Value | None]
) -> list[Value]:
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
        return outputs
    _refuse_masks(tensors, config.get("mask"), first, masks)
    return [shapes.agreed(tensors, output, config.get("output_shape"), inputs) for output in outputs[:1]] + outputs[1:]


def _refuse_masks(tensors: Tensors, mask: StoredFunction | None, first: Any, masks: Sequence[Value | None]) -> None:
    """Refuses a Lambda that makes a mask of its own; others make none, in any Keras."""
    if mask is None:
        return
    found = [None if value is None else Tensor(value) for value in masks]
    made = tensors.call(read(mask)[0], (first, found[0] if len(found) == 1 else found), {})
    if made is not None:
        raise LayerError("its option mask makes a mask for the layers behind it, which is not supported")


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
