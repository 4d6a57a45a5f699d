"""Graphs with other ends: replaced values, layers before the inputs and after the outputs, other names."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from kerasport.errors import OptionError
from kerasport.graph import Call, Graph
from kerasport.imagenet import DEVIATIONS_RGB, MEANS_BGR, MEANS_RGB
from kerasport.layers.activation import Softmax
from kerasport.layers.base import Spec, TensorType, Value
from kerasport.layers.operators import GetItem
from kerasport.layers.ops import CastTo
from kerasport.layers.preprocessing import Numbers, Rescaling
from kerasport.layers.reductions import ArgExtreme

# keras.applications.imagenet_utils.preprocess_input: whether blue comes first, the scale, and the offset by channel.
PREPROCESSING: Mapping[str, tuple[bool, tuple[float, ...], tuple[float, ...]]] = {
    "caffe": (True, (1.0,), tuple(-mean for mean in MEANS_BGR)),
    "tf": (False, (1 / 127.5,), (-1.0,)),
    "torch": (
        False,
        tuple(1 / (255 * deviation) for deviation in DEVIATIONS_RGB),
        tuple(-mean / deviation for mean, deviation in zip(MEANS_RGB, DEVIATIONS_RGB, strict=True)),
    ),
    "0-1": (False, (1 / 255,), (0.0,)),
}


def rewired(call: Call, values: Mapping[str, Value]) -> Call:
    """A call that reads other values in place of some."""
    if not any(value.name in values for value in (*call.inputs, *call.masks) if value):
        return call
    return replace(
        call,
        inputs=tuple(values.get(value.name, value) for value in call.inputs),
        masks=tuple(mask and values.get(mask.name, mask) for mask in call.masks),
    )


def with_heads(graph: Graph, softmax: Collection[str], argmax: Collection[str]) -> Graph:
    """The graph with outputs that are made probabilities, or the places of the largest numbers, under the same names.

    Raises:
        OptionError: There are no such outputs, or they have no last axis.
    """
    for names, spec in ((softmax, Softmax()), (argmax, ArgExtreme(axis=-1))):
        for name in names:
            graph = _with_head(graph, name, spec)
    return graph


def _with_head(graph: Graph, name: str, spec: Spec) -> Graph:
    if name not in graph.output_names:
        raise OptionError(f"The model has no output {name!r}; it has {', '.join(graph.output_names)}.")
    place = graph.output_names.index(name)
    value = graph.outputs[place]
    if value.type.rank < 2 or not value.type.dtype.startswith("float"):
        raise OptionError(f"The output {name!r} is no vector of values per sample.")
    label = f"{name}/{'softmax' if isinstance(spec, Softmax) else 'argmax'}"
    inferred = spec.infer(value.type)
    head = Value(label, inferred if isinstance(inferred, TensorType) else inferred[0])
    outputs = (*graph.outputs[:place], head, *graph.outputs[place + 1 :])
    return replace(graph, outputs=outputs, calls=(*graph.calls, Call(label, label, spec, (value,), (), (head,))))


def with_preprocessing(graph: Graph, mode: str) -> Graph:
    """The graph for raw images: its inputs of images are uint8, from 0 to 255, in RGB.

    Args:
        graph: The model.
        mode: One of PREPROCESSING, or "" for none.

    Raises:
        OptionError: There is no such mode, or no input is an image with the channels that it needs.
    """
    if not mode:
        return graph
    if mode not in PREPROCESSING:
        raise OptionError(f"There is no preprocessing {mode!r}.", f"Choose one of {', '.join(PREPROCESSING)}.")
    images = [value for value in graph.inputs if _channels(value.type) in ((3,) if mode in _OF_COLORS else (1, 3))]
    if not images:
        colors = "3 channels" if mode in _OF_COLORS else "1 or 3 channels"
        raise OptionError(f"No input of the model is an image of {colors}, for the preprocessing {mode!r}.")
    for value in images:
        graph = _preprocessed(graph, value, mode)
    return graph


_OF_COLORS = ("caffe", "torch")


def _preprocessed(graph: Graph, image: Value, mode: str) -> Graph:
    blue_first, scale, offset = PREPROCESSING[mode]
    raw = Value(image.name, image.type.with_dtype("uint8"))
    axis = _channel_axis(image.type)
    steps: list[tuple[str, Spec]] = []
    if blue_first:
        whole = (None, None, None)
        steps.append(("bgr", GetItem(index=(*[whole] * axis, (None, None, -1)))))
    steps.append(("float", CastTo(dtype=image.type.dtype)))
    rank = image.type.rank
    scaled = Rescaling(scale=_along(scale, axis, rank), offset=_along(offset, axis, rank))
    steps.append((mode, scaled))
    calls, value = [], raw
    for label, spec in steps:
        name = f"{image.name}/{label}"
        dtype = value.type.dtype if label == "bgr" else image.type.dtype
        result = Value(name, image.type.with_dtype(dtype))
        calls.append(Call(name, name, spec, (value,), (), (result,)))
        value = result
    return replace(
        graph,
        inputs=tuple(raw if given.name == image.name else given for given in graph.inputs),
        calls=(*calls, *(rewired(call, {image.name: value}) for call in graph.calls)),
    )


def _channel_axis(type_: TensorType) -> int:
    """Keras's own default where both would do: the last one."""
    return 1 if type_.shape[-1] not in (1, 3) and type_.shape[1] in (1, 3) else type_.rank - 1


def _channels(type_: TensorType) -> int | None:
    return type_.shape[_channel_axis(type_)] if type_.rank == 4 and type_.dtype.startswith("float") else None


def _along(values: tuple[float, ...], axis: int, rank: int) -> Numbers:
    """Numbers that broadcast along an axis."""
    if len(values) == 1:
        return values[0]
    shaped: tuple[Numbers, ...] = values
    for _ in range(rank - 1 - axis):
        shaped = tuple((value,) for value in shaped)
    return shaped


def renamed(graph: Graph, names: Mapping[str, str]) -> Graph:
    """The graph with other names of inputs and outputs.

    Raises:
        OptionError: There are no such inputs and outputs, or two would have the same name.
    """
    known = [*(value.name for value in graph.inputs), *graph.output_names]
    unknown = next((name for name in names if name not in known), None)
    if unknown is not None:
        raise OptionError(f"No input or output is called {unknown!r}.", f"There are {', '.join(known)}.")
    inputs = {value.name: Value(names.get(value.name, value.name), value.type) for value in graph.inputs}
    outputs = [names.get(name, name) for name in graph.output_names]
    public = [*(value.name for value in inputs.values()), *outputs]
    twice = next((name for name in names.values() if not name or public.count(name) > 1), None)
    if twice is not None:
        raise OptionError(f"Two inputs or outputs would be called {twice!r}." if twice else "A new name is empty.")
    inner = {value.name: value for call in graph.calls for value in call.outputs}
    taken = next((value.name for value in inputs.values() if value.name in inner), None)
    if taken is not None:
        raise OptionError(f"An input cannot be called {taken!r}: a layer is called so.", "Choose another name.")
    return replace(
        graph,
        inputs=tuple(inputs.values()),
        outputs=tuple(inputs.get(value.name, value) for value in graph.outputs),
        output_names=tuple(outputs),
        calls=tuple(rewired(call, inputs) for call in graph.calls),
    )
