"""Calls with ``training=True``, which Keras keeps in prediction: their effect, and how they are handled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from kerasport.dialect.model import LayerDef, Node
from kerasport.errors import LayerError
from kerasport.layers.base import Spec

# How much a layer draws at random; where all are 0, training changes nothing.
_RATES = ("rate", "stddev", "dropout", "recurrent_dropout")
_RANDOM = "it is called with training=True, so its results are random at inference too"


@dataclass(frozen=True)
class Training:
    """How calls in training mode are taken.

    Attributes:
        mean: Whether random layers give the mean of their distribution, as they do at inference.
        command: What the user types to convert the model.
    """

    mean: bool = False
    command: str = ""

    def arguments(self, layer: LayerDef, spec: Spec, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """The arguments of a layer's call, without a ``training`` that changes nothing.

        Raises:
            LayerError: The results are random.
        """
        others = {key: value for key, value in arguments.items() if key != "training"}
        if not arguments.get("training"):
            return others
        rates = list(_rates(layer))
        if any(rates) or (spec.random_in_training and not rates):
            self.draws(_RANDOM)
            return others
        return arguments

    def draws(self, what: str) -> None:
        """Says that the results of a layer are random.

        Raises:
            LayerError: The user has not said that their mean will do.
        """
        if not self.mean:
            raise LayerError(what, f"to use their mean instead: {self.command} --sampling mean" if self.command else "")


def in_mode(node: Node, training: object) -> Node:
    """A call within a model that is itself called with ``training``: its own argument counts more."""
    if training is None or node.kwargs.get("training") is not None:
        return node
    return replace(node, kwargs={**node.kwargs, "training": training})


def _rates(layer: LayerDef) -> Iterator[float]:
    """What a layer, and those within it, say of how much they draw."""
    yield from (rate for key in _RATES if isinstance(rate := layer.config.get(key), int | float))
    for part in layer.inner.values():
        yield from _rates(part)
