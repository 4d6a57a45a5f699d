"""Attention over the steps of one sequence, as notebooks copy it: classes without options, told by their weights."""

from __future__ import annotations

from collections.abc import Mapping

from kerasport.errors import UnknownError
from kerasport.plugins import CustomLayer, Tensor, compose, ops, refuse

_FORMS = "kernel (features, 1) with bias (steps, 1), or kernel (features, n) with bias (n) and context (n)"


@compose("attention", "AttLayer", "notebook>Attention", mask="dropped")
def attention(layer: CustomLayer, x: Tensor) -> Tensor:
    """The steps weighted by ``softmax(tanh(x @ W + b) [@ u])``, and their sum."""
    sums = not layer.config.flag("return_sequences", False)
    scores = _scores(layer, x, list(layer.stored.values()))
    if x.mask is not None:
        raise refuse("its input has a mask, and copies of the layer differ in what they do with it")
    weighted = x * ops.softmax(scores, axis=1)
    return ops.sum(weighted, axis=1) if sums else weighted


def _scores(layer: CustomLayer, x: Tensor, shapes: list[tuple[int, ...]]) -> Tensor:
    """A number for each step: (batch, steps, 1)."""
    if x.rank != 3 or layer.config.unread():
        raise unknown(layer, f"options {layer.config.unread()} and an input of {x.rank} axes")
    _, steps, features = x.shape
    if shapes == [(features, 1), (steps, 1)]:
        return ops.tanh(x @ layer.weight("W", shapes[0]) + layer.weight("b", shapes[1]))
    size = shapes[0][-1] if shapes else 0
    if shapes in ([(features, size), (size,), (size,)], [(features, size), (size,), (size, 1)]):
        hidden = ops.tanh(x @ layer.weight("W", shapes[0]) + layer.weight("b", shapes[1]))
        return hidden @ ops.reshape(layer.weight("u", shapes[2]), (size, 1))
    raise unknown(layer, f"weights {_text(layer.stored)}; known are {_FORMS}")


def unknown(layer: CustomLayer, what: str) -> UnknownError:
    """The error to raise for a class of a name that many layers have, in a form that is not known.

    Args:
        layer: The layer.
        what: What it has.
    """
    name = layer.config.class_name.rpartition(">")[2]
    if not layer.stored:
        return UnknownError(f"which form of {name!r} it is, is told by its weights, and there are none", name=name)
    return UnknownError(f"the layer class {name!r} is not known in the form that has {what}", name=name)


def _text(stored: Mapping[str, tuple[int, ...]]) -> str:
    return ", ".join(f"{name} {shape}" for name, shape in stored.items()) or "none"
