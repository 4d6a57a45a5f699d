"""What the consumers of a value need: which inputs are images, and in which order to store a value."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from kerasport.errors import OptionError
from kerasport.export.layout import Perm, channels_first_perm, identity_perm
from kerasport.graph import Call, Graph
from kerasport.layers.core import Permute, Reshape
from kerasport.layers.spatial import Spatial

# How many values are looked at to find out what is wanted of one.
_FAR = 16


def image_inputs(graph: Graph) -> list[str]:
    """The names of the inputs (batch, *space, channels) that a convolution reads, channels last."""
    return [value.name for value in graph.inputs if value.type.rank in (3, 4, 5) and _is_image(graph, value.name)]


def chosen_inputs(graph: Graph, wanted: bool | Collection[str]) -> list[str]:
    """The inputs that are to be channels-first.

    Args:
        graph: The model.
        wanted: True for all images, or the names of inputs.

    Raises:
        OptionError: There are no images, or no such inputs, or they have no channels.
    """
    if not wanted:
        return []
    images = image_inputs(graph)
    names = images if wanted is True else list(wanted)
    if not names:
        raise OptionError("No input of the model is an image that a convolution reads with channels last.")
    ranks = {value.name: value.type.rank for value in graph.inputs}
    for name in names:
        if ranks.get(name, 0) not in (3, 4, 5):
            what = "has no spatial axes and channels" if name in ranks else "is no input of the model"
            raise OptionError(f"{name!r} {what}, so that it cannot be channels-first.", f"Images: {', '.join(images)}.")
    return names


def wanted_orders(graph: Graph, readers: Callable[[str], Iterable[Call]], name: str, rank: int) -> list[Perm]:
    """The orders that convolutions, and other layers with kernels, want a value in, maybe behind layers without.

    Args:
        graph: The model.
        readers: Gives the calls that read a value.
        name: The value.
        rank: Its number of axes.
    """
    found: list[Perm] = []
    seen = [name]
    for value in seen:
        for call in readers(value):
            if convolves(graph, call):
                found.append(channels_first_perm(rank))
            elif _has_kernel(graph, call) and not isinstance(call.spec, Spatial):
                found.append(identity_perm(rank))
            elif _keeps_channels(graph, call) and call.outputs[0].name not in seen and len(seen) < _FAR:
                seen.append(call.outputs[0].name)
    return found


def _is_image(graph: Graph, name: str) -> bool:
    reached = {name}
    for call in graph.calls:
        if reached.isdisjoint(value.name for value in call.inputs):
            continue
        if convolves(graph, call):
            return True
        if _keeps_channels(graph, call):
            reached.add(call.outputs[0].name)
    return False


def convolves(graph: Graph, call: Call) -> bool:
    """Whether a call is a convolution that reads its input channels-last."""
    spec, rank = call.spec, call.inputs[0].type.rank
    return (
        isinstance(spec, Spatial)
        and not spec.channels_first
        and spec.dimensions + 2 == rank
        and _has_kernel(graph, call)
    )


def _keeps_channels(graph: Graph, call: Call) -> bool:
    before, after = call.inputs[0].type, call.outputs[0].type
    if isinstance(call.spec, Permute | Reshape) or len(call.outputs) > 1 or _has_kernel(graph, call):
        return False
    same = len(call.inputs) > 1 or before.shape[-1:] == after.shape[-1:]
    return before.rank == after.rank and same


def _has_kernel(graph: Graph, call: Call) -> bool:
    layer = graph.layers.get(call.layer)
    return layer is not None and any(len(shape) > 1 for shape in layer.roles.values())
