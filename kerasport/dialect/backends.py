"""What backends other than TensorFlow compute differently, made explicit in configs and weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kerasport.dialect import cntk, plaidml, theano
from kerasport.dialect.storage import PLAIN, Storage
from kerasport.dialect.writer import Writer

_UPGRADES: dict[str, Callable[[str, dict[str, Any], Writer], str]] = {
    "theano": theano.upgrade,
    "cntk": cntk.upgrade,
    "plaidml": plaidml.upgrade,
}


def upgrade(name: str, config: dict[str, Any], writer: Writer) -> str:
    """Makes the arithmetic of the writer's backend explicit in a canonical config; gives the class's name."""
    change = _UPGRADES.get(writer.backend)
    return change(name, config, writer) if change else name


def storage(name: str, writer: Writer) -> Storage:
    """How a Keras 2 file of the writer's backend has the weights of a layer."""
    return theano.storage(name) if writer.backend == "theano" else PLAIN
